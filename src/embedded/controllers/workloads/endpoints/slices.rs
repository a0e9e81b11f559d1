//! EndpointSlices: the same pods as in Endpoints, in the form that today's clients read.
//!
//! All endpoints of a slice share its ports. Here each pod may have its own (see the parent), so a Service has a slice
//! for each set of ports; its name ends in a hash of them, which keeps it the same from pass to pass.

use super::super::ownership;
use super::super::pod;
use super::{ports, target_reference};
use crate::embedded::store::{self, ENDPOINT_SLICES, Key, Object, Store};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// The label that names the Service a slice belongs to.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The label that names who keeps a slice; others' slices are left alone.
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";

/// Makes the slices of `service` list `pods`.
pub(super) fn write(store: &Store, service: &Value, pods: &[Object]) {
    let wanted = wanted(service, pods);
    for (name, slice) in &wanted {
        let key = Key::new(ENDPOINT_SLICES, store::namespace(service), name.as_str());
        // Made by somebody meanwhile: the modification below puts it right.
        let _ = store.create(ENDPOINT_SLICES, slice.clone());
        // Gone with its Service: the next pass sees it.
        let _ = store.modify(&key, None, |stored| {
            for field in ["endpoints", "ports"] {
                stored[field] = slice[field].clone();
            }
            Ok(())
        });
    }
    let stale = ownership::controlled(store, ENDPOINT_SLICES, service);
    for slice in stale {
        let ours = slice["metadata"]["labels"][MANAGED_BY] == MANAGER;
        if ours && !wanted.contains_key(store::name(&slice)) {
            let key = Key::of(ENDPOINT_SLICES, &slice);
            // Gone already is as good as deleted.
            let _ = store.delete(&key, Some(store::uid(&slice)), 0);
        }
    }
}

/// The slices that should be there, by name.
fn wanted(service: &Value, pods: &[Object]) -> BTreeMap<String, Value> {
    let mut by_ports: BTreeMap<String, (Value, Vec<Value>)> = BTreeMap::new();
    for pod in pods {
        let ports = ports(service, pod);
        let (_, endpoints) = by_ports
            .entry(ports.to_string())
            .or_insert_with(|| (ports, Vec::new()));
        endpoints.push(endpoint(pod));
    }
    by_ports
        .into_iter()
        .map(|(text, (ports, endpoints))| {
            let mut hasher = DefaultHasher::new();
            text.hash(&mut hasher);
            let hash = hasher.finish() % 0x10_0000;
            let name = format!("{}-{hash:05x}", store::name(service));
            let slice = slice(service, &name, &ports, &endpoints);
            (name, slice)
        })
        .collect()
}

fn slice(service: &Value, name: &str, ports: &Value, endpoints: &[Value]) -> Value {
    let labels = service["metadata"]["labels"].as_object();
    let mut labels = labels.cloned().unwrap_or_default();
    labels.insert(SERVICE_NAME.to_owned(), json!(store::name(service)));
    labels.insert(MANAGED_BY.to_owned(), json!(MANAGER));
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name,
            "generateName": format!("{}-", store::name(service)),
            "namespace": store::namespace(service),
            "labels": labels,
            "ownerReferences": [ownership::controller_reference(service)],
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": ports,
    })
}

fn endpoint(pod: &Value) -> Value {
    let ready = pod::is_ready(pod);
    json!({
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": ready, "serving": ready, "terminating": false},
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": target_reference(pod),
    })
}
