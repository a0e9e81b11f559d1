//! An API server that answers wrongly: it passes requests on to a real one, but for those that it was told to spoil.
//!
//! [`Fault`]s are for requests of a method whose path holds some text, the first so many of them or all: a refusal of
//! any status, an answer cut short, before or after the request was carried out or in its midst, an answer that says
//! something else, or comes from something else: a page of a proxy.
//! [`Metric`] and [`Expiry`] are for what goes on for longer.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt as _;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::{CancellationToken, DropGuard};

/// What kube sends and Kubernetes answers when a watch asks for a version that is no longer known.
const EXPIRED: &str = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version: 1 (2)","reason":"Expired","code":410}"#;

/// How a watch is told that its version is gone.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expiry {
    /// By the status of the answer.
    Status,
    /// By an event in a good answer.
    Event,
}

/// What becomes of questions for the external metric.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Metric {
    Answered,
    Failing,
    Hanging,
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// It is answered with this status and text.
    Refused(u16, String),
    /// It is answered with a whole `Status`, whose code is the answer's.
    Status(Value),
    /// It is answered with this status and a text that is no Kubernetes object.
    Page(u16, &'static str),
    /// It is answered with this status, and with how many seconds to wait.
    Busy(u16, u32),
    /// The connection breaks off, and the request was not carried out.
    Lost,
    /// The connection breaks off, and the request was carried out.
    Cut,
    /// The request was carried out, and half of the answer arrives.
    Half,
    /// It is answered with this instead.
    Answered(Value),
    /// It is never answered.
    Hanging,
}

/// A fault, and which requests meet it.
struct Rule {
    method: &'static str,
    path: String,
    left: usize,
    fault: Fault,
}

#[derive(Clone)]
struct Plan {
    server: SocketAddr,
    http: reqwest::Client,
    cut: broadcast::Sender<()>,
    metric: Arc<Mutex<Metric>>,
    expiring: Arc<Mutex<Expiring>>,
    rules: Arc<Mutex<Vec<Rule>>>,
    met: Arc<Notify>,
}

/// Which watches are told that their version is gone: those whose kind has not been listed since.
#[derive(Default)]
struct Expiring {
    how: Option<Expiry>,
    listed: BTreeSet<String>,
    told: Vec<String>,
}

/// The meddler. It stops when dropped.
pub(crate) struct Meddler {
    pub(crate) address: SocketAddr,
    plan: Plan,
    _stop: DropGuard,
}

impl Meddler {
    pub(crate) async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let plan = Plan {
            server,
            http: reqwest::Client::new(),
            cut: broadcast::channel(1).0,
            metric: Arc::new(Mutex::new(Metric::Answered)),
            expiring: Arc::default(),
            rules: Arc::default(),
            met: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(plan.clone());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            stopped
                .run_until_cancelled(axum::serve(listener, router).into_future())
                .await
        });
        Self {
            address,
            plan,
            _stop: stop.drop_guard(),
        }
    }

    /// Spoils the next `times` requests of `method` whose path, with its query, holds `path`.
    pub(crate) fn spoil(&self, method: &'static str, path: &str, times: usize, fault: Fault) {
        let path = path.to_owned();
        self.plan.rules.lock().unwrap().push(Rule {
            method,
            path,
            left: times,
            fault,
        });
    }

    /// Whether a fault that was to come so many times has not yet.
    pub(crate) fn owes(&self) -> bool {
        let rules = self.plan.rules.lock().unwrap();
        // Those that are for ever are never used up.
        rules
            .iter()
            .any(|rule| rule.left > 0 && rule.left < usize::MAX / 2)
    }

    /// Waits until a request meets a fault; one that met it before and was not waited for counts.
    pub(crate) async fn met(&self) {
        self.plan.met.notified().await;
    }

    /// Spoils nothing any more.
    pub(crate) fn heal(&self) {
        self.plan.rules.lock().unwrap().clear();
    }

    pub(crate) fn metric(&self, metric: Metric) {
        *self.plan.metric.lock().unwrap() = metric;
    }

    /// Ends all watches, and tells each that comes back that its version is gone, until it lists.
    pub(crate) fn expire(&self, how: Expiry) {
        *self.plan.expiring.lock().unwrap() = Expiring {
            how: Some(how),
            ..Expiring::default()
        };
        let _ = self.plan.cut.send(());
    }

    /// The paths of the watches that have been told so far.
    pub(crate) fn expired(&self) -> Vec<String> {
        self.plan.expiring.lock().unwrap().told.clone()
    }
}

