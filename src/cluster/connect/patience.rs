//! When a request is asked again: while the API server asks for patience, and once with a newer token.
//!
//! The library's own rule waits fifteen times, up to a quarter of an hour in the end. A speaker waits for a button, so
//! here the waiting has a limit, shorter than that of a whole request (`stage::demo`): then the refusal itself is the
//! answer, and says what is the matter.

use super::credentials::Credentials;
use axum::http::{Request, Response, StatusCode, header};
use kube::client::Body;
use std::time::Duration;
use tokio::time::{Sleep, sleep};
use tower::BoxError;
use tower::retry::Policy;

/// How long a request may wait in all, from its first answer on.
const IN_ALL: Duration = Duration::from_secs(7);
/// The first pause where the API server does not name one; each is twice the one before it.
const FIRST: Duration = Duration::from_millis(50);
/// The longest pause that we choose ourselves.
const LONGEST: Duration = Duration::from_secs(2);

/// What is left of one request's patience.
#[derive(Clone)]
pub(super) struct Patience {
    left: Duration,
    next: Duration,
    renewed: bool,
    credentials: Option<Credentials>,
}

impl Patience {
    /// For changes: a busy API server is asked again.
    pub(super) fn patient(credentials: Option<Credentials>) -> Self {
        Self {
            left: IN_ALL,
            next: FIRST,
            renewed: false,
            credentials,
        }
    }

    /// For what the room sees: that the API server is busy must show at once.
    pub(super) fn none(credentials: Option<Credentials>) -> Self {
        Self {
            left: Duration::ZERO,
            ..Self::patient(credentials)
        }
    }

    /// The token to send, if requests carry one that may be renewed.
    pub(super) fn credentials(&self) -> Option<Credentials> {
        self.credentials.clone()
    }

    fn renew(&mut self) -> Option<Sleep> {
        let refused = self.credentials.as_ref()?.refused();
        if !refused || self.renewed {
            return None;
        }
        self.renewed = true;
        Some(sleep(Duration::ZERO))
    }

    fn wait(&mut self, asked: Option<Duration>) -> Option<Sleep> {
        let pause = asked.unwrap_or_default().max(self.next);
        self.left = self.left.checked_sub(pause)?;
        self.next = (self.next * 2).min(LONGEST);
        Some(sleep(pause))
    }
}

impl<T> Policy<Request<Body>, Response<T>, BoxError> for Patience {
    type Future = Sleep;

    fn retry(
        &mut self,
        _: &mut Request<Body>,
        result: &mut Result<Response<T>, BoxError>,
    ) -> Option<Sleep> {
        let answer = result.as_ref().ok()?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            return self.renew();
        }
        if let Some(credentials) = &self.credentials {
            credentials.accepted();
        }
        match answer.status() {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                let asked = answer.headers().get(header::RETRY_AFTER);
                let asked = asked.and_then(|value| value.to_str().ok()?.parse().ok());
                self.wait(asked.map(Duration::from_secs))
            }
            _ => None,
        }
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        let mut copy = Request::new(request.body().try_clone()?);
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.version_mut() = request.version();
        *copy.headers_mut() = request.headers().clone();
        *copy.extensions_mut() = request.extensions().clone();
        Some(copy)
    }
}
