//! Settings: flags first, then `PODIUM_*` variables, then defaults.
//!
//! Two stages. [`Args`] is what clap parsed, each field with its variable. [`Config`] is what the rest of the crate
//! uses: backends chosen as enums, paths settled, contradictions refused with a message that names the flag. This is
//! the only module that reads the environment.

mod args;
mod dead_letters;
mod namespace;
mod public_url;
mod redis_url;
mod slide_range;
mod speaker_key;

pub use args::{
    Args, ClusterKind, Command, CommonArgs, Conformance, DeployArgs, ExportArgs, RedisRoute,
    ReportFormat, ServeArgs, StatusFormat,
};
pub use dead_letters::{DeadLettersArgs, DeadLettersCommand, ListArgs, ListFormat, Which};
pub use namespace::DEMO_NAMESPACE;
pub use public_url::PublicUrl;
pub use redis_url::{Layout, RedisUrl};
pub use slide_range::SlideRange;
pub use speaker_key::{SpeakerKey, speaker_key};

use std::net::SocketAddr;
use std::path::PathBuf;

/// Where `serve` listens when nobody says otherwise.
pub const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 3030);

/// Checked settings that every command shares.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Which Kubernetes to drive.
    pub cluster: ClusterKind,
    /// The kubeconfig's context to use instead of the current one.
    pub context: Option<String>,
    /// A Redis that wins over the demo's own.
    pub redis: Option<RedisUrl>,
    /// How to reach the demo's Redis, when not as fits the cluster.
    pub redis_route: Option<RedisRoute>,
    /// The demo's namespace, when it is not to be the manifests' own.
    pub namespace: Option<String>,
    /// The workers' image, when it is not to be the manifests' own.
    pub image: Option<String>,
    /// Where `connection.json` and the kubeconfig are.
    pub state_dir: PathBuf,
    /// Manifests that replace the built-in ones.
    pub manifests: Option<PathBuf>,
    /// Whether to leave when standard input closes.
    pub exit_with_parent: bool,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// `--manifests` names no kustomization.
    #[error(
        "--manifests {}: there is no kustomization.yaml in it; name the folder that `kubectl apply -k` would take",
        .0.display()
    )]
    NoKustomization(PathBuf),
    /// The speaker's key cannot be used.
    #[error("PODIUM_SPEAKER_KEY: {0}")]
    SpeakerKey(&'static str),
    /// `--context` without a kubeconfig to look it up in.
    #[error(
        "--context {0} is a context of your kubeconfig, but it is not used; give --cluster kubeconfig as well"
    )]
    ContextOfNothing(String),
    /// `--redis-ca` names no certificate that can be read.
    #[error(
        "--redis-ca {file}: {reason}; name a PEM file that begins with -----BEGIN CERTIFICATE-----"
    )]
    RedisCa {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// `--redis-ca` without a Redis that speaks TLS.
    #[error(
        "--redis-ca is for a Redis that speaks TLS; write its address as --redis rediss://HOST:PORT"
    )]
    RedisCaWithoutTls,
}

impl Config {
    /// Checks the common flags.
    ///
    /// # Errors
    /// [`ConfigError`] names the flag and the remedy.
    pub fn check(args: CommonArgs) -> Result<Self, ConfigError> {
        if let Some(folder) = &args.manifests
            && !folder.join("kustomization.yaml").is_file()
        {
            return Err(ConfigError::NoKustomization(folder.clone()));
        }
        if let Some(context) = &args.context
            && args.cluster != ClusterKind::Kubeconfig
        {
            return Err(ConfigError::ContextOfNothing(context.clone()));
        }
        Ok(Self {
            cluster: args.cluster,
            context: args.context,
            redis: redis_url::trusting(args.redis, args.redis_ca)?,
            redis_route: args.redis_route,
            namespace: args.namespace,
            image: args.image,
            state_dir: args.state_dir.unwrap_or_else(default_state_dir),
            manifests: args.manifests,
            exit_with_parent: args.exit_with_parent,
        })
    }

    /// The namespace in which the demo is looked for.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or(DEMO_NAMESPACE)
    }
}

/// `$XDG_RUNTIME_DIR/podium` where there is one (it is private to the user and emptied at logout), else a folder of
/// the user's own below the temporary folder.
fn default_state_dir() -> PathBuf {
    match variable("XDG_RUNTIME_DIR") {
        Some(folder) => PathBuf::from(folder).join("podium"),
        None => std::env::temp_dir().join(format!("podium-{}", rustix::process::getuid().as_raw())),
    }
}

/// The kubeconfigs that `kubectl` would use: those in `$KUBECONFIG`, else `~/.kube/config`.
#[must_use]
pub fn kubeconfigs() -> Vec<PathBuf> {
    let named = variable("KUBECONFIG").map_or_else(Vec::new, |list| {
        std::env::split_paths(&list)
            .filter(|path| !path.as_os_str().is_empty())
            .collect()
    });
    if named.is_empty() {
        let home = PathBuf::from(variable("HOME").unwrap_or_default());
        return vec![home.join(".kube/config")];
    }
    named
}

/// What the environment says of proxies; each variable may be written small, and then wins.
#[derive(Clone, Debug, Default)]
pub struct ProxyVariables {
    /// `HTTPS_PROXY`
    pub https: Option<String>,
    /// `HTTP_PROXY`
    pub http: Option<String>,
    /// `NO_PROXY`
    pub exempt: String,
}

/// Reads [`ProxyVariables`].
#[must_use]
pub fn proxy_variables() -> ProxyVariables {
    let either = |small: &str| variable(small).or_else(|| variable(&small.to_uppercase()));
    ProxyVariables {
        https: either("https_proxy"),
        http: either("http_proxy"),
        exempt: either("no_proxy").unwrap_or_default(),
    }
}

/// kube logs each failed request as an error of its own; `live::outage` tells each failure and each recovery once.
const DEFAULT_LOG: &str = "warn,podium::live::outage=info,kube_client=off,kube_runtime=off";

/// What `tracing` should show: `PODIUM_LOG`, in the syntax of tracing-subscriber's filters; warnings unless told.
#[must_use]
pub fn log_filter() -> String {
    variable("PODIUM_LOG").unwrap_or_else(|| DEFAULT_LOG.to_owned())
}

#[expect(
    clippy::disallowed_methods,
    reason = "config.rs is where the environment is read"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
