//! The way to the node that has the queue: straight to it, or by asking those who know which one it is.
//!
//! Sentinels name the master of a name; every node of a cluster knows who has a slot, and all keys of a queue lie in
//! one. Whom one asks is a *guide* here. Guides are asked anew for each connection, and a connection is made anew after
//! it broke or its node said that it is no longer the one: that is all that a failover takes. In between, commands go
//! straight to the node, so `MULTI`, `WATCH` and what blocks work as with a single server.

mod cluster;
mod sentinel;

use super::endpoint::Endpoint;
use super::error::{QueueError, is_demoted, is_elsewhere, refusals, words};
use crate::config::{Layout, RedisUrl};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, ServerError, ServerErrorKind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a guide may take to be reached or to answer: another one knows as well.
const GUIDE_TIMEOUT: Duration = Duration::from_millis(700);
/// Nodes of a cluster that are remembered, to ask when those in the URL are gone.
const REMEMBERED: usize = 16;

/// A way to the queue.
pub(super) enum Route {
    /// There is one server.
    Server {
        /// What opens it.
        client: Client,
        /// `host:port`.
        address: String,
    },
    /// Somebody knows which one it is.
    Guides(Guides),
}

impl Route {
    pub(super) fn to_server(client: Client) -> Self {
        let address = client.get_connection_info().addr().to_string();
        Self::Server { client, address }
    }

    pub(super) fn by_guides(redis: RedisUrl, ca: Option<String>) -> Self {
        let known = Mutex::default();
        Self::Guides(Guides { redis, ca, known })
    }

    pub(super) fn layout(&self) -> Layout {
        match self {
            Self::Server { .. } => Layout::Single,
            Self::Guides(guides) => guides.redis.layout(),
        }
    }

    /// `host:port` of the node that was reached last, or of all that are named if none was.
    pub(super) fn address(&self) -> String {
        match self {
            Self::Server { address, .. } => address.clone(),
            Self::Guides(guides) => guides.address(),
        }
    }

    /// A connection to the node that has the key `list` now.
    ///
    /// # Errors
    /// When no guide knows a way, or the node cannot be reached or trusted.
    pub(super) async fn open(
        &self,
        list: &str,
        config: &AsyncConnectionConfig,
    ) -> Result<MultiplexedConnection, QueueError> {
        match self {
            Self::Server { client, address } => client
                .get_multiplexed_async_connection_with_config(config)
                .await
                .map_err(|error| QueueError::connecting(address.clone(), &error)),
            Self::Guides(guides) => guides.open(list, config).await,
        }
    }

    /// Whether `error` says of a `MULTI` that it came to the wrong node, which therefore did nothing of it.
    pub(super) fn leads_on(&self, error: &RedisError) -> bool {
        let aborted = error.kind() == ErrorKind::Server(ServerErrorKind::ExecAbort);
        let wrong = |refusal: &ServerError| is_demoted(refusal) || moved_to(refusal).is_some();
        aborted && matches!(self, Self::Guides(_)) && refusals(error).iter().any(wrong)
    }

    /// What an error means that came instead of an answer.
    pub(super) fn failed(&self, error: &RedisError) -> QueueError {
        let refusals = refusals(error);
        match self {
            Self::Server { address, .. } => not_one_server(address, &refusals),
            Self::Guides(guides) => guides.led_astray(&refusals),
        }
        .unwrap_or_else(|| QueueError::asking(self.address(), error))
    }
}

/// What the refusals of a server mean that was taken for the only one.
fn not_one_server(address: &str, refusals: &[ServerError]) -> Option<QueueError> {
    let told = |predicate: fn(&ServerError) -> bool| refusals.iter().find(|told| predicate(told));
    if let Some(cause) = told(is_elsewhere).map(words) {
        let found = format!("Redis at {address} is a node of a Redis Cluster ({cause})");
        let remedy = format!("use redis-cluster://{address}, which finds the node of the queue");
        return Some(QueueError::layout(found, remedy));
    }
    if let Some(cause) = told(is_demoted).map(words) {
        let found = format!("Redis at {address} is a replica and takes no jobs ({cause})");
        let remedy =
            "name its master, or the sentinels as redis-sentinel://HOST:PORT,HOST:PORT/MASTER";
        return Some(QueueError::layout(found, remedy));
    }
    let cause = words(told(is_of_a_sentinel)?);
    let found = format!("Redis at {address} is a sentinel and has no queue ({cause})");
    let remedy = format!("use redis-sentinel://{address}/MASTER, which asks it for the master");
    Some(QueueError::layout(found, remedy))
}

/// Whether only a sentinel would say this: every other Redis knows these commands.
fn is_of_a_sentinel(refusal: &ServerError) -> bool {
    is_unknown_command(refusal)
        && refusal.details().is_some_and(|text| {
            let text = text.to_ascii_uppercase();
            ["EXISTS", "MULTI", "LLEN", "SMEMBERS"]
                .iter()
                .any(|word| text.contains(word))
        })
}

fn is_unknown_command(refusal: &ServerError) -> bool {
    let text = refusal.details().unwrap_or_default();
    text.contains("unknown command")
}

/// Where a node sends us that does not have the slot any more.
fn moved_to(refusal: &ServerError) -> Option<&str> {
    let moved = refusal.kind() == Some(ServerErrorKind::Moved);
    let (_, address) = refusal.details().filter(|_| moved)?.split_once(' ')?;
    // Without a host when the node does not know under which name we reach it.
    (!address.starts_with(':')).then_some(address)
}

