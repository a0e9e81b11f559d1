//! The command line as clap parses it: each flag with its variable, each command with its own.

use super::{DeadLettersArgs, PublicUrl, RedisUrl, SlideRange, namespace, redis_url};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn podium_alone_serves_and_takes_its_flags() {
        let args = Args::try_parse_from(["podium", "--listen", "127.0.0.1:8080"]).unwrap();
        assert!(args.command.is_none());
        assert_eq!(args.serve.listen, Some("127.0.0.1:8080".parse().unwrap()));
    }
}
