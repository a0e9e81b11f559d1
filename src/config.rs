//! Settings: flags first, then `PODIUM_*` variables, then defaults.
//!
//! Two stages. [`Args`] is what clap parsed, each field with its variable. [`Config`] is what the rest of the crate
//! uses: backends chosen as enums, paths settled, contradictions refused with a message that names the flag. This is
//! the only module that reads the environment.

mod dead_letters;
mod namespace;
mod public_url;
mod redis_url;
mod speaker_key;

pub use dead_letters::{DeadLettersArgs, DeadLettersCommand, ListArgs, ListFormat, Which};
pub use namespace::DEMO_NAMESPACE;
pub use public_url::PublicUrl;
pub use redis_url::{Layout, RedisUrl};
pub use speaker_key::{SpeakerKey, speaker_key};

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// Where `serve` listens when nobody says otherwise.
pub const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 3030);

/// Present a deck on event-driven autoscaling, and run its demo live.
#[derive(Debug, Parser)]
#[command(name = "podium", version, args_conflicts_with_subcommands = true)]
pub struct Args {
    /// Flags that every command takes.
    #[command(flatten)]
    pub common: CommonArgs,
    /// `podium` alone is `podium serve`.
    #[command(flatten)]
    pub serve: ServeArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags that every command takes.
#[derive(Clone, Debug, ClapArgs)]
pub struct CommonArgs {
    /// Which Kubernetes to drive
    #[arg(long, global = true, env = "PODIUM_CLUSTER", value_enum, default_value_t = ClusterKind::Embedded)]
    pub cluster: ClusterKind,
    /// Context of the kubeconfig to use instead of the current one
    #[arg(long, global = true, env = "PODIUM_CONTEXT", value_name = "NAME")]
    pub context: Option<String>,
    /// Redis to use instead of the demo's own, as redis[s]://[[USER]:PASSWORD@]HOST:PORT; behind sentinels as
    /// redis[s]-sentinel://[[USER]:PASSWORD@]HOST:PORT,.../MASTER, a Redis Cluster as
    /// redis[s]-cluster://[[USER]:PASSWORD@]HOST:PORT,...; a password is safer in the variable, since every user of this
    /// machine can list arguments
    #[arg(
        long,
        global = true,
        env = "PODIUM_REDIS",
        hide_env_values = true,
        value_parser = redis_url::Argument,
        value_name = "URL"
    )]
    pub redis: Option<RedisUrl>,
    /// Certificate of the authority that vouches for a rediss:// Redis: a PEM file, or the PEM text itself [default: the
    /// authorities that this machine trusts]
    #[arg(
        long,
        global = true,
        env = "PODIUM_REDIS_CA",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub redis_ca: Option<String>,
    /// Namespace for the demo; one that is there already is used, and stays when the demo is removed [default: the
    /// manifests' own, keda-demo]
    #[arg(long, global = true, env = "PODIUM_NAMESPACE", value_name = "NAME", value_parser = namespace::parse)]
    pub namespace: Option<String>,
    /// Image for the workers instead of podium:latest
    #[arg(long, global = true, env = "PODIUM_IMAGE", value_name = "IMAGE")]
    pub image: Option<String>,
    /// Folder for connection.json and the kubeconfig of the embedded cluster [default: the user's runtime folder]
    #[arg(long, global = true, env = "PODIUM_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Folder with a kustomization to deploy instead of the built-in queue demo
    #[arg(long, global = true, env = "PODIUM_MANIFESTS", value_name = "DIR")]
    pub manifests: Option<PathBuf>,
    /// How to reach the demo's Redis: as the cluster has it, or by port-forward [default: whichever fits]
    #[arg(
        long,
        global = true,
        env = "PODIUM_REDIS_ROUTE",
        value_enum,
        value_name = "ROUTE"
    )]
    pub redis_route: Option<RedisRoute>,
    /// Leave when standard input closes; set by the kubelet so that no pod outlives its node
    #[arg(
        long,
        global = true,
        env = "PODIUM_EXIT_WITH_PARENT",
        hide = true,
        value_parser = clap::builder::BoolishValueParser::new(),
        num_args = 0..=1,
        require_equals = true,
        default_value_t = false,
        default_missing_value = "true"
    )]
    pub exit_with_parent: bool,
}

