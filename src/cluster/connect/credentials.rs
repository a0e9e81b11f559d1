//! The token that a program brought, on each request, and a newer one when it has expired or is refused: a talk is longer
//! than many tokens live. All clients of a cluster share it, so the program is asked once for all of them.

use super::error::ConnectError;
use super::plugin::{Brought, Plugin};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderValue, Request};
use futures::future::BoxFuture;
use kube::client::Body;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Mutex;
use tower::BoxError;
use tower::filter::AsyncPredicate;

/// So long before its end a token is replaced: a request takes a while to arrive.
const MARGIN_MS: i64 = 10_000;
/// How often a token that never worked is replaced: not at each request, for the program may open a browser.
const AGAIN_MS: i64 = 30_000;

/// A token and where the next one comes from.
#[derive(Clone)]
pub(super) struct Credentials(Arc<Shared>);

struct Shared {
    plugin: Plugin,
    held: Mutex<Held>,
    /// Whether the token has been accepted yet.
    worked: AtomicBool,
    /// Whether it has been refused.
    refused: AtomicBool,
}

struct Held {
    header: HeaderValue,
    expires: Option<i64>,
    brought: i64,
}

impl Credentials {
    /// The token that `plugin` has brought; `None` when it brought another kind of credentials.
    ///
    /// # Errors
    /// [`ConnectError::Credentials`] when it cannot stand in a header.
    pub(super) fn new(plugin: Plugin, brought: &Brought) -> Result<Option<Self>, ConnectError> {
        let now = plugin.clock().now_ms();
        let Some(held) = Held::of(brought, now)? else {
            return Ok(None);
        };
        Ok(Some(Self(Arc::new(Shared {
            plugin,
            held: Mutex::new(held),
            worked: AtomicBool::new(false),
            refused: AtomicBool::new(false),
        }))))
    }

    /// The API server took the token.
    pub(super) fn accepted(&self) {
        self.0.worked.store(true, Ordering::Relaxed);
    }

    /// The API server refused the token; true when another one may be had at once.
    pub(super) fn refused(&self) -> bool {
        self.0.refused.store(true, Ordering::Relaxed);
        self.0.worked.load(Ordering::Relaxed)
    }

    async fn header(&self) -> Result<HeaderValue, ConnectError> {
        let shared = &self.0;
        // Held while the program runs: whoever else needs a token waits for the same one.
        let mut held = shared.held.lock().await;
        let now = shared.plugin.clock().now_ms();
        let refused = shared.refused.load(Ordering::Relaxed)
            && (shared.worked.load(Ordering::Relaxed) || now - held.brought > AGAIN_MS);
        let expired = held.expires.is_some_and(|end| now + MARGIN_MS >= end);
        if refused || expired {
            let brought = shared.plugin.run().await?;
            if let Some(newer) = Held::of(&brought, now)? {
                *held = newer;
            }
            shared.worked.store(false, Ordering::Relaxed);
            shared.refused.store(false, Ordering::Relaxed);
        }
        Ok(held.header.clone())
    }
}

impl Held {
    fn of(brought: &Brought, now: i64) -> Result<Option<Self>, ConnectError> {
        let Some(token) = &brought.token else {
            return Ok(None);
        };
        let mut header = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
            ConnectError::Credentials {
                reason: "the token has characters that no header takes".to_owned(),
            }
        })?;
        header.set_sensitive(true);
        Ok(Some(Self {
            header,
            expires: brought.expires,
            brought: now,
        }))
    }
}

impl AsyncPredicate<Request<Body>> for Credentials {
    type Future = BoxFuture<'static, Result<Request<Body>, BoxError>>;
    type Request = Request<Body>;

    fn check(&mut self, mut request: Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let header = this.header().await?;
            request.headers_mut().insert(AUTHORIZATION, header);
            Ok(request)
        })
    }
}
