//! How a scaler comes to the node that has its list: by an address, by a sentinel's word, or by a cluster's.
//!
//! KEDA's client keeps a map of the cluster's slots. A scaler has one key: it asks any node and goes where that one
//! sends it.

use super::address::resolve;
use super::resp::{Connection, Reply, RespError, Stream};
use super::tls;
use crate::autoscale::keda::{Redis, Topology};
use crate::embedded::proxy::Proxy;
use futures::future::BoxFuture;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long one of several addresses may take: the others get their turn within the scaler's own time.
const TURN: Duration = Duration::from_secs(1);

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

/// What a scaler needs to connect, and to connect anew.
pub(super) struct Way {
    pub(super) dial: Dial,
    pub(super) proxy: Proxy,
    /// Of the ScaledObject: names without one mean Services in it.
    pub(super) namespace: String,
}

impl Way {
    /// A connection to where `redis` leads; of a cluster, to any node that answers.
    ///
    /// # Errors
    /// In the words of KEDA's client.
    pub(super) async fn lead(&self, redis: &Redis) -> Result<Connection, String> {
        match &redis.topology {
            Topology::Single => match redis.addresses.first() {
                Some(address) => self.open(redis, address).await,
                None => Err("no addresses or hosts given".to_owned()),
            },
            Topology::Cluster => {
                let mut trouble = "no addresses or hosts given".to_owned();
                for address in &redis.addresses {
                    match in_turn(self.open(redis, address)).await {
                        Ok(connection) => return Ok(connection),
                        Err(error) => trouble = error,
                    }
                }
                Err(trouble)
            }
            Topology::Sentinel {
                master,
                username,
                password,
            } => {
                let who = Credentials { username, password };
                let master = self.master(redis, master, who).await?;
                self.open(redis, &master).await
            }
        }
    }

    /// A connection to the node at `address`, which answers.
    ///
    /// # Errors
    /// In the words of KEDA's client.
    pub(super) async fn open(&self, redis: &Redis, address: &str) -> Result<Connection, String> {
        let mut connection = self.connect(redis, address).await?;
        let who = Credentials {
            username: &redis.username,
            password: &redis.password,
        };
        // A cluster has one database.
        let database = match redis.topology {
            Topology::Cluster => 0,
            Topology::Single | Topology::Sentinel { .. } => redis.database,
        };
        let greeted = handshake(&mut connection, who, database).await;
        greeted.map_err(|error| error.to_string())?;
        Ok(connection)
    }

    /// `host:port` of the master, from the first sentinel that knows it.
    async fn master(
        &self,
        redis: &Redis,
        name: &str,
        who: Credentials<'_>,
    ) -> Result<String, String> {
        let mut troubles = Vec::new();
        for sentinel in &redis.addresses {
            let asked = in_turn(async {
                let mut connection = self.connect(redis, sentinel).await?;
                ask_for_master(&mut connection, name, who)
                    .await
                    .map_err(|error| error.to_string())
            });
            match asked.await {
                Ok(Some(address)) => return Ok(address),
                Ok(None) => troubles.push(format!("{sentinel}: no master {name:?}")),
                Err(error) => troubles.push(format!("{sentinel}: {error}")),
            }
        }
        Err(format!(
            "redis: all sentinels specified in configuration are unreachable: {}",
            troubles.join("; ")
        ))
    }

    async fn connect(&self, redis: &Redis, address: &str) -> Result<Connection, String> {
        let dialled = resolve(&self.proxy, &self.namespace, address)?;
        let stream = (self.dial)(dialled.clone())
            .await
            .map_err(|error| format!("dial tcp {dialled}: {error}"))?;
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let stream = match &redis.tls {
            Some(tls) => tls::wrap(stream, host, tls).await?,
            None => stream,
        };
        Ok(Connection::new(stream))
    }
}

#[derive(Clone, Copy)]
struct Credentials<'a> {
    username: &'a Option<String>,
    password: &'a Option<String>,
}

async fn in_turn<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let limited = tokio::time::timeout(TURN, work).await;
    limited.unwrap_or_else(|_| Err("i/o timeout".to_owned()))
}

async fn authenticate(connection: &mut Connection, who: Credentials<'_>) -> Result<(), RespError> {
    match (who.username, who.password) {
        (Some(user), Some(password)) => drop(connection.ask(&["AUTH", user, password]).await?),
        (None, Some(password)) => drop(connection.ask(&["AUTH", password]).await?),
        (_, None) => {}
    }
    Ok(())
}

async fn handshake(
    connection: &mut Connection,
    who: Credentials<'_>,
    database: i64,
) -> Result<(), RespError> {
    authenticate(connection, who).await?;
    if database != 0 {
        connection.ask(&["SELECT", &database.to_string()]).await?;
    }
    connection.ask(&["PING"]).await?;
    Ok(())
}

async fn ask_for_master(
    connection: &mut Connection,
    name: &str,
    who: Credentials<'_>,
) -> Result<Option<String>, RespError> {
    authenticate(connection, who).await?;
    let ask = ["SENTINEL", "get-master-addr-by-name", name];
    match connection.ask(&ask).await? {
        Reply::Null => Ok(None),
        Reply::List(parts) => match parts.as_slice() {
            [Reply::Text(host), Reply::Text(port)] if host.contains(':') => {
                Ok(Some(format!("[{host}]:{port}")))
            }
            [Reply::Text(host), Reply::Text(port)] => Ok(Some(format!("{host}:{port}"))),
            other => Err(RespError::Unexpected(format!("{other:?}"))),
        },
        other => Err(RespError::Unexpected(format!("{other:?}"))),
    }
}

/// Where a cluster's node sends a question on: `MOVED 866 10.0.0.2:6379`.
pub(super) fn moved(error: &str) -> Option<&str> {
    let mut words = error.strip_prefix("MOVED ")?.split(' ');
    words.nth(1)
}
