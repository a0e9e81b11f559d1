//! (being written)

use crate::embedded::controllers::keda::ExternalMetrics;
use crate::embedded::store::Store;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Runs the HPA controller until `shutdown`; `next_sync` tells when (ms since the epoch) each HPA (`namespace/name`)
/// will be reconciled next.
pub async fn run(
    store: Store,
    metrics: ExternalMetrics,
    next_sync: watch::Sender<std::collections::BTreeMap<String, i64>>,
    shutdown: CancellationToken,
) {
    let _ = (store, metrics, next_sync);
    shutdown.cancelled().await;
}
