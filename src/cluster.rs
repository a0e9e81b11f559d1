//! The Kubernetes API, spoken by `kube`: the only module that imports it.
//!
//! Behind it is any cluster with KEDA, or the embedded one; nothing here knows which. [`Cluster`] is a cheap handle.
//! `apply` changes objects, `rollout` waits for them, `job` follows a Job to its end, `watch` follows them, `metrics_api` asks for the external metric
//! at the path the HPA uses, `locate` finds the demo's Redis. Errors carry the remedy, since the speaker reads them.

pub mod apply;
mod conflict;
pub mod job;
pub mod locate;
pub mod metrics_api;
pub mod rollout;
pub mod view;
pub mod watch;

pub use conflict::FieldConflict;

use kube::config::{KubeConfigOptions, Kubeconfig};
use std::path::Path;
use std::time::Duration;

/// The field manager of everything Podium applies.
pub const FIELD_MANAGER: &str = "podium";

/// The longest silence on a connection that is read from: longer than any watch is quiet (`watch::WATCH_FOR`). One
/// connection of many can die without a word, and a list or a watch on it would wait for ever.
const LONGEST_SILENCE: Duration = Duration::from_secs(25);

/// A connection to one cluster. Clones share it.
#[derive(Clone)]
pub struct Cluster {
    /// For changes: a busy API server is asked again.
    client: kube::Client,
    /// For what the room sees: a failure must show at once, not after kube's own fifteen tries.
    observing: kube::Client,
    address: String,
}

/// What can go wrong with a cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No usable kubeconfig.
    #[error("kubeconfig: {reason}; set KUBECONFIG, or check `kubectl config current-context`")]
    Kubeconfig {
        /// What is wrong with it.
        reason: String,
    },
    /// Not inside a cluster.
    #[error("not in a cluster: {reason}; use --cluster kubeconfig outside one")]
    NotInCluster {
        /// What is missing.
        reason: String,
    },
    /// The API server does not answer.
    #[error("cannot reach the Kubernetes API at {address}: {reason}; is the cluster running?")]
    Unreachable {
        /// Where we tried.
        address: String,
        /// What the network said.
        reason: String,
    },
    /// The API server refused.
    #[error("{doing}: {message}")]
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
        "{name} was not changed, for others have set what the demo would: {}; to take that over, run `podium deploy-queue-demo --force-conflicts` (a script of the page sends take_over=yes)",
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
}

impl Cluster {
    /// The cluster of a kubeconfig: the file given, else what `kubectl` would use.
    ///
    /// # Errors
    /// [`ClusterError::Kubeconfig`].
    pub async fn from_kubeconfig(file: Option<&Path>) -> Result<Self, ClusterError> {
        let bad = |error: kube::config::KubeconfigError| ClusterError::Kubeconfig {
            reason: error.to_string(),
        };
        let options = KubeConfigOptions::default();
        let config = match file {
            Some(file) => {
                let kubeconfig = Kubeconfig::read_from(file).map_err(bad)?;
                kube::Config::from_custom_kubeconfig(kubeconfig, &options).await
            }
            None => kube::Config::from_kubeconfig(&options).await,
        };
        Self::connect(config.map_err(bad)?)
    }

    /// The cluster of a kubeconfig held in memory.
    ///
    /// # Errors
    /// [`ClusterError::Kubeconfig`].
    pub async fn from_kubeconfig_text(text: &str) -> Result<Self, ClusterError> {
        let bad = |error: kube::config::KubeconfigError| ClusterError::Kubeconfig {
            reason: error.to_string(),
        };
        let kubeconfig = Kubeconfig::from_yaml(text).map_err(bad)?;
        let config =
            kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
                .await
                .map_err(bad)?;
        Self::connect(config)
    }

    /// The cluster this process runs in, by its service account.
    ///
    /// # Errors
    /// [`ClusterError::NotInCluster`].
    pub fn in_cluster() -> Result<Self, ClusterError> {
        let config = kube::Config::incluster().map_err(|error| ClusterError::NotInCluster {
            reason: error.to_string(),
        })?;
        Self::connect(config)
    }

    fn connect(mut config: kube::Config) -> Result<Self, ClusterError> {
        let address = without_credentials(&config.cluster_url.to_string());
        // The client logs each request's URL. Where the token goes in a header, as it does with us, the one that
        // `kubectl` needs in the embedded cluster's URL would only be there to be read.
        if config.auth_info.token.is_some()
            && let Ok(url) = address.parse()
        {
            config.cluster_url = url;
        }
        let mut observing = config.clone();
        observing.default_retry = false;
        observing.read_timeout = Some(LONGEST_SILENCE);
        // Or the time that a connection waited for its next request would count.
        observing.reset_reader_on_write = true;
        let client = |config| {
            kube::Client::try_from(config).map_err(|error: kube::Error| ClusterError::Kubeconfig {
                reason: error.to_string(),
            })
        };
        Ok(Self {
            client: client(config)?,
            observing: client(observing)?,
            address,
        })
    }

    /// The API server's URL.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The API server's version, as `v1.36.0`.
    ///
    /// # Errors
    /// [`ClusterError::Unreachable`] or [`ClusterError::Refused`].
    pub async fn version(&self) -> Result<String, ClusterError> {
        let version = self.client.apiserver_version().await;
        version
            .map(|version| version.git_version)
            .map_err(|error| self.error("ask for the version", error))
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
                message: status.message,
            },
            other => ClusterError::Unreachable {
                address: self.address.clone(),
                reason: root_cause(&other),
            },
        }
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
