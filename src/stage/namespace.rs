//! Whose namespace it is: one that came with the demo goes with it, one that was there before stays.
//!
//! The mark is the label `app.kubernetes.io/managed-by: podium` on the Namespace itself. [`mark`] puts it into the
//! manifests, a Namespace without it is never applied over, and so nobody's namespace becomes ours by a deployment, and
//! none is deleted with what else lives in it.

use crate::cluster::apply::Manifest;
use crate::cluster::{Cluster, ClusterError};
use serde_json::{Value, json};

const LABEL: &str = "app.kubernetes.io/managed-by";
const OURS: &str = "podium";

/// How a namespace stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is none.
    Absent,
    /// It came with the demo.
    Ours,
    /// It was there before.
    Theirs,
    /// It is on its way out, and takes nothing in any more.
    Leaving,
}

/// Marks a Namespace's manifest as the demo's own.
pub(super) fn mark(manifest: &mut Manifest) {
    if manifest.kind() == "Namespace" {
        manifest.object_mut()["metadata"]["labels"][LABEL] = json!(OURS);
    }
}

/// How the namespace of `manifest` stands.
///
/// # Errors
/// [`ClusterError`] when the cluster does not say. Who may not look at namespaces was given one to work in.
pub(super) async fn standing(
    cluster: &Cluster,
    manifest: &Manifest,
) -> Result<Standing, ClusterError> {
    match cluster.get(manifest).await {
        Ok(found) => Ok(found.map_or(Standing::Absent, |found| standing_of(&found))),
        Err(ClusterError::Refused { code: 403, .. }) => Ok(Standing::Theirs),
        Err(error) => Err(error),
    }
}

fn standing_of(namespace: &Value) -> Standing {
    if namespace.pointer("/metadata/deletionTimestamp").is_some() {
        Standing::Leaving
    } else if namespace["metadata"]["labels"][LABEL] == OURS {
        Standing::Ours
    } else {
        Standing::Theirs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_mark_makes_a_namespace_ours() {
        let standing = |metadata: Value| standing_of(&json!({"metadata": metadata}));
        assert_eq!(standing(json!({"labels": {LABEL: OURS}})), Standing::Ours);
        assert_eq!(
            standing(json!({"labels": {LABEL: "Helm"}})),
            Standing::Theirs
        );
        assert_eq!(standing(json!({})), Standing::Theirs);
        let leaving = json!({"deletionTimestamp": "2026-01-01T00:00:00Z", "labels": {LABEL: OURS}});
        assert_eq!(standing(leaving), Standing::Leaving);
    }
}
