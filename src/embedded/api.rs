//! The Kubernetes API over HTTP, over [`Store`]: enough of it, and exactly enough like it, that the `kube` client and an
//! unmodified `kubectl` cannot tell.
//!
//! A request passes these stations:
//!
//! 1. who calls (`access`, `identity`) and whether they may (`attributes`, `authorization`, `rbac`), then the paths that are no objects:
//!    health, version, discovery, OpenAPI (`discovery`, `openapi`), reviews (`review`), external metrics,
//!    what pods and the node use (`resource_metrics`);
//! 2. the path, read against the table of kinds into a target (`kind`, `request`);
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
mod columns;
mod compare;
mod convert;
mod decode;
pub mod defaults;
mod delete;
mod discovery;
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
use attributes::Attributes;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query as QueryString, State};
use axum::http::header::{CONNECTION, WARNING};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use error::ApiError;
use futures::StreamExt;
use identity::{Identities, User};
use request::{Form, Query, Target};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use write::Written;

/// The largest body, as the API server's limit (`MaxRequestBodyBytes`).
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// How much of a body that is too large is read before the connection is given up.
const DRAINED: usize = 32 * 1024 * 1024;

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
    let body = match read_body(body).await {
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

/// The body, if it is within the limit. One that is not is still read to its end, or for [`DRAINED`] bytes: a
/// connection that is closed on what the client is sending takes the answer away with it.
async fn read_body(body: Body) -> Result<Bytes, ApiError> {
    let mut chunks = body.into_data_stream();
    let (mut read, mut length) = (BytesMut::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| ApiError::BadRequest(error.to_string()))?;
        length += chunk.len();
        if length <= BODY_LIMIT {
            read.extend_from_slice(&chunk);
        } else if length > DRAINED {
            break;
        }
    }
    if length > BODY_LIMIT {
        return Err(ApiError::TooLarge(BODY_LIMIT));
    }
    Ok(read.freeze())
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

impl Api {
    async fn answer(&self, mut call: Call) -> Result<Response, ApiError> {
        let path = percent_decoded(&call.path)?;
        let segments: Vec<&str> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        let asked = Attributes::of(&call.method, &path, &segments, &call.query);
        self.authorize(&call.user, &asked)?;
        self.authorize_connection(&call.user, &asked)?;
        let json = |value: Value| Ok(axum::Json(value).into_response());
        match segments.as_slice() {
            ["api"] => Ok(discovery::root(true, &call.headers)),
            ["apis"] => Ok(discovery::root(false, &call.headers)),
            ["api", "v1"] => json(discovery::resources("", "v1")?),
            ["apis", group] => json(discovery::group(group)?),
            ["apis", group, version] => json(discovery::resources(group, version)?),
            ["openapi", "v2"] => Ok(openapi::v2()),
            ["openapi", "v3"] => json(openapi::index()),
            ["openapi", "v3", path @ ..] => json(openapi::document(&path.join("/"))?),
            [
                "apis",
                external_metrics::GROUP,
                external_metrics::VERSION,
                "namespaces",
                namespace,
                metric,
            ] => {
                let selector = call.query.text("labelSelector");
                let now = self.store.timestamp();
                json(
                    external_metrics::value(&self.metrics, namespace, metric, selector, now)
                        .await?,
                )
            }
            [
                "apis",
                resource_metrics::GROUP,
                resource_metrics::VERSION,
                path @ ..,
            ] if call.method == Method::GET => json(resource_metrics::answer(
                &self.store,
                &self.usage,
                path,
                &call.query,
            )?),
            [
                "apis",
                group @ ("authorization.k8s.io" | "authentication.k8s.io"),
                "v1",
                plural,
            ] if call.method == Method::POST => {
                let body = body_of(&call, "Review")?;
                let review = review::answer(&self.store, &call.user, group, plural, body)?;
                Ok((StatusCode::CREATED, axum::Json(review)).into_response())
            }
            segments => {
                let target = Target::parse(segments)?;
                self.authorize_apply(&call, &target, &asked)?;
                if target.subresource.as_deref() == Some("portforward") {
                    return port_forward::start(self, &mut call, &target);
                }
                self.object(&call, target)
            }
        }
    }

    fn object(&self, call: &Call, target: Target) -> Result<Response, ApiError> {
        match (
            &call.method,
            target.name.is_some(),
            target.subresource.as_deref(),
        ) {
            (&Method::GET, _, _) => self.read(call, target),
            (&Method::POST, false, None) => {
                let object = body_of(call, target.kind.kind)?;
                Ok(written(
                    &target,
                    write::create(&self.store, &target, &call.query, object)?,
                ))
            }
            (&Method::POST, true, Some("token")) => {
                let request = body_of(call, "TokenRequest")?;
                let answer =
                    token_request::answer(&self.store, &self.identities, &target, request)?;
                Ok((StatusCode::CREATED, axum::Json(answer)).into_response())
            }
            (&Method::PUT | &Method::PATCH, true, Some("token" | "log")) => {
                Err(ApiError::MethodNotAllowed)
            }
            (&Method::PUT, true, Some("scale")) => {
                let scale =
                    scale::replace(&self.store, &target, &call.query, &body_of(call, "Scale")?)?;
                Ok(axum::Json(scale).into_response())
            }
            (&Method::PUT, true, _) => Ok(written(
                &target,
                write::replace(
                    &self.store,
                    &target,
                    &call.query,
                    body_of(call, target.kind.kind)?,
                )?,
            )),
            (&Method::PATCH, true, Some("scale")) => {
                let media_type = request::content_type(&call.headers);
                let scale =
                    scale::patch(&self.store, &target, &call.query, media_type, &call.body)?;
                Ok(axum::Json(scale).into_response())
            }
            (&Method::PATCH, true, _) => {
                let media_type = request::content_type(&call.headers);
                Ok(written(
                    &target,
                    write::patch(&self.store, &target, &call.query, media_type, &call.body)?,
                ))
            }
            (&Method::DELETE, _, None) => self.delete(call, &target),
            _ => Err(ApiError::MethodNotAllowed),
        }
    }

    fn read(&self, call: &Call, target: Target) -> Result<Response, ApiError> {
        let (store, query) = (&self.store, &call.query);
        match (&target.name, target.subresource.as_deref()) {
            (Some(_), Some("scale")) => Ok(axum::Json(scale::get(store, &target)?).into_response()),
            (Some(_), Some("log")) => {
                log::log(store, &self.logs, &target, query, self.shutdown.clone())
            }
            (Some(_), None | Some("status")) if !query.flag("watch") => {
                let form = Form::accepted(&call.headers)?;
                Ok(axum::Json(read::get(store, &target, query, form)?).into_response())
            }
            (Some(_), None) => Err(ApiError::MethodNotAllowed),
            (None, _) if query.flag("watch") => {
                let form = Form::accepted(&call.headers)?;
                watch::watch(store, target, query.clone(), form, self.shutdown.clone())
            }
            (None, _) => {
                let form = Form::accepted(&call.headers)?;
                Ok(axum::Json(read::list(store, &target, query, form)?).into_response())
            }
            _ => Err(ApiError::MethodNotAllowed),
        }
    }

    fn delete(&self, call: &Call, target: &Target) -> Result<Response, ApiError> {
        let body = if call.body.is_empty() {
            Value::Null
        } else if request::content_type(&call.headers) == protobuf::MEDIA_TYPE {
            protobuf::decode(&call.body)?
        } else {
            request::parse_yaml(&call.body)
                .map_err(|why| request::unrecognized("DeleteOptions", &call.body, &why))?
        };
        call.query.check_write("DeleteOptions", false)?;
        let options = delete::Options::parse(&body, &call.query)?;
        if target.name.is_some() {
            return Ok(axum::Json(delete::delete(&self.store, target, &options)?).into_response());
        }
        let (objects, version) = read::selected(&self.store, target, &call.query)?;
        delete::delete_all(&self.store, target, &options, &objects)?;
        let metadata = serde_json::json!({"resourceVersion": version.to_string()});
        Ok(axum::Json(read::list_of(target.kind, &objects, metadata)).into_response())
    }
}

/// The body of a request that should be an object of `kind`.
fn body_of(call: &Call, kind: &str) -> Result<Value, ApiError> {
    let body = &call.body;
    match request::content_type(&call.headers) {
        "application/json" | "" => request::parse_json(body)
            .map_err(|why| request::unrecognized(kind, body, &format!("json parse error: {why}"))),
        "application/yaml" => request::parse_yaml(body)
            .map_err(|why| request::unrecognized(kind, body, &format!("yaml parse error: {why}"))),
        protobuf::MEDIA_TYPE => protobuf::decode(body),
        _ => Err(ApiError::UnsupportedMediaType(
            "application/json, application/yaml, application/vnd.kubernetes.protobuf",
        )),
    }
}

fn written(target: &Target, written: Written) -> Response {
    let code = if written.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let mut response = (
        code,
        axum::Json(convert::outward(target.kind, &written.object)),
    )
        .into_response();
    for warning in written.warnings {
        let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            response.headers_mut().append(WARNING, value);
        }
    }
    response
}

/// Undoes the escaping of a path; metric names may carry any character.
fn percent_decoded(path: &str) -> Result<String, ApiError> {
    let malformed = || ApiError::BadRequest(format!("malformed path: {path}"));
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || {
            rest.next()
                .and_then(|byte| char::from(byte).to_digit(16))
                .ok_or_else(malformed)
        };
        let code = digit()? * 16 + digit()?;
        bytes.push(u8::try_from(code).map_err(|_| malformed())?);
    }
    String::from_utf8(bytes).map_err(|_| malformed())
}
