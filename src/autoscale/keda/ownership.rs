//! Whether the workload of a ScaledObject is already scaled by somebody else.
//!
//! KEDA's webhook asks before a ScaledObject is stored ([`check_neighbours`], then [`check_sole_owner`]). The operator
//! asks again, and by the HPAs alone: of two ScaledObjects with one target that were stored all the same, the one that
//! has its HPA holds it, so the two can never refuse each other.

use super::scaled_object::ScaledObject;
use serde_json::Value;

/// On an HPA: `"false"` takes it out of this check.
const VALIDATION: &str = "validations.keda.sh/hpa-ownership";

/// On a ScaledObject: `"true"` takes over an HPA that exists under the name it asks for.
const TRANSFER: &str = "scaledobject.keda.sh/transfer-hpa-ownership";

/// Checks that no other of `scaled_objects`, those of the namespace, has the target of `scaled_object` or asks for an
/// HPA of the same name. One that cannot be read holds nothing.
///
/// # Errors
/// KEDA's message.
pub(super) fn check_neighbours<'a>(
    scaled_object: &ScaledObject,
    scaled_objects: impl IntoIterator<Item = &'a Value>,
) -> Result<(), String> {
    let others = scaled_objects
        .into_iter()
        .filter_map(|other| ScaledObject::from_json(other).ok())
        .filter(|other| other.name != scaled_object.name);
    for other in others {
        let target = &scaled_object.target;
        if other.target_kind() == scaled_object.target_kind() && other.target.name == target.name {
            return Err(managed(
                scaled_object,
                &format!("ScaledObject '{}'", other.name),
            ));
        }
        if other.hpa_name == scaled_object.hpa_name {
            return Err(format!(
                "the HPA '{}' is already managed by the ScaledObject '{}'",
                other.hpa_name, other.name
            ));
        }
    }
    Ok(())
}

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
    let transfers = object["metadata"]["annotations"][TRANSFER] == "true";
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
        let is_let =
            hpa["metadata"]["annotations"][VALIDATION] == "false" || (same_name && transfers);
        if is_let || !scales(hpa, scaled_object) {
            continue;
        }
        return Err(match owner {
            Some(owner) => managed(scaled_object, &format!("ScaledObject '{owner}'")),
            None if transfers => format!(
                "the existing hpa '{name}' for workload '{}' of type '{}' must be specified by name in advanced settings to enable ownership transfer",
                scaled_object.target.name,
                scaled_object.target_kind()
            ),
            None => managed(scaled_object, &format!("hpa '{name}'")),
        });
    }
    Ok(())
}

fn managed(scaled_object: &ScaledObject, by: &str) -> String {
    format!(
        "the workload '{}' of type '{}' is already managed by the {by}",
        scaled_object.target.name,
        scaled_object.target_kind()
    )
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
