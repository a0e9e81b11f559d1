//! The `scale` subresource of Deployments and ReplicaSets: the one door through which KEDA, the HPA and
//! `kubectl scale` change a size, without knowing the kind behind it.

use super::error::{ApiError, Cause};
use super::patch;
use super::request::{self, Query, Target};
use super::write;
use crate::embedded::store::{self, Store, StoreError};
use serde_json::{Value, json};

/// `GET …/scale`.
pub(super) fn get(store: &Store, target: &Target) -> Result<Value, ApiError> {
    let key = target.key(target.name.as_deref().unwrap_or_default());
    let object = store.get(&key).ok_or(StoreError::NotFound(key))?;
    Ok(scale_of(&object))
}

/// `PUT …/scale`.
pub(super) fn replace(
    store: &Store,
    target: &Target,
    query: &Query,
    scale: &Value,
) -> Result<Value, ApiError> {
    change(store, target, query, |_| Ok(scale.clone()))
}

/// `PATCH …/scale`.
pub(super) fn patch(
    store: &Store,
    target: &Target,
    query: &Query,
    media_type: &str,
    body: &[u8],
) -> Result<Value, ApiError> {
    query.check_write("PatchOptions", media_type == patch::APPLY)?;
    let patch = if media_type == patch::APPLY {
        request::parse_yaml(body)
            .map_err(|why| ApiError::BadRequest(format!("error decoding YAML: {why}")))?
    } else {
        patch::read(target, media_type, body)?
    };
    change(store, target, query, |current| {
        let mut scale = current.clone();
        // A Scale has no lists, so merging, strategic merging and applying are the same.
        patch::merge(target, media_type, &mut scale, &patch)?;
        Ok(scale)
    })
}

fn change(
    store: &Store,
    target: &Target,
    query: &Query,
    make: impl FnOnce(&Value) -> Result<Value, ApiError>,
) -> Result<Value, ApiError> {
    let key = target.key(target.name.as_deref().unwrap_or_default());
    let object = write::change(store, &key, query.dry_run(), |live| {
        let scale = make(&scale_of(live))?;
        let read = store::resource_version(&scale);
        if read != 0 && read != store::resource_version(live) {
            return Err(StoreError::Conflict(key.clone()).into());
        }
        let replicas = &scale["spec"]["replicas"];
        let count = match replicas {
            Value::Null => 0,
            other => other.as_i64().filter(|count| i32::try_from(*count).is_ok()).ok_or_else(|| {
                ApiError::BadRequest(format!("Scale in version \"v1\" cannot be handled as a Scale: json: spec.replicas must be an integer, not {other}"))
            })?,
        };
        if count < 0 {
            let cause = Cause::invalid(
                "spec.replicas",
                replicas,
                "must be greater than or equal to 0",
            );
            return Err(write::invalid(target, cause));
        }
        let mut object = live.clone();
        object["spec"]["replicas"] = json!(count);
        write::sign(store, target, query, live, &mut object);
        Ok(object)
    })?;
    Ok(scale_of(&object))
}

fn scale_of(object: &Value) -> Value {
    let metadata = &object["metadata"];
    let replicas = |part: &str| object[part]["replicas"].as_i64().unwrap_or(0);
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": {"replicas": replicas("spec")},
        "status": {"replicas": replicas("status"), "selector": selector(&object["spec"]["selector"])},
    })
}

/// A label selector as text: `app=worker,tier in (a,b)`.
pub(super) fn selector(selector: &Value) -> String {
    let equal = selector["matchLabels"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()));
    let expressions = selector["matchExpressions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|expression| {
            let key = expression["key"].as_str().unwrap_or_default();
            let values: Vec<&str> = expression["values"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let values = values.join(",");
            match expression["operator"].as_str() {
                Some("In") => format!("{key} in ({values})"),
                Some("NotIn") => format!("{key} notin ({values})"),
                Some("DoesNotExist") => format!("!{key}"),
                _ => key.to_owned(),
            }
        });
    let mut terms: Vec<String> = equal.chain(expressions).collect();
    terms.sort();
    terms.join(",")
}
