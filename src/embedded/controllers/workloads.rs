//! (being written)

use crate::embedded::store::Store;
use tokio_util::sync::CancellationToken;

/// Runs the Deployment, ReplicaSet, Endpoints, namespace and garbage-collection controllers until `shutdown`.
pub async fn run(store: Store, shutdown: CancellationToken) {
    let _ = store;
    shutdown.cancelled().await;
}
