//! A Kubernetes cluster with KEDA, and a Redis, in a box.
//!
//! [`start`] puts the pieces together: the store, the API in front of it, the controllers that watch it, the one node
//! whose pods are local processes, and the proxy that gives Services an address. What comes out is a kubeconfig: from
//! there on this cluster is used like any other, by our own client and by `kubectl`.
//!
//! ```text
//! kubectl, kube ─▶ api ─▶ store ◀─▶ controllers (workloads, keda, hpa)
//!                           ▲            │ external metric
//!                           │            ▼
//!                        kubelet ──▶ processes: broker, workers ◀── proxy (Services)
//! ```

pub mod api;
pub mod broker;
pub mod controllers;
pub mod events;
pub mod kubelet;
pub mod logs;
pub mod proxy;
pub mod store;
pub mod usage;

use crate::clock::Clock;
use controllers::keda::ExternalMetrics;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use store::Store;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A running embedded cluster.
pub struct Embedded {
    /// Where its API listens.
    pub address: SocketAddr,
    /// The token that every request must carry.
    token: String,
    /// When each HPA is synced next, by `namespace/name`; ms since the epoch.
    pub next_syncs: watch::Receiver<BTreeMap<String, i64>>,
    /// When each ScaledObject is polled next.
    pub next_polls: watch::Receiver<BTreeMap<String, i64>>,
    tasks: JoinSet<()>,
}

/// Starts a cluster whose pods are processes of `program` (the `podium` binary). It stops when `shutdown` fires.
///
/// # Errors
/// When no loopback port can be bound.
pub async fn start(
    program: PathBuf,
    token: String,
    clock: Clock,
    shutdown: CancellationToken,
) -> std::io::Result<Embedded> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let store = Store::new(clock);
    let logs = logs::Logs::default();
    let usage = usage::Usage::default();
    let proxy = proxy::Proxy::new(store.clone());
    let metrics = ExternalMetrics::new(store.clone(), proxy.clone());
    let (sync_sender, next_syncs) = watch::channel(BTreeMap::new());
    let (poll_sender, next_polls) = watch::channel(BTreeMap::new());
    let mut tasks = JoinSet::new();
    let api = api::serve(
        listener,
        store.clone(),
        logs.clone(),
        usage.clone(),
        metrics.clone(),
        token.clone(),
        shutdown.clone(),
    );
    tasks.spawn(async move {
        if let Err(error) = api.await {
            tracing::error!(%error, "the embedded API server stopped");
        }
    });
    let manager = api::attributed(&store, "kube-controller-manager");
    tasks.spawn(controllers::workloads::run(
        manager.clone(),
        shutdown.clone(),
    ));
    tasks.spawn(controllers::keda::run(
        api::attributed(&store, "keda"),
        metrics.clone(),
        poll_sender,
        shutdown.clone(),
    ));
    tasks.spawn(controllers::hpa::run(
        manager,
        metrics,
        sync_sender,
        shutdown.clone(),
    ));
    tasks.spawn(proxy.clone().run(shutdown.clone()));
    tasks.spawn(usage.clone().run(store.clock().clone(), shutdown.clone()));
    let store = api::attributed(&store, "kubelet");
    tasks.spawn(kubelet::run(store, logs, usage, proxy, program, shutdown));
    Ok(Embedded {
        address,
        token,
        next_syncs,
        next_polls,
        tasks,
    })
}

impl Embedded {
    /// A kubeconfig for it, as YAML.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        api::kubeconfig(self.address, &self.token)
    }

    /// Waits until everything has stopped after shutdown, the pods' processes above all.
    pub async fn stopped(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}
