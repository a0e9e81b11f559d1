//! From an HTTP request to what it asks for: which kind, which object, which subresource, with which options.
//!
//! Paths are parsed by hand rather than routed, because the same shape serves every kind of the table and because a
//! path that names nothing must get the API server's own 404.

use super::error::ApiError;
use super::kind::{self, Kind};
use super::selector::Selector;
use crate::embedded::store::{Key, NAMESPACES};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;

/// How long a watch lasts when the client does not say; within the API server's 30 to 60 minutes.
const DEFAULT_WATCH: Duration = Duration::from_secs(45 * 60);

/// What a path under `/api` or `/apis` names.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The kind.
    pub(super) kind: &'static Kind,
    /// The namespace; `None` for cluster-scoped kinds and for lists over all namespaces.
    pub(super) namespace: Option<String>,
    /// The object; `None` for the collection.
    pub(super) name: Option<String>,
    /// `status`, `scale`, `log`; `None` for the object itself.
    pub(super) subresource: Option<String>,
}

impl Target {
    /// Reads a path split at its slashes.
    pub(super) fn parse(segments: &[&str]) -> Result<Self, ApiError> {
        let (group, version, rest) = match segments {
            ["api", "v1", rest @ ..] => ("", "v1", rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return Err(ApiError::NoSuchResource),
        };
        let (namespace, rest) = match rest {
            // `namespaces/x`, `namespaces/x/status`: the Namespace itself.
            ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => (None, rest),
            ["namespaces", namespace, rest @ ..] => (Some((*namespace).to_owned()), rest),
            _ => (None, rest),
        };
        let (plural, name, subresource) = match rest {
            [plural] => (*plural, None, None),
            [plural, name] => (*plural, Some(*name), None),
            [plural, name, subresource] => (*plural, Some(*name), Some(*subresource)),
            _ => return Err(ApiError::NoSuchResource),
        };
        let kind = kind::find(group, version, plural).ok_or(ApiError::NoSuchResource)?;
        let scope_fits = if kind.namespaced {
            namespace.is_some() || name.is_none()
        } else {
            namespace.is_none()
        };
        if !scope_fits || subresource.is_some_and(|name| !kind.has(name)) {
            return Err(ApiError::NoSuchResource);
        }
        Ok(Self {
            kind,
            namespace,
            name: name.map(str::to_owned),
            subresource: subresource.map(str::to_owned),
        })
    }

    /// Where `name` is stored.
    pub(super) fn key(&self, name: &str) -> Key {
        Key::new(
            self.kind.resource,
            self.namespace.clone().unwrap_or_default(),
            name,
        )
    }

    /// The namespace that must exist for a creation here.
    pub(super) fn home(&self) -> Option<Key> {
        let namespace = self.namespace.as_ref()?;
        Some(Key::new(NAMESPACES, "", namespace))
    }
}

/// The query string, and the program that sent it.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    pairs: HashMap<String, String>,
    agent: String,
}

impl Query {
    /// Of parsed pairs.
    pub(super) fn new(pairs: HashMap<String, String>, headers: &HeaderMap) -> Self {
        let agent = headers
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .and_then(|agent| agent.split('/').next())
            .unwrap_or_default();
        Self {
            pairs,
            agent: agent.chars().take(128).collect(),
        }
    }

    /// Who owns what the request writes: its `fieldManager`, otherwise the program's name.
    pub(super) fn manager(&self) -> &str {
        match self.text("fieldManager") {
            "" if self.agent.is_empty() => "unknown",
            "" => &self.agent,
            manager => manager,
        }
    }

    /// The value of `name`, or the empty string.
    pub(super) fn text(&self, name: &str) -> &str {
        self.pairs.get(name).map_or("", String::as_str)
    }

    /// Whether `name` is `true` or `1`.
    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.text(name), "true" | "1")
    }

    /// The value of `name` as a number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let text = self.text(name);
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| {
            ApiError::BadRequest(format!(
                "invalid value \"{text}\" for parameter {name}: must be a whole number"
            ))
        })
    }

    /// Whether the request must leave no trace.
    pub(super) fn dry_run(&self) -> bool {
        self.text("dryRun") == "All"
    }

    /// Label and field selectors.
    pub(super) fn selector(&self, kind: &Kind) -> Result<Selector, ApiError> {
        Selector::parse(kind, self.text("labelSelector"), self.text("fieldSelector"))
    }

    /// How long a watch may last.
    pub(super) fn watch_timeout(&self) -> Result<Duration, ApiError> {
        Ok(self
            .number("timeoutSeconds")?
            .filter(|seconds| *seconds > 0)
            .map_or(DEFAULT_WATCH, Duration::from_secs))
    }
}

/// What a body of the answer should look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Whole objects.
    Object,
    /// `meta.k8s.io` Tables: what `kubectl get` prints.
    Table,
    /// Metadata only.
    Metadata,
}

