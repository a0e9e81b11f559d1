//! What a cluster's probes ask.
//!
//! Alive: whoever gets an answer has it. Ready: there is a deck to show, which there is from the first request on (the
//! listener is handed over when everything is set up), and the server is not about to leave. Whether Kubernetes and
//! Redis can be reached is deliberately no part of either: an unready pod is taken out of its Service, and then a lost
//! API server would take the slides from the room, which need neither. The lights of the page tell of those.

use axum::extract::State;
use axum::http::StatusCode;
use tokio_util::sync::CancellationToken;

/// `/healthz`.
pub(super) async fn alive() -> &'static str {
    "ok"
}

/// `/readyz`: `503` once the server was told to stop, so that nobody new is sent to it.
pub(super) async fn ready(
    State(shutdown): State<CancellationToken>,
) -> Result<&'static str, (StatusCode, &'static str)> {
    if shutdown.is_cancelled() {
        return Err((StatusCode::SERVICE_UNAVAILABLE, "stopping"));
    }
    Ok("ok")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_was_told_to_stop_is_alive_and_not_ready() {
        let shutdown = CancellationToken::new();
        assert_eq!(ready(State(shutdown.clone())).await, Ok("ok"));
        shutdown.cancel();
        let refused = ready(State(shutdown)).await.unwrap_err();
        assert_eq!(refused.0, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(alive().await, "ok");
    }
}
