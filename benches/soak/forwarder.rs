//! The way to the server, which can be cut: every connection through it breaks at the same moment, wherever it stood, and
//! new ones are let in at once.

use anyhow::Result;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A forwarder; it stops when dropped.
pub(crate) struct Forwarder {
    address: SocketAddr,
    // Cancelled by a cut, and replaced by the token of the connections that come after it.
    cut: Arc<Mutex<CancellationToken>>,
    _stop: DropGuard,
}

impl Forwarder {
    /// Forwards to `server`.
    pub(crate) async fn to(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let cut = Arc::new(Mutex::new(stop.child_token()));
        let (stopped, token) = (stop.clone(), Arc::clone(&cut));
        tokio::spawn(async move {
            while let Some(accepted) = stopped.run_until_cancelled(listener.accept()).await {
                if let Ok((client, _)) = accepted {
                    let token = token.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    tokio::spawn(token.run_until_cancelled_owned(forward(client, server)));
                }
            }
        });
        Ok(Self {
            address,
            cut,
            _stop: stop.drop_guard(),
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub(crate) fn cut(&self) {
        let mut token = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        token.cancel();
        *token = CancellationToken::new();
    }
}

/// A server that is away closes the client, as it would without us.
async fn forward(mut client: TcpStream, server: SocketAddr) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    // Small requests that are awaited: neither side may sit out Nagle's algorithm.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
