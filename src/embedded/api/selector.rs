//! Label and field selectors: which objects of a list or a watch the client wants.
//!
//! Text in, a predicate out; an error is the API server's sentence, which `kubectl` shows.

use super::error::ApiError;
use super::kind::Kind;
use crate::embedded::store::{self, EVENTS, PODS, SECRETS};
use serde_json::Value;

/// Both selectors of a request. The default selects everything.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<(String, bool, String)>,
}

#[derive(Clone, Debug)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

impl Selector {
    /// Reads `labelSelector` and `fieldSelector`; both may be empty.
    pub(super) fn parse(kind: &Kind, labels: &str, fields: &str) -> Result<Self, ApiError> {
        let labels = split(labels)
            .into_iter()
            .map(requirement)
            .collect::<Result<_, _>>()
            .map_err(|why| ApiError::BadRequest(format!("unable to parse requirement: {why}")))?;
        let fields = fields
            .split(',')
            .filter(|term| !term.is_empty())
            .map(|term| field_term(kind, term))
            .collect::<Result<_, _>>()?;
        Ok(Self { labels, fields })
    }

    /// Whether `object` is wanted.
    pub(super) fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.labels
            .iter()
            .all(|requirement| requirement.matches(labels))
            && self
                .fields
                .iter()
                .all(|(path, wanted, value)| (field(object, path) == *value) == *wanted)
    }
}

impl Requirement {
    fn matches(&self, labels: &Value) -> bool {
        let value = |key: &str| labels[key].as_str();
        match self {
            Self::In(key, values) => {
                value(key).is_some_and(|value| values.iter().any(|wanted| wanted == value))
            }
            Self::NotIn(key, values) => {
                value(key).is_none_or(|value| values.iter().all(|refused| refused != value))
            }
            Self::Exists(key) => value(key).is_some(),
            Self::Absent(key) => value(key).is_none(),
        }
    }
}

/// Splits at the commas outside parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    text.split(|character| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|term| !term.is_empty())
    .collect()
}

fn requirement(term: &str) -> Result<Requirement, String> {
    if let Some(key) = term.strip_prefix('!') {
        return Ok(Requirement::Absent(label_key(key)?));
    }
    if let Some((key, value)) = term.split_once("!=") {
        return Ok(Requirement::NotIn(
            label_key(key)?,
            vec![value.trim().to_owned()],
        ));
    }
    if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return Ok(Requirement::In(
            label_key(key)?,
            vec![value.trim().to_owned()],
        ));
    }
    let mut words = term.split_whitespace();
    let key = label_key(words.next().unwrap_or_default())?;
    let Some(operator) = words.next() else {
        return Ok(Requirement::Exists(key));
    };
    let operator = operator.split('(').next().unwrap_or_default();
    let values = values_in_parentheses(term)?;
    match operator {
        "in" => Ok(Requirement::In(key, values)),
        "notin" => Ok(Requirement::NotIn(key, values)),
        other => Err(format!(
            "found '{other}', expected: in, notin, =, ==, !=, gt, lt"
        )),
    }
}

fn values_in_parentheses(term: &str) -> Result<Vec<String>, String> {
    let Some((_, rest)) = term.split_once('(') else {
        let found = term.split_whitespace().nth(2).unwrap_or_default();
        return Err(format!("found '{found}' expected: '('"));
    };
    let Some(list) = rest.trim_end().strip_suffix(')') else {
        return Err("found '', expected: ',' or ')'".to_owned());
    };
    Ok(list
        .split(',')
        .map(|value| value.trim().to_owned())
        .collect())
}

fn label_key(key: &str) -> Result<String, String> {
    let key = key.trim();
    if key.is_empty() {
        return Err("found '', expected: !, identifier, or 'end of string'".to_owned());
    }
    Ok(key.to_owned())
}

