//! The rules on `metadata`: what names, keys and labels may be made of.

use crate::embedded::api::error::Cause;
use crate::embedded::api::kind::Kind;
use serde_json::{Value, json};

const NAME_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const KEY_RULE: &str = "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
const LABEL_RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// Checks `metadata` of an object of `kind`.
pub(super) fn check(kind: &Kind, metadata: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = metadata["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        causes.push(Cause::required(
            "metadata.name",
            "name or generateName is required",
        ));
    } else if !is_name(kind, name) {
        causes.push(Cause::invalid("metadata.name", &json!(name), NAME_RULE));
    }
    for field in ["labels", "annotations"] {
        for (key, value) in metadata[field].as_object().into_iter().flatten() {
            let path = format!("metadata.{field}");
            if !is_qualified_key(key) {
                causes.push(Cause::invalid(&path, &json!(key), KEY_RULE));
            }
            let value = value.as_str().unwrap_or_default();
            if field == "labels" && !(value.is_empty() || is_label_part(value)) {
                causes.push(Cause::invalid(&path, &json!(value), LABEL_RULE));
            }
        }
    }
    causes
}

/// RBAC names may be almost anything (`system:masters`); all others are DNS subdomains.
fn is_name(kind: &Kind, name: &str) -> bool {
    if kind.group == "rbac.authorization.k8s.io" {
        return !name.contains(['/', '%']) && name != "." && name != "..";
    }
    let part = |part: &str| {
        let edge = |byte: Option<&u8>| {
            byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        let bytes = part.as_bytes();
        edge(bytes.first())
            && edge(bytes.last())
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(part)
}

fn is_label_part(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

fn is_qualified_key(key: &str) -> bool {
    let (prefix, name) = key
        .split_once('/')
        .map_or((None, key), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(|prefix| !prefix.is_empty() && prefix.split('.').all(is_label_part))
        && is_label_part(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::api::kind;

    #[test]
    fn names_keys_and_labels_are_checked() {
        assert!(is_qualified_key("app.kubernetes.io/name") && is_qualified_key("team"));
        assert!(!is_qualified_key("a/b/c") && !is_qualified_key("") && !is_qualified_key("-x"));
        let pods = kind::find("", "v1", "pods").unwrap();
        assert!(
            is_name(pods, "web-1.x")
                && !is_name(pods, "Web")
                && !is_name(pods, "web-")
                && !is_name(pods, "a..b")
        );
    }
}
