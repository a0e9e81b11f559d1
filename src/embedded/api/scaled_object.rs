//! The rules of KEDA's ScaledObject: first those of its CRD's schema, then those of KEDA's admission webhook.

use super::error::{ApiError, Cause};
use crate::autoscale::keda::{self, Neighbours};
use crate::embedded::store::{DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS, SCALED_OBJECTS, Store};
use serde_json::{Value, json};

/// The schema's checks on `spec`.
pub(super) fn schema(spec: &Value, causes: &mut Vec<Cause>) {
    let name = &spec["scaleTargetRef"]["name"];
    if spec["scaleTargetRef"].is_null() {
        causes.push(Cause::required("spec.scaleTargetRef", ""));
    } else if name.is_null() {
        causes.push(Cause::required("spec.scaleTargetRef.name", ""));
    } else if name.as_str().is_none_or(str::is_empty) {
        causes.push(in_body(
            "spec.scaleTargetRef.name",
            name,
            "should be at least 1 chars long",
        ));
    }
    for (field, least) in [
        ("pollingInterval", 1),
        ("cooldownPeriod", 0),
        ("initialCooldownPeriod", 0),
        ("idleReplicaCount", 0),
        ("minReplicaCount", 0),
        ("maxReplicaCount", 1),
    ] {
        number(&spec[field], &format!("spec.{field}"), least, causes);
    }
    fallback(&spec["fallback"], causes);
    triggers(&spec["triggers"], causes);
    if causes.iter().any(|cause| cause.field.starts_with("spec.")) {
        causes.push(Cause {
            reason: "FieldValueInvalid",
            field: "<nil>".to_owned(),
            message: "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation".to_owned(),
        });
        return;
    }
    let (min, max) = (&spec["minReplicaCount"], &spec["maxReplicaCount"]);
    if let (Some(min), Some(max)) = (min.as_i64(), max.as_i64())
        && min > max
    {
        causes.push(Cause::invalid(
            "spec",
            &json!("object"),
            "minReplicaCount must be less than or equal to maxReplicaCount",
        ));
    }
}

fn number(value: &Value, path: &str, least: i64, causes: &mut Vec<Cause>) {
    match value.as_i64() {
        None if value.is_null() => {}
        None => {
            let given = if value.is_string() {
                "string"
            } else {
                "object"
            };
            causes.push(in_body(
                path,
                value,
                &format!("must be of type integer: \"{given}\""),
            ));
        }
        Some(number) if number < least => {
            causes.push(in_body(
                path,
                value,
                &format!("should be greater than or equal to {least}"),
            ));
        }
        Some(_) => {}
    }
}

/// The `enum` of `fallback.behavior`.
const FALLBACK_BEHAVIORS: [&str; 5] = [
    "static",
    "currentReplicas",
    "currentReplicasIfHigher",
    "currentReplicasIfLower",
    "scalingModifiers",
];

fn fallback(fallback: &Value, causes: &mut Vec<Cause>) {
    if fallback.is_null() {
        return;
    }
    for field in ["failureThreshold", "replicas"] {
        let path = format!("spec.fallback.{field}");
        if fallback[field].is_null() {
            causes.push(Cause::required(&path, ""));
        } else {
            number(&fallback[field], &path, 0, causes);
        }
    }
    let behavior = &fallback["behavior"];
    if !behavior.is_null()
        && !behavior
            .as_str()
            .is_some_and(|name| FALLBACK_BEHAVIORS.contains(&name))
    {
        causes.push(Cause {
            reason: "FieldValueNotSupported",
            field: "spec.fallback.behavior".to_owned(),
            message: format!(
                "Unsupported value: {behavior}: supported values: \"{}\"",
                FALLBACK_BEHAVIORS.join("\", \"")
            ),
        });
    }
}

