//! `metrics.k8s.io/v1beta1`: what metrics-server serves to `kubectl top`, and to Podium. The numbers are `usage`'s; what
//! has not been measured yet is not in the list, as there.

use super::error::ApiError;
use super::kind::{self, Kind};
use super::request::Query;
use crate::embedded::store::{self, Key, NODES, PODS, Resource, Store, StoreError};
use crate::embedded::usage::{Measured, Usage};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

/// The API group.
pub(super) const GROUP: &str = "metrics.k8s.io";
/// Its version.
pub(super) const VERSION: &str = "v1beta1";

/// `GET /apis/metrics.k8s.io/v1beta1/<path>`: pods of all namespaces or of one, nodes, or one of either.
pub(super) fn answer(
    store: &Store,
    usage: &Usage,
    path: &[&str],
    query: &Query,
) -> Result<Value, ApiError> {
    let (resource, namespace, name) = wanted(path).ok_or(ApiError::NoSuchResource)?;
    if !Usage::is_served() || query.flag("watch") {
        return Err(ApiError::NoSuchResource);
    }
    let kind: &Kind = kind::find("", "v1", resource.plural).ok_or(ApiError::NoSuchResource)?;
    let selector = query.selector(kind)?;
    let (objects, _) = store.list(resource, namespace);
    let mut items = objects
        .iter()
        .filter(|object| name.is_none_or(|name| store::name(object) == name))
        .filter(|object| selector.matches(object))
        .filter_map(|object| metrics(usage, resource, object));
    let word = if resource == PODS {
        "PodMetrics"
    } else {
        "NodeMetrics"
    };
    let api_version = format!("{GROUP}/{VERSION}");
    match name {
        Some(name) => {
            let mut item = items
                .next()
                .ok_or_else(|| not_found(resource, namespace, name))?;
            item["kind"] = json!(word);
            item["apiVersion"] = json!(api_version);
            Ok(item)
        }
        None => Ok(json!({
            "kind": format!("{word}List"),
            "apiVersion": api_version,
            "metadata": {},
            "items": items.collect::<Vec<_>>(),
        })),
    }
}

/// What a path asks about: the resource, the namespace, and the one object.
fn wanted<'a>(path: &[&'a str]) -> Option<(Resource, Option<&'a str>, Option<&'a str>)> {
    Some(match path {
        ["pods"] => (PODS, None, None),
        ["namespaces", namespace, "pods"] => (PODS, Some(*namespace), None),
        ["namespaces", namespace, "pods", name] => (PODS, Some(*namespace), Some(*name)),
        ["nodes"] => (NODES, None, None),
        ["nodes", name] => (NODES, None, Some(*name)),
        _ => return None,
    })
}

/// The metrics of one object; `None` while it has not been measured.
fn metrics(usage: &Usage, resource: Resource, object: &Value) -> Option<Value> {
    let mut metadata = json!({"name": store::name(object)});
    if let labels @ Value::Object(_) = &object["metadata"]["labels"] {
        metadata["labels"] = labels.clone();
    }
    if resource == NODES {
        let measured = usage.of_node()?;
        metadata["creationTimestamp"] = json!(timestamp(measured.at_ms));
        return Some(json!({
            "metadata": metadata,
            "timestamp": timestamp(measured.at_ms),
            "window": window(measured.used.window),
            "usage": amounts(&measured),
        }));
    }
    let containers = usage.of_pod(store::uid(object));
    // A pod counts when all of it has been measured; a sum of parts would be taken for the whole.
    let complete = object["spec"]["containers"].as_array()?.len() == containers.len();
    let (_, first) = containers.first().filter(|_| complete)?;
    metadata["namespace"] = json!(store::namespace(object));
    metadata["creationTimestamp"] = json!(timestamp(first.at_ms));
    let of_container =
        |(name, measured): &(String, Measured)| json!({"name": name, "usage": amounts(measured)});
    Some(json!({
        "metadata": metadata,
        "timestamp": timestamp(first.at_ms),
        "window": window(first.used.window),
        "containers": containers.iter().map(of_container).collect::<Vec<_>>(),
    }))
}

fn amounts(measured: &Measured) -> Value {
    let memory = measured.used.memory / 1_024;
    json!({"cpu": format!("{}n", measured.used.nanocores), "memory": format!("{memory}Ki")})
}

/// As Go writes a duration.
fn window(window: Duration) -> String {
    format!("{}s", window.as_secs_f64())
}

fn timestamp(ms: i64) -> String {
    let moment = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn not_found(resource: Resource, namespace: Option<&str>, name: &str) -> ApiError {
    let resource = Resource::new(GROUP, resource.plural);
    StoreError::NotFound(Key::new(resource, namespace.unwrap_or_default(), name)).into()
}
