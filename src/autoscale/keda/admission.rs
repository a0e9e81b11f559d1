//! What KEDA's webhook says to a ScaledObject before it is stored. The schema of the custom resource has been checked
//! by then, by the API server.

use super::scaled_object::ScaledObject;
use serde_json::Value;

const IRRELEVANT_POLLING: &str = "PollingInterval is configured but is not relevant. PollingInterval is only relevant when minReplicaCount = 0, idleReplicaCount is set, or useCachedMetrics is enabled";
const IRRELEVANT_COOLDOWN: &str = "CooldownPeriod is configured but is not relevant. CooldownPeriod is only relevant when minReplicaCount = 0 or idleReplicaCount is set";

/// The longest name that fits a label's value.
const LONGEST_NAME: usize = 63;

/// Warnings for a ScaledObject that may be stored.
///
/// # Errors
/// The whole message of the denial, a 403.
pub fn admission(object: &Value) -> Result<Vec<String>, String> {
    let denied = |cause: String| {
        format!("admission webhook \"vscaledobject.kb.io\" denied the request: {cause}")
    };
    let scaled_object = ScaledObject::from_json(object).map_err(denied)?;
    webhook(&scaled_object).map_err(denied)?;
    Ok(warnings(&object["spec"], &scaled_object))
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
    object.check_triggers()?;
    object.fallback.map_or(Ok(()), |fallback| fallback.check())
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
    let mut absent = Vec::new();
    if !spec["advanced"]["scalingModifiers"].is_null() {
        absent.push("spec.advanced.scalingModifiers");
    }
    if spec["fallback"]["behavior"] == "scalingModifiers" {
        absent.push("spec.fallback.behavior");
    }
    absent
        .into_iter()
        .map(|field| format!("{field} is ignored by the embedded KEDA"))
        .collect()
}
