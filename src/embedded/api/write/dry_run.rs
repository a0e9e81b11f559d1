//! What a write would store, without storing it: the answer to a dry run.

use crate::embedded::api::error::ApiError;
use crate::embedded::store::{self, Key, Object, Store, StoreError};
use serde_json::{Value, json};
use std::sync::Arc;

/// What `create` would store, without storing it.
pub(super) fn created(store: &Store, key: &Key, mut object: Value) -> Result<Object, ApiError> {
    if store.get(key).is_some() {
        return Err(StoreError::AlreadyExists(key.clone()).into());
    }
    object["metadata"]["uid"] = json!(store::new_uid());
    object["metadata"]["creationTimestamp"] = json!(store.timestamp());
    if object.get("spec").is_some() {
        object["metadata"]["generation"] = json!(1);
    }
    Ok(Arc::new(object))
}

/// The generation a stored change would have: `kubectl diff` shows it.
pub(super) fn changed(live: &Value, mut new: Value) -> Value {
    let without = |object: &Value| {
        let mut copy = object.clone();
        if let Some(fields) = copy.as_object_mut() {
            fields.remove("metadata");
            fields.remove("status");
        }
        copy
    };
    if let Some(generation) = live["metadata"]["generation"].as_i64() {
        let step = i64::from(without(live) != without(&new));
        new["metadata"]["generation"] = json!(generation + step);
    }
    new
}
