//! (being written)

use crate::embedded::controllers::keda::ExternalMetrics;
use crate::embedded::logs::Logs;
use crate::embedded::store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves the Kubernetes API on `listener` until `shutdown`; every request must carry `token` as bearer token.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    store: Store,
    logs: Logs,
    metrics: ExternalMetrics,
    token: String,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let _ = (listener, store, logs, metrics, token);
    shutdown.cancelled().await;
    Ok(())
}