/// Flags of `serve`.
#[derive(Clone, Debug, ClapArgs)]
pub struct ServeArgs {
    /// Address to listen on [default: 127.0.0.1:3030, or the next free port]
    #[arg(long, env = "PODIUM_LISTEN", value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// Deck to present: a folder of slide-NN.md, or one Markdown file [default: the built-in talk]
    #[arg(long, env = "PODIUM_DECK", value_name = "PATH")]
    pub deck: Option<PathBuf>,
    /// Address that the room reaches this server by, for the QR code [default: this machine's own]
    #[arg(long, env = "PODIUM_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<PublicUrl>,
}

/// Flags of `deploy-queue-demo`.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub struct DeployArgs {
    /// Let the API server try each object, print what would become of it, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Take over the fields that another manager owns and that the manifests have other values for
    #[arg(long)]
    pub force_conflicts: bool,
}

/// Flags of `export`.
#[derive(Clone, Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("form").required(true).multiple(true).args(["html", "pdf"]))]
pub struct ExportArgs {
    /// Write one HTML file that opens by double click
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write a PDF, one step a page; needs Chromium, Chrome or Edge
    #[arg(long, value_name = "FILE")]
    pub pdf: Option<PathBuf>,
    /// Deck to export: a folder of slide-NN.md, or one Markdown file [default: the built-in talk]
    #[arg(long, env = "PODIUM_DECK", value_name = "PATH")]
    pub deck: Option<PathBuf>,
    /// Put the speaker's notes below the slides
    #[arg(long)]
    pub with_notes: bool,
    /// Slides to export, such as 1,4-6 [default: all]
    #[arg(long, value_name = "SLIDES")]
    pub range: Option<SlideRange>,
    /// Browser that makes the PDF [default: the first of chromium, google-chrome, chrome, msedge]
    #[arg(long, env = "PODIUM_BROWSER", value_name = "PATH")]
    pub browser: Option<PathBuf>,
}

/// Some slides by number: `1,4-6`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlideRange(Vec<RangeInclusive<u32>>);

impl SlideRange {
    /// Whether the slide of this number is one of them.
    #[must_use]
    pub fn contains(&self, slide: u32) -> bool {
        self.0.iter().any(|part| part.contains(&slide))
    }
}

impl std::str::FromStr for SlideRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let part = |text: &str| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            let number = |digits: &str| digits.trim().parse::<u32>().ok().filter(|n| *n > 0);
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(first..=last)
        };
        let parts: Option<Vec<_>> = text.split(',').map(part).collect();
        parts
            .map(Self)
            .ok_or_else(|| "give slide numbers and ranges of them, such as 1,4-6".to_owned())
    }
}

