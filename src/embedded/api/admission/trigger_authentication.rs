//! The rules of KEDA's TriggerAuthentication: those of its CRD's schema.

use crate::embedded::api::error::Cause;
use serde_json::Value;

/// What each entry of a list must have.
const REQUIRED: [(&str, &[&str]); 4] = [
    ("secretTargetRef", &["key", "name", "parameter"]),
    ("configMapTargetRef", &["key", "name", "parameter"]),
    ("env", &["name", "parameter"]),
    (
        "boundServiceAccountToken",
        &["parameter", "serviceAccountName"],
    ),
];

/// The schema's checks on `spec`.
pub(super) fn schema(spec: &Value, causes: &mut Vec<Cause>) {
    if spec.is_null() {
        causes.push(Cause::required("spec", ""));
        return;
    }
    for (list, fields) in REQUIRED {
        let entries = spec[list].as_array().into_iter().flatten();
        for (index, entry) in entries.enumerate() {
            for field in fields {
                let path = format!("spec.{list}[{index}].{field}");
                match &entry[*field] {
                    Value::Null => causes.push(Cause::required(&path, "")),
                    Value::String(_) => {}
                    other => {
                        let why = format!("{path} in body must be of type string");
                        causes.push(Cause::invalid(&path, other, &why));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::refuses;
    use serde_json::json;

    #[test]
    fn a_reference_without_a_key_is_refused_with_its_place() {
        refuses(
            "keda.sh",
            "v1alpha1",
            "triggerauthentications",
            &json!({
                "metadata": {"name": "redis", "namespace": "demo"},
                "spec": {"secretTargetRef": [{"parameter": "password", "name": "redis"}]},
            }),
            "TriggerAuthentication.keda.sh \"redis\" is invalid: spec.secretTargetRef[0].key: Required value",
        );
    }
}
