//! The address of a Redis that is there already: `--redis` and `--redis-ca`.
//!
//! `redis://` is plain, `rediss://` is TLS; `?insecure` (or `#insecure`, as the client library writes it) speaks TLS
//! with whoever answers. What comes out is the URL as the client takes it, its parts as KEDA and the Secret want them,
//! and a text without the password for everybody else.

use super::ConfigError;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::sync::Arc;

/// How to write one; every refusal says it.
const FORM: &str = "give it as redis://[:PASSWORD@]HOST:PORT, or rediss:// for TLS";
/// The port when none is given.
const PORT: &str = "6379";
/// What a PEM text begins with, and no file's name does.
const PEM: &str = "-----BEGIN";

/// A Redis address that does not show its password when printed.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl {
    url: String,
    ca: Option<Arc<str>>,
}

impl RedisUrl {
    /// The whole URL, password included, as the client takes it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.url
    }

    /// Whether it is spoken to by TLS.
    #[must_use]
    pub fn tls(&self) -> bool {
        self.url.starts_with("rediss://")
    }

    /// Whether its certificate is taken unseen.
    #[must_use]
    pub fn insecure(&self) -> bool {
        self.url.ends_with("#insecure")
    }

    /// The authority that vouches for it, in PEM; this machine's own when there is none.
    #[must_use]
    pub fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    /// `HOST:PORT`, with Redis's own port when none is given.
    #[must_use]
    pub fn address(&self) -> String {
        let (_, address) = self.halves();
        let end = address.find(['/', '?', '#']).unwrap_or(address.len());
        let address = &address[..end];
        let has_port = address.rsplit_once(':').is_some_and(|(_, port)| {
            !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
        });
        if has_port {
            address.to_owned()
        } else {
            format!("{address}:{PORT}")
        }
    }

    /// The number of the database, when it is not the first.
    #[must_use]
    pub fn database(&self) -> Option<&str> {
        let (_, address) = self.halves();
        let (_, path) = address.split_once('/')?;
        let number = path.split(['?', '#']).next().unwrap_or_default();
        Some(number).filter(|number| !matches!(*number, "" | "0"))
    }

    /// The user, when it is not the default one.
    #[must_use]
    pub fn user(&self) -> Option<String> {
        let (user, _) = self.halves().0?.split_once(':')?;
        Some(decoded(user)).filter(|user| !user.is_empty())
    }

    /// The password, with what the URL had to escape as it is.
    #[must_use]
    pub fn password(&self) -> Option<String> {
        let (_, password) = self.halves().0?.split_once(':')?;
        Some(decoded(password)).filter(|password| !password.is_empty())
    }

    /// What is before the `@`, if there is one, and what is after it.
    fn halves(&self) -> (Option<&str>, &str) {
        let rest = without_scheme(&self.url).unwrap_or(&self.url);
        match rest.rsplit_once('@') {
            Some((credentials, address)) => (Some(credentials), address),
            None => (None, rest),
        }
    }
}

fn without_scheme(url: &str) -> Option<&str> {
    url.strip_prefix("rediss://")
        .or_else(|| url.strip_prefix("redis://"))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

impl std::str::FromStr for RedisUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(rest) = without_scheme(text) else {
            return Err(FORM.to_owned());
        };
        let address = rest.rsplit('@').next().unwrap_or(rest);
        if address.is_empty() || address.starts_with([':', '/', '?', '#']) {
            return Err(format!("the host is missing: {FORM}"));
        }
        let bare = text
            .strip_suffix("?insecure")
            .or_else(|| text.strip_suffix("#insecure"));
        let url = match bare {
            None => text.to_owned(),
            Some(bare) if text.starts_with("rediss://") => format!("{bare}#insecure"),
            Some(_) => return Err(format!("insecure is a kind of TLS: {FORM}")),
        };
        Ok(Self { url, ca: None })
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls() { "rediss" } else { "redis" };
        write!(f, "{scheme}://{}", self.halves().1)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `redis` with the authority that `ca` names: a file, or the PEM text itself, which is how it reaches a pod.
pub(super) fn trusting(
    redis: Option<RedisUrl>,
    ca: Option<String>,
) -> Result<Option<RedisUrl>, ConfigError> {
    let Some(ca) = ca.filter(|ca| !ca.trim().is_empty()) else {
        return Ok(redis);
    };
    let Some(mut redis) = redis.filter(RedisUrl::tls) else {
        return Err(ConfigError::RedisCaWithoutTls);
    };
    let pem = if ca.trim_start().starts_with(PEM) {
        ca
    } else {
        let wrong = |reason: String| ConfigError::RedisCa {
            file: ca.clone(),
            reason,
        };
        let text = std::fs::read_to_string(&ca).map_err(|error| wrong(error.to_string()))?;
        if !text.contains("-----BEGIN CERTIFICATE-----") {
            return Err(wrong("there is no certificate in it".to_owned()));
        }
        text
    };
    redis.ca = Some(pem.into());
    Ok(Some(redis))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> RedisUrl {
        text.parse().unwrap()
    }

    #[test]
    fn a_redis_url_never_shows_its_password() {
        let url = url("redis://:hunter2@localhost:6379");
        assert_eq!(
            format!("{url} {url:?}"),
            "redis://localhost:6379 redis://localhost:6379"
        );
        assert_eq!(url.reveal(), "redis://:hunter2@localhost:6379");
    }

    #[test]
    fn a_redis_url_comes_apart_into_its_parts() {
        let whole = url("rediss://app:p%40ss%2F@host:7000/3?insecure");
        assert_eq!(whole.address(), "host:7000");
        assert_eq!(whole.user().as_deref(), Some("app"));
        assert_eq!(whole.password().as_deref(), Some("p@ss/"));
        assert_eq!(whole.database(), Some("3"));
        assert!(whole.tls() && whole.insecure());
        assert_eq!(
            whole.reveal(),
            "rediss://app:p%40ss%2F@host:7000/3#insecure"
        );
        let bare = url("redis://host");
        assert_eq!(bare.address(), "host:6379");
        assert_eq!(
            (bare.user(), bare.password(), bare.database()),
            (None, None, None)
        );
        assert!(!bare.tls() && !bare.insecure());
    }

    #[test]
    fn what_is_no_redis_url_says_how_to_write_one() {
        for nonsense in [
            "redis://:6379",
            "http://host",
            "redis://",
            "redis://host?insecure",
        ] {
            let error = nonsense.parse::<RedisUrl>().unwrap_err();
            assert!(error.contains("redis://[:PASSWORD@]HOST:PORT"), "{error}");
        }
    }

    #[test]
    fn an_authority_is_for_tls_and_must_be_a_certificate() {
        let ca = |redis: &str, ca: &str| trusting(Some(url(redis)), Some(ca.to_owned()));
        assert!(
            ca("redis://host", "ca.pem")
                .unwrap_err()
                .to_string()
                .contains("rediss://")
        );
        let error = ca("rediss://host", "/nowhere/ca.pem")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("/nowhere/ca.pem") && error.contains("BEGIN CERTIFICATE"),
            "{error}"
        );
        let pem = "-----BEGIN CERTIFICATE-----\n";
        assert_eq!(ca("rediss://host", pem).unwrap().unwrap().ca(), Some(pem));
    }
}
