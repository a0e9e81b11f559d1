//! Whether the workload of a ScaledObject is already scaled by somebody else.
//!
//! Upstream's webhook compares ScaledObjects with each other and with the HPAs. Here the operator asks, and by the HPAs
//! alone: of two ScaledObjects with one target, the one that has its HPA holds it, so the two can never refuse each other.

use super::scaled_object::ScaledObject;
use serde_json::Value;

/// On an HPA: `"false"` takes it out of this check.
const VALIDATION: &str = "validations.keda.sh/hpa-ownership";

/// On a ScaledObject: `"true"` takes over an HPA that exists under the name it asks for.
const TRANSFER: &str = "scaledobject.keda.sh/transfer-hpa-ownership";

/// Checks that none of `hpas`, those of the namespace, scales the target of `scaled_object`, stored as `object`, or bears
/// the name of its HPA for another ScaledObject.
///
/// # Errors
/// KEDA's message.
pub fn check_sole_owner<'a>(
    object: &Value,
    scaled_object: &ScaledObject,
    hpas: impl IntoIterator<Item = &'a Value>,
) -> Result<(), String> {
    for hpa in hpas {
        let owner = owner(hpa);
        if owner == Some(&scaled_object.name) {
            continue;
        }
        let name = hpa["metadata"]["name"].as_str().unwrap_or_default();
        let same_name = name == scaled_object.hpa_name;
        if let Some(owner) = owner.filter(|_| same_name) {
            return Err(format!(
                "the HPA '{name}' is already managed by the ScaledObject '{owner}'"
            ));
        }
        let is_let = hpa["metadata"]["annotations"][VALIDATION] == "false"
            || (same_name && object["metadata"]["annotations"][TRANSFER] == "true");
        if !is_let && scales(hpa, scaled_object) {
            let by = owner.map_or_else(
                || format!("hpa '{name}'"),
                |owner| format!("ScaledObject '{owner}'"),
            );
            return Err(format!(
                "the workload '{}' of type '{}' is already managed by the {by}",
                scaled_object.target.name,
                scaled_object.target_kind()
            ));
        }
    }
    Ok(())
}

/// The ScaledObject that owns `hpa`.
fn owner(hpa: &Value) -> Option<&str> {
    let owners = hpa["metadata"]["ownerReferences"].as_array()?;
    let owner = owners
        .iter()
        .find(|owner| owner["kind"] == "ScaledObject")?;
    owner["name"].as_str()
}

fn scales(hpa: &Value, scaled_object: &ScaledObject) -> bool {
    let (reference, target) = (&hpa["spec"]["scaleTargetRef"], &scaled_object.target);
    reference["name"] == target.name.as_str()
        && reference["kind"] == target.kind.as_str()
        && reference["apiVersion"] == target.api_version.as_str()
}