fn field_term(kind: &Kind, term: &str) -> Result<(String, bool, String), ApiError> {
    let (path, wanted, value) = if let Some((path, value)) = term.split_once("!=") {
        (path, false, value)
    } else if let Some((path, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        (path, true, value)
    } else {
        return Err(ApiError::BadRequest(format!(
            "invalid selector: '{term}'; can't understand '{term}'"
        )));
    };
    let path = path.trim();
    if !is_selectable(kind, path) {
        return Err(ApiError::BadRequest(format!(
            "field label not supported: {path}"
        )));
    }
    // The client escapes these three characters with a backslash.
    let value = value
        .trim()
        .replace("\\,", ",")
        .replace("\\=", "=")
        .replace("\\\\", "\\");
    Ok((path.to_owned(), wanted, value))
}

fn is_selectable(kind: &Kind, path: &str) -> bool {
    if matches!(path, "metadata.name" | "metadata.namespace") {
        return true;
    }
    let resource = kind.resource;
    if resource == PODS {
        matches!(
            path,
            "spec.nodeName"
                | "spec.restartPolicy"
                | "spec.schedulerName"
                | "spec.serviceAccountName"
                | "status.phase"
                | "status.podIP"
        )
    } else if resource == EVENTS {
        matches!(path, "reason" | "reportingComponent" | "source" | "type")
            || path
                .strip_prefix("involvedObject.")
                .or_else(|| path.strip_prefix("regarding."))
                .is_some_and(|field| {
                    matches!(
                        field,
                        "kind"
                            | "namespace"
                            | "name"
                            | "uid"
                            | "apiVersion"
                            | "resourceVersion"
                            | "fieldPath"
                    )
                })
    } else if resource == SECRETS {
        path == "type"
    } else {
        resource == store::REPLICA_SETS && path == "status.replicas"
            || resource == store::NAMESPACES && path == "status.phase"
            || resource == store::NODES && path == "spec.unschedulable"
    }
}

/// The text at `path`; the empty string when there is nothing, which is also what `field=` asks for.
fn field(object: &Value, path: &str) -> String {
    let path = match path {
        "source" => "source.component".to_owned(),
        other => other.replace("regarding.", "involvedObject."),
    };
    let value = path.split('.').fold(object, |value, key| &value[key]);
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::kind;
    use super::*;
    use serde_json::json;

    fn selects(labels: &str, fields: &str) -> bool {
        let pods = kind::find("", "v1", "pods").unwrap();
        let pod = json!({
            "metadata": {"name": "a", "labels": {"app": "redis", "tier": "data"}},
            "status": {"phase": "Running"},
        });
        Selector::parse(pods, labels, fields).unwrap().matches(&pod)
    }

    #[test]
    fn every_operator_of_a_label_selector_is_understood() {
        for yes in [
            "",
            "app",
            "app=redis",
            "app==redis",
            "app!=x",
            "!nope",
            "app in (x, redis),tier",
            "app notin (x)",
            "nope!=x",
        ] {
            assert!(selects(yes, ""), "{yes}");
        }
        for no in [
            "nope",
            "app=x",
            "app!=redis",
            "!app",
            "app in (x,y)",
            "app notin (redis)",
            "app=redis,tier=x",
        ] {
            assert!(!selects(no, ""), "{no}");
        }
    }

    #[test]
    fn field_selectors_compare_text_and_refuse_unknown_fields() {
        assert!(selects("", "status.phase=Running,metadata.name!=b"));
        assert!(!selects("", "status.phase!=Running"));
        let pods = kind::find("", "v1", "pods").unwrap();
        let error = Selector::parse(pods, "", "spec.nope=1").unwrap_err();
        assert_eq!(error.to_string(), "field label not supported: spec.nope");
        let error = Selector::parse(pods, "a in b", "").unwrap_err();
        assert_eq!(
            error.to_string(),
            "unable to parse requirement: found 'b' expected: '('"
        );
    }
}