impl Form {
    /// The first form in the `Accept` header that is served; the list is in the client's order of preference.
    pub(super) fn accepted(headers: &HeaderMap) -> Result<Self, ApiError> {
        let accept = headers
            .get(ACCEPT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("*/*");
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media_type = parts.next().unwrap_or_default();
            if !matches!(
                media_type,
                "application/json" | "application/*" | "*/*" | "text/plain" | ""
            ) {
                continue;
            }
            let parameter = |name: &str| {
                range
                    .split(';')
                    .map(str::trim)
                    .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
            };
            match (parameter("as"), parameter("v")) {
                (None, _) => return Ok(Self::Object),
                (Some("Table"), Some("v1")) => return Ok(Self::Table),
                (Some("PartialObjectMetadata" | "PartialObjectMetadataList"), Some("v1")) => {
                    return Ok(Self::Metadata);
                }
                _ => {}
            }
        }
        Err(ApiError::UnsupportedMediaType("application/json"))
    }
}

/// The media type of the body without parameters; JSON when absent.
pub(super) fn content_type(headers: &HeaderMap) -> &str {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map_or("application/json", str::trim)
}

/// Reads a body that is JSON or YAML.
pub(super) fn parse_body(bytes: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(bytes).or_else(|json_error| {
        let yaml = std::str::from_utf8(bytes)
            .ok()
            .and_then(|text| serde_saphyr::from_str::<Value>(text).ok())
            .filter(Value::is_object);
        yaml.ok_or_else(|| {
            ApiError::BadRequest(format!(
                "the object provided is unrecognized (must be of type object): {json_error}"
            ))
        })
    })
}

/// Checks that a body is of the path's kind and name, and fills in what the path says and the body leaves out.
pub(super) fn fit(target: &Target, object: &mut Value) -> Result<(), ApiError> {
    if !object.is_object() {
        return Err(ApiError::BadRequest(
            "the body must be an object".to_owned(),
        ));
    }
    let kind = target.kind;
    let same = |field: &str, wanted: &str| {
        object[field]
            .as_str()
            .is_none_or(|given| given.is_empty() || given == wanted)
    };
    if !same("kind", kind.kind) || !same("apiVersion", &kind.api_version()) {
        return Err(ApiError::BadRequest(format!(
            "the object provided ({}, Kind={}) does not match the path: expected {}, Kind={}",
            object["apiVersion"].as_str().unwrap_or_default(),
            object["kind"].as_str().unwrap_or_default(),
            kind.api_version(),
            kind.kind,
        )));
    }
    object["kind"] = kind.kind.into();
    object["apiVersion"] = kind.api_version().into();
    if !object["metadata"].is_object() {
        object["metadata"] = Value::Object(serde_json::Map::new());
    }
    fit_metadata(target, &mut object["metadata"])
}

fn fit_metadata(target: &Target, metadata: &mut Value) -> Result<(), ApiError> {
    let text = |field: &str| {
        metadata[field]
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let (given_name, given_namespace) = (text("name"), text("namespace"));
    if let Some(name) = &target.name {
        if let Some(given) = given_name.filter(|given| given != name) {
            return Err(ApiError::BadRequest(format!(
                "the name of the object ({given}) does not match the name on the URL ({name})"
            )));
        }
        metadata["name"] = name.as_str().into();
    }
    match (&target.namespace, given_namespace) {
        (Some(namespace), Some(given)) if given != *namespace => {
            return Err(ApiError::BadRequest(format!(
                "the namespace of the provided object does not match the namespace sent on the request: {given} is not {namespace}"
            )));
        }
        (Some(namespace), _) => metadata["namespace"] = namespace.as_str().into(),
        (None, _) => {
            metadata
                .as_object_mut()
                .map(|fields| fields.remove("namespace"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parts = (String, Option<String>, Option<String>, Option<String>);

    fn parse(path: &str) -> Option<Parts> {
        let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let target = Target::parse(&segments).ok()?;
        Some((
            target.kind.resource.to_string(),
            target.namespace,
            target.name,
            target.subresource,
        ))
    }

    #[test]
    fn a_path_names_a_kind_a_namespace_an_object_and_a_subresource() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            parse("/apis/apps/v1/namespaces/demo/deployments/web/scale"),
            Some((
                "deployments.apps".to_owned(),
                some("demo"),
                some("web"),
                some("scale")
            ))
        );
        assert_eq!(
            parse("/api/v1/namespaces/demo"),
            Some(("namespaces".to_owned(), None, some("demo"), None))
        );
        assert_eq!(
            parse("/api/v1/namespaces/demo/pods"),
            Some(("pods".to_owned(), some("demo"), None, None))
        );
        assert_eq!(
            parse("/api/v1/pods"),
            Some(("pods".to_owned(), None, None, None))
        );
        for nothing in [
            "/api/v1/nope",
            "/apis/apps/v1/deployments/web",
            "/api/v1/namespaces/demo/nodes",
            "/api/v1/namespaces/demo/pods/x/scale",
        ] {
            assert_eq!(parse(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn kubectls_accept_header_asks_for_a_table() {
        let mut headers = HeaderMap::new();
        let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        headers.insert(ACCEPT, accept.parse().unwrap());
        assert_eq!(Form::accepted(&headers).unwrap(), Form::Table);
        headers.insert(
            ACCEPT,
            "application/vnd.kubernetes.protobuf,application/json"
                .parse()
                .unwrap(),
        );
        assert_eq!(Form::accepted(&headers).unwrap(), Form::Object);
    }
}
