//! What of an object counts for its life: its generations, and what holds it back from going.

use serde_json::Value;

/// The annotation that numbers a Deployment's templates.
pub const DEPLOYMENT_REVISION: &str = "deployment.kubernetes.io/revision";

/// Whether nothing holds the object back from going. A Namespace has finalizers in its spec as well.
pub(super) fn no_finalizers(object: &Value) -> bool {
    let none = |finalizers: &Value| finalizers.as_array().is_none_or(Vec::is_empty);
    none(&object["metadata"]["finalizers"])
        && (object["kind"] != "Namespace" || none(&object["spec"]["finalizers"]))
}

/// Kinds with a `spec` count generations; Secrets, ConfigMaps, Events and the like do not.
pub(super) fn counts_generations(object: &Value) -> bool {
    object.get("spec").is_some()
}

/// What `metadata.generation` counts the changes of: everything but metadata and status. Annotations of a Deployment
/// count too on a real cluster, except the revision, which its controller writes along with the status.
pub(super) fn specification(object: &Value) -> Value {
    let mut copy = object.clone();
    if let Some(fields) = copy.as_object_mut() {
        let annotations = (fields.get("kind").and_then(Value::as_str) == Some("Deployment"))
            .then(|| fields["metadata"]["annotations"].clone());
        fields.remove("metadata");
        fields.remove("status");
        if let Some(mut annotations) = annotations {
            if let Some(annotations) = annotations.as_object_mut() {
                annotations.remove(DEPLOYMENT_REVISION);
            }
            let none = annotations
                .as_object()
                .is_none_or(serde_json::Map::is_empty);
            fields.insert(
                "annotations".to_owned(),
                if none { Value::Null } else { annotations },
            );
        }
    }
    copy
}
