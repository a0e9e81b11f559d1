//! Some slides by number, as `--range` takes them.

use std::fmt;
use std::ops::RangeInclusive;

/// Some slides by number: `1,4-6`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlideRange(Vec<RangeInclusive<u32>>);

impl SlideRange {
    /// Whether the slide of this number is one of them.
    #[must_use]
    pub fn contains(&self, slide: u32) -> bool {
        self.0.iter().any(|part| part.contains(&slide))
    }
}

impl std::str::FromStr for SlideRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let part = |text: &str| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            let number = |digits: &str| digits.trim().parse::<u32>().ok().filter(|n| *n > 0);
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(first..=last)
        };
        let parts: Option<Vec<_>> = text.split(',').map(part).collect();
        parts
            .map(Self)
            .ok_or_else(|| "give slide numbers and ranges of them, such as 1,4-6".to_owned())
    }
}

impl fmt::Display for SlideRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (part, index) in self.0.iter().zip(0..) {
            let comma = if index == 0 { "" } else { "," };
            let (first, last) = (part.start(), part.end());
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_slides_is_numbers_and_stretches() {
        let range: SlideRange = "1,4-6".parse().unwrap();
        let chosen: Vec<_> = (1..=8).filter(|slide| range.contains(*slide)).collect();
        assert_eq!(chosen, [1, 4, 5, 6]);
        assert_eq!(range.to_string(), "1,4-6");
        for nonsense in ["", "0", "6-4", "a", "1,,2", "1-2-3"] {
            assert!(nonsense.parse::<SlideRange>().is_err(), "{nonsense}");
        }
    }
}
