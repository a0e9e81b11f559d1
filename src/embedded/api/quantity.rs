//! Quantities as the API server writes them back: `1000m` is `1`, `1.5Gi` is `1536Mi`, `1024Mi` is `1Gi`.
//!
//! Only the notation changes, never the family of suffixes (binary, decimal, exponent). [`crate::autoscale`] has its
//! own quantities, which are numbers to reckon with; these are texts to store.

/// What a text that is no quantity gets told.
pub(super) const RULE: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];

/// The canonical form of `text`; `None` when it is no quantity.
pub(super) fn canonical(text: &str) -> Option<String> {
    let end = text
        .find(|character: char| !matches!(character, '0'..='9' | '.' | '+' | '-'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (negative, digits) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    // More than nine decimal places are finer than any suffix: the API server rounds them up, we leave them out.
    let fraction = &fraction[..fraction.len().min(9)];
    let mantissa: i128 = format!("0{whole}{fraction}").parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    let shown = if let Some(power) = BINARY.iter().position(|known| *known == suffix) {
        binary(mantissa, places, u32::try_from(power).ok()? + 1)?
    } else if let Some(power) = DECIMAL.iter().position(|known| *known == suffix) {
        let exponent = i32::try_from(power).ok()? * 3 - 9;
        let (digits, exponent) = decimal(mantissa, exponent - places)?;
        let index = usize::try_from((exponent + 9) / 3).ok()?;
        format!("{digits}{}", DECIMAL.get(index)?)
    } else {
        let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
        let (digits, exponent) = decimal(mantissa, exponent.checked_sub(places)?)?;
        if exponent == 0 {
            digits.to_string()
        } else {
            format!("{digits}e{exponent}")
        }
    };
    let sign = if negative && mantissa != 0 { "-" } else { "" };
    Some(format!("{sign}{shown}"))
}

/// `mantissa`·10^-`places`·1024^`power` with the largest binary suffix that needs no fraction.
fn binary(mantissa: i128, places: i32, power: u32) -> Option<String> {
    let scale = 10_i128.checked_pow(u32::try_from(places).ok()?)?;
    let scaled = mantissa.checked_mul(1_024_i128.checked_pow(power)?)?;
    let mut value = scaled / scale + i128::from(scaled % scale != 0);
    // Small amounts have no binary suffix, and are then written as any other number.
    if value < 1_024 {
        let (digits, exponent) = decimal(value, 0)?;
        return Some(format!("{digits}{}", if exponent == 3 { "k" } else { "" }));
    }
    let mut power = 0;
    while value % 1_024 == 0 && power < BINARY.len() {
        value /= 1_024;
        power += 1;
    }
    let suffix = if power == 0 { "" } else { BINARY[power - 1] };
    Some(format!("{value}{suffix}"))
}

/// `mantissa`·10^`exponent` with the largest exponent that is a multiple of three and needs no fraction.
fn decimal(mut mantissa: i128, mut exponent: i32) -> Option<(i128, i32)> {
    if mantissa == 0 {
        return Some((0, 0));
    }
    while mantissa % 10 == 0 {
        mantissa /= 10;
        exponent = exponent.checked_add(1)?;
    }
    let excess = exponent.rem_euclid(3);
    let mantissa = mantissa.checked_mul(10_i128.pow(u32::try_from(excess).ok()?))?;
    Some((mantissa, exponent - excess))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notation_is_the_shortest_without_a_fraction() {
        for (given, shown) in [
            ("1", "1"),
            ("1000m", "1"),
            ("0.5", "500m"),
            (".5", "500m"),
            ("1.", "1"),
            ("100m", "100m"),
            ("1500m", "1500m"),
            ("1000", "1k"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("32Mi", "32Mi"),
            ("0.5Ki", "512"),
            ("1e3", "1e3"),
            ("12E2", "1200"),
            ("0", "0"),
            ("-0", "0"),
            ("+3", "3"),
            ("-1500m", "-1500m"),
        ] {
            assert_eq!(canonical(given).as_deref(), Some(shown), "{given}");
        }
    }

    #[test]
    fn what_is_no_quantity_has_no_form() {
        for text in [
            "",
            "x",
            "1x",
            "1.2.3",
            "--1",
            "1e",
            "1 Gi",
            "1eE",
            "99999999999999999999999999999999999999999",
        ] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }
}
