//! Kubernetes quantities: `200`, `1500m`, `5k`, `64Mi`, `1e3`.
//!
//! The HPA computes on thousandths of a quantity, rounded up, and shows quantities in canonical form; both must match
//! the real ones to the last digit, because a replay compares them as text. A quantity is therefore held exactly, in
//! billionths (the finest unit the format knows), together with the family of suffixes it was written in.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Add;
use std::str::FromStr;

/// Billionths in one.
const ONE: i128 = 1_000_000_000;

/// A quantity's numerical limit, 2^63 - 1, in billionths (upstream caps there too).
const LIMIT: i128 = i64::MAX as i128 * ONE;

/// More digits than any number below the limit needs; keeps the parser's arithmetic inside `i128`.
const DIGITS: usize = 28;

/// Decimal suffixes with their power of ten.
const DECIMAL: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];

/// Binary suffixes with their power of two.
const BINARY: [(&str, u32); 6] = [
    ("Ki", 10),
    ("Mi", 20),
    ("Gi", 30),
    ("Ti", 40),
    ("Pi", 50),
    ("Ei", 60),
];

/// Which family of suffixes a quantity is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    DecimalSi,
    BinarySi,
    DecimalExponent,
}

/// An exact fixed-point number with its way of writing it.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nanos: i128,
    format: Format,
}

/// The text is not a quantity. The message is upstream's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)]
pub struct NotAQuantity;

impl Quantity {
    /// The quantity of `milli` thousandths.
    #[must_use]
    pub fn from_milli(milli: i64) -> Self {
        Self {
            nanos: i128::from(milli) * 1_000_000,
            format: Format::DecimalSi,
        }
    }

    /// The whole number `value`.
    #[must_use]
    pub fn from_integer(value: i64) -> Self {
        Self {
            nanos: i128::from(value) * ONE,
            format: Format::DecimalSi,
        }
    }

    /// Thousandths, rounded up; at most `i64::MAX`.
    #[must_use]
    pub fn milli(self) -> i64 {
        let milli = self.nanos.div_euclid(1_000_000) + i128::from(self.nanos % 1_000_000 != 0);
        i64::try_from(milli).unwrap_or(if milli < 0 { i64::MIN } else { i64::MAX })
    }

    /// The nearest floating-point number.
    #[must_use]
    pub fn approximate(self) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "an approximation is what is asked for"
        )]
        let (nanos, one) = (self.nanos as f64, ONE as f64);
        nanos / one
    }
}

impl PartialEq for Quantity {
    /// `1` equals `1000m`: the number counts, not how it is written.
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl Add for Quantity {
    type Output = Self;

    /// The sum, written as the first is; nothing has no way of writing.
    fn add(self, other: Self) -> Self {
        let written = if self.nanos == 0 { other } else { self };
        Self {
            nanos: self.nanos.saturating_add(other.nanos),
            format: written.format,
        }
    }
}

impl FromStr for Quantity {
    type Err = NotAQuantity;

    fn from_str(text: &str) -> Result<Self, NotAQuantity> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let end = unsigned
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let (power, format) = scale(suffix).ok_or(NotAQuantity)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(NotAQuantity);
        }
        let nanos = magnitude(whole.trim_start_matches('0'), fraction, power);
        Ok(Self {
            nanos: if text.starts_with('-') { -nanos } else { nanos },
            format,
        })
    }
}

/// What a suffix multiplies by.
#[derive(Clone, Copy)]
enum Power {
    Ten(i32),
    Two(u32),
}

