//! Deploying the demo and taking it away, object by object, with progress.
//!
//! Both can be told to stop between two objects and while they wait, and go on where they left off when they are asked
//! again: applying what is there changes nothing, deleting what is gone is no error. Every request and every wait has a
//! limit, so that a cluster that hangs ends in a sentence, not in a button that never comes back.

use super::action::{Ending, Progress};
use crate::cluster::apply::{Manifest, Outcome, secret_value};
use crate::cluster::{Cluster, ClusterError};
use crate::config::RedisUrl;
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// How long the API server may take to answer one request. Well above a slow API server, far below a speaker's patience.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
/// How long a Deployment may take to become ready before we say that something is wrong.
const ROLLOUT_LIMIT: Duration = Duration::from_secs(90);
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

/// Which password the Redis Secret gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Password {
    /// The one in the manifest: that Redis is not ours and has its own.
    AsGiven,
    /// The one the Secret has already, else a random one.
    OwnRandom,
}

impl Password {
    /// What suits a demo on `redis`, or on a Redis of its own.
    #[must_use]
    pub fn suiting(redis: Option<&RedisUrl>) -> Self {
        match redis {
            Some(_) => Self::AsGiven,
            None => Self::OwnRandom,
        }
    }
}

/// Applies the manifests in order and waits until their Deployments are ready.
///
/// # Errors
/// [`DemoError`]; what was applied before it stays, and deploying again goes on from there.
pub async fn deploy(
    cluster: &Cluster,
    mut manifests: Vec<Manifest>,
    password: Password,
    stop: &CancellationToken,
    mut progress: impl FnMut(Progress),
) -> Result<Ending, DemoError> {
    let total = manifests.len();
    for manifest in &manifests {
        progress(Progress::step(&manifest.title(), "waiting"));
    }
    for (manifest, done) in manifests.iter_mut().zip(0..) {
        let title = manifest.title();
        if !stop.is_cancelled() {
            progress(Progress::step(&title, "running"));
            old_namespace_gone(cluster, manifest, stop, &mut progress).await?;
        }
        if stop.is_cancelled() {
            return Ok(Ending::Stopped(format!(
                "{done} of {total} objects applied"
            )));
        }
        let applied = apply(cluster, manifest, password);
        let outcome = answered(cluster, &title, applied).await?;
        progress(Progress::step(&title, outcome.word()));
    }
    let deployments = manifests
        .iter()
        .filter(|manifest| manifest.kind() == "Deployment");
    for manifest in deployments {
        tokio::select! {
            ready = roll_out(cluster, manifest, &mut progress) => ready?,
            () = stop.cancelled() => return Ok(Ending::Stopped(format!(
                "all {total} objects applied, {} not ready yet", manifest.title()
            ))),
        }
    }
    Ok(Ending::Done("the queue demo is ready".to_owned()))
}

/// Waits for the answer to a request about the object `name`, but not for ever.
async fn answered<T>(
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

/// Waits until a namespace that is on its way out is gone, for it takes nothing in any more. So a removal that was
/// stopped half-way, or `kubectl delete namespace` a moment ago, does not make Deploy fail.
async fn old_namespace_gone(
    cluster: &Cluster,
    manifest: &Manifest,
    stop: &CancellationToken,
    progress: &mut impl FnMut(Progress),
) -> Result<(), DemoError> {
    if !is_namespace(manifest) {
        return Ok(());
    }
    let title = manifest.title();
    let found = answered(cluster, &title, cluster.get(manifest)).await?;
    let leaves = found.is_some_and(|found| found.pointer("/metadata/deletionTimestamp").is_some());
    if !leaves {
        return Ok(());
    }
    let detail = "the old one is terminating".to_owned();
    progress(Progress::detailed(&title, "running", detail));
    tokio::select! {
        gone = gone(cluster, manifest, Instant::now() + REMOVAL_LIMIT) => gone,
        () = stop.cancelled() => Ok(()),
    }
}

async fn apply(
    cluster: &Cluster,
    manifest: &mut Manifest,
    password: Password,
) -> Result<Outcome, ClusterError> {
    if manifest.kind() == "Secret" && password == Password::OwnRandom {
        let created = own_password(cluster, manifest).await?;
        if created {
            return Ok(Outcome::Created);
        }
    }
    match cluster.apply(manifest).await {
        // Whoever may not change the namespace was given one to work in.
        Err(ClusterError::Refused { code: 403, .. }) if is_namespace(manifest) => {
            Ok(Outcome::Unchanged)
        }
        outcome => outcome,
    }
}

fn is_namespace(manifest: &Manifest) -> bool {
    manifest.kind() == "Namespace"
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

/// Gives the Redis Secret a password of its own: the one it has, when it is there already (running pods know it), or
/// a random one. The manifest's literal is for people who apply it by hand. Answers whether the Secret was created here.
///
/// A new Secret is created, not applied: of two who deploy at the same moment, from the button and from a terminal, one
/// creates it and the other takes its password over. Two applies would leave pods with the first password and a Secret
/// with the second.
async fn own_password(cluster: &Cluster, manifest: &mut Manifest) -> Result<bool, ClusterError> {
    let existing = secret(cluster, manifest).await?;
    if manifest
        .object_mut()
        .pointer("/stringData/password")
        .is_none()
    {
        return Ok(false);
    }
    if let Some(existing) = existing {
        put_password(manifest, password_of(&existing));
        return Ok(false);
    }
    put_password(manifest, None);
    if cluster.create(manifest).await? {
        // Applied as well, so that its fields are owned like those of all other objects.
        cluster.apply(manifest).await?;
        return Ok(true);
    }
    let theirs = secret(cluster, manifest).await?;
    put_password(manifest, theirs.as_ref().and_then(password_of));
    Ok(false)
}

async fn secret(cluster: &Cluster, manifest: &Manifest) -> Result<Option<Value>, ClusterError> {
    cluster.get(manifest).await.or_else(|error| match error {
        // The namespace may not be there yet in a dry world; then there is no Secret either.
        ClusterError::Refused { code: 404, .. } => Ok(None),
        other => Err(other),
    })
}

fn password_of(secret: &Value) -> Option<Value> {
    secret.pointer("/data/password").cloned()
}

/// As `data`, the way it is stored: then applying it again changes nothing.
fn put_password(manifest: &mut Manifest, password: Option<Value>) {
    let object = manifest.object_mut();
    object["data"]["password"] = password.unwrap_or_else(|| secret_value(&random_key()));
    if let Some(fields) = object.as_object_mut() {
        fields.remove("stringData");
    }
}

/// 128 random bits in hexadecimal.
#[must_use]
pub fn random_key() -> String {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("the operating system always has random bytes after boot");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Deletes the manifests' objects, last first, and waits until they are gone.
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
        let title = manifest.title();
        progress(Progress::step(&title, "running"));
        let outcome = match answered(cluster, &title, cluster.delete(manifest)).await {
            // It was there before the demo, and stays.
            Err(DemoError::Cluster(ClusterError::Refused { code: 403, .. }))
                if is_namespace(manifest) =>
            {
                progress(Progress::step(&title, Outcome::Unchanged.word()));
                continue;
            }
            outcome => outcome?,
        };
        if outcome == Outcome::Absent {
            progress(Progress::step(&title, outcome.word()));
        } else {
            let detail = "terminating".to_owned();
            progress(Progress::detailed(&title, "running", detail));
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
