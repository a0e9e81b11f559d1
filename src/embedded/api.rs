//! The Kubernetes API over HTTP, over [`Store`]: enough of it, and exactly enough like it, that the `kube` client and an
//! unmodified `kubectl` cannot tell.
//!
//! A request passes these stations, led by `dispatch` once it is known who sent it:
//!
//! 1. who calls (`access`, `identity`) and whether they may (`attributes`, `authorization`, `rbac`), then the paths that are no objects:
//!    health, version, discovery, OpenAPI (`discovery`, `openapi`), reviews (`review`), external metrics,
//!    what pods and the node use (`resource_metrics`);
//! 2. the path, read against the table of kinds into a target (`kind`, `request`), and the body (`body`);
//! 3. reading (`read`, `watch`, `log`, `port_forward`, Tables in `table` and `columns`) or writing (`write`, with `decode`, `strict`,
//!    `defaults` and `admission` on the way, and `strategic` or `apply` for patches; `delete`; `scale`),
//!    signed by who writes (`ownership`);
//! 4. an answer, or an error as a `Status` object (`error`).
//!
//! There is no TLS: the listener is meant for loopback, and the token keeps other users of the machine out. The cluster's
//! own token is its administrator's; `kubectl create token` gives out others, which may do what RBAC's objects say.

mod access;
mod admission;
mod age;
mod apply;
mod attributes;
mod authorization;
mod body;
mod columns;
mod compare;
mod convert;
mod decode;
pub mod defaults;
mod delete;
mod discovery;
mod dispatch;
mod error;
mod external_metrics;
mod field_set;
mod identity;
mod kind;
mod last_applied;
mod log;
mod managers;
mod mismatch;
mod openapi;
mod operations;
mod ownership;
mod patch;
mod port_forward;
mod protobuf;
mod quantity;
mod rbac;
mod read;
mod request;
mod resource_metrics;
mod review;
mod scale;
mod scaled_object;
mod schema;
mod seed;
mod selector;
mod strategic;
mod strict;
mod table;
mod token_request;
mod watch;
mod write;

pub use access::kubeconfig;
pub use ownership::attributed;

use crate::embedded::controllers::keda::ExternalMetrics;
use crate::embedded::logs::Logs;
use crate::embedded::store::Store;
use crate::embedded::usage::Usage;
use crate::server::{self, Limits, Takeover};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query as QueryString, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use error::ApiError;
use identity::{Identities, User};
use request::Query;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// What every request needs. Cheap to clone.
#[derive(Clone)]
struct Api {
    store: Store,
    logs: Logs,
    usage: Usage,
    metrics: ExternalMetrics,
    identities: Identities,
    shutdown: CancellationToken,
    /// Places for port-forwards.
    forwards: Arc<Semaphore>,
}

/// A request after its body was read.
struct Call {
    method: Method,
    path: String,
    query: Query,
    headers: HeaderMap,
    body: Bytes,
    /// The connection itself, for a request that wants another protocol on it.
    takeover: Option<Takeover>,
    /// Who calls, or whom they speak for.
    user: User,
}

/// Serves the Kubernetes API on `listener` until `shutdown`; every request must carry `token`, as
/// [`kubeconfig`] has it. Before
/// the first request it creates in `store` what a fresh cluster has: namespaces, KEDA's CRD.
///
/// # Errors
/// When the listener is open to more than this machine: the token travels in the clear.
pub async fn serve(
    listener: TcpListener,
    store: Store,
    logs: Logs,
    usage: Usage,
    metrics: ExternalMetrics,
    token: String,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    require_loopback(&listener)?;
    let app = router(store, logs, usage, metrics, token, shutdown.clone());
    server::serve(listener, app, Limits::for_programs(), shutdown).await;
    Ok(())
}

fn require_loopback(listener: &TcpListener) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    if address.ip().is_loopback() {
        return Ok(());
    }
    Err(std::io::Error::other(format!(
        "the embedded API would listen on {address}, for all to hear its token; give it a loopback address"
    )))
}

/// What [`serve`] puts behind the listener: every request in, every answer out, no socket needed.
pub fn router(
    store: Store,
    logs: Logs,
    usage: Usage,
    metrics: ExternalMetrics,
    token: String,
    shutdown: CancellationToken,
) -> Router {
    seed::seed(&store);
    let api = Api {
        store,
        logs,
        usage,
        metrics,
        identities: Identities::new(token),
        shutdown,
        forwards: Arc::new(Semaphore::new(port_forward::FORWARDS)),
    };
    Router::new().fallback(handle).with_state(api)
}

async fn handle(
    State(api): State<Api>,
    QueryString(query): QueryString<HashMap<String, String>>,
    request: axum::http::Request<Body>,
) -> Response {
    let (mut parts, body) = request.into_parts();
    if let Some(response) = open_to_all(parts.uri.path()) {
        return response;
    }
    let token = access::token(&parts.headers);
    let Some(user) = token.and_then(|token| api.identities.holder(&api.store, &token)) else {
        return turned_away();
    };
    let body = match body::read(body).await {
        Ok(body) => body,
        Err(error) => return error.into_response(),
    };
    let user = match identity::acting(&api.store, user, &parts.headers) {
        Ok(user) => user,
        Err(error) => return error.into_response(),
    };
    let call = Call {
        user,
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: Query::new(query, &parts.headers),
        headers: parts.headers,
        body,
        takeover: Takeover::of(&mut parts.extensions),
    };
    api.answer(call)
        .await
        .unwrap_or_else(ApiError::into_response)
}

/// A refusal that ends the connection: whoever has no token has no reason to keep one.
fn turned_away() -> Response {
    let close = HeaderValue::from_static("close");
    ([(CONNECTION, close)], ApiError::Unauthorized).into_response()
}

/// Probes and the version need no token.
fn open_to_all(path: &str) -> Option<Response> {
    match path {
        "/healthz" | "/livez" | "/readyz" => Some("ok".into_response()),
        "/version" => Some(axum::Json(discovery::version()).into_response()),
        _ => None,
    }
}
