//! The address of a Redis that is there already: `--redis` and `--redis-ca`.
//!
//! The scheme says how that Redis is laid out: `redis://` is one server, `redis-sentinel://` a master that sentinels
//! name, `redis-cluster://` a Redis Cluster; `rediss` instead of `redis` is TLS. `?insecure` (or `#insecure`, as the
//! client library writes it) speaks TLS with whoever answers. What comes out is the URL as the client takes it, its
//! parts as KEDA and the Secret want them, the URLs of single nodes, and a text without the passwords for everybody
//! else. The sentinels' own credentials stand in the query, since before the `@` are those of the nodes that hold data.

mod anatomy;
mod argument;

use super::ConfigError;
use anatomy::{Anatomy, decoded, encoded};
pub(super) use argument::Argument;
use std::fmt;
use std::sync::Arc;

/// What a PEM text begins with, and no file's name does.
const PEM: &str = "-----BEGIN";

/// How a Redis is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One server.
    Single,
    /// A master and its replicas; sentinels know which is the master.
    Sentinel,
    /// A Redis Cluster; each node knows which of them has a key.
    Cluster,
}

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

    /// How the Redis behind it is laid out.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.anatomy().layout
    }

    /// Whether it is spoken to by TLS.
    #[must_use]
    pub fn tls(&self) -> bool {
        self.anatomy().tls
    }

    /// Whether its certificate is taken unseen.
    #[must_use]
    pub fn insecure(&self) -> bool {
        self.anatomy().insecure()
    }

    /// The authority that vouches for it, in PEM; this machine's own when there is none.
    #[must_use]
    pub fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    /// `HOST:PORT` of the server, of each sentinel or of the cluster's nodes that are named, with the usual port where
    /// none is given.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.anatomy().addresses()
    }

    /// The number of the database, when it is not the first.
    #[must_use]
    pub fn database(&self) -> Option<&str> {
        Some(self.anatomy().database()).filter(|number| !matches!(*number, "" | "0"))
    }

    /// The name of the master that the sentinels are asked for.
    #[must_use]
    pub fn master(&self) -> Option<String> {
        self.anatomy().master().map(decoded)
    }

    /// The user, when it is not the default one.
    #[must_use]
    pub fn user(&self) -> Option<String> {
        let (user, _) = self.anatomy().credentials?.split_once(':')?;
        Some(decoded(user)).filter(|user| !user.is_empty())
    }

    /// The password, with what the URL had to escape as it is.
    #[must_use]
    pub fn password(&self) -> Option<String> {
        let (_, password) = self.anatomy().credentials?.split_once(':')?;
        Some(decoded(password)).filter(|password| !password.is_empty())
    }

    /// The user by whom the sentinels themselves are asked, when they have users.
    #[must_use]
    pub fn sentinel_user(&self) -> Option<String> {
        self.anatomy().setting("sentinelUsername").map(decoded)
    }

    /// The password of the sentinels themselves, when they have one.
    #[must_use]
    pub fn sentinel_password(&self) -> Option<String> {
        self.anatomy().setting("sentinelPassword").map(decoded)
    }

    /// The URL of the one node at `address` that holds data.
    #[must_use]
    pub fn node(&self, address: &str) -> Self {
        let database = self.database().map(|number| format!("/{number}"));
        let credentials = self.anatomy().credentials.map(|text| format!("{text}@"));
        self.single(credentials, address, database)
    }

    /// The URL of the one node at `address` that knows where the data is: a sentinel, or any node of a cluster.
    #[must_use]
    pub fn guide(&self, address: &str) -> Self {
        if self.layout() != Layout::Sentinel {
            return self.node(address);
        }
        let user = self.sentinel_user().unwrap_or_default();
        let credentials = self
            .sentinel_password()
            .map(|password| format!("{}:{}@", encoded(&user), encoded(&password)));
        self.single(credentials, address, None)
    }

    fn single(&self, credentials: Option<String>, address: &str, path: Option<String>) -> Self {
        let scheme = if self.tls() { "rediss" } else { "redis" };
        let (credentials, path) = (credentials.unwrap_or_default(), path.unwrap_or_default());
        let insecure = if self.insecure() { "#insecure" } else { "" };
        Self {
            url: format!("{scheme}://{credentials}{address}{path}{insecure}"),
            ca: self.ca.clone(),
        }
    }

    fn anatomy(&self) -> Anatomy<'_> {
        Anatomy::of(&self.url).unwrap_or_default()
    }
}

