//! From the JSON of a request to an object of its kind: which fields are unknown, which have the wrong type, and in
//! which of the API server's three voices to say so. The voice depends on where the object came from.

use super::error::ApiError;
use super::mismatch;
use super::request::Target;
use super::schema::{self, List, Place};
use super::strict::{self, Validation};
use crate::embedded::store;
use serde_json::Value;

/// Where a written object came from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The body of a request.
    Body,
    /// A patched object.
    Patch,
    /// An applied configuration.
    Apply,
}

/// Reads `object` as its kind: drops unknown fields or refuses them, as `validation` asks. Returns warnings.
pub(super) fn decode(
    target: &Target,
    object: &mut Value,
    source: Source,
    validation: Validation,
) -> Result<Vec<String>, ApiError> {
    match source {
        Source::Body => strict::validate(target.kind, object, validation),
        Source::Patch => patched(target, object, validation),
        Source::Apply => declared_only(target, object),
    }
}

fn patched(
    target: &Target,
    object: &mut Value,
    validation: Validation,
) -> Result<Vec<String>, ApiError> {
    let shown = elided(&object.to_string());
    let nonsense =
        |why: String| ApiError::PatchedNonsense(format!("Invalid value: {shown:?}: {why}"));
    let unknown = strict::prune(target.kind, object)
        .map_err(|error| nonsense(mismatch::explained(target.kind, object, &error)))?;
    let named: Vec<String> = unknown
        .iter()
        .map(|path| format!("unknown field \"{path}\""))
        .collect();
    match validation {
        Validation::Strict if !named.is_empty() => Err(nonsense(format!(
            "strict decoding error: {}",
            named.join(", ")
        ))),
        Validation::Warn => Ok(named),
        _ => Ok(Vec::new()),
    }
}

/// An applied object must have known fields only, whatever the validation asked for.
fn declared_only(target: &Target, object: &mut Value) -> Result<Vec<String>, ApiError> {
    let kind = target.kind;
    let whole = object.clone();
    let refuse = |why: String| {
        Err(ApiError::Internal(format!(
            "failed to create typed patch object ({}/{}; {}, Kind={}): {why}",
            target.namespace.as_deref().unwrap_or_default(),
            store::name(&whole),
            kind.api_version(),
            kind.kind
        )))
    };
    let unknown = match strict::prune(kind, object) {
        Ok(unknown) => unknown,
        Err(error) => {
            let found = mismatch::find(kind, &whole);
            return refuse(found.map_or_else(
                || error.to_string(),
                |found| {
                    let path = keyed(&found.path, &whole, &Place::top(kind.group));
                    format!("{path}: {}", found.typed())
                },
            ));
        }
    };
    let place = Place::top(kind.group);
    let undeclared: Vec<String> = unknown
        .iter()
        .map(|path| {
            format!(
                "{}: field not declared in schema",
                keyed(path, &whole, &place)
            )
        })
        .collect();
    match undeclared.as_slice() {
        [] => Ok(Vec::new()),
        [one] => refuse(one.clone()),
        several => refuse(format!("errors:\n  {}", several.join("\n  "))),
    }
}

/// A path with the keys of list items in place of their indices: `.spec.containers[name="web"].imag`.
fn keyed(path: &str, object: &Value, top: &Place) -> String {
    let mut shown = String::new();
    let (mut value, mut place) = (object, top.clone());
    for part in path.split('.') {
        let (name, index) = match part.split_once('[') {
            Some((name, rest)) => (name, rest.trim_end_matches(']').parse::<usize>().ok()),
            None => (part, None),
        };
        shown.push('.');
        shown.push_str(name);
        value = &value[name];
        place = place.field(name);
        let Some(index) = index else { continue };
        value = &value[index];
        match place.list() {
            List::Map(keys) => {
                let keys: Vec<String> = keys
                    .iter()
                    .filter(|key| !schema::key_value(value, key).is_null())
                    .map(|key| format!("{key}={}", schema::key_value(value, key)))
                    .collect();
                shown.push_str(&format!("[{}]", keys.join(",")));
            }
            _ => shown.push_str(&format!("[{index}]")),
        }
    }
    shown
}

/// The ends of a long text, as the API server shows a patched object.
fn elided(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= 140 {
        return text.to_owned();
    }
    let start: String = characters[..110].iter().collect();
    let end: String = characters[characters.len() - 25..].iter().collect();
    format!("{start} … {end}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn refuses(object: Value, why: &str) {
        let path = [
            "apis",
            "apps",
            "v1",
            "namespaces",
            "demo",
            "deployments",
            "web",
        ];
        let target = Target::parse(&path).unwrap();
        let mut object = object;
        let error = decode(&target, &mut object, Source::Apply, Validation::Strict).unwrap_err();
        let expected = format!(
            "failed to create typed patch object (demo/web; apps/v1, Kind=Deployment): {why}"
        );
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn an_applied_configuration_is_held_to_the_schema_path_by_path() {
        let web = |spec: Value| json!({"metadata": {"name": "web"}, "spec": spec});
        refuses(
            web(json!({"x": 1})),
            ".spec.x: field not declared in schema",
        );
        refuses(
            web(json!({"x": 1, "y": 2})),
            "errors:\n  .spec.x: field not declared in schema\n  .spec.y: field not declared in schema",
        );
        refuses(
            web(
                json!({"template": {"spec": {"containers": [{"name": "a"}, {"name": "c", "imag": 1}]}}}),
            ),
            ".spec.template.spec.containers[name=\"c\"].imag: field not declared in schema",
        );
        refuses(
            web(json!({"replicas": "three"})),
            ".spec.replicas: expected numeric (int or float), got string",
        );
    }
}
