//! Values of the wrong type, found with the served schemas and told as Go's decoder tells them.
//!
//! The typed forms refuse such an object but do not say where; so when they do, the first place that breaks the schema
//! is looked up here.

use super::kind::Kind;
use super::openapi;
use serde_json::Value;

/// The first value of the wrong type.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// Where, with the indices of list items.
    pub(super) path: String,
    /// The type that the field is in.
    owner: String,
    /// What is there: `string`, `number`, …
    given: &'static str,
    /// What should be, as Go calls it: `int32`.
    wanted: String,
}

impl Mismatch {
    /// As a decoder of whole objects says it.
    fn decoded(&self) -> String {
        let mut field = String::new();
        for part in self.path.split('.') {
            if !field.is_empty() {
                field.push('.');
            }
            field.push_str(part.split('[').next().unwrap_or_default());
        }
        format!(
            "json: cannot unmarshal {} into Go struct field {}.{field} of type {}",
            self.given, self.owner, self.wanted
        )
    }

    /// As a typed patch says it.
    pub(super) fn typed(&self) -> String {
        let wanted = match self.wanted.as_str() {
            "int32" | "int64" | "int" => "numeric (int or float)",
            "bool" => "boolean",
            "string" => "string",
            list if list.starts_with("[]") => "list",
            _ => "map",
        };
        format!("expected {wanted}, got {}", self.given)
    }
}

/// What a decoder says of `object`, which `error` refused.
pub(super) fn explained(kind: &Kind, object: &Value, error: &serde_json::Error) -> String {
    match find(kind, object) {
        Some(found) => found.decoded(),
        None if error.to_string().starts_with("quantities") => error.to_string(),
        None => format!("json: {error}"),
    }
}

/// The first place of `object` that has not its schema's type.
pub(super) fn find(kind: &Kind, object: &Value) -> Option<Mismatch> {
    let name = openapi::definition_name(kind);
    let schema = openapi::definition(&name)?;
    check(object, schema, &name, "", kind.kind)
}

fn check(value: &Value, schema: &Value, name: &str, path: &str, owner: &str) -> Option<Mismatch> {
    let reference = schema["$ref"]
        .as_str()
        .or_else(|| schema["allOf"][0]["$ref"].as_str());
    if let Some(name) = reference.and_then(openapi::referred) {
        return check(value, openapi::definition(name)?, name, path, owner);
    }
    if value.is_null() || schema.get("x-kubernetes-int-or-string").is_some() {
        return None;
    }
    let (fits, wanted) = match schema["type"].as_str()? {
        "integer" => (
            value.is_i64(),
            schema["format"].as_str().unwrap_or("int").to_owned(),
        ),
        "number" => (value.is_number(), "float64".to_owned()),
        "string" => (value.is_string(), "string".to_owned()),
        "boolean" => (value.is_boolean(), "bool".to_owned()),
        "array" => (value.is_array(), format!("[]{}", go_type(&schema["items"]))),
        _ => (value.is_object(), go_object(schema, name)),
    };
    if !fits {
        return Some(Mismatch {
            path: path.to_owned(),
            owner: owner.to_owned(),
            given: named(value),
            wanted,
        });
    }
    match value {
        Value::Object(fields) => fields.iter().find_map(|(field, value)| {
            let path = if path.is_empty() {
                field.clone()
            } else {
                format!("{path}.{field}")
            };
            let own = schema["properties"].get(field);
            let inner = own.or_else(|| schema.get("additionalProperties"))?;
            check(value, inner, "", &path, last(name))
        }),
        Value::Array(items) => items.iter().enumerate().find_map(|(index, value)| {
            let path = format!("{path}[{index}]");
            check(value, &schema["items"], "", &path, owner)
        }),
        _ => None,
    }
}

fn named(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn go_type(schema: &Value) -> String {
    match schema["$ref"].as_str().and_then(openapi::referred) {
        Some(name) => go_name(name),
        None => schema["type"].as_str().unwrap_or("interface {}").to_owned(),
    }
}

fn go_object(schema: &Value, name: &str) -> String {
    match schema.get("additionalProperties") {
        Some(values) => format!("map[string]{}", go_type(values)),
        None => go_name(name),
    }
}

/// `v1.PodSpec` for `io.k8s.api.core.v1.PodSpec`.
fn go_name(name: &str) -> String {
    let mut parts: Vec<&str> = name.rsplit('.').take(2).collect();
    parts.reverse();
    parts.join(".")
}

fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::kind;
    use super::*;
    use serde_json::json;

    #[test]
    fn the_place_and_both_types_are_named() {
        let kind = kind::find("apps", "v1", "deployments").unwrap();
        for (spec, said) in [
            (
                json!({"replicas": "three"}),
                "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
            ),
            (
                json!({"template": {"spec": {"containers": [{"name": "a", "env": [{"name": "b", "value": 1}]}]}}}),
                "json: cannot unmarshal number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string",
            ),
            (
                json!({"template": {"spec": {"containers": {}}}}),
                "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
            ),
            (
                json!({"template": []}),
                "json: cannot unmarshal array into Go struct field DeploymentSpec.spec.template of type v1.PodTemplateSpec",
            ),
        ] {
            let object = json!({"metadata": {"name": "web"}, "spec": spec});
            assert_eq!(find(kind, &object).unwrap().decoded(), said);
        }
        assert_eq!(find(kind, &json!({"spec": {"replicas": 3}})), None);
    }
}
