//! Preflight: what a place is like before the demo is deployed there, as a list of checks with the command that mends
//! each.
//!
//! The cluster is asked through `cluster::survey`, Redis through `queue`; nothing is changed. All questions go out at
//! once and have [`LIMIT`] together, so that the list is there before a speaker loses patience: what was not answered by
//! then is *unknown*, as is what the cluster does not tell us. Only the first question, for the version, goes alone,
//! since nothing else means anything when it fails. Unknown is not failed: somebody may deploy who may not list nodes.

pub(super) mod api;
mod demand;
mod images;
mod keda;
mod namespace;
mod queue_server;
mod quota;
mod rights;
mod worker_cpu;

use crate::cluster::apply::Manifest;
use crate::cluster::{Cluster, ClusterError};
use crate::config::RedisUrl;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use serde::Serialize;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long all checks may take together.
pub const LIMIT: Duration = Duration::from_secs(10);

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// The demo will run, but not as it should.
    Warning,
    /// The demo will not run.
    Failed,
    /// It could not be found out.
    Unknown,
}

impl Verdict {
    /// The sign in front of a line.
    #[must_use]
    pub fn sign(self) -> char {
        match self {
            Self::Ok => '✓',
            Self::Warning => '!',
            Self::Failed => '✗',
            Self::Unknown => '?',
        }
    }

    /// The word for it, for who does not see the sign.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// A command that mends what a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// Which of several ways it is: `with helm`; empty when there is one.
    pub way: &'static str,
    /// To be typed as it is.
    pub command: String,
}

/// One check and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is looked at: `KEDA`, `rights: pods`.
    pub title: String,
    /// What came of it.
    #[serde(rename = "state")]
    pub verdict: Verdict,
    /// What was found, in a sentence.
    pub detail: String,
    /// The ways to mend it; one is enough.
    pub fixes: Vec<Fix>,
    /// Whether Deploy would certainly fail for it. Other failures show later, or may pass: a node pulls an image.
    pub stops_deploy: bool,
}

impl Check {
    fn new(title: impl Into<String>, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            verdict,
            detail: detail.into(),
            fixes: Vec::new(),
            stops_deploy: false,
        }
    }

    fn ok(title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(title, Verdict::Ok, detail)
    }

    fn warning(title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(title, Verdict::Warning, detail)
    }

    fn failed(title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(title, Verdict::Failed, detail)
    }

    /// A failure that no deployment gets past.
    fn stopping(title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            stops_deploy: true,
            ..Self::failed(title, detail)
        }
    }

    fn unknown(title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(title, Verdict::Unknown, detail)
    }

    /// What an error leaves us with: the question stays open, and the error says why.
    fn unanswered(title: impl Into<String>, error: &ClusterError) -> Self {
        let told = match error.code() {
            Some(404) => "the cluster does not say".to_owned(),
            _ => error.to_string(),
        };
        Self::unknown(title, told)
    }

    fn fix(self, command: impl Into<String>) -> Self {
        self.fix_by("", command)
    }

    fn fix_by(mut self, way: &'static str, command: impl Into<String>) -> Self {
        let command = command.into();
        self.fixes.push(Fix { way, command });
        self
    }
}

/// Where the demo is to run, and what it consists of.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// What would be applied.
    pub manifests: &'a [Manifest],
    /// A Redis that is used instead of the demo's own.
    pub redis: Option<&'a RedisUrl>,
    /// Where the demo lives.
    pub namespace: &'a str,
}

/// A check on its way.
type Asking<'a> = BoxFuture<'a, (usize, Check)>;

/// A check's place in the list, which begins at 0, and how long the list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where it stands.
    pub place: usize,
    /// Of how many.
    pub of: usize,
}

/// Makes all checks, telling `told` of each and its place in the list as it is answered; answers them in the order of the list.
pub async fn run(ground: Ground<'_>, mut told: impl FnMut(Place, &Check)) -> Vec<Check> {
    let deadline = Instant::now() + LIMIT;
    let version = ground.cluster.version().await;
    let api = api::check(&version, ground.cluster.address());
    let reached = api.verdict != Verdict::Failed;
    let mut questions: Vec<(String, BoxFuture<'_, Check>)> = Vec::new();
    if reached {
        questions = of_cluster(ground, version.as_deref().unwrap_or_default());
    }
    questions.push((
        queue_server::TITLE.to_owned(),
        Box::pin(queue_server::check(ground, reached)),
    ));
    let of = questions.len() + 1;
    told(Place { place: 0, of }, &api);
    let mut answered = vec![(0, api)];
    let (titles, asking): (Vec<_>, FuturesUnordered<Asking<'_>>) = questions
        .into_iter()
        .zip(1..)
        .map(|((title, question), place)| {
            let asking: Asking<'_> = Box::pin(async move { (place, question.await) });
            ((place, title), asking)
        })
        .unzip();
    let mut asking = asking;
    while let Ok(Some((place, check))) = timeout_at(deadline, asking.next()).await {
        told(Place { place, of }, &check);
        answered.push((place, check));
    }
    drop(asking);
    for (place, title) in titles {
        if !answered.iter().any(|(known, _)| *known == place) {
            let detail = format!("no answer within {} s", LIMIT.as_secs());
            let check = Check::unknown(title, detail);
            told(Place { place, of }, &check);
            answered.push((place, check));
        }
    }
    answered.sort_by_key(|(place, _)| *place);
    answered.into_iter().map(|(_, check)| check).collect()
}

/// The list where there is no cluster to ask.
#[must_use]
pub fn no_cluster(reason: &str) -> Check {
    Check::stopping(api::TITLE, reason)
}

/// The list where there is nothing to deploy.
#[must_use]
pub fn no_manifests(reason: &str) -> Check {
    Check::stopping("manifests", reason)
}

/// What is asked of a cluster of this version; empty when it does not tell.
fn of_cluster<'a>(ground: Ground<'a>, version: &str) -> Vec<(String, BoxFuture<'a, Check>)> {
    let mut questions: Vec<(String, BoxFuture<'a, Check>)> = vec![
        (
            keda::TITLE.to_owned(),
            Box::pin(keda::operator(ground.cluster)),
        ),
        (
            keda::METRICS.to_owned(),
            Box::pin(keda::metrics(ground.cluster)),
        ),
        (
            worker_cpu::TITLE.to_owned(),
            Box::pin(worker_cpu::check(ground)),
        ),
        (
            namespace::TITLE.to_owned(),
            Box::pin(namespace::check(ground)),
        ),
        (quota::TITLE.to_owned(), Box::pin(quota::check(ground))),
        (images::TITLE.to_owned(), Box::pin(images::check(ground))),
    ];
    let forward = rights::to_forward(ground, version);
    for needed in rights::needed(ground).into_iter().chain(forward) {
        let title = needed.title();
        questions.push((title, Box::pin(rights::check(ground.cluster, needed))));
    }
    questions
}
