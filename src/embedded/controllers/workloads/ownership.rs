//! Who owns whom: reading and writing `metadata.ownerReferences`.
//!
//! A controller owns what it made; beyond that, its selector decides. An orphan that matches is adopted, so that what
//! `kubectl delete --cascade=orphan` left behind finds a new owner; an object whose labels were changed so that it no
//! longer matches is let go, which is how one takes a misbehaving pod out for a look.

use super::selector;
use crate::embedded::store::{self, Key, Object, Resource, Store, StoreError};
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

/// The objects of `resource` that `owner` controls, once it has adopted the orphans its selector means and let go of
/// those it no longer means. An owner in deletion does neither.
pub(super) fn claim(store: &Store, resource: Resource, owner: &Value) -> Vec<Object> {
    if store::is_deleting(owner) {
        return controlled(store, resource, owner);
    }
    let uid = store::uid(owner);
    let (objects, _) = store.list(resource, Some(store::namespace(owner)));
    objects
        .into_iter()
        .filter_map(|object| {
            let means =
                selector::matches(&owner["spec"]["selector"], &object["metadata"]["labels"]);
            match controller_of(&object) {
                Some(controller) if controller["uid"] != uid => None,
                Some(_) if means => Some(object),
                Some(_) => {
                    release(store, resource, &object, uid);
                    None
                }
                None if means && !store::is_deleting(&object) => {
                    adopt(store, resource, &object, owner)
                }
                None => None,
            }
        })
        .collect()
}

/// The objects of `resource` whose selector means `orphan`.
pub(super) fn adopters(store: &Store, resource: Resource, orphan: &Value) -> Vec<Key> {
    let (owners, _) = store.list(resource, Some(store::namespace(orphan)));
    owners
        .iter()
        .filter(|owner| {
            selector::matches(&owner["spec"]["selector"], &orphan["metadata"]["labels"])
        })
        .map(|owner| Key::of(resource, owner))
        .collect()
}

/// Makes `owner` the controller of `orphan`; `None` when somebody was faster or the orphan is gone.
fn adopt(store: &Store, resource: Resource, orphan: &Object, owner: &Value) -> Option<Object> {
    let adopted = store.modify(&Key::of(resource, orphan), None, |object| {
        if store::uid(object) != store::uid(orphan) || controller_of(object).is_some() {
            return Err(StoreError::Rejected("no longer an orphan".to_owned()));
        }
        let reference = controller_reference(owner);
        match object["metadata"]["ownerReferences"].as_array_mut() {
            Some(owners) => owners.push(reference),
            None => object["metadata"]["ownerReferences"] = json!([reference]),
        }
        Ok(())
    });
    adopted.ok()
}

fn release(store: &Store, resource: Resource, object: &Object, owner_uid: &str) {
    // Gone in the meantime is as good as let go.
    let _ = store.modify(&Key::of(resource, object), None, |object| {
        if let Some(owners) = object["metadata"]["ownerReferences"].as_array_mut() {
            owners.retain(|owner| owner["uid"] != owner_uid);
        }
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::embedded::store::{PODS, REPLICA_SETS};

    fn create(store: &Store, resource: Resource, kind: &str, rest: Value) -> Object {
        let mut object = rest;
        object["kind"] = json!(kind);
        object["apiVersion"] = json!("v1");
        object["metadata"]["name"] = json!("a");
        object["metadata"]["namespace"] = json!("demo");
        store.create(resource, object).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_matching_orphan_is_adopted_and_let_go_when_it_no_longer_matches() {
        let store = Store::new(Clock::following_tokio(1_767_225_600_000));
        let spec = json!({"spec": {"selector": {"matchExpressions": [
            {"key": "app", "operator": "In", "values": ["worker"]},
        ]}}});
        let set = create(&store, REPLICA_SETS, "ReplicaSet", spec);
        let pod = json!({"metadata": {"labels": {"app": "worker"}}});
        let pod = create(&store, PODS, "Pod", pod);
        assert_eq!(
            adopters(&store, REPLICA_SETS, &pod),
            [Key::of(REPLICA_SETS, &set)]
        );
        assert_eq!(claim(&store, PODS, &set).len(), 1);
        let key = Key::of(PODS, &pod);
        assert!(is_controlled_by(
            &store.get(&key).unwrap(),
            store::uid(&set)
        ));
        store
            .modify(&key, None, |pod| {
                pod["metadata"]["labels"]["app"] = json!("quarantine");
                Ok(())
            })
            .unwrap();
        assert!(claim(&store, PODS, &set).is_empty());
        assert_eq!(controller_of(&store.get(&key).unwrap()), None);
    }
}
