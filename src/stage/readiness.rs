//! When the demo that was applied is ready: its Deployments are rolled out, and KEDA scales by its ScaledObject.
//!
//! In come the applied manifests, out goes the progress of each. The waits have limits of their own, since a pod may take
//! long and an API server's answer may not.

use super::action::{Ending, Progress};
use super::demo::DemoError;
use crate::cluster::Cluster;
use crate::cluster::apply::Manifest;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a Deployment may take to become ready before we say that something is wrong.
pub(super) const ROLLOUT_LIMIT: Duration = Duration::from_secs(90);
/// How long KEDA may take over a ScaledObject. It tries again after growing pauses, so what took Redis half a minute to
/// be there may take KEDA another half to notice.
pub(super) const TAKING_ON_LIMIT: Duration = Duration::from_secs(60);

/// Waits until every Deployment is ready, then until KEDA has taken each ScaledObject on.
///
/// # Errors
/// [`DemoError`] of the first that is not ready in time, or that we may not watch.
pub(super) async fn ready(
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
