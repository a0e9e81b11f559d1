//! (being written)

use crate::embedded::store::Store;
use std::net::SocketAddr;
use tokio_util::sync::CancellationToken;

/// What kube-proxy is to a node: for each Service port, a stable loopback address that forwards to a ready endpoint.
#[derive(Clone)]
pub struct Proxy {
    store: Store,
}

impl Proxy {
    /// A proxy for the Services in `store`.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// The stable local address behind `port` of Service `name`, or `None` when there is no such Service.
    #[must_use]
    pub fn address(&self, namespace: &str, name: &str, port: u16) -> Option<SocketAddr> {
        let _ = (&self.store, namespace, name, port);
        None
    }

    /// Keeps listeners in step with Services and forwards connections until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        shutdown.cancelled().await;
    }
}
