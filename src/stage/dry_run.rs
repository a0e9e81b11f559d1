//! A rehearsal of a deployment: the API server tries each object, with its defaults, its validation and its admission,
//! and keeps none of it.
//!
//! What cannot be tried is said to be so: an object whose namespace would only come with the deployment.

use super::action::{Ending, Progress};
use super::demo::{DemoError, answered};
use super::namespace::{self, Standing};
use super::password::{self, Password};
use crate::cluster::apply::{Conflicts, Manifest, Outcome};
use crate::cluster::{Cluster, ClusterError};
use tokio_util::sync::CancellationToken;

/// Tries to apply the manifests in order, and tells of each what would become of it.
///
/// # Errors
/// [`DemoError`] of the first object that would fail.
pub async fn run(
    cluster: &Cluster,
    mut manifests: Vec<Manifest>,
    password: Password,
    conflicts: &Conflicts,
    stop: &CancellationToken,
    mut progress: impl FnMut(Progress),
) -> Result<Ending, DemoError> {
    let mut to_come = Vec::new();
    let (mut tried, total) = (0, manifests.len());
    for manifest in &mut manifests {
        if stop.is_cancelled() {
            return Ok(Ending::Stopped(format!("{tried} of {total} objects tried")));
        }
        let title = manifest.title();
        if manifest.kind() == "Namespace" {
            let found = namespace::standing(cluster, manifest);
            let standing = answered(cluster, &title, found).await?;
            if standing == Standing::Theirs {
                progress(there_before(&title));
                tried += 1;
                continue;
            }
            if matches!(standing, Standing::Absent | Standing::Leaving) {
                to_come.push(manifest.name().to_owned());
            }
        }
        let home = manifest.namespace();
        if home.is_some_and(|home| to_come.iter().any(|name| name == home)) {
            let detail = "not tried: its namespace is not there yet".to_owned();
            progress(Progress::detailed(&title, "waiting", detail));
            continue;
        }
        let trying = attempt(cluster, manifest, password, conflicts);
        let outcome = answered(cluster, &title, trying).await?;
        progress(Progress::step(&title, outcome.word()));
        tried += 1;
    }
    Ok(Ending::Done(format!(
        "{tried} of {total} objects tried, nothing changed"
    )))
}

/// The line for a namespace that is not the demo's own.
pub(super) fn there_before(title: &str) -> Progress {
    let detail = "it was there before the demo, and stays".to_owned();
    Progress::detailed(title, Outcome::Unchanged.word(), detail)
}

/// What applying one object would do.
pub(super) async fn attempt(
    cluster: &Cluster,
    manifest: &mut Manifest,
    password: Password,
    conflicts: &Conflicts,
) -> Result<Outcome, ClusterError> {
    if manifest.kind() == "Secret" && password == Password::OwnRandom {
        password::fill_in(cluster, manifest).await?;
    }
    cluster.try_apply(manifest, conflicts).await
}
