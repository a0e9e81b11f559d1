//! (being written)

use crate::embedded::store::Store;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The external metrics of all ScaledObjects, read live from their scalers.
#[derive(Clone)]
pub struct ExternalMetrics {
    store: Store,
}

impl ExternalMetrics {
    /// The metrics of the ScaledObjects in `store`.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// The value of `metric` of ScaledObject `scaled_object`, in thousandths.
    ///
    /// # Errors
    /// The message of the API's 500 answer (semantics C4).
    pub async fn value(
        &self,
        namespace: &str,
        metric: &str,
        scaled_object: &str,
    ) -> Result<i64, String> {
        let _ = (&self.store, namespace, scaled_object);
        Err(format!(
            "rpc error: code = Unknown desc = error when getting metric values no matching metrics found for {metric}"
        ))
    }
}

/// Runs the KEDA operator until `shutdown`; `next_poll` tells when (ms since the epoch) each ScaledObject
/// (`namespace/name`) will be polled next.
pub async fn run(
    store: Store,
    metrics: ExternalMetrics,
    next_poll: watch::Sender<std::collections::BTreeMap<String, i64>>,
    shutdown: CancellationToken,
) {
    let _ = (store, metrics, next_poll);
    shutdown.cancelled().await;
}
