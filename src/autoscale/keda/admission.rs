//! What KEDA's webhook says to a ScaledObject before it is stored. The schema of the custom resource has been checked
//! by then, by the API server.

use super::generate::OWNER_LABEL;
use super::scaled_object::ScaledObject;
use super::{ownership, resource_triggers};
use serde_json::Value;
use std::sync::Arc;

const IRRELEVANT_POLLING: &str = "PollingInterval is configured but is not relevant. PollingInterval is only relevant when minReplicaCount = 0, idleReplicaCount is set, or useCachedMetrics is enabled";
const IRRELEVANT_COOLDOWN: &str = "CooldownPeriod is configured but is not relevant. CooldownPeriod is only relevant when minReplicaCount = 0 or idleReplicaCount is set";

/// The longest name that fits a label's value.
const LONGEST_NAME: usize = 63;

/// What else is in the namespace of a ScaledObject, as the webhook sees it.
#[derive(Clone, Debug, Default)]
pub struct Neighbours {
    /// All ScaledObjects, the one that is checked among them when it is stored already.
    pub scaled_objects: Vec<Arc<Value>>,
    /// All HPAs.
    pub hpas: Vec<Arc<Value>>,
    /// All Deployments; `None` in a dry run, where the target may be one that is not there yet.
    pub deployments: Option<Vec<Arc<Value>>>,
}

/// Warnings for a ScaledObject that may be stored next to `neighbours`.
///
/// # Errors
/// The whole message of the denial, a 403.
pub fn admission(object: &Value, neighbours: &Neighbours) -> Result<Vec<String>, String> {
    let denied = |cause: String| {
        format!("admission webhook \"vscaledobject.kb.io\" denied the request: {cause}")
    };
    let scaled_object = ScaledObject::from_json(object).map_err(denied)?;
    webhook(object, &scaled_object, neighbours).map_err(denied)?;
    Ok(warnings(&object["spec"], &scaled_object))
}

/// The checks in the order in which upstream lists them; it runs them in any.
fn webhook(
    object: &Value,
    scaled_object: &ScaledObject,
    neighbours: &Neighbours,
) -> Result<(), String> {
    if let Some(deployments) = &neighbours.deployments {
        resource_triggers::check(scaled_object, each(deployments))?;
    }
    ownership::check_neighbours(scaled_object, each(&neighbours.scaled_objects))?;
    check_modifiers(&object["spec"])?;
    ownership::check_sole_owner(object, scaled_object, each(&neighbours.hpas))?;
    scaled_object.check_bounds()?;
    if let Some(fallback) = scaled_object.fallback {
        fallback.check()?;
    }
    check_names(scaled_object)?;
    scaled_object.check_triggers()
}

fn each(objects: &[Arc<Value>]) -> impl Iterator<Item = &Value> {
    objects.iter().map(|object| &**object)
}

fn check_names(object: &ScaledObject) -> Result<(), String> {
    let (name, hpa) = (&object.name, &object.hpa_name);
    if name.len() > LONGEST_NAME {
        return Err(format!(
            "scaledobject name {name:?} is {} characters long; must be no more than {LONGEST_NAME} characters because it is used as the {OWNER_LABEL:?} label value",
            name.len()
        ));
    }
    if hpa.len() > LONGEST_NAME {
        return Err(format!(
            "HPA name {hpa:?} derived from scaledobject is {} characters long; must be no more than {LONGEST_NAME} characters; set spec.advanced.horizontalPodAutoscalerConfig.name to a shorter name or shorten the scaledobject name",
            hpa.len()
        ));
    }
    Ok(())
}

/// A formula over the triggers is what this KEDA does not do. Scaling by each trigger instead would be another
/// autoscaler than the one asked for, so it is refused rather than ignored.
fn check_modifiers(spec: &Value) -> Result<(), String> {
    let modifiers = &spec["advanced"]["scalingModifiers"];
    let given = |field: &str| {
        modifiers[field]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    };
    if modifiers.as_object().is_none_or(serde_json::Map::is_empty) {
        return Ok(());
    }
    if !given("formula") {
        return Err("error ScalingModifiers.Formula is mandatory".to_owned());
    }
    if !given("target") {
        return Err(
            "error validating formula in ScalingModifiers\nformula is given but target is empty"
                .to_owned(),
        );
    }
    Err(
        "spec.advanced.scalingModifiers is not supported by the embedded KEDA: it scales by each trigger, not by a formula"
            .to_owned(),
    )
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
    let by_formula = spec["fallback"]["behavior"] == "scalingModifiers";
    by_formula
        .then(|| "spec.fallback.behavior is ignored by the embedded KEDA".to_owned())
        .into_iter()
        .collect()
}
