//! Asking a sentinel for the master.

use super::is_unknown_command;
use crate::queue::error::{QueueError, is_refused_password, refusals};
use redis::aio::MultiplexedConnection;
use redis::{RedisError, Value};
use std::collections::HashMap;

/// `host:port` of the master called `master`.
///
/// # Errors
/// When the sentinel does not answer, knows no such master, or is none.
pub(super) async fn ask(
    mut connection: MultiplexedConnection,
    sentinel: &str,
    master: &str,
) -> Result<String, QueueError> {
    let mut ask = redis::cmd("SENTINEL");
    ask.arg("GET-MASTER-ADDR-BY-NAME").arg(master);
    let address: Option<(String, String)> = ask
        .query_async(&mut connection)
        .await
        .map_err(|error| refused(sentinel, &error))?;
    match address {
        Some((host, port)) => Ok(super::cluster::authority(&host, &port)),
        None => Err(unknown(&mut connection, sentinel, master).await),
    }
}

/// Says which names the sentinel does know.
async fn unknown(
    connection: &mut MultiplexedConnection,
    sentinel: &str,
    master: &str,
) -> QueueError {
    let mut ask = redis::cmd("SENTINEL");
    ask.arg("MASTERS");
    let masters: Result<Vec<HashMap<String, String>>, _> = ask.query_async(connection).await;
    let mut names: Vec<String> = masters
        .unwrap_or_default()
        .into_iter()
        .filter_map(|mut master| master.remove("name"))
        .collect();
    names.sort();
    let found = format!("the sentinel at {sentinel} knows no master {master:?}");
    match names.first() {
        Some(first) => QueueError::layout(
            found,
            format!(
                "it knows {}; write one as the path of the address, as in redis-sentinel://{sentinel}/{first}",
                names.join(", ")
            ),
        ),
        None => QueueError::layout(
            found,
            "it watches none; give it one with SENTINEL MONITOR, or ask others",
        ),
    }
}

/// What an error means that came from the sentinel, or on the way to it.
pub(super) fn refused(sentinel: &str, error: &RedisError) -> QueueError {
    if is_refused_password(error) {
        let found = format!("the sentinel at {sentinel} refused the password ({error})");
        let remedy = "what is before the @ is for the master; give the sentinels' own, or none, as ?sentinelPassword=, and their user as sentinelUsername=";
        return QueueError::layout(found, remedy);
    }
    if refusals(error).iter().any(is_unknown_command) {
        let found = format!("Redis at {sentinel} is no sentinel ({error})");
        let remedy = format!(
            "use redis://{sentinel} if it is the only one, or the sentinels' addresses, usually at port 26379"
        );
        return QueueError::layout(found, remedy);
    }
    // A connection that breaks before the answer is as good as none: there are other sentinels.
    QueueError::connecting(sentinel.to_owned(), error)
}

/// Whether the node is a master. One that will not say is believed: its first refusal tells.
pub(super) async fn is_master(connection: &mut MultiplexedConnection) -> bool {
    let role: Result<Value, _> = redis::cmd("ROLE").query_async(connection).await;
    match role {
        Ok(Value::Array(role)) => match role.first() {
            Some(Value::BulkString(role)) => role == b"master",
            _ => true,
        },
        _ => true,
    }
}
