//! The Redis scaler: a connection kept open, and the length of one key.

use super::redis_way::{Way, moved};
use super::resp::{Connection, Reply, RespError};
use crate::autoscale::keda::{Redis, Topology};
use std::time::Duration;

/// How long a dial or a read may take (KEDA's `KEDA_HTTP_DEFAULT_TIMEOUT`): a Redis that hangs must not hold a poll.
const TIMEOUT: Duration = Duration::from_secs(3);

/// How often a cluster may send a question on, as in KEDA's client.
const REDIRECTIONS: u32 = 3;

/// A built scaler.
pub(super) struct Scaler {
    pub(super) redis: Redis,
    way: Way,
    /// None once it was given up.
    connection: Option<Connection>,
}

impl Scaler {
    /// Connects to where `redis` leads, and sees that it answers.
    ///
    /// # Errors
    /// KEDA's message.
    pub(super) async fn build(redis: Redis, way: Way) -> Result<Self, String> {
        let connected = within_time(way.lead(&redis)).await;
        let connection = connected.map_err(|error| {
            let what = match redis.topology {
                Topology::Single => "redis",
                Topology::Cluster => "redis cluster",
                Topology::Sentinel { .. } => "redis sentinel",
            };
            format!("connection to {what} failed: {error}")
        })?;
        Ok(Self {
            redis,
            way,
            connection: Some(connection),
        })
    }

    /// The length of the list; 0 when there is none.
    ///
    /// # Errors
    /// What Redis or the network said.
    pub(super) async fn length(&mut self) -> Result<i64, String> {
        let Some(connection) = &mut self.connection else {
            return Err("redis: client is closed".to_owned());
        };
        within_time(followed(connection, &self.redis, &self.way)).await
    }

    /// Closes the connection; every read fails from now on.
    pub(super) fn hang_up(&mut self) {
        self.connection = None;
    }
}

async fn within_time<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let limited = tokio::time::timeout(TIMEOUT, work).await;
    limited.unwrap_or_else(|_| Err("i/o timeout".to_owned()))
}

/// The length, from the node of the cluster that has the list: the connection then leads there.
async fn followed(connection: &mut Connection, redis: &Redis, way: &Way) -> Result<i64, String> {
    let mut redirections = 0;
    loop {
        let error = match length(connection, &redis.list).await {
            Ok(length) => return Ok(length),
            Err(error) => error.to_string(),
        };
        let next = moved(&error).filter(|_| redis.topology == Topology::Cluster);
        let Some(next) = next.filter(|_| redirections < REDIRECTIONS) else {
            return Err(error);
        };
        *connection = way.open(redis, next).await?;
        redirections += 1;
    }
}

async fn length(connection: &mut Connection, key: &str) -> Result<i64, RespError> {
    let unexpected = |reply, command| RespError::Unexpected(format!("{reply:?} to {command}"));
    let kind = match connection.ask(&["TYPE", key]).await? {
        Reply::Text(kind) => kind,
        other => return Err(unexpected(other, "TYPE")),
    };
    let command = match kind.as_str() {
        "list" | "none" => "LLEN",
        "zset" => "ZCARD",
        "set" => "SCARD",
        "hash" => "HLEN",
        other => {
            let refusal = format!("ERR unsupported key type: {other}");
            return Err(RespError::Refused(refusal));
        }
    };
    match connection.ask(&[command, key]).await? {
        Reply::Integer(length) => Ok(length.max(0)),
        other => Err(unexpected(other, command)),
    }
}