impl fmt::Display for SlideRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (part, index) in self.0.iter().zip(0..) {
            let comma = if index == 0 { "" } else { "," };
            let (first, last) = (part.start(), part.end());
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Present: slides, control page, live graphs
    Serve(ServeArgs),
    /// Deploy the queue demo and wait until it is ready
    DeployQueueDemo(DeployArgs),
    /// Remove the queue demo
    RemoveQueueDemo {
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Put jobs on the queue
    Enqueue {
        /// How many jobs, 1 to 100000
        #[arg(default_value = "100", allow_negative_numbers = true)]
        count: String,
        /// What the jobs' ids begin with
        #[arg(default_value = "msg")]
        prefix: String,
        /// Pause between two jobs, in milliseconds
        #[arg(default_value = "0", allow_negative_numbers = true)]
        delay_ms: String,
        /// Let a Kubernetes Job put them there, from inside the cluster, and follow it to its end
        #[arg(long)]
        as_job: bool,
    },
    /// Print how many jobs wait in the queue
    QueueDepth {
        /// Print it again whenever it changes, until interrupted
        #[arg(long, short)]
        watch: bool,
    },
    /// List, inspect, retry or discard the jobs that could not be done
    DeadLetters(DeadLettersArgs),
    /// The tour announcement: thousands of ticket purchases at once
    Spike {
        /// How many ticket purchases, 1 to 100000
        #[arg(default_value = "5000", allow_negative_numbers = true)]
        count: String,
    },
    /// Change the speaker's key while the server runs: the old link and everybody who used it are shut out
    RotateKey,
    /// Show whether the demo could be deployed here, what is missing and how to mend it, and what is deployed
    Status {
        /// How to print it
        #[arg(long, value_enum, default_value_t = StatusFormat::Text)]
        format: StatusFormat,
    },
    /// Take the deck home: one HTML file that needs nothing else, or a PDF
    Export(ExportArgs),
    /// Take jobs from the queue and work on them (what the worker pods run)
    Worker {
        /// The worker's name: its lease and processing list carry it [default: worker-<random>]
        #[arg(long, env = "PODIUM_WORKER", value_name = "NAME")]
        name: Option<String>,
    },
    /// Lint a deck: links, pictures, notes, headings, directives, and what is too much for a slide
    Check {
        /// Deck to check: a folder of slide-NN.md, or one Markdown file [default: ./slides.md, ./slides, or the
        /// built-in talk]
        deck: Option<PathBuf>,
        /// Fail on warnings too
        #[arg(long)]
        strict: bool,
        /// How to print what was found
        #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
        format: ReportFormat,
    },
    /// Start a deck: a folder with one slide of each kind, ready to present
    New {
        /// Folder to start it in; made if need be
        folder: PathBuf,
    },
    /// Replay recorded HPA decisions through our HPA
    Conformance {
        /// What to replay
        #[command(subcommand)]
        what: Conformance,
    },
    /// Serve the embedded broker (what the Redis pod runs)
    #[command(hide = true)]
    Broker {
        /// Address to listen on
        #[arg(long, default_value = "127.0.0.1:6379")]
        listen: SocketAddr,
        /// Password that clients must give
        #[arg(long, env = "PODIUM_BROKER_PASSWORD", hide_env_values = true)]
        password: Option<String>,
    },
}

/// How `podium status` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    /// For people: a line for each check, with the command that mends it
    Text,
    /// For scripts: one JSON object
    Json,
}

/// How `podium check` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people: file:line:column, the line itself, a summary
    Text,
    /// For editors: one JSON object
    Json,
}

/// What `podium conformance` can replay.
#[derive(Debug, Subcommand)]
pub enum Conformance {
    /// Decisions recorded from the real HPA controller
    Hpa {
        /// The recording (JSON)
        file: PathBuf,
        /// Print each decision, not only the differences
        #[arg(long, short)]
        verbose: bool,
    },
}

/// Which Kubernetes to drive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ClusterKind {
    /// The cluster inside `podium serve`
    #[default]
    Embedded,
    /// A context of your kubeconfig: the current one, or --context
    Kubeconfig,
    /// The cluster this process runs in
    InCluster,
}

/// How the demo's Redis is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RedisRoute {
    /// At the address that the cluster has for it: from inside, or where pods can be dialled
    Direct,
    /// Through the Kubernetes API, as `kubectl port-forward` does
    PortForward,
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn podium_alone_serves_and_takes_its_flags() {
        let args = Args::try_parse_from(["podium", "--listen", "127.0.0.1:8080"]).unwrap();
        assert!(args.command.is_none());
        assert_eq!(args.serve.listen, Some("127.0.0.1:8080".parse().unwrap()));
    }

    #[test]
    fn a_range_of_slides_is_numbers_and_stretches() {
        let range: SlideRange = "1,4-6".parse().unwrap();
        let chosen: Vec<_> = (1..=8).filter(|slide| range.contains(*slide)).collect();
        assert_eq!(chosen, [1, 4, 5, 6]);
        assert_eq!(range.to_string(), "1,4-6");
        for nonsense in ["", "0", "6-4", "a", "1,,2", "1-2-3"] {
            assert!(nonsense.parse::<SlideRange>().is_err(), "{nonsense}");
        }
    }
}
