//! A deployment among others who set fields of the same objects.
//!
//! [`deploy`] is [`demo::deploy`], which stops at the first object that somebody else has a hand in. Whoever is asked
//! whether to take that over wants to decide once, and about all of it: so what comes after it is tried without being
//! kept, and every field that is in the way is told.

pub use crate::cluster::FieldConflict;

use super::action::{Ending, Progress};
use super::demo::{self, DemoError, answered};
use super::dry_run::attempt;
use super::password::Password;
use crate::cluster::apply::{Conflicts, Manifest};
use crate::cluster::{Cluster, ClusterError};
use futures::future::join_all;
use tokio_util::sync::CancellationToken;

/// Deploys the demo; on a conflict tells all fields of others that are in the way ([`Progress::Contested`]).
///
/// # Errors
/// As [`demo::deploy`].
pub async fn deploy(
    cluster: &Cluster,
    manifests: Vec<Manifest>,
    password: Password,
    conflicts: &Conflicts,
    stop: &CancellationToken,
    mut progress: impl FnMut(Progress),
) -> Result<Ending, DemoError> {
    let to_come = manifests.clone();
    let deployed = demo::deploy(cluster, manifests, password, conflicts, stop, &mut progress);
    let deployed = deployed.await;
    if let Err(DemoError::Cluster(ClusterError::Conflict { name, conflicts })) = &deployed {
        let after = to_come.into_iter().skip_while(|one| one.title() != *name);
        let mut all = conflicts.clone();
        all.extend(of(cluster, after.skip(1).collect(), password).await);
        progress(Progress::Contested(all));
    }
    deployed
}

/// The fields of `manifests` that are in the way. What cannot be tried now will tell when it is applied.
async fn of(
    cluster: &Cluster,
    mut manifests: Vec<Manifest>,
    password: Password,
) -> Vec<FieldConflict> {
    let tried = manifests.iter_mut().map(|manifest| async move {
        let title = manifest.title();
        let tried = attempt(cluster, manifest, password, &Conflicts::Refuse);
        match answered(cluster, &title, tried).await {
            Err(DemoError::Cluster(ClusterError::Conflict { conflicts, .. })) => conflicts,
            _ => Vec::new(),
        }
    });
    join_all(tried).await.concat()
}
