//! Numbers as Redis reads and writes them.
//!
//! Redis is strict with integers (`+1`, ` 1` and `01` are no integers) and prints floating point with the fewest
//! digits that read back the same; clients compare these texts, so both rules are kept.

use bytes::Bytes;

/// The integer that `text` spells in its one canonical form.
pub(super) fn integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        [] => false,
        [b'0'] => text.len() == 1,
        [b'0', ..] => false,
        _ => digits.iter().all(u8::is_ascii_digit),
    };
    if !canonical {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The finite or infinite number that `text` spells; NaN is none.
pub(super) fn float(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    if text.is_empty() || text.starts_with(char::is_whitespace) {
        return None;
    }
    text.parse().ok().filter(|value: &f64| !value.is_nan())
}

/// How Redis prints `value`.
pub(super) fn print_float(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    // Rust prints the shortest digits that read back the same and never an exponent. Redis turns to one (`%.17g`)
    // for very large and very small numbers.
    let magnitude = value.abs();
    if value != 0.0 && !(1e-4..1e17).contains(&magnitude) {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        return format!("{mantissa}e{exponent:+03}");
    }
    format!("{value}")
}

/// How Redis stores `value` as a string.
pub(super) fn print_integer(value: i64) -> Bytes {
    Bytes::from(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_one_spelling() {
        assert_eq!(integer(b"-12"), Some(-12));
        assert_eq!(integer(b"0"), Some(0));
        for text in [
            "",
            "-",
            "+1",
            " 1",
            "01",
            "-0",
            "1.0",
            "9223372036854775808",
        ] {
            assert_eq!(integer(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn floats_print_as_redis_prints_them() {
        let texts = [
            (3.0, "3"),
            (-0.5, "-0.5"),
            (1e20, "1e+20"),
            (f64::INFINITY, "inf"),
            (1e-7, "1e-07"),
        ];
        for (value, text) in texts {
            assert_eq!(print_float(value), text);
        }
    }
}
