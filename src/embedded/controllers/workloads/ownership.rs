//! Who owns whom: reading and writing `metadata.ownerReferences`.

use crate::embedded::store::{self, Key, Object, Resource, Store};
use serde_json::{Value, json};

/// The reference that makes `owner` the controller of another object.
pub(super) fn controller_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": store::name(owner),
        "uid": store::uid(owner),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// The one owner reference of `object` that says `controller: true`.
pub(super) fn controller_of(object: &Value) -> Option<&Value> {
    object["metadata"]["ownerReferences"]
        .as_array()?
        .iter()
        .find(|owner| owner["controller"] == true)
}

/// Whether the controller of `object` is the object with this UID.
pub(super) fn is_controlled_by(object: &Value, uid: &str) -> bool {
    controller_of(object).is_some_and(|owner| owner["uid"] == uid)
}

/// The key of the controller of `object`, when it is of this kind.
pub(super) fn controller_key(object: &Value, kind: &str, resource: Resource) -> Option<Key> {
    let owner = controller_of(object).filter(|owner| owner["kind"] == kind)?;
    Some(Key::new(
        resource,
        store::namespace(object),
        owner["name"].as_str()?,
    ))
}

/// All objects of `resource` that `owner` controls.
pub(super) fn controlled(store: &Store, resource: Resource, owner: &Value) -> Vec<Object> {
    let uid = store::uid(owner);
    store
        .list(resource, Some(store::namespace(owner)))
        .0
        .into_iter()
        .filter(|object| is_controlled_by(object, uid))
        .collect()
}
