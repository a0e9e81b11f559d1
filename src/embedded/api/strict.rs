//! Field validation: what a client sent that its kind does not have.
//!
//! The object is read into its typed form and written again; whatever does not come back was not a field. So the
//! rules are those of the real types without a schema of our own. `fieldValidation` decides whether that is an error
//! (what `kubectl` asks for), a warning, or nothing; unknown fields are dropped in the last two cases, as upstream.

use super::error::ApiError;
use super::kind::Kind;
use super::mismatch;
use super::quantity;
use super::schema::{self, SCALED_OBJECT, TRIGGER_AUTHENTICATION};
use crate::embedded::store::{SCALED_OBJECTS, TRIGGER_AUTHENTICATIONS};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde::de::Error;
use serde_json::Value;

/// What to do with unknown fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validation {
    /// Refuse the request.
    Strict,
    /// Drop them and say so in a `Warning` header.
    Warn,
    /// Drop them.
    Ignore,
}

impl Validation {
    /// Of the query parameter; `Warn` is the API's default.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        match text {
            "Strict" => Ok(Self::Strict),
            "Warn" | "" => Ok(Self::Warn),
            "Ignore" => Ok(Self::Ignore),
            other => Err(ApiError::BadRequest(format!(
                "invalid fieldValidation \"{other}\": must be one of Ignore, Warn, Strict"
            ))),
        }
    }
}

/// Reads `object` as its kind: removes unknown fields and returns their paths.
///
/// # Errors
/// The decoder's words when a field has a value of the wrong type.
pub(super) fn prune(kind: &Kind, object: &mut Value) -> Result<Vec<String>, serde_json::Error> {
    if let Some(spec) = object.get_mut("spec") {
        canonical_quantities(spec)?;
    }
    let known = if let Some(round_trip) = kind.round_trip {
        round_trip(object)?
    } else {
        let mut known = match kind.resource {
            SCALED_OBJECTS => schema::known_part(object, &SCALED_OBJECT),
            TRIGGER_AUTHENTICATIONS => schema::known_part(object, &TRIGGER_AUTHENTICATION),
            _ => object.clone(),
        };
        known["metadata"] =
            serde_json::to_value(Option::<ObjectMeta>::deserialize(&object["metadata"])?)?;
        if !matches!(object["status"], Value::Null | Value::Object(_)) {
            return Err(serde_json::Error::custom("status must be an object"));
        }
        known
    };
    let mut unknown = Vec::new();
    drop_unknown(object, &known, "", &mut unknown);
    Ok(unknown)
}

/// [`prune`] for a whole object in a request, with the outcome that `validation` asks for. Returns warnings.
pub(super) fn validate(
    kind: &Kind,
    object: &mut Value,
    validation: Validation,
) -> Result<Vec<String>, ApiError> {
    let decode = |why: &str| {
        ApiError::BadRequest(format!(
            "{} in version \"{}\" cannot be handled as a {}: {why}",
            kind.kind, kind.version, kind.kind
        ))
    };
    let unknown =
        prune(kind, object).map_err(|error| decode(&mismatch::explained(kind, object, &error)))?;
    let named: Vec<String> = unknown
        .iter()
        .map(|path| format!("unknown field \"{path}\""))
        .collect();
    match validation {
        Validation::Strict if !named.is_empty() => Err(decode(&format!(
            "strict decoding error: {}",
            named.join(", ")
        ))),
        Validation::Warn => Ok(named),
        _ => Ok(Vec::new()),
    }
}

fn drop_unknown(given: &mut Value, known: &Value, path: &str, unknown: &mut Vec<String>) {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => {
            given.retain(|name, value| {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                match known.get(name) {
                    Some(known) => drop_unknown(value, known, &path, unknown),
                    // Null and absent mean the same, so a null that did not come back says nothing.
                    None if value.is_null() => return false,
                    None => {
                        unknown.push(path);
                        return false;
                    }
                }
                true
            });
        }
        (Value::Array(given), Value::Array(known)) => {
            for (index, (given, known)) in given.iter_mut().zip(known).enumerate() {
                drop_unknown(given, known, &format!("{path}[{index}]"), unknown);
            }
        }
        _ => {}
    }
}

/// Puts the quantities below `value` into canonical form. YAML lets people write `cpu: 1`; the API takes it for "1".
fn canonical_quantities(value: &mut Value) -> Result<(), serde_json::Error> {
    let Value::Object(fields) = value else {
        if let Value::Array(items) = value {
            return items.iter_mut().try_for_each(canonical_quantities);
        }
        return Ok(());
    };
    for (name, value) in fields {
        match (name.as_str(), value) {
            // People's own names, which may be any.
            ("metadata" | "labels" | "annotations" | "matchLabels" | "data" | "stringData", _) => {}
            (
                "requests" | "limits" | "hard" | "used" | "capacity" | "allocatable",
                Value::Object(amounts),
            ) => amounts.values_mut().try_for_each(canonical_quantity)?,
            ("averageValue" | "tolerance", value) => canonical_quantity(value)?,
            (_, value) => canonical_quantities(value)?,
        }
    }
    Ok(())
}

fn canonical_quantity(value: &mut Value) -> Result<(), serde_json::Error> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return Ok(()),
    };
    let canonical =
        quantity::canonical(&text).ok_or_else(|| serde_json::Error::custom(quantity::RULE))?;
    *value = Value::String(canonical);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::kind;
    use super::*;
    use serde_json::json;

    #[test]
    fn unknown_fields_are_found_where_they_are() {
        let deployments = kind::find("apps", "v1", "deployments").unwrap();
        let mut object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "creationTimestamp": null},
            "spec": {"replica": 3, "selector": {"matchLabels": {"a": "b"}}, "template": {"spec": {"containers": [
                {"name": "c", "image": "i", "imag": 1, "resources": {"limits": {"cpu": 1}}},
            ]}}},
        });
        let error = validate(deployments, &mut object.clone(), Validation::Strict).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: \
             unknown field \"spec.replica\", unknown field \"spec.template.spec.containers[0].imag\""
        );
        assert_eq!(
            validate(deployments, &mut object, Validation::Ignore).unwrap(),
            Vec::<String>::new()
        );
        assert_eq!(object["spec"]["replica"], Value::Null);
        assert_eq!(
            object["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"],
            "1"
        );
    }

    #[test]
    fn a_scaled_object_is_held_to_its_crd() {
        let kind = kind::find("keda.sh", "v1alpha1", "scaledobjects").unwrap();
        let mut object = json!({"spec": {"scaleTargetRef": {"name": "a"}, "maxReplicas": 3, "triggers": [
            {"type": "redis", "metadata": {"anything": "goes"}, "meta": {}},
        ]}});
        assert_eq!(
            prune(kind, &mut object).unwrap(),
            ["spec.maxReplicas", "spec.triggers[0].meta"]
        );
        assert_eq!(
            object["spec"]["triggers"][0]["metadata"]["anything"],
            "goes"
        );
    }
}
