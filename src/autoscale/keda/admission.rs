//! What the API server says to a ScaledObject before it stores it: the custom resource's schema and KEDA's webhook.

use super::scaled_object::ScaledObject;
use serde_json::Value;

const IRRELEVANT_POLLING: &str = "PollingInterval is configured but is not relevant. PollingInterval is only relevant when minReplicaCount = 0, idleReplicaCount is set, or useCachedMetrics is enabled";
const IRRELEVANT_COOLDOWN: &str = "CooldownPeriod is configured but is not relevant. CooldownPeriod is only relevant when minReplicaCount = 0 or idleReplicaCount is set";

/// The longest name that fits a label's value.
const LONGEST_NAME: usize = 63;

/// Warnings for a ScaledObject that may be stored.
///
/// # Errors
/// The whole message of the denial: a 403 when it starts with `admission webhook`, otherwise a 422.
pub fn admission(object: &Value) -> Result<Vec<String>, String> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let invalid = |cause: String| format!("ScaledObject.keda.sh \"{name}\" is invalid: {cause}");
    schema(&object["spec"]).map_err(invalid)?;
    let scaled_object = ScaledObject::from_json(object).map_err(invalid)?;
    webhook(&scaled_object).map_err(|cause| {
        format!("admission webhook \"vscaledobject.kb.io\" denied the request: {cause}")
    })?;
    Ok(warnings(&object["spec"], &scaled_object))
}

/// The bounds that the custom resource's schema states. Shapes are checked by reading it.
fn schema(spec: &Value) -> Result<(), String> {
    for (field, least) in [
        ("pollingInterval", 1),
        ("cooldownPeriod", 0),
        ("initialCooldownPeriod", 0),
        ("idleReplicaCount", 0),
        ("minReplicaCount", 0),
        ("maxReplicaCount", 1),
    ] {
        if let Some(value) = spec[field].as_i64().filter(|value| *value < least) {
            return Err(format!(
                "spec.{field}: Invalid value: {value}: spec.{field} in body should be greater than or equal to {least}"
            ));
        }
    }
    if spec["scaleTargetRef"].is_null() {
        return Err("spec.scaleTargetRef: Required value".to_owned());
    }
    if spec["scaleTargetRef"]["name"]
        .as_str()
        .is_none_or(str::is_empty)
    {
        return Err("spec.scaleTargetRef.name: Required value".to_owned());
    }
    if spec["triggers"].as_array().is_none_or(Vec::is_empty) {
        return Err(
            "spec.triggers: Invalid value: 0: spec.triggers in body should have at least 1 items"
                .to_owned(),
        );
    }
    Ok(())
}

fn webhook(object: &ScaledObject) -> Result<(), String> {
    for name in [&object.name, &object.hpa_name] {
        if name.len() > LONGEST_NAME {
            return Err(format!(
                "name {name:?} is longer than {LONGEST_NAME} characters"
            ));
        }
    }
    object.check_bounds()?;
    object.check_triggers()
}

fn warnings(spec: &Value, object: &ScaledObject) -> Vec<String> {
    let mut warnings = unsupported(spec);
    if object.min() == 0 || object.idle_replicas.is_some() {
        return warnings;
    }
    let cached = object
        .triggers
        .iter()
        .any(|trigger| trigger.use_cached_metrics);
    if !spec["pollingInterval"].is_null() && !cached {
        warnings.push(IRRELEVANT_POLLING.to_owned());
    }
    if !spec["cooldownPeriod"].is_null() {
        warnings.push(IRRELEVANT_COOLDOWN.to_owned());
    }
    warnings
}

/// What this KEDA does not do is said, not swallowed.
fn unsupported(spec: &Value) -> Vec<String> {
    let absent = [
        ("spec.fallback", &spec["fallback"]),
        (
            "spec.advanced.scalingModifiers",
            &spec["advanced"]["scalingModifiers"],
        ),
    ];
    let given = absent.into_iter().filter(|(_, value)| !value.is_null());
    given
        .map(|(field, _)| format!("{field} is ignored by the embedded KEDA"))
        .collect()
}
