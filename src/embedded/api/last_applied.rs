//! The way from client-side to server-side apply, for the manager `kubectl` alone.
//!
//! Fields that the client-side annotation names were applied by the same person, so they are no conflict; and the
//! annotation follows what is applied on the server, so that the way back is open too.

use super::apply;
use super::compare;
use super::managers::{Conflict, Writer};
use super::schema::Place;
use serde_json::Value;

/// The annotation in which `kubectl apply` keeps what it applied.
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// [`apply::apply`], with what is particular to `kubectl`. `sent` is `config` as the client sent it.
///
/// # Errors
/// Every conflict that remains.
pub(super) fn apply(
    live: &Value,
    config: &Value,
    sent: &Value,
    writer: &Writer<'_>,
    place: &Place,
    force: bool,
) -> Result<Value, Vec<Conflict>> {
    let outcome = apply::apply(live, config, writer, place, force);
    if writer.manager != "kubectl" {
        return outcome;
    }
    let mut applied = match outcome {
        Ok(applied) => applied,
        Err(conflicts) => {
            let conflicts = without_ones_own(conflicts, live, place);
            if !conflicts.is_empty() {
                return Err(conflicts);
            }
            apply::apply(live, config, writer, place, true)?
        }
    };
    if applied["metadata"]["annotations"][ANNOTATION].is_string() {
        applied["metadata"]["annotations"][ANNOTATION] = Value::String(annotation(sent));
    }
    Ok(applied)
}

fn without_ones_own(conflicts: Vec<Conflict>, live: &Value, place: &Place) -> Vec<Conflict> {
    let last = live["metadata"]["annotations"][ANNOTATION]
        .as_str()
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    let Some(last) = last else {
        return conflicts;
    };
    let own = compare::applied(&last, place);
    conflicts
        .into_iter()
        .map(|conflict| Conflict {
            fields: conflict.fields.without(&own),
            ..conflict
        })
        .filter(|conflict| !conflict.fields.is_empty())
        .collect()
}

fn annotation(sent: &Value) -> String {
    let mut sent = sent.clone();
    if let Some(metadata) = sent["metadata"].as_object_mut() {
        if let Some(annotations) = metadata
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
        {
            annotations.remove(ANNOTATION);
        }
        let empty = |value: &mut Value| value.as_object().is_some_and(serde_json::Map::is_empty);
        if metadata.get_mut("annotations").is_some_and(empty) {
            metadata.remove("annotations");
        }
    }
    format!("{sent}\n")
}

#[cfg(test)]
mod tests {
    use super::super::managers::Operation;
    use super::*;
    use serde_json::json;

    #[test]
    fn kubectl_takes_over_what_it_applied_on_the_client_side_and_nothing_else() {
        let config = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 3, "paused": true}});
        let owned = json!({"f:spec": {"f:replicas": {}, "f:paused": {}}});
        let live = |last: Value| {
            json!({"metadata": {
                "annotations": {ANNOTATION: last.to_string()},
                "managedFields": [{"manager": "kubectl-client-side-apply", "operation": "Update", "apiVersion": "apps/v1", "fieldsV1": owned}],
            }, "spec": {"replicas": 1, "paused": false}})
        };
        let by = |manager| Writer {
            manager,
            operation: Operation::Apply,
            api_version: "apps/v1",
            subresource: "",
            now: "2026-01-01T00:00:00Z",
        };
        let place = Place::top("apps");
        let all = live(json!({"spec": {"replicas": 1, "paused": false}}));
        let taken = apply(&all, &config, &config, &by("kubectl"), &place, false).unwrap();
        assert_eq!(
            taken["metadata"]["annotations"][ANNOTATION],
            format!("{config}\n")
        );
        assert!(apply(&all, &config, &config, &by("other"), &place, false).is_err());
        let some = live(json!({"spec": {"replicas": 1}}));
        let left = apply(&some, &config, &config, &by("kubectl"), &place, false).unwrap_err();
        assert_eq!(left[0].fields.paths(), [".spec.paused"]);
    }
}
