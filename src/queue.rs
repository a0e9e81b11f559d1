//! The queue: jobs on a Redis list, delivered at least once and counted exactly.
//!
//! The only module that knows the `redis` crate; whether a real server or the embedded broker answers, it cannot tell.
//!
//! - [`enqueue`]: batches of jobs onto the list, with progress;
//! - [`worker`]: takes a job into its own processing list, works, acknowledges;
//! - [`lease`]: gives the jobs of a worker that died back to the queue;
//! - [`dead_letters`]: lists what could not be done, puts it back or throws it away;
//! - [`stats`]: one consistent picture of it all; [`purge`]: empties the list;
//! - [`server`]: what software that is, and whether it keeps what it is given; [`endpoint`]: where it is; `route`: which
//!   of several nodes that is just now;
//! - [`job`], [`keys`]: what a job is, and where everything lies.
//!
//! The invariant everything here keeps: a job is in exactly one place. Every step from place to place (list, a
//! worker's processing list, done, dead, discarded, purged) is one `MULTI` that also moves the counters, so at any
//! moment `enqueued = unique completions + dead + discarded + pending + in flight + purged`.
//!
//! Redis does not take a `MULTI` back when one of its commands meets a key of the wrong type. So whatever would lose a
//! job that way looks at the types first, or undoes what it counted.
//!
//! How often a job may run twice is bounded too: only a worker that is believed gone and is not can make a duplicate,
//! so there are no more duplicates than [`lapsed leases`](stats::Stats::lapsed_leases). A failover to a replica that
//! lags is the one exception: what the replica had not heard of is undone, and each job that was in a hand at that
//! moment may be done once more.

pub mod dead_letters;
pub mod endpoint;
pub mod enqueue;
mod error;
pub mod job;
pub mod keys;
pub mod lease;
pub mod purge;
mod route;
pub mod server;
pub mod stats;
pub mod worker;

use crate::clock::Clock;
use crate::config::Layout;
use endpoint::Endpoint;
pub use error::QueueError;
use error::is_worn_out;
use keys::{QueueKeys, QueueName};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, FromRedisValue, Pipeline, RedisError};
use route::Route;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long to try to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long to wait for the answer to a command that does not block.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A queue on a Redis server. Cheap to clone; all clones share one connection, which is made on first use and made
/// again after it broke or its server is no longer the one that has the queue.
#[derive(Clone)]
pub struct Queue(Arc<Inner>);

struct Inner {
    route: Route,
    keys: QueueKeys,
    clock: Clock,
    // Tokio's, because it is held while connecting: a hundred callers make one connection, not a hundred.
    connection: tokio::sync::Mutex<Option<MultiplexedConnection>>,
    // std's: held for the time of a clone.
    known: Mutex<stats::Known>,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (address, keys) = (self.address(), &self.0.keys.list);
        write!(f, "Queue({keys} at {address})")
    }
}

impl Queue {
    /// The queue `name` at `redis`, once the server has answered.
    ///
    /// # Errors
    /// When the URL is not valid, the server cannot be reached or trusted, or it refuses the password.
    pub async fn connect(redis: impl Into<Endpoint>, name: &QueueName) -> Result<Self, QueueError> {
        let queue = Self::lazy(redis, name)?;
        // A sentinel and any node of a cluster answer a PING, but this only if the queue can be there.
        let list = &queue.keys().list;
        let _: (u64,) = queue.read(redis::pipe().cmd("EXISTS").arg(list)).await?;
        Ok(queue)
    }

    /// The queue `name` at `redis`, without trying the server yet.
    ///
    /// # Errors
    /// When the URL is not valid.
    pub fn lazy(redis: impl Into<Endpoint>, name: &QueueName) -> Result<Self, QueueError> {
        Self::with_clock(redis, name, Clock::wall())
    }

    /// As [`Queue::lazy`], with a clock of the caller's: what is enqueued, begun and done is dated by it. Leases are
    /// not; Redis alone measures those.
    ///
    /// # Errors
    /// When the URL is not valid.
    pub fn with_clock(
        redis: impl Into<Endpoint>,
        name: &QueueName,
        clock: Clock,
    ) -> Result<Self, QueueError> {
        Ok(Self(Arc::new(Inner {
            route: redis.into().route()?,
            keys: QueueKeys::new(name),
            clock,
            connection: tokio::sync::Mutex::new(None),
            known: Mutex::default(),
        })))
    }

