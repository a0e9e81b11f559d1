//! Manifests in, objects out: server-side apply and deletion, one object at a time, each with its outcome.
//!
//! A [`Manifest`] is one YAML document. The kind is looked up in the cluster's own discovery, so that anything the
//! cluster serves can be applied and a missing CRD is told as what it is: KEDA is not installed.

pub use super::conflict::{Conflicts, FieldConflict};

use super::{Cluster, ClusterError, FIELD_MANAGER, conflict};
use kube::api::{
    Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, PropagationPolicy,
};
use kube::core::GroupVersionKind;
use kube::discovery::Scope;
use serde_json::Value;

/// One object as a manifest describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest(Value);

/// What an apply or a deletion did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The object is new.
    Created,
    /// The object was there and differs now.
    Configured,
    /// The object was there, and just so.
    Unchanged,
    /// The object is gone, or on its way.
    Deleted,
    /// There was no such object to delete.
    Absent,
}

impl Outcome {
    /// The word `kubectl` prints for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
            Self::Absent => "absent",
        }
    }
}

/// An object that was applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// What that did.
    pub outcome: Outcome,
    /// What others lost by it, with the values they had given.
    pub taken_over: Vec<FieldConflict>,
}

/// A Secret's value as the API stores it: base64 text.
#[must_use]
pub fn secret_value(plain: &str) -> Value {
    let bytes = k8s_openapi::ByteString(plain.as_bytes().to_vec());
    serde_json::to_value(bytes).expect("base64 text is a JSON string")
}

/// Reads all YAML documents of `text`; `file` is for messages.
///
/// # Errors
/// [`ClusterError::Manifest`] when it is not YAML, or a document has no `apiVersion`, `kind` or name.
pub fn parse(file: &str, text: &str) -> Result<Vec<Manifest>, ClusterError> {
    let wrong = |reason: String| ClusterError::Manifest {
        file: file.to_owned(),
        reason,
    };
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| wrong(error.to_string()))?;
    let mut manifests = Vec::new();
    for (index, document) in documents.into_iter().enumerate() {
        if document.is_null() {
            continue;
        }
        for field in ["/apiVersion", "/kind", "/metadata/name"] {
            if document.pointer(field).and_then(Value::as_str).is_none() {
                let field = field.trim_start_matches('/').replace('/', ".");
                return Err(wrong(format!("document {}: {field} is missing", index + 1)));
            }
        }
        manifests.push(Manifest(document));
    }
    Ok(manifests)
}

impl Manifest {
    /// `metadata.name`
    #[must_use]
    pub fn name(&self) -> &str {
        self.0["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// `kind`
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0["kind"].as_str().unwrap_or_default()
    }

    /// `metadata.namespace`
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.0["metadata"]["namespace"].as_str()
    }

    /// How messages name it: `deployment/queue-worker`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{}/{}", self.kind().to_lowercase(), self.name())
    }

    /// The whole object.
    #[must_use]
    pub fn object(&self) -> &Value {
        &self.0
    }

    /// A manifest that was put together here. It must have `apiVersion`, `kind` and a name.
    #[must_use]
    pub fn from_object(object: Value) -> Self {
        Self(object)
    }

    /// The whole object, to adjust before it is applied.
    pub fn object_mut(&mut self) -> &mut Value {
        &mut self.0
    }

    fn api_version(&self) -> &str {
        self.0["apiVersion"].as_str().unwrap_or_default()
    }
}

impl Cluster {
    /// Applies one manifest as field manager `podium`.
    ///
    /// # Errors
    /// [`ClusterError`]; `Conflict` when somebody else owns a field that would get another value and `conflicts` says to
    /// refuse, `UnknownKind` when the cluster lacks the kind.
    pub async fn apply(
        &self,
        manifest: &Manifest,
        conflicts: &Conflicts,
    ) -> Result<Applied, ClusterError> {
        let api = self.api_for(manifest).await?;
        let before = api
            .get_metadata_opt(manifest.name())
            .await
            .map_err(|error| self.error(&applying(manifest), error))?;
        let parameters = PatchParams::apply(FIELD_MANAGER);
        let (after, taken_over) = self.patch(&api, manifest, parameters, conflicts).await?;
        let outcome = match before {
            None => Outcome::Created,
            Some(before) if before.metadata.resource_version == after.metadata.resource_version => {
                Outcome::Unchanged
            }
            Some(_) => Outcome::Configured,
        };
        Ok(Applied {
            outcome,
            taken_over,
        })
    }

