//! Making pods from a ReplicaSet's template.

use super::super::ownership;
use super::COMPONENT;
use crate::embedded::events::{self, Severity};
use crate::embedded::store::{self, Key, NAMESPACES, PODS, Store, StoreError};
use serde_json::{Value, json};

/// The letters and digits of generated names: no vowels, so that no name spells a word.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// Names tried before giving up; 27⁵ names make even one repetition rare.
const NAME_ATTEMPTS: usize = 8;

/// Creates `missing` pods in batches of 1, 2, 4, … and stops after a batch with a failure.
///
/// # Errors
/// The first refusal's message.
pub(super) fn slow_start(store: &Store, set: &Value, missing: usize) -> Result<(), String> {
    let mut left = missing;
    let mut batch = 1;
    while left > 0 {
        let size = batch.min(left);
        let outcomes: Vec<_> = (0..size).map(|_| create(store, set)).collect();
        outcomes.into_iter().collect::<Result<Vec<()>, _>>()?;
        left -= size;
        batch *= 2;
    }
    Ok(())
}

/// Creates one pod and tells about it, either way.
fn create(store: &Store, set: &Value) -> Result<(), String> {
    match admit(store, set).and_then(|()| create_named(store, set)) {
        Ok(name) => {
            let message = format!("Created pod: {name}");
            events::record(
                store,
                COMPONENT,
                set,
                Severity::Normal,
                "SuccessfulCreate",
                &message,
            );
            Ok(())
        }
        Err(refusal) => {
            let message = format!("Error creating: {refusal}");
            events::record(
                store,
                COMPONENT,
                set,
                Severity::Warning,
                "FailedCreate",
                &message,
            );
            Err(refusal)
        }
    }
}

/// What the API server's admission would refuse. Controllers write to the store directly, so it is asked here.
fn admit(store: &Store, set: &Value) -> Result<(), String> {
    let namespace = store::namespace(set);
    let terminating = store
        .get(&Key::new(NAMESPACES, "", namespace))
        .is_some_and(|namespace| store::is_deleting(&namespace));
    if terminating {
        let prefix = store::name(set);
        return Err(format!(
            "pods \"{prefix}-\" is forbidden: unable to create new content in namespace {namespace} because it is being terminated"
        ));
    }
    Ok(())
}

fn create_named(store: &Store, set: &Value) -> Result<String, String> {
    let mut pod = pod(set);
    for _ in 0..NAME_ATTEMPTS {
        let name = format!("{}-{}", store::name(set), suffix());
        pod["metadata"]["name"] = json!(name);
        match store.create(PODS, pod.clone()) {
            Ok(_) => return Ok(name),
            Err(StoreError::AlreadyExists(_)) => {}
            Err(refusal) => return Err(refusal.to_string()),
        }
    }
    Err(format!("no free name for a pod of {}", store::name(set)))
}

/// The pod that the template describes, without a name.
fn pod(set: &Value) -> Value {
    let template = &set["spec"]["template"];
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": format!("{}-", store::name(set)),
            "namespace": store::namespace(set),
            "labels": template["metadata"]["labels"],
            "ownerReferences": [ownership::controller_reference(set)],
        },
        "spec": template["spec"],
        "status": {"phase": "Pending", "qosClass": qos_class(&template["spec"])},
    });
    if template["metadata"]["annotations"].is_object() {
        pod["metadata"]["annotations"] = template["metadata"]["annotations"].clone();
    }
    pod
}

/// `BestEffort` without any requests or limits, `Guaranteed` when every container limits what it requests, otherwise
/// `Burstable`.
fn qos_class(spec: &Value) -> &'static str {
    let containers = spec["containers"].as_array().map_or(&[][..], Vec::as_slice);
    let has = |container: &Value, kind: &str| {
        container["resources"][kind]
            .as_object()
            .is_some_and(|resources| !resources.is_empty())
    };
    let guaranteed = |container: &Value| {
        let limits = &container["resources"]["limits"];
        let requests = &container["resources"]["requests"];
        ["cpu", "memory"].iter().all(|resource| {
            !limits[resource].is_null()
                && (requests[resource].is_null() || requests[resource] == limits[resource])
        })
    };
    if !containers
        .iter()
        .any(|container| has(container, "limits") || has(container, "requests"))
    {
        "BestEffort"
    } else if containers.iter().all(guaranteed) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

/// Five random characters, as `generateName` appends.
fn suffix() -> String {
    // A random UUID is the store's source of randomness; 8 hex digits are 27⁵ several times over.
    let digits = store::new_uid();
    let mut number = u64::from_str_radix(&digits[..8], 16).unwrap_or(0);
    (0..5)
        .map(|_| {
            let index = usize::try_from(number % 27).unwrap_or(0);
            number /= 27;
            char::from(ALPHABET[index])
        })
        .collect()
}