fn triggers(triggers: &Value, causes: &mut Vec<Cause>) {
    let Some(triggers) = triggers.as_array() else {
        causes.push(Cause::required("spec.triggers", ""));
        return;
    };
    if triggers.is_empty() {
        causes.push(in_body(
            "spec.triggers",
            &json!(0),
            "should have at least 1 items",
        ));
    }
    for (index, trigger) in triggers.iter().enumerate() {
        let path = format!("spec.triggers[{index}]");
        if trigger["type"].is_null() {
            causes.push(Cause::required(&format!("{path}.type"), ""));
        }
        if trigger["metadata"].is_null() {
            causes.push(Cause::required(&format!("{path}.metadata"), ""));
        }
        for (name, value) in trigger["metadata"].as_object().into_iter().flatten() {
            if !value.is_string() {
                let field = format!("{path}.metadata.{name}");
                let given = if value.is_number() {
                    "integer"
                } else {
                    "object"
                };
                causes.push(in_body(
                    &field,
                    value,
                    &format!("must be of type string: \"{given}\""),
                ));
            }
        }
    }
}

fn in_body(field: &str, value: &Value, why: &str) -> Cause {
    let why = format!("{field} in body {why}");
    Cause::invalid(field, value, &why)
}

/// What the webhook compares a ScaledObject of `namespace` with.
pub(super) fn neighbours(store: &Store, namespace: &str, dry_run: bool) -> Neighbours {
    let of = |resource| store.list(resource, Some(namespace)).0;
    Neighbours {
        scaled_objects: of(SCALED_OBJECTS),
        hpas: of(HORIZONTAL_POD_AUTOSCALERS),
        deployments: (!dry_run).then(|| of(DEPLOYMENTS)),
    }
}

/// The webhook's checks on the whole object, which replaces `previous`. Returns its warnings.
///
/// Taking a finalizer off is always allowed: an object that is refused today must be able to go.
pub(super) fn webhook(
    object: &Value,
    previous: Option<&Value>,
    neighbours: &Neighbours,
) -> Result<Vec<String>, ApiError> {
    let finalizers = |object: &Value| {
        let finalizers = object["metadata"]["finalizers"].as_array();
        finalizers.map_or(0, Vec::len)
    };
    if previous.is_some_and(|previous| {
        finalizers(object) < finalizers(previous) && object["spec"] == previous["spec"]
    }) {
        return Ok(Vec::new());
    }
    keda::admission(object, neighbours)
        .map_err(|message| ApiError::Forbidden { key: None, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refuses(spec: &Value, expected: &str) {
        let mut causes = Vec::new();
        schema(spec, &mut causes);
        let first = causes.first().unwrap();
        let told = format!("{}: {}", first.field, first.message);
        assert!(told.starts_with(expected), "{told}");
    }

    #[test]
    fn numbers_have_their_least_and_a_fallback_its_fields() {
        let spec = |field: &str, value: Value| json!({"scaleTargetRef": {"name": "a"}, "triggers": [{"type": "redis", "metadata": {}}], field: value});
        refuses(
            &spec("pollingInterval", json!(0)),
            "spec.pollingInterval: Invalid value: 0: spec.pollingInterval in body should be greater than or equal to 1",
        );
        refuses(
            &spec("maxReplicaCount", json!("x")),
            "spec.maxReplicaCount: Invalid value: \"x\": spec.maxReplicaCount in body must be of type integer: \"string\"",
        );
        refuses(
            &spec("fallback", json!({"replicas": 1})),
            "spec.fallback.failureThreshold: Required value",
        );
        refuses(
            &spec(
                "fallback",
                json!({"failureThreshold": 1, "replicas": 1, "behavior": "x"}),
            ),
            "spec.fallback.behavior: Unsupported value: \"x\": supported values: \"static\", \"currentReplicas\"",
        );
    }

    #[test]
    fn the_schema_names_what_is_missing() {
        let mut causes = Vec::new();
        schema(&json!({"scaleTargetRef": {}, "triggers": []}), &mut causes);
        let texts: Vec<String> = causes
            .iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect();
        assert_eq!(texts[0], "spec.scaleTargetRef.name: Required value");
        assert_eq!(
            texts[1],
            "spec.triggers: Invalid value: 0: spec.triggers in body should have at least 1 items"
        );
        assert!(
            texts[2]
                .starts_with("<nil>: Invalid value: null: some validation rules were not checked")
        );
    }
}