impl std::str::FromStr for RedisUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let anatomy = Anatomy::of(text).ok_or(anatomy::FORM)?;
        anatomy.check()?;
        // The client library knows the second of the two spellings.
        let bare = text.strip_suffix("?insecure");
        let url = match bare.filter(|_| anatomy.layout == Layout::Single) {
            Some(bare) => format!("{bare}#insecure"),
            None => text.to_owned(),
        };
        Ok(Self { url, ca: None })
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.anatomy().fmt(f)
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
        assert_eq!(whole.addresses(), ["host:7000"]);
        assert_eq!(whole.user().as_deref(), Some("app"));
        assert_eq!(whole.password().as_deref(), Some("p@ss/"));
        assert_eq!(whole.database(), Some("3"));
        assert!(whole.tls() && whole.insecure());
        assert_eq!(
            whole.reveal(),
            "rediss://app:p%40ss%2F@host:7000/3#insecure"
        );
        let bare = url("redis://host");
        assert_eq!(bare.addresses(), ["host:6379"]);
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

    #[test]
    fn sentinels_are_named_with_their_master_and_asked_by_their_own_password() {
        let redis = url(
            "rediss-sentinel://app:p%40ss@a,b:7001,[::1]/mymaster/3?sentinelUsername=u&sentinelPassword=s%2Fs&insecure",
        );
        assert_eq!(redis.layout(), Layout::Sentinel);
        assert_eq!(redis.addresses(), ["a:26379", "b:7001", "[::1]:26379"]);
        assert_eq!(redis.master().as_deref(), Some("mymaster"));
        assert_eq!(redis.database(), Some("3"));
        assert_eq!(redis.sentinel_password().as_deref(), Some("s/s"));
        assert_eq!(
            redis.to_string(),
            "rediss-sentinel://a,b:7001,[::1]/mymaster/3"
        );
        assert_eq!(
            redis.node("10.0.0.1:6379").reveal(),
            "rediss://app:p%40ss@10.0.0.1:6379/3#insecure"
        );
        assert_eq!(
            redis.guide("a:26379").reveal(),
            "rediss://u:s%2Fs@a:26379#insecure"
        );
        let lettuce = url("redis-sentinel://a:1,b:2/4#mymaster");
        assert_eq!(lettuce.master().as_deref(), Some("mymaster"));
        assert_eq!(lettuce.database(), Some("4"));
        assert_eq!(lettuce.guide("a:1").reveal(), "redis://a:1");
    }

    #[test]
    fn a_cluster_is_named_by_some_of_its_nodes() {
        let redis = url("redis-cluster://:pw@a,b:7001");
        assert_eq!(redis.layout(), Layout::Cluster);
        assert_eq!(redis.addresses(), ["a:6379", "b:7001"]);
        assert_eq!((redis.master(), redis.database()), (None, None));
        assert_eq!(redis.guide("c:1").reveal(), "redis://:pw@c:1");
        assert_eq!(redis.to_string(), "redis-cluster://a,b:7001");
    }

    #[test]
    fn what_sentinels_or_a_cluster_cannot_be_named_by_says_why() {
        for (text, why) in [
            ("redis-sentinel://a:1,b:2", "name of the master is missing"),
            ("redis-sentinel://a:1/m/x", "database"),
            ("redis-sentinel://a:x/m", "port"),
            ("redis-sentinel://,a/m", "host is missing"),
            ("redis-sentinel://a/m?password=x", "sentinelPassword"),
            ("redis-sentinel://a/m?insecure", "kind of TLS"),
            ("redis-cluster://a/1", "database 0 only"),
            ("redis-cluster://a?sentinelPassword=x", "setting"),
            ("redis-cluster://", "host is missing"),
        ] {
            let error = text.parse::<RedisUrl>().unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
            assert!(error.contains("://[[USER]:PASSWORD@]HOST:PORT,"), "{error}");
        }
    }
}