    /// What [`Cluster::apply`] would do, tried by the API server and not kept.
    ///
    /// # Errors
    /// As [`Cluster::apply`].
    pub async fn try_apply(
        &self,
        manifest: &Manifest,
        conflicts: &Conflicts,
    ) -> Result<Outcome, ClusterError> {
        let api = self.api_for(manifest).await?;
        let before = api
            .get_opt(manifest.name())
            .await
            .map_err(|error| self.error(&applying(manifest), error))?;
        let mut parameters = PatchParams::apply(FIELD_MANAGER);
        parameters.dry_run = true;
        let (after, _) = self.patch(&api, manifest, parameters, conflicts).await?;
        // A dry run leaves the resource version alone, so the contents have to tell.
        Ok(match before {
            None => Outcome::Created,
            Some(before) if content(&before) == content(&after) => Outcome::Unchanged,
            Some(_) => Outcome::Configured,
        })
    }

    /// One server-side apply, and what it took from others. Never forced at first, so that what is taken is known. Fields
    /// that Podium itself set in another way than by applying (a Secret is created) are in nobody's way: those are taken
    /// over unasked.
    async fn patch(
        &self,
        api: &Api<DynamicObject>,
        manifest: &Manifest,
        mut parameters: PatchParams,
        conflicts: &Conflicts,
    ) -> Result<(DynamicObject, Vec<FieldConflict>), ClusterError> {
        let patch = Patch::Apply(&manifest.0);
        let failed = |error| self.error(&applying(manifest), error);
        let refused = match api.patch(manifest.name(), &parameters, &patch).await {
            Err(kube::Error::Api(status)) if status.code == 409 => status,
            applied => return applied.map(|object| (object, Vec::new())).map_err(failed),
        };
        let mut found = conflict::of(&refused, &manifest.title());
        if found.is_empty() {
            return Err(failed(kube::Error::Api(refused)));
        }
        found.retain(|conflict| conflict.manager != FIELD_MANAGER);
        if !found.is_empty() {
            // Without the object the fields are still named, only without their values.
            let there = api.get_opt(manifest.name()).await.ok().flatten();
            let there = there.map(|object| serde_json::json!(object));
            found = found
                .into_iter()
                .map(|conflict| conflict.with_values(there.as_ref(), &manifest.0))
                .collect();
        }
        if !found.is_empty() && !conflicts.allow(&found) {
            return Err(ClusterError::Conflict {
                name: manifest.title(),
                conflicts: found,
            });
        }
        parameters.force = true;
        let applied = api.patch(manifest.name(), &parameters, &patch).await;
        applied.map(|object| (object, found)).map_err(failed)
    }

