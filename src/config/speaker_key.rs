//! A speaker's key that somebody chose: a Secret of the cluster has it, and it stays the same when the pod is replaced.
//!
//! It comes in the variable `PODIUM_SPEAKER_KEY` and there is no flag for it, since every user of a machine can list
//! arguments.

use super::{ConfigError, variable};
use std::fmt;

/// The fewest characters: a key can be tried from anywhere in the room, and whoever has it has the buttons.
const SHORTEST: usize = 16;
/// The most: the key is part of a link.
const LONGEST: usize = 128;

/// A speaker's key that does not show when printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SpeakerKey(String);

impl SpeakerKey {
    /// The key itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn parse(text: String) -> Result<Self, ConfigError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        if !(SHORTEST..=LONGEST).contains(&text.len()) || !text.bytes().all(plain) {
            return Err(ConfigError::SpeakerKey(
                "give 16 to 128 letters, digits and -_.~, such as `openssl rand -hex 16` prints",
            ));
        }
        Ok(Self(text))
    }
}

impl fmt::Debug for SpeakerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpeakerKey(hidden)")
    }
}

/// The key in `PODIUM_SPEAKER_KEY`, if there is one.
///
/// # Errors
/// [`ConfigError::SpeakerKey`] when it is too short or would not fit a link.
pub fn speaker_key() -> Result<Option<SpeakerKey>, ConfigError> {
    variable("PODIUM_SPEAKER_KEY")
        .map(SpeakerKey::parse)
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_long_enough_fits_a_link_and_stays_hidden() {
        let key = SpeakerKey::parse("0123456789abcdef".to_owned()).unwrap();
        assert_eq!(key.reveal(), "0123456789abcdef");
        assert!(!format!("{key:?}").contains("0123"));
        for bad in ["", "short", "0123456789abcde&", &"x".repeat(LONGEST + 1)] {
            let refused = SpeakerKey::parse(bad.to_owned()).unwrap_err().to_string();
            assert!(refused.contains("openssl rand -hex 16"), "{refused}");
        }
    }
}
