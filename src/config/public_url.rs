//! `--public-url`: the address under which the room reaches this server, when it is not the one we listen on.

use std::fmt;
use std::str::FromStr;

/// Longer ones are no address to type from a screen, and make a code that a phone cannot read from the last row.
const LONGEST: usize = 120;

const REMEDY: &str = "give the address that the room types, such as https://talk.example.org/ or http://192.168.1.20:3030/";

/// `http://HOST[:PORT]/` or `https://…`, checked, with the slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    text: String,
    scheme_length: usize,
}

impl PublicUrl {
    /// Host and port as a browser names them in `Host` and `Origin`.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.text[self.scheme_length..].trim_end_matches('/')
    }

    /// Whether browsers reach it encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https:")
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.trim().to_ascii_lowercase();
        let scheme_length = ["http://", "https://"]
            .into_iter()
            .find(|scheme| lower.starts_with(scheme))
            .map(str::len)
            .ok_or(format!("it begins with http:// or https://; {REMEDY}"))?;
        let rest = &lower[scheme_length..];
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return Err(format!(
                "Podium answers at the root of its address, so nothing may follow the host; {REMEDY}"
            ));
        }
        // Also keeps out `user@`, which a phone would show as the host.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        if authority.is_empty() || authority.starts_with(':') || !authority.bytes().all(plain) {
            return Err(format!("{authority:?} is no host; {REMEDY}"));
        }
        if lower.len() > LONGEST {
            return Err(format!("it is longer than {LONGEST} characters; {REMEDY}"));
        }
        Ok(Self {
            text: format!("{}{authority}/", &lower[..scheme_length]),
            scheme_length,
        })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &str, whole: &str, authority: &str) {
        let url: PublicUrl = given.parse().unwrap();
        assert_eq!(
            (url.to_string().as_str(), url.authority()),
            (whole, authority)
        );
    }

    #[test]
    fn it_is_read_with_and_without_the_slash_at_its_end() {
        check(
            "https://Talk.Example.org",
            "https://talk.example.org/",
            "talk.example.org",
        );
        check(
            "http://192.168.1.20:3030/",
            "http://192.168.1.20:3030/",
            "192.168.1.20:3030",
        );
        check(
            "http://[2001:db8::1]:3030",
            "http://[2001:db8::1]:3030/",
            "[2001:db8::1]:3030",
        );
    }

    #[test]
    fn what_is_no_address_of_a_whole_site_is_refused_with_an_example() {
        for wrong in [
            "talk.example.org",
            "ftp://talk.example.org",
            "https://",
            "https://:3030",
            "https://me@talk.example.org",
            "https://talk.example.org/deck",
            "https://talk.example.org/?a=1",
            "https://talk example.org",
        ] {
            let error = wrong.parse::<PublicUrl>().unwrap_err();
            assert!(
                error.contains("https://talk.example.org/"),
                "{wrong}: {error}"
            );
        }
    }
}