async fn answer(State(plan): State<Plan>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    if path.contains("/external.metrics.k8s.io/v1beta1/namespaces/") {
        let metric = *plan.metric.lock().unwrap();
        match metric {
            Metric::Answered => {}
            Metric::Failing => {
                return (StatusCode::INTERNAL_SERVER_ERROR, "the adapter is broken")
                    .into_response();
            }
            Metric::Hanging => std::future::pending().await,
        }
    }
    if let Some(fault) = fault(&plan, &request) {
        return spoiled(&plan, request, fault).await;
    }
    let watches = query.contains("watch=true");
    if let Some(gone) = gone(&plan, &path, watches) {
        return gone;
    }
    pass_on(&plan, request).await
}

/// What is to become of this request.
fn fault(plan: &Plan, request: &Request) -> Option<Fault> {
    let mut rules = plan.rules.lock().unwrap();
    let uri = request.uri().to_string();
    let rule = rules.iter_mut().find(|rule| {
        rule.left > 0 && rule.method == request.method().as_str() && uri.contains(&rule.path)
    })?;
    rule.left -= 1;
    plan.met.notify_one();
    Some(rule.fault.clone())
}

async fn spoiled(plan: &Plan, request: Request, fault: Fault) -> Response {
    match fault {
        Fault::Refused(code, message) => refusal(code, &message),
        Fault::Status(status) => {
            let code = status["code"].as_u64().unwrap();
            let code = StatusCode::from_u16(u16::try_from(code).unwrap()).unwrap();
            (code, axum::Json(status)).into_response()
        }
        Fault::Page(code, text) => (StatusCode::from_u16(code).unwrap(), text).into_response(),
        Fault::Busy(code, seconds) => {
            let mut answer = refusal(code, "the server is currently unable to handle the request");
            let wait = HeaderValue::from(seconds);
            answer.headers_mut().insert(header::RETRY_AFTER, wait);
            answer
        }
        Fault::Lost => broken_off(),
        Fault::Cut => {
            pass_on(plan, request).await;
            broken_off()
        }
        Fault::Half => halved(pass_on(plan, request).await).await,
        Fault::Answered(body) => axum::Json(body).into_response(),
        Fault::Hanging => std::future::pending().await,
    }
}

fn refusal(code: u16, message: &str) -> Response {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "code": code,
    });
    let code = StatusCode::from_u16(code).unwrap();
    (code, axum::Json(status)).into_response()
}

/// An answer whose body fails at once, which makes the server close the connection.
fn broken_off() -> Response {
    let broken = futures::stream::once(async { Err::<Bytes, _>(std::io::Error::other("cut")) });
    Body::from_stream(broken).into_response()
}

/// Half of an answer, before the connection breaks off.
async fn halved(answer: Response) -> Response {
    let (parts, body) = answer.into_parts();
    let mut body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    body.truncate(body.len() / 2);
    let half = futures::stream::once(async { Ok::<_, std::io::Error>(body) });
    let end = futures::stream::once(async { Err(std::io::Error::other("cut")) });
    Response::from_parts(parts, Body::from_stream(half.chain(end)))
}

/// The answer to a watch whose version is gone.
fn gone(plan: &Plan, path: &str, watches: bool) -> Option<Response> {
    let mut expiring = plan.expiring.lock().unwrap();
    let how = expiring.how?;
    if !watches {
        expiring.listed.insert(path.to_owned());
        return None;
    }
    if expiring.listed.contains(path) {
        return None;
    }
    expiring.told.push(path.to_owned());
    let json = (header::CONTENT_TYPE, "application/json");
    Some(match how {
        Expiry::Status => (StatusCode::GONE, [json], EXPIRED).into_response(),
        Expiry::Event => {
            let event = format!("{{\"type\":\"ERROR\",\"object\":{EXPIRED}}}\n");
            ([json], event).into_response()
        }
    })
}

async fn pass_on(plan: &Plan, request: Request) -> Response {
    let url = format!("http://{}{}", plan.server, request.uri());
    let mut cut = plan.cut.subscribe();
    let mut asked = plan.http.request(request.method().clone(), url);
    for (name, value) in request.headers() {
        if name != header::HOST {
            asked = asked.header(name, value);
        }
    }
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await;
    let Ok(answer) = asked.body(body.unwrap()).send().await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let (status, kind) = (
        answer.status(),
        answer.headers().get(header::CONTENT_TYPE).cloned(),
    );
    let until_cut = async move {
        let _ = cut.recv().await;
    };
    let body = answer.bytes_stream().take_until(Box::pin(until_cut));
    let mut passed = (status, Body::from_stream(body)).into_response();
    if let Some(kind) = kind {
        passed.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    passed
}
