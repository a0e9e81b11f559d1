//! The Node object: what the cluster knows of this machine.

use super::{NODE_NAME, POD_IP};
use crate::embedded::store::{NODES, Store};
use serde_json::{Value, json};

/// The kubelet's default limit of pods a node (`maxPods`).
const MAX_PODS: &str = "110";

/// Registers the node, ready from the start: there is nothing to wait for.
pub(super) fn register(store: &Store) {
    // Registered already is as good.
    let _ = store.create(NODES, describe(&store.timestamp()));
}

fn describe(now: &str) -> Value {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let capacity = json!({"cpu": cpus.to_string(), "pods": MAX_PODS});
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": NODE_NAME,
            "labels": {
                "kubernetes.io/hostname": NODE_NAME,
                "kubernetes.io/os": std::env::consts::OS,
                "kubernetes.io/arch": architecture,
            },
        },
        "spec": {},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": POD_IP},
                {"type": "Hostname", "address": NODE_NAME},
            ],
            "capacity": capacity,
            "allocatable": capacity,
            "conditions": [{
                "type": "Ready",
                "status": "True",
                "reason": "KubeletReady",
                "message": "kubelet is posting ready status",
                "lastHeartbeatTime": now,
                "lastTransitionTime": now,
            }],
            // The two programs that it knows, by the names that the demo has for them.
            "images": [{"names": ["podium:latest"]}, {"names": ["redis:7-alpine"]}],
            "nodeInfo": information(architecture),
        },
    })
}

fn information(architecture: &str) -> Value {
    json!({
        "architecture": architecture,
        "operatingSystem": std::env::consts::OS,
        "kubeletVersion": concat!("v", env!("CARGO_PKG_VERSION"), "-podium"),
        "containerRuntimeVersion": concat!("podium://", env!("CARGO_PKG_VERSION")),
        "osImage": "Podium embedded node",
        "kernelVersion": "",
        "bootID": "",
        "machineID": "",
        "systemUUID": "",
        "kubeProxyVersion": "",
    })
}
