//! Deploying the demo and taking it away, object by object, with progress.
//!
//! Both can be told to stop between two objects and while they wait, and go on where they left off when they are asked
//! again: applying what is there changes nothing, deleting what is gone is no error. Every request and every wait has a
//! limit, so that a cluster that hangs ends in a sentence, not in a button that never comes back.

pub use super::password::{Password, random_key};
pub use crate::cluster::apply::Conflicts;

use super::action::{Ending, Progress};
use super::dry_run::there_before;
use super::namespace::{self, Standing};
use super::password;
use super::preflight::api::too_old;
use super::readiness::{ROLLOUT_LIMIT, TAKING_ON_LIMIT, ready};
use crate::cluster::apply::{Applied, Manifest, Outcome};
use crate::cluster::{Cluster, ClusterError};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// How long the API server may take to answer one request. Well above a slow API server, far below a speaker's patience.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
/// How long a request may still take once we are told to stop; less than what an action may (`actions::STOP_LIMIT`).
const STOP_GRACE: Duration = Duration::from_secs(2);
/// How long the removal may take in all; pods have grace periods, the namespace waits for them.
const REMOVAL_LIMIT: Duration = Duration::from_secs(90);

/// Why the demo could not be deployed or removed.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The cluster refused or does not answer.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The API server took a request and said nothing.
    #[error(
        "{name}: the Kubernetes API at {address} has not answered for {limit} s; see whether `kubectl get namespaces` gets an answer, then try again, which goes on from there",
        limit = ANSWER_LIMIT.as_secs()
    )]
    NoAnswer {
        /// `deployment/redis`
        name: String,
        /// The API server's URL.
        address: String,
    },
    /// The cluster cannot run the demo.
    #[error("{0}")]
    TooOld(String),
    /// A Deployment did not become ready in time.
    #[error(
        "{name} is not ready after {limit} s; look at `kubectl get pods -n {namespace}` and `kubectl describe {name} -n {namespace}`",
        limit = ROLLOUT_LIMIT.as_secs()
    )]
    NotReady {
        /// `deployment/redis`
        name: String,
        /// Its namespace.
        namespace: String,
    },
    /// KEDA does nothing with a ScaledObject, or cannot.
    #[error(
        "KEDA has not taken on {name} in {limit} s: {told}; look at `kubectl describe {name} -n {namespace}`, and whether KEDA's operator runs",
        limit = TAKING_ON_LIMIT.as_secs()
    )]
    NotTakenOn {
        /// `scaledobject/queue-worker`
        name: String,
        /// Its namespace.
        namespace: String,
        /// What KEDA says about it.
        told: String,
    },
    /// An object is still there.
    #[error(
        "{name} is still there after {limit} s; a finalizer may hold it: look at `kubectl get {name} -o yaml`",
        limit = REMOVAL_LIMIT.as_secs()
    )]
    NotGone {
        /// `namespace/keda-demo`
        name: String,
    },
}

/// Applies the manifests in order and waits until their Deployments are ready and KEDA has taken their ScaledObjects on:
/// a spike before that would move nothing.
///
/// A namespace that was there before, and is not marked as the demo's, is used as it is.
///
/// # Errors
/// [`DemoError`]; what was applied before it stays, and deploying again goes on from there.
pub async fn deploy(
    cluster: &Cluster,
    mut manifests: Vec<Manifest>,
    password: Password,
    conflicts: &Conflicts,
    stop: &CancellationToken,
    mut progress: impl FnMut(Progress),
) -> Result<Ending, DemoError> {
    for manifest in &manifests {
        progress(Progress::step(&manifest.title(), "waiting"));
    }
    let total = manifests.len();
    let stopped = |done: usize, more: &str| {
        Ok(Ending::Stopped(format!(
            "{done} of {total} objects applied{more}"
        )))
    };
    if until_stopped(stop, young_enough(cluster)).await?.is_none() {
        return stopped(0, "");
    }
    for (manifest, done) in manifests.iter_mut().zip(0..) {
        let title = manifest.title();
        if stop.is_cancelled() {
            return stopped(done, "");
        }
        progress(Progress::step(&title, "running"));
        let theirs = is_theirs(cluster, manifest, stop, &mut progress);
        let theirs = until_stopped(stop, theirs).await?;
        let Some(theirs) = theirs.filter(|_| !stop.is_cancelled()) else {
            return stopped(done, "");
        };
        if theirs {
            progress(there_before(&title));
            continue;
        }
        let applying = apply(cluster, manifest, password, conflicts);
        let applied = until_stopped(stop, answered(cluster, &title, applying)).await?;
        let Some(applied) = applied else {
            let more = format!(", and {title} was asked for without an answer");
            return stopped(done, &more);
        };
        progress(Progress::step(&title, applied.outcome.word()));
        if !applied.taken_over.is_empty() {
            progress(Progress::TakenOver(applied.taken_over));
        }
    }
    ready(cluster, &manifests, stop, progress).await
}

/// The answer, or `None` when we are told to stop and there is none [`STOP_GRACE`] later: what is on its way is worth a
/// moment, since it tells what was done.
async fn until_stopped<T>(
    stop: &CancellationToken,
    request: impl Future<Output = Result<T, DemoError>>,
) -> Result<Option<T>, DemoError> {
    let overdue = async {
        stop.cancelled().await;
        sleep(STOP_GRACE).await;
    };
    tokio::select! {
        answer = request => answer.map(Some),
        () = overdue => Ok(None),
    }
}

