//! The environment of the target's container, as KEDA reads it for the settings that end in `FromEnv`.
//!
//! KEDA reads the pod template, not a pod: what a node adds, such as the variables of Services, is not there.

use super::reconcile::target_key;
use crate::autoscale::keda::ScaledObject;
use crate::embedded::kubelet::expand;
use crate::embedded::store::{CONFIG_MAPS, Key, Resource, SECRETS, Store};
use k8s_openapi::ByteString;
use serde_json::Value;
use std::collections::BTreeMap;

/// The variables of the container that `scaled_object` names, or of the first; none when there is no such container.
pub(super) fn of_target(store: &Store, scaled_object: &ScaledObject) -> BTreeMap<String, String> {
    of_container(
        store,
        scaled_object,
        scaled_object.target.container.as_deref(),
    )
}

/// The variables of the target's container called `name`, or of the first; none when there is no such container.
pub(super) fn of_container(
    store: &Store,
    scaled_object: &ScaledObject,
    name: Option<&str>,
) -> BTreeMap<String, String> {
    let target = target_key(scaled_object)
        .ok()
        .and_then(|key| store.get(&key));
    let Some(target) = target else {
        return BTreeMap::new();
    };
    let mut containers = list(&target["spec"]["template"]["spec"]["containers"]).iter();
    let container = match name {
        Some(name) => containers.find(|container| container["name"] == name),
        None => containers.next(),
    };
    let source = Source {
        store,
        namespace: &scaled_object.namespace,
    };
    container.map_or_else(BTreeMap::new, |container| source.variables(container))
}

/// Where values come from: the Secrets and ConfigMaps of a namespace.
pub(super) struct Source<'a> {
    pub(super) store: &'a Store,
    pub(super) namespace: &'a str,
}

impl Source<'_> {
    fn variables(&self, container: &Value) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::new();
        for from in list(&container["envFrom"]) {
            let prefix = from["prefix"].as_str().unwrap_or_default();
            let data = [
                self.data(CONFIG_MAPS, &from["configMapRef"]),
                self.data(SECRETS, &from["secretRef"]),
            ];
            for (key, value) in data.into_iter().flatten().flatten() {
                variables.insert(format!("{prefix}{key}"), value);
            }
        }
        for entry in list(&container["env"]) {
            let name = entry["name"].as_str().unwrap_or_default();
            let value = match entry["value"].as_str() {
                Some(text) => Some(expand(text, &variables)),
                None => self.referred(&entry["valueFrom"]),
            };
            if let Some(value) = value {
                variables.insert(name.to_owned(), value);
            }
        }
        variables
    }

    fn referred(&self, from: &Value) -> Option<String> {
        [
            (SECRETS, &from["secretKeyRef"]),
            (CONFIG_MAPS, &from["configMapKeyRef"]),
        ]
        .into_iter()
        .find_map(|(resource, reference)| {
            self.data(resource, reference)?
                .remove(reference["key"].as_str()?)
        })
    }

    /// What the Secret or ConfigMap that `reference` names holds.
    pub(super) fn data(
        &self,
        resource: Resource,
        reference: &Value,
    ) -> Option<BTreeMap<String, String>> {
        let key = Key::new(resource, self.namespace, reference["name"].as_str()?);
        let object = self.store.get(&key)?;
        let entries = object["data"].as_object()?.iter();
        let read = |value: &Value| {
            if resource == SECRETS {
                let bytes: ByteString = serde_json::from_value(value.clone()).ok()?;
                return String::from_utf8(bytes.0).ok();
            }
            value.as_str().map(str::to_owned)
        };
        Some(
            entries
                .filter_map(|(name, value)| Some((name.clone(), read(value)?)))
                .collect(),
        )
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