    /// Creates one manifest's object; false when it is there already, which only one of two who try is told.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub async fn create(&self, manifest: &Manifest) -> Result<bool, ClusterError> {
        let doing = format!("create {}", manifest.title());
        let api = self.api_for(manifest).await?;
        let object: DynamicObject =
            serde_json::from_value(manifest.0.clone()).map_err(|error| ClusterError::Manifest {
                file: manifest.title(),
                reason: error.to_string(),
            })?;
        let parameters = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        match api.create(&parameters, &object).await {
            Ok(_) => Ok(true),
            // What is being deleted is no object to share: it is gone in a moment, and its password with it.
            Err(kube::Error::Api(status))
                if status.code == 409 && !status.message.contains("being deleted") =>
            {
                Ok(false)
            }
            Err(error) => Err(self.error(&doing, error)),
        }
    }

    /// Asks for the deletion of one manifest's object; dependents follow in the background.
    ///
    /// # Errors
    /// [`ClusterError`]; an object that is not there is [`Outcome::Absent`], not an error.
    pub async fn delete(&self, manifest: &Manifest) -> Result<Outcome, ClusterError> {
        let api = match self.api_for(manifest).await {
            Ok(api) => api,
            // No such kind means no such object.
            Err(ClusterError::UnknownKind { .. }) => return Ok(Outcome::Absent),
            Err(error) => return Err(error),
        };
        let parameters = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            ..DeleteParams::default()
        };
        match api.delete(manifest.name(), &parameters).await {
            Ok(_) => Ok(Outcome::Deleted),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(Outcome::Absent),
            Err(error) => Err(self.error(&format!("delete {}", manifest.title()), error)),
        }
    }

    /// The object of `manifest` as the cluster has it.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub async fn get(&self, manifest: &Manifest) -> Result<Option<Value>, ClusterError> {
        let api = self.api_for(manifest).await?;
        let object = api
            .get_opt(manifest.name())
            .await
            .map_err(|error| self.error(&format!("get {}", manifest.title()), error))?;
        Ok(object.and_then(|object| serde_json::to_value(object).ok()))
    }

    pub(super) async fn api_for(
        &self,
        manifest: &Manifest,
    ) -> Result<Api<DynamicObject>, ClusterError> {
        let (group, version) = match manifest.api_version().split_once('/') {
            Some((group, version)) => (group, version),
            None => ("", manifest.api_version()),
        };
        let wanted = GroupVersionKind::gvk(group, version, manifest.kind());
        let found = kube::discovery::pinned_kind(&self.client, &wanted).await;
        let (resource, capabilities) = match found {
            Ok(found) => found,
            Err(kube::Error::Discovery(_)) => return Err(unknown_kind(manifest)),
            Err(kube::Error::Api(status)) if status.code == 404 => {
                return Err(unknown_kind(manifest));
            }
            Err(error) => {
                let (kind, version) = (manifest.kind(), manifest.api_version());
                return Err(self.error(&format!("look up the kind {kind} of {version}"), error));
            }
        };
        Ok(match (capabilities.scope, manifest.namespace()) {
            (Scope::Cluster, _) => Api::all_with(self.client.clone(), &resource),
            (Scope::Namespaced, Some(namespace)) => {
                Api::namespaced_with(self.client.clone(), namespace, &resource)
            }
            (Scope::Namespaced, None) => {
                Api::default_namespaced_with(self.client.clone(), &resource)
            }
        })
    }
}

fn applying(manifest: &Manifest) -> String {
    format!("apply {}", manifest.title())
}

/// What of an object its owner wrote: all but the books that the API server keeps.
fn content(object: &DynamicObject) -> Value {
    let mut content = serde_json::json!(object);
    if let Some(metadata) = content["metadata"].as_object_mut() {
        for kept in ["managedFields", "resourceVersion", "generation"] {
            metadata.remove(kept);
        }
    }
    content
}

fn unknown_kind(manifest: &Manifest) -> ClusterError {
    ClusterError::UnknownKind {
        api_version: manifest.api_version().to_owned(),
        kind: manifest.kind().to_owned(),
        remedy: if manifest.api_version().starts_with("keda.sh/") {
            ": KEDA is not installed; `helm install keda keda --repo https://kedacore.github.io/charts --namespace keda --create-namespace`, or as `podium status` says for kubectl"
        } else {
            "; install what defines it, or take it out of the manifests"
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read_in_order_and_empty_ones_skipped() {
        let text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: b, namespace: a}\n";
        let titles: Vec<_> = parse("x.yaml", text)
            .unwrap()
            .iter()
            .map(Manifest::title)
            .collect();
        assert_eq!(titles, ["namespace/a", "deployment/b"]);
    }

    #[test]
    fn a_document_without_a_name_is_named_by_file_and_position() {
        let error = parse("x.yaml", "apiVersion: v1\nkind: Secret\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "x.yaml: document 1: metadata.name is missing"
        );
    }
}
