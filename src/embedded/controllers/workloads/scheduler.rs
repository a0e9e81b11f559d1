//! The scheduler: binds pods to the cluster's node, as long as it has room and is not cordoned.

use super::pod;
use super::reconcile::{self, Reconciler};
use crate::embedded::events::{self, Severity};
use crate::embedded::store::{self, Change, ChangeKind, Key, NODES, PODS, Store};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const COMPONENT: &str = "default-scheduler";

/// Binds pods until `shutdown`.
pub(super) async fn run(store: Store, shutdown: CancellationToken) {
    let scheduler = Scheduler {
        store: store.clone(),
    };
    reconcile::drive(&store, scheduler, shutdown).await;
}

struct Scheduler {
    store: Store,
}

impl Reconciler for Scheduler {
    fn affected(&mut self, change: &Change) -> Vec<Key> {
        match (change.key.resource, change.kind) {
            (PODS, ChangeKind::Added) => vec![change.key.clone()],
            // Room may have come: every pod that waits may be the one that fits.
            (PODS, ChangeKind::Deleted) | (NODES, ChangeKind::Added | ChangeKind::Modified) => {
                self.all()
            }
            _ => Vec::new(),
        }
    }

    fn all(&self) -> Vec<Key> {
        let (pods, _) = self.store.list(PODS, None);
        pods.iter()
            .filter(|pod| is_waiting(pod))
            .map(|pod| Key::of(PODS, pod))
            .collect()
    }

    fn reconcile(&mut self, key: &Key) -> Option<Duration> {
        let waiting = self.store.get(key).filter(|pod| is_waiting(pod))?;
        let (nodes, _) = self.store.list(NODES, None);
        let (cordoned, open): (Vec<_>, Vec<_>) = nodes.iter().partition(|node| is_cordoned(node));
        match open.iter().find(|node| self.has_room(node)) {
            Some(node) => self.bind(key, &waiting, store::name(node)),
            None => self.refuse(key, &waiting, cordoned.len(), open.len()),
        }
        None
    }
}

impl Scheduler {
    fn has_room(&self, node: &Value) -> bool {
        let capacity: usize = node["status"]["allocatable"]["pods"]
            .as_str()
            .and_then(|pods| pods.parse().ok())
            .unwrap_or(0);
        let (pods, _) = self.store.list(PODS, None);
        let used = pods
            .iter()
            .filter(|pod| pod["spec"]["nodeName"] == store::name(node) && !pod::is_finished(pod));
        used.count() < capacity
    }

    fn bind(&self, key: &Key, waiting: &Value, node: &str) {
        let now = self.store.timestamp();
        let bound = self.store.modify(key, None, |pod| {
            pod["spec"]["nodeName"] = json!(node);
            pod["status"]["phase"] = json!("Pending");
            pod["status"]["conditions"] = json!([{
                "type": "PodScheduled",
                "status": "True",
                "lastProbeTime": null,
                "lastTransitionTime": now,
            }]);
            Ok(())
        });
        if bound.is_ok() {
            let message = format!(
                "Successfully assigned {}/{} to {node}",
                key.namespace, key.name
            );
            events::record(
                &self.store,
                COMPONENT,
                waiting,
                Severity::Normal,
                "Scheduled",
                &message,
            );
        }
    }

    /// Tells why no node takes the pod: so many are `cordoned`, so many `full`.
    fn refuse(&self, key: &Key, waiting: &Value, cordoned: usize, full: usize) {
        let reasons: Vec<String> = [
            (full, "Too many pods"),
            (cordoned, "node(s) were unschedulable"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, why)| format!("{count} {why}"))
        .collect();
        let message = if reasons.is_empty() {
            "no nodes available to schedule pods".to_owned()
        } else {
            format!(
                "0/{} nodes are available: {}.",
                cordoned + full,
                reasons.join(", ")
            )
        };
        let known = pod::condition(waiting, "PodScheduled")
            .is_some_and(|condition| condition["message"] == message.as_str());
        if known {
            return;
        }
        let now = self.store.timestamp();
        let told = self.store.modify(key, None, |pod| {
            pod["status"]["conditions"] = json!([{
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": message,
                "lastProbeTime": null,
                "lastTransitionTime": now,
            }]);
            Ok(())
        });
        if told.is_ok() {
            events::record(
                &self.store,
                COMPONENT,
                waiting,
                Severity::Warning,
                "FailedScheduling",
                &message,
            );
        }
    }
}

/// `kubectl cordon`, and `drain` before it deletes.
fn is_cordoned(node: &Value) -> bool {
    node["spec"]["unschedulable"] == true
}

fn is_waiting(pod: &Value) -> bool {
    pod["spec"]["nodeName"].as_str().is_none_or(str::is_empty) && pod::is_active(pod)
}
