//! Asking a node of a Redis Cluster who has the queue.

use super::is_unknown_command;
use crate::queue::error::{QueueError, is_refused_password, refusals};
use redis::aio::MultiplexedConnection;
use redis::{RedisError, Value};

/// What to do about a cluster that does not serve.
pub(super) const REMEDY: &str = "see `redis-cli CLUSTER INFO` and `redis-cli --cluster check`; it serves again when every slot has a master that answers";

/// What a node says of its cluster.
pub(super) struct Found {
    /// `host:port` of the master of the slot.
    pub(super) owner: String,
    /// `host:port` of all nodes, replicas included.
    pub(super) nodes: Vec<String>,
}

/// Who has the key `list`, and who else there is.
///
/// # Errors
/// When the node does not answer, nobody has the slot, or there is no cluster.
pub(super) async fn ask(
    mut connection: MultiplexedConnection,
    node: &str,
    list: &str,
) -> Result<Found, QueueError> {
    let mut ask = redis::pipe();
    ask.cmd("CLUSTER").arg("KEYSLOT").arg(list);
    ask.cmd("CLUSTER").arg("SLOTS");
    let (slot, ranges): (i64, Vec<Vec<Value>>) = ask
        .query_async(&mut connection)
        .await
        .map_err(|error| refused(node, &error))?;
    let host = node.rsplit_once(':').map_or(node, |(host, _)| host);
    let (mut owner, mut nodes) = (None, Vec::new());
    for range in &ranges {
        let [Value::Int(first), Value::Int(last), serving @ ..] = range.as_slice() else {
            continue;
        };
        let serving: Vec<String> = serving
            .iter()
            .filter_map(|node| address(node, host))
            .collect();
        if (*first..=*last).contains(&slot) {
            owner = serving.first().cloned();
        }
        for node in serving {
            if !nodes.contains(&node) {
                nodes.push(node);
            }
        }
    }
    match owner {
        Some(owner) => Ok(Found { owner, nodes }),
        None => Err(QueueError::layout(
            format!(
                "no node of the Redis Cluster at {node} has slot {slot}, in which the queue lies"
            ),
            REMEDY,
        )),
    }
}

/// `host:port` of a node as `CLUSTER SLOTS` has it. A node that does not know its own name is where it was reached.
fn address(node: &Value, reached: &str) -> Option<String> {
    let Value::Array(node) = node else {
        return None;
    };
    let [host, Value::Int(port), ..] = node.as_slice() else {
        return None;
    };
    match host {
        Value::BulkString(host) if !host.is_empty() && host != b"?" => {
            Some(authority(&String::from_utf8_lossy(host), port))
        }
        _ => Some(format!("{reached}:{port}")),
    }
}

/// `host:port`, with brackets around an IPv6 address.
pub(super) fn authority(host: &str, port: impl std::fmt::Display) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

fn refused(node: &str, error: &RedisError) -> QueueError {
    let told = refusals(error);
    let disabled = told.iter().any(|refusal| {
        let text = refusal.details().unwrap_or_default();
        text.contains("cluster support disabled")
    });
    if disabled {
        let found = format!("Redis at {node} is no node of a cluster ({error})");
        return QueueError::layout(found, format!("use redis://{node}"));
    }
    if told.iter().any(is_unknown_command) {
        let found = format!("Redis at {node} knows of no cluster ({error})");
        let remedy =
            format!("use redis://{node}, or redis-sentinel://{node}/MASTER if it is a sentinel");
        return QueueError::layout(found, remedy);
    }
    if is_refused_password(error) {
        let (address, cause) = (node.to_owned(), error.to_string());
        return QueueError::Password { address, cause };
    }
    QueueError::connecting(node.to_owned(), error)
}
