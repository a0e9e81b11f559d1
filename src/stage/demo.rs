//! Deploying the demo and taking it away, object by object, with progress.

use super::action::Progress;
use crate::cluster::apply::{Manifest, Outcome, secret_value};
use crate::cluster::{Cluster, ClusterError};
use crate::config::RedisUrl;
use std::time::Duration;

/// How long a Deployment may take to become ready before we say that something is wrong.
const ROLLOUT_LIMIT: Duration = Duration::from_secs(90);
/// How long the removal may take; pods have grace periods, the namespace waits for them.
const REMOVAL_LIMIT: Duration = Duration::from_secs(90);

/// Why the demo could not be deployed or removed.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The cluster refused or does not answer.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
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
    mut progress: impl FnMut(Progress),
) -> Result<(), DemoError> {
    for manifest in &manifests {
        progress(Progress::step(&manifest.title(), "waiting"));
    }
    for manifest in &mut manifests {
        let title = manifest.title();
        progress(Progress::step(&title, "running"));
        if manifest.kind() == "Secret" && password == Password::OwnRandom {
            own_password(cluster, manifest).await?;
        }
        let outcome = cluster.apply(manifest).await?;
        progress(Progress::step(&title, outcome.word()));
    }
    for manifest in manifests
        .iter()
        .filter(|manifest| manifest.kind() == "Deployment")
    {
        roll_out(cluster, manifest, &mut progress).await?;
    }
    Ok(())
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
    match tokio::time::timeout(ROLLOUT_LIMIT, wait).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(DemoError::NotReady {
            name: manifest.title(),
            namespace: namespace.to_owned(),
        }),
    }
}

/// Gives the Redis Secret a password of its own: the one it has, when it is there already (running pods know it), or
/// a random one. The manifest's literal is for people who apply it by hand.
async fn own_password(cluster: &Cluster, manifest: &mut Manifest) -> Result<(), ClusterError> {
    let existing = cluster.get(manifest).await.or_else(|error| match error {
        // The namespace may not be there yet in a dry world; then there is no Secret either.
        ClusterError::Refused { code: 404, .. } => Ok(None),
        other => Err(other),
    })?;
    let object = manifest.object_mut();
    if object.pointer("/stringData/password").is_none() {
        return Ok(());
    }
    let password = existing
        .and_then(|existing| existing.pointer("/data/password").cloned())
        .unwrap_or_else(|| secret_value(&random_key()));
    // As `data`, the way it is stored: then applying it again changes nothing.
    object["data"]["password"] = password;
    if let Some(fields) = object.as_object_mut() {
        fields.remove("stringData");
    }
    Ok(())
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
    mut progress: impl FnMut(Progress),
) -> Result<(), DemoError> {
    let mut deleted = Vec::new();
    for manifest in manifests.iter().rev() {
        let title = manifest.title();
        progress(Progress::step(&title, "running"));
        let outcome = cluster.delete(manifest).await?;
        if outcome == Outcome::Absent {
            progress(Progress::step(&title, outcome.word()));
        } else {
            progress(Progress::detailed(
                &title,
                "running",
                "terminating".to_owned(),
            ));
            deleted.push(manifest);
        }
    }
    for manifest in deleted {
        let gone = tokio::time::timeout(REMOVAL_LIMIT, cluster.gone(manifest)).await;
        gone.map_err(|_| DemoError::NotGone {
            name: manifest.title(),
        })??;
        progress(Progress::step(&manifest.title(), Outcome::Deleted.word()));
    }
    Ok(())
}
