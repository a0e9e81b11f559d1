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
use crate::cluster::apply::{Manifest, Outcome};
use crate::cluster::{Cluster, ClusterError};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// How long the API server may take to answer one request. Well above a slow API server, far below a speaker's patience.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
/// How long a Deployment may take to become ready before we say that something is wrong.
const ROLLOUT_LIMIT: Duration = Duration::from_secs(90);
/// How long KEDA may take over a ScaledObject. It tries again after growing pauses, so what took Redis half a minute to
/// be there may take KEDA another half to notice.
const TAKING_ON_LIMIT: Duration = Duration::from_secs(60);
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
        "{name}: the Kubernetes API at {address} has not answered for {limit} s; see whether `kubectl get ns` does, then press again",
        limit = ANSWER_LIMIT.as_secs()
    )]
    NoAnswer {
        /// `deployment/redis`
        name: String,
        /// The API server's URL.
        address: String,
    },
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
    conflicts: Conflicts,
    stop: &CancellationToken,
    mut progress: impl FnMut(Progress),
) -> Result<Ending, DemoError> {
    let total = manifests.len();
    for manifest in &manifests {
        progress(Progress::step(&manifest.title(), "waiting"));
    }
    for (manifest, done) in manifests.iter_mut().zip(0..) {
        let title = manifest.title();
        let mut theirs = false;
        if !stop.is_cancelled() {
            progress(Progress::step(&title, "running"));
            theirs = is_theirs(cluster, manifest, stop, &mut progress).await?;
        }
        if stop.is_cancelled() {
            return Ok(Ending::Stopped(format!(
                "{done} of {total} objects applied"
            )));
        }
        if theirs {
            progress(there_before(&title));
            continue;
        }
        let applied = apply(cluster, manifest, password, conflicts);
        let outcome = answered(cluster, &title, applied).await?;
        progress(Progress::step(&title, outcome.word()));
    }
    ready(cluster, &manifests, stop, progress).await
}

async fn ready(
    cluster: &Cluster,
    manifests: &[Manifest],
    stop: &CancellationToken,
    mut progress: impl FnMut(Progress),
) -> Result<Ending, DemoError> {
    for kind in ["Deployment", "ScaledObject"] {
        for manifest in manifests.iter().filter(|one| one.kind() == kind) {
            tokio::select! {
                ready = works(cluster, manifest, &mut progress) => ready?,
                () = stop.cancelled() => return Ok(Ending::Stopped(format!(
                    "all {} objects applied, {} not ready yet", manifests.len(), manifest.title()
                ))),
            }
        }
    }
    Ok(Ending::Done("the queue demo is ready".to_owned()))
}

async fn works(
    cluster: &Cluster,
    manifest: &Manifest,
    progress: &mut impl FnMut(Progress),
) -> Result<(), DemoError> {
    if manifest.kind() == "Deployment" {
        roll_out(cluster, manifest, progress).await
    } else {
        take_on(cluster, manifest, progress).await
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
    conflicts: Conflicts,
) -> Result<Outcome, ClusterError> {
    let own = manifest.kind() == "Secret" && password == Password::OwnRandom;
    let created = own && password::create(cluster, manifest).await?;
    // A Secret that was created is applied as well, so that its fields are owned like those of all other objects.
    let applied = cluster.apply(manifest, conflicts).await?;
    Ok(if created { Outcome::Created } else { applied })
}

async fn roll_out(
    cluster: &Cluster,
    manifest: &Manifest,
    progress: &mut impl FnMut(Progress),
) -> Result<(), DemoError> {
    let namespace = manifest.namespace().unwrap_or("default");
    let name = format!("{} ready", manifest.name());
    progress(Progress::step(&name, "running"));
    let wait = cluster.rolled_out(namespace, manifest.name(), |rollout| {
        let state = if rollout.complete { "done" } else { "running" };
        progress(Progress::detailed(
            &name,
            state,
            format!("{}/{}", rollout.ready, rollout.wanted),
        ));
    });
    match timeout(ROLLOUT_LIMIT, wait).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(DemoError::NotReady {
            name: manifest.title(),
            namespace: namespace.to_owned(),
        }),
    }
}

async fn take_on(
    cluster: &Cluster,
    manifest: &Manifest,
    progress: &mut impl FnMut(Progress),
) -> Result<(), DemoError> {
    let name = format!("scaling of {}", manifest.name());
    progress(Progress::step(&name, "running"));
    let mut told = "it says nothing about it".to_owned();
    let wait = cluster.taken_on(manifest, |message| {
        if !message.is_empty() {
            message.clone_into(&mut told);
            progress(Progress::detailed(&name, "running", told.clone()));
        }
    });
    match timeout(TAKING_ON_LIMIT, wait).await {
        Ok(taken_on) => taken_on?,
        Err(_) => {
            return Err(DemoError::NotTakenOn {
                name: manifest.title(),
                namespace: manifest.namespace().unwrap_or("default").to_owned(),
                told,
            });
        }
    }
    progress(Progress::detailed(&name, "done", "ready".to_owned()));
    Ok(())
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
        if delete(cluster, manifest, &mut progress).await? == Outcome::Deleted {
            deleted.push(manifest);
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
