//! The Kubernetes API, spoken by `kube`: the only module that imports it.
//!
//! Behind it is any cluster with KEDA, or the embedded one; nothing here knows which. [`Cluster`] is a cheap handle.
//! `connect` makes one, `survey` asks what a place is like, `apply` changes objects, `rollout` waits for them, `job`
//! follows a Job to its end, `watch` follows the demo, `metrics_api` asks for the external metric at the path the HPA uses,
//! `pod_metrics` for what pods use of CPU,
//! `locate` finds the demo's Redis and `port_forward` reaches it from outside. Errors carry the remedy, since the speaker
//! reads them: `absence` and `remedy` find the words.

mod absence;
pub mod apply;
mod conflict;
pub mod connect;
mod field;
pub mod job;
pub mod locate;
pub mod metrics_api;
pub mod pod_metrics;
mod port_forward;
pub mod remedy;
pub mod rollout;
pub mod survey;
pub mod view;
pub mod watch;

pub use conflict::FieldConflict;

use connect::ConnectError;
use std::time::Duration;
use tokio::time::timeout;

/// The field manager of everything Podium applies.
pub const FIELD_MANAGER: &str = "podium";

/// The longest silence on a connection that is read from: longer than any watch is quiet (`watch::WATCH_FOR`). One
/// connection of many can die without a word, and a list or a watch on it would wait for ever.
const LONGEST_SILENCE: Duration = Duration::from_secs(25);

/// How long the API server may take to say its version. The connection itself has the same limit.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// A connection to one cluster. Clones share it.
#[derive(Clone)]
pub struct Cluster {
    /// For changes: a busy API server is asked again.
    client: kube::Client,
    /// For what the room sees: a failure must show at once, not after kube's own fifteen tries.
    observing: kube::Client,
    address: String,
    /// The proxy on the way there, for messages.
    proxy: Option<String>,
    /// How the demo's Redis is reached.
    reach: locate::Reach,
}

/// What can go wrong with a cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// There is no way to a cluster.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The API server does not answer.
    #[error(
        "cannot reach the Kubernetes API at {address}: {reason}; {}",
        remedy::of_absence(reason)
    )]
    Unreachable {
        /// Where we tried.
        address: String,
        /// What the network said.
        reason: String,
    },
    /// The API server refused.
    #[error("{doing}: {message}{}", remedy::of_refusal(*code, message))]
    Refused {
        /// What was being done, as `apply deployment/queue-worker`.
        doing: String,
        /// The HTTP status code.
        code: u16,
        /// The API server's own words.
        message: String,
    },
    /// Somebody else owns fields that the manifest has other values for.
    #[error(
        "{name} was not changed, for others have set what the demo would: {}; press “Take over” on the control page, or run `podium deploy-queue-demo --force-conflicts`",
        conflict::list(.conflicts)
    )]
    Conflict {
        /// `deployment/queue-worker`
        name: String,
        /// Which fields, and who.
        conflicts: Vec<FieldConflict>,
    },
    /// The cluster does not know a kind that a manifest uses.
    #[error("{api_version} {kind} is not known to this cluster{remedy}")]
    UnknownKind {
        /// The manifest's `apiVersion`.
        api_version: String,
        /// The manifest's `kind`.
        kind: String,
        /// What to do about it; starts with punctuation.
        remedy: &'static str,
    },
    /// A manifest cannot be read.
    #[error("{file}: {reason}")]
    Manifest {
        /// Which file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The demo's Redis is not there (yet).
    #[error("{0}")]
    NoRedis(String),
    /// The demo's Redis is there, and no way leads to it from here.
    #[error("{0}")]
    NoWay(String),
}

impl ClusterError {
    /// The HTTP status of a refusal.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }
}

impl Cluster {
    /// The API server's URL.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The API server's version, as `v1.36.0`; asked once and not again, so that the answer comes at once.
    ///
    /// # Errors
    /// [`ClusterError::Unreachable`], within [`ANSWER_LIMIT`], or [`ClusterError::Refused`].
    pub async fn version(&self) -> Result<String, ClusterError> {
        match timeout(ANSWER_LIMIT, self.observing.apiserver_version()).await {
            Ok(version) => version
                .map(|version| version.git_version)
                .map_err(|error| self.error("ask for the version", error)),
            Err(_) => Err(ClusterError::Unreachable {
                address: self.address.clone(),
                reason: format!("no answer within {} s", ANSWER_LIMIT.as_secs()),
            }),
        }
    }

    /// Whether the API server answers and is well. It need not let us in: a refusal is an answer.
    ///
    /// `/livez` and not `/readyz`: one of several API servers that is about to stop is not ready for a minute, while
    /// every watch on it works.
    ///
    /// # Errors
    /// [`ClusterError::Unreachable`], or [`ClusterError::Refused`] with a 5xx.
    pub async fn answers(&self) -> Result<(), ClusterError> {
        let doing = "ask the API server whether it lives";
        let request = axum::http::Request::get("/livez")
            .body(Vec::new())
            .map_err(|error| ClusterError::Refused {
                doing: doing.to_owned(),
                code: 0,
                message: error.to_string(),
            })?;
        match self.observing.request_text(request).await {
            Err(kube::Error::Api(status)) if status.code < 500 => Ok(()),
            answer => answer.map(|_| ()).map_err(|error| self.error(doing, error)),
        }
    }

    /// Tells a refusal from an absence, and says what was being done.
    fn error(&self, doing: &str, error: kube::Error) -> ClusterError {
        match error {
            kube::Error::Api(status) => ClusterError::Refused {
                doing: doing.to_owned(),
                code: status.code,
                message: absence::words(&status),
            },
            kube::Error::Service(inner) if inner.is::<ConnectError>() => {
                match inner.downcast::<ConnectError>() {
                    Ok(connect) => ClusterError::Connect(*connect),
                    Err(other) => self.unreachable(&kube::Error::Service(other)),
                }
            }
            other => self.unreachable(&other),
        }
    }

    fn unreachable(&self, error: &kube::Error) -> ClusterError {
        ClusterError::Unreachable {
            address: self.address.clone(),
            reason: absence::reason(error, self.proxy.as_deref()),
        }
    }

    /// What a watch says that will not mend by itself: that we may not look, or are not known. Everything else the watcher
    /// tries again.
    fn refusal(&self, doing: &str, error: kube::runtime::watcher::Error) -> Option<ClusterError> {
        use kube::runtime::watcher::Error;
        let told = match error {
            Error::InitialListFailed(told)
            | Error::WatchStartFailed(told)
            | Error::WatchFailed(told) => self.error(doing, told),
            Error::WatchError(status) => self.error(doing, kube::Error::Api(status)),
            Error::NoResourceVersion => return None,
        };
        matches!(told.code(), Some(401 | 403)).then_some(told)
    }
}

/// A URL without its user part, which may be a secret.
fn without_credentials(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => url.to_owned(),
    }
}

/// The innermost error's text: `Connection refused (os error 111)` rather than four layers of wrapping.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
