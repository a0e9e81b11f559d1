//! From a run's numbers to those of a drawing: round axis steps, and conversions that lose nothing.

/// A round step and a top that is a multiple of it, for at most four lines above zero.
pub(super) fn axis_steps(most: f64) -> (f64, f64) {
    let mut step = 1.0;
    for factor in [2.0, 2.5, 2.0].iter().cycle() {
        if most / step <= 3.0 {
            break;
        }
        step *= factor;
    }
    // 2.5 after 2 is the 5 of 1, 2, 5, 10.
    (step, (most / step).ceil().max(1.0) * step)
}

/// The largest value, and never less than `least`: a flat line lies at the bottom of a graph, not at its top.
pub(super) fn most(series: &[&[Option<f64>]], least: f64) -> f64 {
    series
        .iter()
        .flat_map(|values| values.iter().flatten())
        .copied()
        .fold(least, f64::max)
}

/// Counts as the drawing takes them.
pub(super) fn unsigned(values: &[Option<u64>]) -> Vec<Option<f64>> {
    let narrow = |value: u64| f64::from(u32::try_from(value).unwrap_or(u32::MAX));
    values.iter().map(|value| value.map(narrow)).collect()
}

/// Replicas as the drawing takes them.
pub(super) fn signed(values: &[Option<i64>]) -> Vec<Option<f64>> {
    let narrow = |value: i64| f64::from(i32::try_from(value).unwrap_or(i32::MAX));
    values.iter().map(|value| value.map(narrow)).collect()
}

/// Which part of a stretch of time (ms) another is.
pub(super) fn ratio(part: i64, whole: i64) -> f64 {
    let narrow = |ms: i64| f64::from(i32::try_from(ms).unwrap_or(i32::MAX));
    narrow(part) / narrow(whole)
}

/// An axis value as a whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an axis value is a small multiple of a whole step"
)]
pub(super) fn whole(value: f64) -> u64 {
    value.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_axis_has_round_steps() {
        for (most, step, top) in [
            (4.0, 2.0, 4.0),
            (10.0, 5.0, 10.0),
            (37.0, 20.0, 40.0),
            (5_000.0, 2_000.0, 6_000.0),
        ] {
            assert_eq!(axis_steps(most), (step, top), "{most}");
        }
    }
}
