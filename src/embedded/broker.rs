//! A Redis in a box: enough of the protocol and of the commands for the `redis` crate and for `redis-cli`, so that
//! the demo on a laptop runs the code that runs against a real Redis. There are no scripts (`EVAL`) in it: a real KEDA
//! needs a real Redis.
//!
//! 1. [`serve`] accepts connections on a listener that is already bound;
//! 2. `connection` reads and writes one socket, through `request` and `reply`, the two halves of RESP;
//! 3. `session` knows what the client selected, queued and watches, and finds the command;
//! 4. `command` has the commands, by type of value, as functions of a keyspace;
//! 5. `keyspace` has the data, `blocking` those who wait for it, `shared` the one lock around both.
//!
//! In memory, like the demo's Redis: when the process ends, the queue is empty.

mod blocking;
mod command;
mod connection;
mod keyspace;
mod limits;
mod number;
mod reply;
mod request;
mod server_info;
mod session;
mod shared;
mod value;

use crate::clock::Clock;
use bytes::{Bytes, BytesMut};
use connection::Connection;
use session::Session;
use shared::{Client, Shared};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Serves Redis on `listener` until `shutdown` completes or a client sends `SHUTDOWN`. Connections still open are
/// dropped then.
///
/// # Errors
/// When the listener has no local address.
pub async fn serve(
    listener: TcpListener,
    password: Option<String>,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<()> {
    serve_with_clock(listener, password, Clock::wall(), shutdown).await
}

/// As [`serve`], with expiry times that follow `clock`.
///
/// # Errors
/// When the listener has no local address.
pub async fn serve_with_clock(
    listener: TcpListener,
    password: Option<String>,
    clock: Clock,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let port = listener.local_addr()?.port();
    let shared = Arc::new(Shared::new(password, clock, port));
    // Dropping the set at the end stops every connection, blocked or not.
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            () = shared.stop.cancelled() => return Ok(()),
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) if connections.len() < limits::CLIENTS => {
                    connections.spawn(welcome(stream, peer, &shared).serve());
                }
                Ok((stream, _)) => turn_away(stream).await,
                Err(error) => {
                    // Out of file descriptors, mostly: give the open connections time to end.
                    tracing::warn!(%error, "the broker could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
}

/// Every whole request at the front of `wire`, as an authenticated client's would be read: the reading half of RESP
/// on its own, for whoever wants to try bytes on it without a socket.
///
/// # Errors
/// The text after `ERR Protocol error: ` when the bytes are no requests.
pub fn requests(wire: &[u8]) -> Result<Vec<Vec<Bytes>>, String> {
    let mut buffer = BytesMut::from(wire);
    let mut requests = Vec::new();
    while let Some(request) = request::next_request(&mut buffer, limits::Limits::FULL)
        .map_err(|error| error.to_string())?
    {
        requests.push(request);
    }
    Ok(requests)
}

fn welcome(stream: TcpStream, peer: SocketAddr, shared: &Arc<Shared>) -> Connection {
    // Replies are small and awaited; without this they would sit out Nagle's algorithm.
    let _ = stream.set_nodelay(true);
    let mut state = shared.lock();
    state.connections += 1;
    let id = state.connections;
    let now_ms = state.keyspaces.now_ms();
    state.clients.insert(
        id,
        Client {
            address: peer.to_string(),
            name: String::new(),
            connected_ms: now_ms,
            last_command: "",
            last_command_ms: now_ms,
        },
    );
    drop(state);
    Connection::new(stream, Session::new(id, Arc::clone(shared)))
}

async fn turn_away(mut stream: TcpStream) {
    // Best effort: the peer may be gone already, and the socket buffer takes one line without waiting.
    let _ = stream
        .write_all(b"-ERR max number of clients reached\r\n")
        .await;
}
