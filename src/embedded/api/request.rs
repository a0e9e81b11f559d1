//! From an HTTP request to what it asks for: which kind, which object, which subresource, with which options.
//!
//! Paths are parsed by hand rather than routed, because the same shape serves every kind of the table and because a
//! path that names nothing must get the API server's own 404.

use super::error::{ApiError, Cause};
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

    /// Checks the options that every write has; `options` names their kind.
    pub(super) fn check_write(&self, options: &'static str, apply: bool) -> Result<(), ApiError> {
        let refuse = |cause| {
            Err(ApiError::InvalidOptions {
                kind: options,
                cause,
            })
        };
        match self.text("dryRun") {
            "" | "All" => {}
            other => return refuse(Cause::unsupported("dryRun", other, &["All"])),
        }
        if self.flag("force") && !apply {
            return refuse(Cause::forbidden(
                "force",
                "may not be specified for non-apply patch",
            ));
        }
        Ok(())
    }

    /// Whether there are selectors.
    pub(super) fn selects(&self) -> bool {
        !self.text("labelSelector").is_empty() || !self.text("fieldSelector").is_empty()
    }

    /// The object that the field selector names, if it names one.
    pub(super) fn selected_name(&self) -> Option<&str> {
        self.text("fieldSelector").split(',').find_map(|term| {
            let value = term.trim().strip_prefix("metadata.name=")?;
            Some(value.strip_prefix('=').unwrap_or(value))
        })
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
        Err(ApiError::NotAcceptable)
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

/// Reads a JSON body.
pub(super) fn parse_json(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

/// Reads a YAML body; JSON is YAML, and by far the most frequent, so it is tried first. Aliases that multiply without
/// end are refused by the reader's own budget.
pub(super) fn parse_yaml(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).or_else(|_| {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        serde_saphyr::from_str::<Value>(text).map_err(|error| error.to_string())
    })
}

/// A body that could not be read as `kind`, in the API server's words.
pub(super) fn unrecognized(kind: &str, bytes: &[u8], why: &str) -> ApiError {
    const SHOWN: usize = 30;
    let start = &bytes[..bytes.len().min(SHOWN)];
    let more = if bytes.len() > SHOWN { " ..." } else { "" };
    let summary = match bytes.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => format!("{}{more}", String::from_utf8_lossy(start)),
        Some(_) => {
            let hex: String = start.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{hex}{more}")
        }
    };
    ApiError::BadRequest(format!(
        "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; {why} ({summary})"
    ))
}

/// Checks that a body is of the path's kind and name, and fills in what the path says and the body leaves out.
pub(super) fn fit(target: &Target, object: &mut Value) -> Result<(), ApiError> {
    if !object.is_object() {
        return Err(ApiError::BadRequest(
            "the body must be an object".to_owned(),
        ));
    }
    let kind = target.kind;
    let given = |field: &str, ours: &str| {
        let given = object[field].as_str().unwrap_or_default();
        (!given.is_empty() && given != ours).then(|| given.to_owned())
    };
    let api_version = kind.api_version();
    if let Some(version) = given("apiVersion", &api_version) {
        return Err(ApiError::BadRequest(format!(
            "the API version in the data ({version}) does not match the expected API version ({api_version})"
        )));
    }
    if let Some(other) = given("kind", kind.kind) {
        return Err(ApiError::BadRequest(format!(
            "{other} in version \"{}\" cannot be handled as a {}: no kind \"{other}\" is registered for this path",
            kind.version, kind.kind
        )));
    }
    object["kind"] = kind.kind.into();
    object["apiVersion"] = kind.api_version().into();
    if !object["metadata"].is_object() {
        object["metadata"] = Value::Object(serde_json::Map::new());
    }
    fit_metadata(target, &mut object["metadata"])
}

/// The same for the metadata alone.
pub(super) fn fit_metadata(target: &Target, metadata: &mut Value) -> Result<(), ApiError> {
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
            return Err(ApiError::BadRequest(
                "the namespace of the provided object does not match the namespace sent on the request"
                    .to_owned(),
            ));
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