/// Those who know which node has the queue.
pub(super) struct Guides {
    redis: RedisUrl,
    ca: Option<String>,
    // std's: held for the time of a clone.
    known: Mutex<Known>,
}

/// What earlier answers taught.
#[derive(Default)]
struct Known {
    /// Whom to ask before those in the URL.
    guides: Vec<String>,
    /// The node that was reached last.
    node: Option<String>,
}

impl Guides {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn address(&self) -> String {
        let node = self.known().node.clone();
        node.unwrap_or_else(|| self.redis.addresses().join(","))
    }

    /// Asks one guide after the other until one names a node that is what it says.
    async fn open(
        &self,
        list: &str,
        config: &AsyncConnectionConfig,
    ) -> Result<MultiplexedConnection, QueueError> {
        let (mut silent, mut tried) = (Vec::new(), Vec::new());
        let (mut astray, mut unreached) = (None, None);
        for guide in self.in_order() {
            let node = match self.ask(&guide, list).await {
                Ok(node) => node,
                Err(QueueError::Unreachable { address, cause }) => {
                    silent.push(format!("{address}: {cause}"));
                    continue;
                }
                Err(error) => {
                    astray = astray.or(Some(error));
                    continue;
                }
            };
            if tried.contains(&node) {
                continue;
            }
            match self.reach(&node, &guide, config).await {
                Ok(connection) => {
                    self.arrived(node, guide);
                    return Ok(connection);
                }
                Err(error) => unreached = Some(error),
            }
            tried.push(node);
        }
        // The further a way led, the more its end says.
        Err(unreached
            .or(astray)
            .unwrap_or_else(|| self.all_silent(&silent)))
    }

    fn in_order(&self) -> Vec<String> {
        let mut guides = self.known().guides.clone();
        for named in self.redis.addresses() {
            if !guides.contains(&named) {
                guides.push(named);
            }
        }
        guides
    }

    /// The node that `guide` names.
    async fn ask(&self, guide: &str, list: &str) -> Result<String, QueueError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(GUIDE_TIMEOUT))
            .set_response_timeout(Some(GUIDE_TIMEOUT));
        let url = self.redis.guide(guide);
        let client = Endpoint::trusting(url.reveal(), self.ca.clone()).client()?;
        let connected = client
            .get_multiplexed_async_connection_with_config(&config)
            .await;
        match self.redis.master() {
            Some(master) => match connected {
                Ok(connection) => sentinel::ask(connection, guide, &master).await,
                Err(error) => Err(sentinel::refused(guide, &error)),
            },
            None => {
                let connection =
                    connected.map_err(|error| QueueError::connecting(guide.to_owned(), &error))?;
                let found = cluster::ask(connection, guide, list).await?;
                self.remember(guide, found.nodes);
                Ok(found.owner)
            }
        }
    }

    /// A connection to `node`, if it is what `guide` says.
    async fn reach(
        &self,
        node: &str,
        guide: &str,
        config: &AsyncConnectionConfig,
    ) -> Result<MultiplexedConnection, QueueError> {
        let url = self.redis.node(node);
        let client = Endpoint::trusting(url.reveal(), self.ca.clone()).client()?;
        let named = || match self.redis.layout() {
            Layout::Sentinel => format!("{node} (the master, says the sentinel at {guide})"),
            _ => format!("{node} (where the queue is, says the cluster's node {guide})"),
        };
        let mut connection = client
            .get_multiplexed_async_connection_with_config(config)
            .await
            .map_err(|error| QueueError::connecting(named(), &error))?;
        if self.redis.layout() == Layout::Sentinel && !sentinel::is_master(&mut connection).await {
            let cause = "it is a replica, and the failover not through".to_owned();
            let address = named();
            return Err(QueueError::Unreachable { address, cause });
        }
        Ok(connection)
    }

    fn arrived(&self, node: String, guide: String) {
        let mut known = self.known();
        known.node = Some(node);
        if self.redis.layout() == Layout::Sentinel {
            known.guides = vec![guide];
        }
    }

    /// Keeps the nodes of the cluster, first the one that has just answered.
    fn remember(&self, guide: &str, nodes: Vec<String>) {
        let others = nodes.into_iter().filter(|node| node != guide);
        let guides = std::iter::once(guide.to_owned()).chain(others);
        self.known().guides = guides.take(REMEMBERED).collect();
    }

    fn all_silent(&self, silent: &[String]) -> QueueError {
        let who = match self.redis.layout() {
            Layout::Sentinel => "sentinel",
            _ => "node of the Redis Cluster",
        };
        let found = format!("no {who} answers ({})", silent.join("; "));
        QueueError::layout(
            found,
            "check that they run, and that --redis names their addresses",
        )
    }

    /// What the refusals of the node mean that the guides named, if they are about being the right one.
    fn led_astray(&self, refusals: &[ServerError]) -> Option<QueueError> {
        if let Some(node) = refusals.iter().find_map(moved_to) {
            // It knows more than the one who sent us there.
            let mut known = self.known();
            known.guides.retain(|guide| guide != node);
            known.guides.insert(0, node.to_owned());
        }
        let refusal = refusals
            .iter()
            .find(|told| is_demoted(told) || is_elsewhere(told))?;
        let (address, cause) = (self.address(), words(refusal));
        if refusal.kind() == Some(ServerErrorKind::ClusterDown) {
            let found = format!("the Redis Cluster at {address} is down ({cause})");
            return Some(QueueError::layout(found, cluster::REMEDY));
        }
        Some(QueueError::Lost { address, cause })
    }
}