/// Whether the cluster can run the demo. One that does not tell its version is tried.
async fn young_enough(cluster: &Cluster) -> Result<(), DemoError> {
    match cluster.version().await {
        Ok(version) => too_old(&version, cluster.address())
            .map_or(Ok(()), |reason| Err(DemoError::TooOld(reason))),
        Err(ClusterError::Refused { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Waits for the answer to a request about the object `name`, but not for ever.
pub(super) async fn answered<T>(
    cluster: &Cluster,
    name: &str,
    request: impl Future<Output = Result<T, ClusterError>>,
) -> Result<T, DemoError> {
    match timeout(ANSWER_LIMIT, request).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(DemoError::NoAnswer {
            name: name.to_owned(),
            address: cluster.address().to_owned(),
        }),
    }
}

/// Whether this is a namespace that is not the demo's own. One that is on its way out takes nothing in any more: then it
/// waits until it is gone. So a removal that was stopped half-way, or `kubectl delete namespace` a moment ago, does not
/// make Deploy fail.
async fn is_theirs(
    cluster: &Cluster,
    manifest: &Manifest,
    stop: &CancellationToken,
    progress: &mut impl FnMut(Progress),
) -> Result<bool, DemoError> {
    if manifest.kind() != "Namespace" {
        return Ok(false);
    }
    let title = manifest.title();
    let found = namespace::standing(cluster, manifest);
    match answered(cluster, &title, found).await? {
        Standing::Theirs => return Ok(true),
        Standing::Absent | Standing::Ours => return Ok(false),
        Standing::Leaving => {}
    }
    let detail = "the old one is terminating".to_owned();
    progress(Progress::detailed(&title, "running", detail));
    tokio::select! {
        gone = gone(cluster, manifest, Instant::now() + REMOVAL_LIMIT) => gone?,
        () = stop.cancelled() => {}
    }
    Ok(false)
}

async fn apply(
    cluster: &Cluster,
    manifest: &mut Manifest,
    password: Password,
    conflicts: &Conflicts,
) -> Result<Applied, ClusterError> {
    let own = manifest.kind() == "Secret" && password == Password::OwnRandom;
    let created = own && password::create(cluster, manifest).await?;
    // A Secret that was created is applied as well, so that its fields are owned like those of all other objects.
    let mut applied = cluster.apply(manifest, conflicts).await?;
    if created {
        applied.outcome = Outcome::Created;
    }
    Ok(applied)
}

/// Whether the removal takes the whole namespace away, with all that is in it: it came with the demo.
///
/// # Errors
/// [`DemoError`] when the cluster does not say.
pub async fn namespace_goes(cluster: &Cluster, manifests: &[Manifest]) -> Result<bool, DemoError> {
    let namespaces = manifests
        .iter()
        .filter(|manifest| manifest.kind() == "Namespace");
    for manifest in namespaces {
        let found = namespace::standing(cluster, manifest);
        if answered(cluster, &manifest.title(), found).await? == Standing::Theirs {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Deletes the manifests' objects, last first, and waits until they are gone. A namespace that was there before the demo
/// stays.
///
/// # Errors
/// [`DemoError`]; removing again goes on from there.
pub async fn remove(
    cluster: &Cluster,
    manifests: &[Manifest],
    stop: &CancellationToken,
    mut progress: impl FnMut(Progress),
) -> Result<Ending, DemoError> {
    let (mut deleted, total) = (Vec::new(), manifests.len());
    for (manifest, done) in manifests.iter().rev().zip(0..) {
        if stop.is_cancelled() {
            return Ok(Ending::Stopped(format!(
                "{done} of {total} objects deleted"
            )));
        }
        let asked = until_stopped(stop, delete(cluster, manifest, &mut progress));
        match asked.await? {
            Some(Outcome::Deleted) => deleted.push(manifest),
            Some(_) => {}
            None => {
                let title = manifest.title();
                return Ok(Ending::Stopped(format!(
                    "{done} of {total} objects deleted, and {title} was asked for without an answer"
                )));
            }
        }
    }
    // One limit for all of them: they go at the same time.
    let deadline = Instant::now() + REMOVAL_LIMIT;
    for manifest in deleted {
        tokio::select! {
            gone = gone(cluster, manifest, deadline) => gone?,
            () = stop.cancelled() => return Ok(Ending::Stopped(format!(
                "the cluster goes on deleting, {} is still there", manifest.title()
            ))),
        }
        progress(Progress::step(&manifest.title(), Outcome::Deleted.word()));
    }
    Ok(Ending::Done("the queue demo is gone".to_owned()))
}

/// Asks for the deletion of one object, unless it is a namespace that was there before the demo.
async fn delete(
    cluster: &Cluster,
    manifest: &Manifest,
    progress: &mut impl FnMut(Progress),
) -> Result<Outcome, DemoError> {
    let title = manifest.title();
    progress(Progress::step(&title, "running"));
    if manifest.kind() == "Namespace" {
        let found = namespace::standing(cluster, manifest);
        if answered(cluster, &title, found).await? == Standing::Theirs {
            progress(there_before(&title));
            return Ok(Outcome::Unchanged);
        }
    }
    let outcome = answered(cluster, &title, cluster.delete(manifest)).await?;
    progress(match outcome {
        Outcome::Deleted => Progress::detailed(&title, "running", "terminating".to_owned()),
        other => Progress::step(&title, other.word()),
    });
    Ok(outcome)
}

async fn gone(cluster: &Cluster, manifest: &Manifest, deadline: Instant) -> Result<(), DemoError> {
    match timeout_at(deadline, cluster.gone(manifest)).await {
        Ok(gone) => Ok(gone?),
        Err(_) => Err(DemoError::NotGone {
            name: match manifest.namespace() {
                Some(namespace) => format!("{} -n {namespace}", manifest.title()),
                None => manifest.title(),
            },
        }),
    }
}
