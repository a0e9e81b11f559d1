//! Who writes what: signs writes with the name of their manager, in `metadata.managedFields`.
//!
//! Clients of the API are named by their request. The controllers write to the store directly, so a store handle that
//! [`attributed`] made signs for them, as their clients would have been upstream.

use super::compare;
use super::kind::KINDS;
use super::managers::{Managers, Operation, Writer};
use super::schema::Place;
use crate::embedded::store::Store;
use serde_json::Value;

/// A handle of `store` whose writes belong to `manager`: `kube-controller-manager`, `keda`, `kubelet`.
#[must_use]
pub fn attributed(store: &Store, manager: &'static str) -> Store {
    store.signed(manager, sign)
}

/// Notes that `writer` made `object` of `live` (null when it is new) in any other way than by an apply. A client may
/// also write the managed fields themselves; then what it wrote is what the change is added to.
pub(super) fn note(live: &Value, object: &mut Value, writer: &Writer<'_>, group: &str) {
    let given = object["metadata"]["managedFields"].as_array();
    let mut managers = match given {
        Some(entries) if !entries.is_empty() => Managers::of(object),
        _ => Managers::of(live),
    };
    let mut difference = compare::objects(live, object, &Place::top(group));
    if writer.subresource.is_empty() {
        difference.leave_out("f:status");
    }
    if !difference.is_empty() {
        managers.updated(writer, &difference);
    }
    managers.put_into(object);
}

/// Notes a controller's write.
fn sign(manager: &str, live: &Value, object: &mut Value, now: &str) {
    let api_version = object["apiVersion"].as_str().unwrap_or_default().to_owned();
    let kind = object["kind"].as_str().unwrap_or_default();
    let Some(kind) = KINDS
        .iter()
        .find(|served| served.kind == kind && served.api_version() == api_version)
    else {
        return;
    };
    let writer = Writer {
        manager,
        operation: Operation::Update,
        api_version: &api_version,
        subresource: door(kind.has("scale"), live, object),
        now,
    };
    note(live, object, &writer, kind.group);
}

/// The subresource that a controller upstream would have used: sizes change through `scale`; a status, and the
/// revision that is written along with it, through `status`.
fn door(scalable: bool, live: &Value, object: &Value) -> &'static str {
    if live.is_null() {
        return "";
    }
    let changed = |pointer: &str| live.pointer(pointer) != object.pointer(pointer);
    if object["kind"] == "Deployment" && scalable && changed("/spec/replicas") {
        "scale"
    } else if changed("/status") || (object["kind"] == "Deployment" && !changed("/spec")) {
        "status"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::embedded::store::{DEPLOYMENTS, Key};
    use serde_json::json;

    #[test]
    fn a_controllers_writes_carry_its_name_and_the_door_it_came_through() {
        let store = Store::new(Clock::wall());
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "demo"},
            "spec": {"replicas": 1},
        });
        store.create(DEPLOYMENTS, deployment).unwrap();
        let controllers = attributed(&store, "kube-controller-manager");
        let key = Key::new(DEPLOYMENTS, "demo", "web");
        for (pointer, value) in [
            ("/spec/replicas", json!(5)),
            ("/status", json!({"replicas": 1})),
        ] {
            let change = |object: &mut Value| {
                object["status"] = json!({});
                *object.pointer_mut(pointer).unwrap() = value;
                Ok(())
            };
            controllers.modify(&key, None, change).unwrap();
        }
        let stored = store.get(&key).unwrap();
        let entries = stored["metadata"]["managedFields"].as_array().unwrap();
        let doors: Vec<&str> = entries
            .iter()
            .map(|entry| entry["subresource"].as_str().unwrap_or_default())
            .collect();
        assert!(
            doors.contains(&"scale") && doors.contains(&"status"),
            "{entries:?}"
        );
        assert!(
            entries
                .iter()
                .all(|entry| entry["manager"] == "kube-controller-manager")
        );
    }

    #[test]
    fn beyond_ten_writers_the_oldest_are_ancient_history() {
        let mut object =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {}});
        for second in 10..25 {
            let live = object.clone();
            object["data"][format!("key{second}")] = json!("value");
            let writer = Writer {
                manager: &format!("writer-{second}"),
                operation: Operation::Update,
                api_version: "v1",
                subresource: "",
                now: &format!("2026-01-01T00:00:{second}Z"),
            };
            note(&live, &mut object, &writer, "");
        }
        let entries = object["metadata"]["managedFields"].as_array().unwrap();
        let managers: Vec<&str> = entries
            .iter()
            .map(|entry| entry["manager"].as_str().unwrap())
            .collect();
        assert_eq!(managers.len(), 10);
        assert_eq!(
            (managers[0], managers[1], managers[9]),
            ("ancient-changes", "writer-16", "writer-24")
        );
        assert_eq!(entries[0]["time"], "2026-01-01T00:00:15Z");
        let merged = entries[0]["fieldsV1"]["f:data"].as_object().unwrap();
        assert!(merged.contains_key("f:key10") && merged.contains_key("f:key15"));
    }
}
