//! Making pods from a controller's template, as its client and the API server would together.
//!
//! Controllers write to the store directly, so what the API server does to a new pod happens here: it gets its name,
//! its defaults, and is refused where admission would refuse it.

use super::{ownership, quota};
use crate::embedded::api::defaults;
use crate::embedded::events::{self, Severity};
use crate::embedded::store::{self, Key, NAMESPACES, PODS, Store, StoreError};
use serde_json::{Value, json};

/// The letters and digits of generated names: no vowels, so that no name spells a word.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// Names tried before giving up; 27⁵ names make even one repetition rare.
const NAME_ATTEMPTS: usize = 8;

/// Creates `missing` copies of `pod` for `owner` in batches of 1, 2, 4, … and stops after a batch with a failure.
///
/// # Errors
/// The first refusal's message.
pub(super) fn slow_start(
    store: &Store,
    component: &str,
    owner: &Value,
    pod: &Value,
    missing: usize,
) -> Result<(), String> {
    let mut left = missing;
    let mut batch = 1;
    while left > 0 {
        let size = batch.min(left);
        let outcomes: Vec<_> = (0..size)
            .map(|_| create(store, component, owner, pod))
            .collect();
        outcomes.into_iter().collect::<Result<Vec<()>, _>>()?;
        left -= size;
        batch *= 2;
    }
    Ok(())
}

/// Creates one pod and tells about it, either way.
fn create(store: &Store, component: &str, owner: &Value, pod: &Value) -> Result<(), String> {
    let outcome = create_named(store, owner, pod.clone());
    let (severity, reason, message) = match &outcome {
        Ok(name) => (
            Severity::Normal,
            "SuccessfulCreate",
            format!("Created pod: {name}"),
        ),
        Err(refusal) => (
            Severity::Warning,
            "FailedCreate",
            format!("Error creating: {refusal}"),
        ),
    };
    events::record(store, component, owner, severity, reason, &message);
    outcome.map(|_| ())
}

fn create_named(store: &Store, owner: &Value, mut pod: Value) -> Result<String, String> {
    for _ in 0..NAME_ATTEMPTS {
        let name = format!("{}-{}", store::name(owner), suffix());
        pod["metadata"]["name"] = json!(name);
        admit(store, &pod)?;
        match store.create(PODS, pod.clone()) {
            Ok(_) => return Ok(name),
            Err(StoreError::AlreadyExists(_)) => {}
            Err(refusal) => return Err(refusal.to_string()),
        }
    }
    Err(format!("no free name for a pod of {}", store::name(owner)))
}

/// What the API server's admission would refuse: the sentence it would refuse it with.
fn admit(store: &Store, pod: &Value) -> Result<(), String> {
    let namespace = store::namespace(pod);
    let terminating = store
        .get(&Key::new(NAMESPACES, "", namespace))
        .is_some_and(|namespace| store::is_deleting(&namespace));
    if terminating {
        return Err(format!(
            "pods \"{}\" is forbidden: unable to create new content in namespace {namespace} because it is being terminated",
            store::name(pod)
        ));
    }
    quota::admit(store, pod)
}

/// The pod that the template of `owner` describes, complete but for its name.
pub(super) fn pod_of(owner: &Value) -> Value {
    let template = &owner["spec"]["template"];
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": format!("{}-", store::name(owner)),
            "namespace": store::namespace(owner),
            "labels": template["metadata"]["labels"],
            "ownerReferences": [ownership::controller_reference(owner)],
        },
        "spec": template["spec"],
    });
    if template["metadata"]["annotations"].is_object() {
        pod["metadata"]["annotations"] = template["metadata"]["annotations"].clone();
    }
    defaults::complete(&mut pod);
    pod
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
