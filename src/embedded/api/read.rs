//! Getting and listing: stored objects in the form the client asked for.

use super::convert;
use super::error::ApiError;
use super::kind::Kind;
use super::request::{Form, Query, Target};
use super::table;
use crate::embedded::store::{self, Object, Store, StoreError};
use k8s_openapi::ByteString;
use serde_json::{Value, json};

/// One object.
pub(super) fn get(
    store: &Store,
    target: &Target,
    query: &Query,
    form: Form,
) -> Result<Value, ApiError> {
    let key = target.key(target.name.as_deref().unwrap_or_default());
    let object = store.get(&key).ok_or(StoreError::NotFound(key))?;
    Ok(match form {
        Form::Object => convert::outward(target.kind, &object),
        Form::Metadata => metadata_of(&object),
        Form::Table => {
            let version = store::resource_version(&object).to_string();
            table::table(
                target.kind,
                &[object],
                &json!({"resourceVersion": version}),
                query,
                store.clock().now_ms(),
            )
        }
    })
}

/// A collection: filtered, in pages of `limit`.
pub(super) fn list(
    store: &Store,
    target: &Target,
    query: &Query,
    form: Form,
) -> Result<Value, ApiError> {
    let (mut objects, version) = selected(store, target, query)?;
    if let Some(after) = continuation(query.text("continue"))? {
        objects.retain(|object| place(object) > after);
    }
    let limit = query
        .number("limit")?
        .and_then(|limit| usize::try_from(limit).ok())
        .filter(|limit| *limit > 0);
    let mut metadata = json!({"resourceVersion": version.to_string()});
    if let Some(limit) = limit.filter(|limit| *limit < objects.len()) {
        metadata["remainingItemCount"] = json!(objects.len() - limit);
        objects.truncate(limit);
        if let Some(last) = objects.last() {
            metadata["continue"] = json!(ByteString(place(last).into_bytes()));
        }
    }
    Ok(match form {
        Form::Table => table::table(
            target.kind,
            &objects,
            &metadata,
            query,
            store.clock().now_ms(),
        ),
        Form::Object => list_of(target.kind, &objects, &metadata),
        Form::Metadata => {
            let items: Vec<Value> = objects.iter().map(|object| metadata_of(object)).collect();
            json!({
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata,
                "items": items,
            })
        }
    })
}

/// The objects of the target's collection that the selectors want, and the version at which that was so.
pub(super) fn selected(
    store: &Store,
    target: &Target,
    query: &Query,
) -> Result<(Vec<Object>, u64), ApiError> {
    let selector = query.selector(target.kind)?;
    let (mut objects, version) = store.list(target.kind.resource, target.namespace.as_deref());
    objects.retain(|object| selector.matches(object));
    Ok((objects, version))
}

/// A `List` object.
pub(super) fn list_of(kind: &Kind, objects: &[Object], metadata: &Value) -> Value {
    let items: Vec<Value> = objects
        .iter()
        .map(|object| convert::outward(kind, object))
        .collect();
    json!({
        "kind": format!("{}List", kind.kind),
        "apiVersion": kind.api_version(),
        "metadata": metadata,
        "items": items,
    })
}

/// An object without its contents.
pub(super) fn metadata_of(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

/// Where an object stands in a list. The zero byte, which no name contains, keeps the store's order.
fn place(object: &Value) -> String {
    format!("{}\0{}", store::namespace(object), store::name(object))
}

/// The place of the last object of the page before.
fn continuation(token: &str) -> Result<Option<String>, ApiError> {
    if token.is_empty() {
        return Ok(None);
    }
    let decoded: Option<ByteString> = serde_json::from_value(json!(token)).ok();
    decoded
        .and_then(|bytes| String::from_utf8(bytes.0).ok())
        .map(Some)
        .ok_or_else(|| ApiError::BadRequest("continue key is not valid".to_owned()))
}
