//! What the server is that holds the queue: which software, which version, its part among others, and whether it keeps
//! what it is given.
//!
//! `INFO` says most of it. A managed Redis may refuse `CONFIG`, and then what only that tells stays unknown.

use super::{Queue, QueueError};
use crate::config::Layout;
use std::collections::HashMap;
use std::fmt;

/// Which software it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Software {
    /// Redis, or what says it is.
    Redis,
    /// Valkey, which says that it is Redis 7.2 as well.
    Valkey,
    /// The embedded broker.
    Broker,
}

impl fmt::Display for Software {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redis => "Redis",
            Self::Valkey => "Valkey",
            Self::Broker => "the embedded broker, as Redis",
        })
    }
}

/// A server as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Which software it is.
    pub software: Software,
    /// Its version, as `7.0.15`.
    pub version: String,
    /// Whether what it is given outlives it; `None` when it does not say.
    pub persistent: Option<bool>,
    /// How it and others are laid out, as the URL says.
    pub layout: Layout,
    /// Its part among them; `None` when it does not say.
    pub role: Option<Role>,
    /// Whether it says itself that it is a node of a cluster.
    pub in_cluster: bool,
    policy: String,
    limited: bool,
}

/// A server's part in replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Takes writes, and has so many replicas that follow it.
    Master(u32),
    /// Follows a master, and takes no writes.
    Replica,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Master(0) => f.write_str("master without replicas"),
            Self::Master(1) => f.write_str("master with 1 replica"),
            Self::Master(replicas) => write!(f, "master with {replicas} replicas"),
            Self::Replica => f.write_str("replica"),
        }
    }
}

impl Server {
    fn read(info: &str, save: Option<&str>, layout: Layout) -> Self {
        let fields: HashMap<_, _> = info
            .lines()
            .filter_map(|line| line.trim_end().split_once(':'))
            .collect();
        let field = |name: &str| fields.get(name).copied().unwrap_or_default();
        let (software, version) = match (field("server_name"), field("valkey_version")) {
            (_, version) if !version.is_empty() => (Software::Valkey, version),
            ("podium", _) => (Software::Broker, field("redis_version")),
            _ => (Software::Redis, field("redis_version")),
        };
        let appends = field("aof_enabled") == "1";
        Self {
            software,
            version: version.to_owned(),
            persistent: if appends {
                Some(true)
            } else {
                save.map(|save| !save.is_empty())
            },
            layout,
            role: match field("role") {
                "master" => Some(Role::Master(field("connected_slaves").parse().unwrap_or(0))),
                "slave" => Some(Role::Replica),
                _ => None,
            },
            in_cluster: field("cluster_enabled") == "1",
            policy: field("maxmemory_policy").to_owned(),
            limited: !matches!(field("maxmemory"), "" | "0"),
        }
    }

    /// The first two numbers of the version.
    #[must_use]
    pub fn numbers(&self) -> Option<(u32, u32)> {
        let mut numbers = self.version.split('.');
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }

    /// The rule by which it throws keys of ours away when its memory is full, if it has one. Keys of ours that matter
    /// have no expiry, so only a rule for all keys reaches them.
    #[must_use]
    pub fn evicting(&self) -> Option<&str> {
        (self.limited && self.policy.starts_with("allkeys-")).then_some(self.policy.as_str())
    }
}

impl Queue {
    /// What the server is.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn server(&self) -> Result<Server, QueueError> {
        let (info,): (String,) = self.read(redis::pipe().cmd("INFO")).await?;
        let mut ask = redis::pipe();
        ask.cmd("CONFIG").arg("GET").arg("save");
        let save: Result<(Vec<String>,), _> = self.read(&ask).await;
        let save = save.ok().and_then(|(pair,)| pair.into_iter().nth(1));
        Ok(Server::read(&info, save.as_deref(), self.layout()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(info: &str, save: Option<&str>) -> Server {
        Server::read(info, save, Layout::Single)
    }

    #[test]
    fn valkey_is_told_from_the_redis_that_it_says_it_is() {
        let info = "# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.3\r\naof_enabled:0\r\n";
        let server = read(info, Some(""));
        assert_eq!(
            (server.software, server.version.as_str()),
            (Software::Valkey, "8.1.3")
        );
        assert_eq!(server.persistent, Some(false));
    }

    #[test]
    fn an_old_redis_is_known_by_its_numbers_and_persistence_by_either_way() {
        let server = read("redis_version:5.0.14\naof_enabled:1\n", None);
        assert_eq!(server.numbers(), Some((5, 0)));
        assert_eq!(server.persistent, Some(true));
        assert_eq!(
            read("redis_version:7.0.1", Some("3600 1")).persistent,
            Some(true)
        );
        assert_eq!(read("redis_version:7.0.1", None).persistent, None);
    }

    #[test]
    fn only_a_rule_for_all_keys_with_a_limit_evicts_ours() {
        let server = |info: &str| read(info, None).evicting().map(str::to_owned);
        assert_eq!(
            server("maxmemory:1000\nmaxmemory_policy:allkeys-lru"),
            Some("allkeys-lru".to_owned())
        );
        assert_eq!(server("maxmemory:0\nmaxmemory_policy:allkeys-lru"), None);
        assert_eq!(
            server("maxmemory:1000\nmaxmemory_policy:volatile-lru"),
            None
        );
    }

    #[test]
    fn a_server_says_its_part_among_others() {
        let role = |info: &str| read(info, None).role.map(|role| role.to_string());
        let master = role("role:master\nconnected_slaves:2\n");
        assert_eq!(master.as_deref(), Some("master with 2 replicas"));
        assert_eq!(role("role:slave\n").as_deref(), Some("replica"));
        assert_eq!(role(""), None);
        assert!(read("cluster_enabled:1", None).in_cluster);
    }
}
