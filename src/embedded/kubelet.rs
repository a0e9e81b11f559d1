//! (being written)

use crate::embedded::logs::Logs;
use crate::embedded::proxy::Proxy;
use crate::embedded::store::Store;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// Runs the cluster's one node: every pod assigned to it is a local process of `program` (the `podium` binary).
/// Returns when `shutdown` fires and every child process is gone.
pub async fn run(
    store: Store,
    logs: Logs,
    proxy: Proxy,
    program: PathBuf,
    shutdown: CancellationToken,
) {
    let _ = (store, logs, proxy, program);
    shutdown.cancelled().await;
}

/// The annotation in which the kubelet publishes the port a container really listens on: followed by the
/// `containerPort` it stands for, for example `podium.local/port.6379: "40123"`.
pub const PORT_ANNOTATION: &str = "podium.local/port.";
