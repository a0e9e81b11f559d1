//! Lists the pods behind each Service: one Endpoints object a Service, the ready pods in `addresses`, the others in
//! `notReadyAddresses`.
//!
//! A difference from Kubernetes, on purpose: all pods of the embedded node share one address, so the port must tell
//! them apart. The kubelet may have had to give a process another port than its `containerPort`, and says so in an
//! annotation of the pod ([`PORT_ANNOTATION`]); Endpoints carry that actual port, so that whoever reads them can dial
//! it. Pods with different ports are different subsets.
//!
//! `slices` says the same once more as EndpointSlices.

mod slices;

use super::ownership;
use super::pod;
use super::reconcile::{self, Reconciler};
use super::selector;
use crate::embedded::kubelet::PORT_ANNOTATION;
use crate::embedded::store::{self, Change, ENDPOINTS, Key, Object, PODS, SERVICES, Store};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Keeps Endpoints in step with Services and pods until `shutdown`.
pub(super) async fn run(store: Store, shutdown: CancellationToken) {
    let controller = EndpointsController {
        store: store.clone(),
    };
    reconcile::drive(&store, controller, shutdown).await;
}

struct EndpointsController {
    store: Store,
}

impl Reconciler for EndpointsController {
    fn affected(&mut self, change: &Change) -> Vec<Key> {
        match change.key.resource {
            SERVICES => vec![change.key.clone()],
            PODS => self.services_of(change),
            _ => Vec::new(),
        }
    }

    fn all(&self) -> Vec<Key> {
        let (services, _) = self.store.list(SERVICES, None);
        services
            .iter()
            .map(|service| Key::of(SERVICES, service))
            .collect()
    }

    fn reconcile(&mut self, key: &Key) -> Option<Duration> {
        let Some(service) = self.store.get(key) else {
            self.forget(key);
            return None;
        };
        // Without a selector the Endpoints are somebody else's to write.
        if service["spec"]["selector"].is_object() {
            self.write(&service);
        }
        None
    }
}

impl EndpointsController {
    fn services_of(&self, change: &Change) -> Vec<Key> {
        let (services, _) = self
            .store
            .list(SERVICES, Some(change.key.namespace.as_str()));
        services
            .iter()
            .filter(|service| {
                let wanted = &service["spec"]["selector"];
                let selects =
                    |pod: &Object| selector::matches_pairs(wanted, &pod["metadata"]["labels"]);
                selects(&change.object) || change.previous.as_ref().is_some_and(selects)
            })
            .map(|service| Key::of(SERVICES, service))
            .collect()
    }

    /// The Service is gone; what we made for it goes too. Endpoints written by hand have no owner and stay.
    fn forget(&self, service: &Key) {
        let key = Key::new(ENDPOINTS, &*service.namespace, &*service.name);
        let ours = self
            .store
            .get(&key)
            .filter(|endpoints| ownership::controller_of(endpoints).is_some());
        if let Some(endpoints) = ours {
            // Gone already is as good as deleted.
            let _ = self.store.delete(&key, Some(store::uid(&endpoints)), 0);
        }
    }

    fn write(&self, service: &Value) {
        let pods = self.pods_behind(service);
        slices::write(&self.store, service, &pods);
        let subsets = subsets(service, &pods);
        let key = Key::new(ENDPOINTS, store::namespace(service), store::name(service));
        if self.store.get(&key).is_none() {
            let mut endpoints = json!({
                "apiVersion": "v1",
                "kind": "Endpoints",
                "metadata": {
                    "name": key.name,
                    "namespace": key.namespace,
                    "ownerReferences": [ownership::controller_reference(service)],
                },
            });
            if service["metadata"]["labels"].is_object() {
                endpoints["metadata"]["labels"] = service["metadata"]["labels"].clone();
            }
            // Somebody was faster: the modification below puts the subsets right.
            let _ = self.store.create(ENDPOINTS, endpoints);
        }
        // The Service's deletion may have taken the Endpoints along; the next pass sees it.
        let _ = self.store.modify(&key, None, |endpoints| {
            endpoints["subsets"] = json!(subsets);
            Ok(())
        });
    }

    fn pods_behind(&self, service: &Value) -> Vec<Object> {
        let wanted = &service["spec"]["selector"];
        let (pods, _) = self.store.list(PODS, Some(store::namespace(service)));
        pods.into_iter()
            .filter(|pod| {
                selector::matches_pairs(wanted, &pod["metadata"]["labels"])
                    && pod::is_active(pod)
                    && pod["status"]["podIP"].is_string()
            })
            .collect()
    }
}

/// Groups `pods` by the ports they really listen on.
fn subsets(service: &Value, pods: &[Object]) -> Vec<Value> {
    let mut by_ports: BTreeMap<String, (Value, Vec<Value>, Vec<Value>)> = BTreeMap::new();
    for pod in pods {
        let ports = ports(service, pod);
        let subset = by_ports
            .entry(ports.to_string())
            .or_insert_with(|| (ports, Vec::new(), Vec::new()));
        if pod::is_ready(pod) {
            subset.1.push(address(pod));
        } else {
            subset.2.push(address(pod));
        }
    }
    by_ports
        .into_values()
        .map(|(ports, ready, not_ready)| {
            let mut subset = json!({"ports": ports});
            if !ready.is_empty() {
                subset["addresses"] = json!(ready);
            }
            if !not_ready.is_empty() {
                subset["notReadyAddresses"] = json!(not_ready);
            }
            subset
        })
        .collect()
}

fn address(pod: &Value) -> Value {
    json!({
        "ip": pod["status"]["podIP"],
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": target_reference(pod),
    })
}

fn target_reference(pod: &Value) -> Value {
    json!({
        "kind": "Pod",
        "namespace": store::namespace(pod),
        "name": store::name(pod),
        "uid": store::uid(pod),
    })
}

fn ports(service: &Value, pod: &Value) -> Value {
    let ports = service["spec"]["ports"].as_array();
    ports
        .into_iter()
        .flatten()
        .filter_map(|port| {
            let mut endpoint = json!({"port": target_port(port, pod)?, "protocol": "TCP"});
            if let Some(name) = port["name"].as_str() {
                endpoint["name"] = json!(name);
            }
            Some(endpoint)
        })
        .collect()
}

/// The port on which `pod` serves the Service's `port`: its `targetPort` (a number, or the name of a container port),
/// as the kubelet mapped it. `None` when the pod has no port of that name.
fn target_port(port: &Value, pod: &Value) -> Option<u64> {
    let target = &port["targetPort"];
    let container_port = match target.as_str() {
        Some(name) => named_port(pod, name)?,
        None => target.as_u64().or_else(|| port["port"].as_u64())?,
    };
    let mapped = pod["metadata"]["annotations"][format!("{PORT_ANNOTATION}{container_port}")]
        .as_str()
        .and_then(|port| port.parse().ok());
    Some(mapped.unwrap_or(container_port))
}

fn named_port(pod: &Value, name: &str) -> Option<u64> {
    let containers = pod["spec"]["containers"].as_array()?;
    containers
        .iter()
        .filter_map(|container| container["ports"].as_array())
        .flatten()
        .find(|port| port["name"] == name)?["containerPort"]
        .as_u64()
}