fn scale(suffix: &str) -> Option<(Power, Format)> {
    if let Some((_, power)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Some((Power::Ten(*power), Format::DecimalSi));
    }
    if let Some((_, power)) = BINARY.iter().find(|(name, _)| *name == suffix) {
        return Some((Power::Two(*power), Format::BinarySi));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    let exponent: i32 = exponent.parse().ok()?;
    Some((Power::Ten(exponent), Format::DecimalExponent))
}

/// `whole.fraction × power` in billionths, rounded up (away from zero, as the sign is applied later), capped.
fn magnitude(whole: &str, fraction: &str, power: Power) -> i128 {
    let fraction = fraction.trim_end_matches('0');
    let kept = &fraction[..fraction.len().min(DIGITS.saturating_sub(whole.len()))];
    if whole.len() > DIGITS {
        return LIMIT;
    }
    let digits: i128 = format!("{whole}{kept}").parse().unwrap_or(0);
    let places = i32::try_from(kept.len()).unwrap_or(0);
    let lost = kept.len() < fraction.len();
    let (digits, ten) = match power {
        Power::Ten(ten) => (Some(digits), ten),
        Power::Two(two) => (digits.checked_mul(1_i128 << two), 0),
    };
    let nanos = digits.map_or(LIMIT, |digits| {
        shift(digits, ten.saturating_add(9 - places))
    });
    nanos.saturating_add(i128::from(lost)).min(LIMIT)
}

/// `digits × 10^exponent`, rounded up, capped.
fn shift(digits: i128, exponent: i32) -> i128 {
    let Some(factor) = 10_i128.checked_pow(exponent.unsigned_abs()) else {
        return match (digits, exponent > 0) {
            (0, _) => 0,
            (_, true) => LIMIT,
            (_, false) => 1,
        };
    };
    if exponent >= 0 {
        digits.checked_mul(factor).unwrap_or(LIMIT)
    } else {
        digits / factor + i128::from(digits % factor != 0)
    }
}

impl fmt::Display for Quantity {
    /// The canonical form: the largest suffix that leaves a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.nanos % ONE == 0;
        // Upstream writes binary quantities below 1024, and those that are not whole, in decimal.
        if self.format == Format::BinarySi && whole && self.nanos.abs() >= 1024 * ONE {
            return write_binary(f, self.nanos / ONE);
        }
        let (mut number, mut power) = (self.nanos, -9);
        while number != 0 && number % 1_000 == 0 && power < 18 {
            number /= 1_000;
            power += 3;
        }
        if number == 0 {
            return f.write_str("0");
        }
        if self.format == Format::DecimalExponent {
            return match power {
                0 => write!(f, "{number}"),
                power => write!(f, "{number}e{power}"),
            };
        }
        let suffix = DECIMAL
            .iter()
            .find(|(_, exponent)| *exponent == power)
            .map_or("", |(suffix, _)| suffix);
        write!(f, "{number}{suffix}")
    }
}

fn write_binary(f: &mut fmt::Formatter<'_>, mut number: i128) -> fmt::Result {
    let mut suffix = "";
    for (name, _) in BINARY {
        if number % 1024 != 0 {
            break;
        }
        number /= 1024;
        suffix = name;
    }
    write!(f, "{number}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(input: &str, milli: i64, canonical: &str) {
        let quantity: Quantity = input.parse().unwrap();
        assert_eq!(quantity.milli(), milli, "{input} in thousandths");
        assert_eq!(quantity.to_string(), canonical, "{input} written back");
    }

    #[test]
    fn quantities_are_read_and_written_as_upstream_does() {
        check("0", 0, "0");
        check("200", 200_000, "200");
        check("1500", 1_500_000, "1500");
        check("5000", 5_000_000, "5k");
        check("12000", 12_000_000, "12k");
        check("1000000", 1_000_000_000, "1M");
        check("1.5", 1_500, "1500m");
        check("0.25", 250, "250m");
        check("2.0", 2_000, "2");
        check("2500m", 2_500, "2500m");
        check("66666.667", 66_666_667, "66666667m");
        check("64Mi", 67_108_864_000, "64Mi");
        check("1Ki", 1_024_000, "1Ki");
        check("0.5Ki", 512_000, "512");
        check("1e3", 1_000_000, "1e3");
        check("-250m", -250, "-250m");
        check("100n", 1, "100n");
        check("1u", 1, "1u");
        check(".5", 500, "500m");
        check("5.", 5_000, "5");
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in [
            "", "x", "1.2.3", "1kk", "--1", ".", "1e", "1 ", "0x10", "1mm",
        ] {
            assert!(text.parse::<Quantity>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn too_large_a_quantity_is_capped_instead_of_overflowing() {
        for text in [
            "9e99",
            "99999999999999999999999999999999999999999E",
            "9e2147483647",
        ] {
            assert_eq!(
                text.parse::<Quantity>().unwrap().milli(),
                i64::MAX,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_as_the_same(milli in any::<i64>()) {
            let quantity = Quantity::from_milli(milli);
            let again: Quantity = quantity.to_string().parse().unwrap();
            prop_assert_eq!(again.milli(), milli);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[+-]?[0-9.]{0,40}[a-zA-Z]{0,2}[0-9+-]{0,12}") {
            let _ = text.parse::<Quantity>();
        }
    }
}