    /// Where the server is, as `host:port`: the one that was reached last, if several could be.
    #[must_use]
    pub fn address(&self) -> String {
        self.0.route.address()
    }

    pub(crate) fn layout(&self) -> Layout {
        self.0.route.layout()
    }

    /// The number of jobs that wait: what KEDA measures.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn depth(&self) -> Result<u64, QueueError> {
        let (depth,) = self
            .read(redis::pipe().cmd("LLEN").arg(&self.keys().list))
            .await?;
        Ok(depth)
    }

    pub(crate) fn keys(&self) -> &QueueKeys {
        &self.0.keys
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.0.clock.now_ms()
    }

    pub(crate) fn known(&self) -> std::sync::MutexGuard<'_, stats::Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs commands that may be repeated: a connection that turns out to be dead is replaced once.
    pub(crate) async fn read<T: FromRedisValue>(&self, pipe: &Pipeline) -> Result<T, QueueError> {
        match self.write(pipe).await {
            Err(QueueError::Lost { .. }) => self.write(pipe).await,
            other => other,
        }
    }

    /// Runs commands that must not be repeated. A `MULTI` that was sent to the wrong node did nothing, and is sent on.
    pub(crate) async fn write<T: FromRedisValue>(&self, pipe: &Pipeline) -> Result<T, QueueError> {
        let mut sent_on = false;
        loop {
            let mut connection = self.connection().await?;
            let result = pipe.query_async(&mut connection).await;
            let Err(error) = result else {
                return result.map_err(|error| self.failed(&error));
            };
            if is_worn_out(&error) {
                *self.0.connection.lock().await = None;
            }
            let failure = self.failed(&error);
            if sent_on || !pipe.is_transaction() || !self.0.route.leads_on(&error) {
                return Err(failure);
            }
            sent_on = true;
        }
    }

    async fn connection(&self) -> Result<MultiplexedConnection, QueueError> {
        let mut shared = self.0.connection.lock().await;
        if let Some(connection) = &*shared {
            return Ok(connection.clone());
        }
        let connection = self.dedicated(RESPONSE_TIMEOUT).await?;
        *shared = Some(connection.clone());
        Ok(connection)
    }

    /// A connection of one's own: for `WATCH` and for commands that block.
    pub(crate) async fn dedicated(
        &self,
        response_timeout: Duration,
    ) -> Result<MultiplexedConnection, QueueError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(response_timeout));
        self.0.route.open(&self.keys().list, &config).await
    }

    pub(crate) fn failed(&self, error: &RedisError) -> QueueError {
        self.0.route.failed(error)
    }

    pub(crate) fn busy(&self) -> QueueError {
        let address = self.address();
        QueueError::Busy { address }
    }

    /// Refuses a key that is to take a job but is no list: `kind` is what `TYPE` answered.
    pub(crate) fn takes_jobs(&self, key: &str, kind: &str) -> Result<(), QueueError> {
        if kind == "list" || kind == "none" {
            return Ok(());
        }
        let address = self.address();
        let cause = format!("{key} is a {kind} and not a list");
        Err(QueueError::Answer { address, cause })
    }
}

/// Tells apart what has the same name or was made in the same millisecond.
pub(crate) fn random_suffix() -> String {
    let mut bytes = [0; 4];
    // Without randomness names and times are still there to tell things apart.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_address_is_refused_without_repeating_it() {
        for url in ["", "nonsense", "http://:secret@host", "redis://:secret@"] {
            let error = Queue::lazy(url, &QueueName::demo())
                .expect_err(url)
                .to_string();
            assert!(error.contains("redis://[:PASSWORD@]HOST:PORT"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[tokio::test]
    async fn an_unreachable_server_is_named_without_its_password() {
        // A port that was free a moment ago and that nobody listens on.
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("bound");
        drop(free);
        let url = format!("redis://:secret@{address}");
        let error = Queue::connect(&url, &QueueName::demo())
            .await
            .expect_err("nobody there");
        assert!(matches!(error, QueueError::Unreachable { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(&address.to_string()) && !text.contains("secret"),
            "{text}"
        );
    }
}
