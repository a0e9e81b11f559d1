//! (being written)

use tokio::net::TcpListener;

/// Serves Redis on `listener` until `shutdown` completes.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    password: Option<String>,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let _ = (listener, password);
    shutdown.await;
    Ok(())
}
