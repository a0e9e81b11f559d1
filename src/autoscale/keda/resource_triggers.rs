//! What KEDA's webhook asks of `cpu` and `memory` triggers: the usage of a container is a share of what it requests,
//! and a workload without pods uses nothing, so it could never wake.

use super::scaled_object::{ScaledObject, Trigger};
use serde_json::Value;

/// Checks the `cpu` and `memory` triggers of `scaled_object` against `deployments`, those of its namespace.
///
/// # Errors
/// KEDA's message.
pub(super) fn check<'a>(
    scaled_object: &ScaledObject,
    deployments: impl IntoIterator<Item = &'a Value>,
) -> Result<(), String> {
    let of_resources: Vec<&Trigger> = scaled_object
        .triggers
        .iter()
        .filter(|trigger| is_resource(trigger))
        .collect();
    if of_resources.is_empty() || scaled_object.target_kind() != "apps/v1.Deployment" {
        return Ok(());
    }
    let name = scaled_object.target.name.as_str();
    let deployment = deployments
        .into_iter()
        .find(|deployment| deployment["metadata"]["name"] == name)
        .ok_or_else(|| format!("Deployment.apps \"{name}\" not found"))?;
    for trigger in &of_resources {
        check_requests(trigger, &deployment["spec"]["template"]["spec"])?;
    }
    if of_resources.len() == scaled_object.triggers.len() && scaled_object.min() == 0 {
        return Err(
            "scaledobject has only cpu/memory triggers AND minReplica is 0 (scale to zero doesn't work in this case)"
                .to_owned(),
        );
    }
    Ok(())
}

fn is_resource(trigger: &Trigger) -> bool {
    matches!(trigger.kind.as_str(), "cpu" | "memory")
}

/// Every container that `trigger` measures must say what it requests, or at most takes.
fn check_requests(trigger: &Trigger, pod: &Value) -> Result<(), String> {
    let resource = &trigger.kind;
    let measured = trigger.metadata.get("containerName");
    for container in pod["containers"].as_array().into_iter().flatten() {
        let name = container["name"].as_str().unwrap_or_default();
        if measured.is_some_and(|measured| !measured.is_empty() && measured != name) {
            continue;
        }
        let resources = &container["resources"];
        let given = |of: &str| !resources[of][resource].is_null();
        if !given("requests") && !given("limits") {
            return Err(format!(
                "the scaledobject has a {resource} trigger but the container {name} doesn't have the {resource} request defined"
            ));
        }
    }
    Ok(())
}
