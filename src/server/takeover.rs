//! A connection that its handler takes over: after a `101 Switching Protocols`, both ends speak something else on it.
//!
//! From then on it is outside the census; whoever takes connections over must limit how many.

use axum::http::Extensions;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// The promise of a connection, once the `101` is out.
pub struct Takeover(OnUpgrade);

impl Takeover {
    /// Of a request's extensions; `None` when the connection cannot change its protocol, or was taken already.
    #[must_use]
    pub fn of(extensions: &mut Extensions) -> Option<Self> {
        extensions.remove().map(Self)
    }

    /// The connection's bytes; `None` when the client left first.
    pub async fn stream(self) -> Option<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        self.0.await.ok().map(TokioIo::new)
    }
}
