//! The Redis scaler: a connection kept open, and the length of one key.

use super::resp::{Connection, Reply, RespError, Stream};
use super::tls;
use crate::autoscale::keda::Redis;
use futures::future::BoxFuture;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a dial or a read may take (KEDA's `KEDA_HTTP_DEFAULT_TIMEOUT`): a Redis that hangs must not hold a poll.
const TIMEOUT: Duration = Duration::from_secs(3);

/// How to reach an address. A test dials into itself.
pub(in crate::embedded::controllers) type Dial =
    Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> + Send + Sync>;

/// Dials over TCP.
pub(super) fn tcp() -> Dial {
    Arc::new(|address| {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    })
}

/// A built scaler.
pub(super) struct Scaler {
    pub(super) redis: Redis,
    /// None once it was given up.
    connection: Option<Connection>,
}

impl Scaler {
    /// Connects to `address`, where `redis` leads, and sees that it answers.
    ///
    /// # Errors
    /// KEDA's message.
    pub(super) async fn build(redis: Redis, address: String, dial: &Dial) -> Result<Self, String> {
        let connected = within_time(connect(&redis, address, dial)).await;
        let connection =
            connected.map_err(|error| format!("connection to redis failed: {error}"))?;
        Ok(Self {
            redis,
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
        within_time(length(connection, &self.redis.list)).await
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

async fn connect(redis: &Redis, address: String, dial: &Dial) -> Result<Connection, String> {
    let stream = dial(address.clone())
        .await
        .map_err(|error| format!("dial tcp {address}: {error}"))?;
    let stream = match &redis.tls {
        Some(tls) => tls::wrap(stream, redis.host(), tls).await?,
        None => stream,
    };
    let mut connection = Connection::new(stream);
    handshake(&mut connection, redis)
        .await
        .map_err(|error| error.to_string())?;
    Ok(connection)
}

async fn handshake(connection: &mut Connection, redis: &Redis) -> Result<(), RespError> {
    match (&redis.username, &redis.password) {
        (Some(user), Some(password)) => drop(connection.ask(&["AUTH", user, password]).await?),
        (None, Some(password)) => drop(connection.ask(&["AUTH", password]).await?),
        (_, None) => {}
    }
    if redis.database != 0 {
        connection
            .ask(&["SELECT", &redis.database.to_string()])
            .await?;
    }
    connection.ask(&["PING"]).await?;
    Ok(())
}

async fn length(connection: &mut Connection, key: &str) -> Result<i64, String> {
    let kind = match connection
        .ask(&["TYPE", key])
        .await
        .map_err(|error| error.to_string())?
    {
        Reply::Text(kind) => kind,
        other => return Err(format!("unexpected reply {other:?} to TYPE")),
    };
    let command = match kind.as_str() {
        "list" | "none" => "LLEN",
        "zset" => "ZCARD",
        "set" => "SCARD",
        "hash" => "HLEN",
        other => return Err(format!("ERR unsupported key type: {other}")),
    };
    match connection
        .ask(&[command, key])
        .await
        .map_err(|error| error.to_string())?
    {
        Reply::Integer(length) => Ok(length.max(0)),
        other => Err(format!("unexpected reply {other:?} to {command}")),
    }
}
