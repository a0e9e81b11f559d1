//! One connection: requests in, answers out, until it ends, is too slow, or the server stops.
//!
//! hyper reads the heads and refuses the malformed; what it lets pass and we do not is in [`refusal`]. Two clocks watch
//! the reading: one until the first request has arrived, since a peer that has said nothing yet deserves little
//! patience; hyper's own between and during later ones. The third watches the answer, whose handler reads the body.

use super::limits::Limits;
use super::patient::Patient;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use axum::http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// What all connections of a listener share.
pub(super) struct Conversations {
    http: http1::Builder,
    router: TowerToHyperService<Router>,
    limits: Limits,
    shutdown: CancellationToken,
}

impl Conversations {
    pub(super) fn new(router: Router, limits: Limits, shutdown: CancellationToken) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.idle)
            .max_header_size(limits.head_bytes)
            .max_headers(limits.header_lines)
            .max_buf_size(limits.buffer_bytes);
        Self {
            http,
            router: TowerToHyperService::new(router),
            limits,
            shutdown,
        }
    }

    /// Serves one connection to its end.
    pub(super) fn hold(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (limits, shutdown) = (self.limits, self.shutdown.clone());
        let router = self.router.clone();
        let arrived = Arc::new(Notify::new());
        let first = Arc::clone(&arrived);
        let service = service_fn(move |request| {
            arrived.notify_one();
            answer(router.clone(), peer, limits, request)
        });
        let socket = TokioIo::new(Patient::new(stream, &limits));
        // A handler may take the connection over, as the embedded API does to forward a port; it then counts it itself.
        let connection = self.http.serve_connection(socket, service).with_upgrades();
        async move {
            let mut connection = std::pin::pin!(connection);
            let silence = async {
                if timeout(limits.first_request, first.notified())
                    .await
                    .is_ok()
                {
                    std::future::pending::<()>().await;
                }
            };
            // However a connection ends, it is everyday life and nobody's error.
            tokio::select! {
                _ = connection.as_mut() => return,
                () = silence => return,
                () = shutdown.cancelled() => {}
            }
            connection.as_mut().graceful_shutdown();
            let _ = timeout(limits.farewell, connection).await;
        }
    }
}

async fn answer(
    router: TowerToHyperService<Router>,
    peer: SocketAddr,
    limits: Limits,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    if let Some(status) = refusal(&request, &limits) {
        return Ok(last_answer(status));
    }
    // A request with both a length and a transfer coding is how bytes are smuggled past a proxy that believes the
    // other of the two. hyper reads it by its coding and hides the length from us; so whatever has a coding (browsers
    // send none) is the last on its connection, and nothing behind it is read as a request.
    let is_last = request.headers().contains_key(TRANSFER_ENCODING);
    request.extensions_mut().insert(ConnectInfo(peer));
    let Ok(answered) = timeout(limits.answer, router.call(request)).await else {
        return Ok(last_answer(StatusCode::REQUEST_TIMEOUT));
    };
    answered.map(|mut response| {
        if is_last {
            close_after(&mut response);
        }
        response
    })
}

/// What is wrong with a request that hyper lets pass.
fn refusal<B>(request: &Request<B>, limits: &Limits) -> Option<StatusCode> {
    let target = request.uri();
    let length = target
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if length > limits.target_bytes {
        return Some(StatusCode::URI_TOO_LONG);
    }
    // Two hosts: one for whoever checks, the other for whoever acts (RFC 9112, 3.2).
    let hosts = request.headers().get_all(HOST).iter().count();
    (hosts > 1).then_some(StatusCode::BAD_REQUEST)
}

fn last_answer(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    close_after(&mut response);
    response
}

fn close_after(response: &mut Response<Body>) {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
}
