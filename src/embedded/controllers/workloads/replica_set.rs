//! The ReplicaSet controller: as many pods as the spec says.
//!
//! Pods are created in batches of 1, 2, 4, 8, … and a failing batch ends the pass, so that a refusal (a quota, a
//! namespace in deletion) costs one failed request and not forty. The status is computed from the pods as they were
//! before the pass, as in Kubernetes; it therefore trails the spec by one round, which is what a watcher sees.

mod victims;

use super::creation;
use super::ownership;
use super::pod;
use super::reconcile::{self, Reconciler};
use crate::embedded::events::{self, Severity};
use crate::embedded::store::{self, Change, Key, Object, PODS, REPLICA_SETS, Store};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const COMPONENT: &str = "replicaset-controller";

/// Pods created or deleted in one pass at most: `BurstReplicas`.
const BURST: usize = 500;

/// The first wait after a failed pass; doubled with each further one: the work queue's default rate limiter.
const FIRST_RETRY: Duration = Duration::from_millis(5);

/// The longest wait between failed passes.
const LAST_RETRY: Duration = Duration::from_secs(1_000);

/// Keeps every ReplicaSet at its number until `shutdown`.
pub(super) async fn run(store: Store, shutdown: CancellationToken) {
    let controller = ReplicaSets {
        store: store.clone(),
        failures: HashMap::new(),
    };
    reconcile::drive(&store, controller, shutdown).await;
}

struct ReplicaSets {
    store: Store,
    /// Failed passes in a row.
    failures: HashMap<Key, u32>,
}

impl Reconciler for ReplicaSets {
    fn affected(&mut self, change: &Change) -> Vec<Key> {
        match change.key.resource {
            REPLICA_SETS => vec![change.key.clone()],
            PODS => self.sets_of(change),
            _ => Vec::new(),
        }
    }

    fn all(&self) -> Vec<Key> {
        let (sets, _) = self.store.list(REPLICA_SETS, None);
        sets.iter().map(|set| Key::of(REPLICA_SETS, set)).collect()
    }

    fn reconcile(&mut self, key: &Key) -> Option<Duration> {
        let Some(set) = self.store.get(key) else {
            self.failures.remove(key);
            return None;
        };
        let pods = ownership::claim(&self.store, PODS, &set);
        let outcome = if store::is_deleting(&set) {
            Ok(())
        } else {
            self.settle(&set, &pods)
        };
        let ripening = self.write_status(key, &set, &pods, outcome.as_ref().err());
        self.retry(key, outcome.is_err()).or(ripening)
    }
}

impl ReplicaSets {
    /// The ReplicaSets that a change of a pod concerns: its owner, now and before, or whoever may adopt an orphan.
    fn sets_of(&self, change: &Change) -> Vec<Key> {
        let owner = |pod: &Object| ownership::controller_key(pod, "ReplicaSet", REPLICA_SETS);
        let mut keys: Vec<Key> = change.previous.iter().filter_map(owner).collect();
        match ownership::controller_of(&change.object) {
            Some(_) => keys.extend(owner(&change.object)),
            None => keys.extend(ownership::adopters(
                &self.store,
                REPLICA_SETS,
                &change.object,
            )),
        }
        keys
    }

    /// Creates what is missing or deletes what is too much.
    ///
    /// # Errors
    /// The message of the refused creation.
    fn settle(&self, set: &Object, pods: &[Object]) -> Result<(), String> {
        let active: Vec<&Object> = pods.iter().filter(|pod| pod::is_active(pod)).collect();
        let wanted = usize::try_from(wanted(set)).unwrap_or(0);
        if active.len() < wanted {
            let missing = (wanted - active.len()).min(BURST);
            let pod = creation::pod_of(set);
            return creation::slow_start(&self.store, COMPONENT, set, &pod, missing);
        }
        let surplus = (active.len() - wanted).min(BURST);
        for victim in victims::choose(active, surplus, self.store.clock().now_ms()) {
            pod::delete(&self.store, victim);
            let message = format!("Deleted pod: {}", store::name(victim));
            events::record(
                &self.store,
                COMPONENT,
                set,
                Severity::Normal,
                "SuccessfulDelete",
                &message,
            );
        }
        Ok(())
    }

    /// When to try again after a failed pass.
    fn retry(&mut self, key: &Key, failed: bool) -> Option<Duration> {
        if !failed {
            self.failures.remove(key);
            return None;
        }
        let failures = self.failures.entry(key.clone()).or_insert(0);
        let wait = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(*failures));
        *failures += 1;
        Some(wait.min(LAST_RETRY))
    }

    /// Writes the status; returns how long until a ready pod becomes available by `minReadySeconds`.
    fn write_status(
        &self,
        key: &Key,
        set: &Object,
        pods: &[Object],
        failure: Option<&String>,
    ) -> Option<Duration> {
        let now = self.store.clock().now_ms();
        let min_ready_ms = set["spec"]["minReadySeconds"].as_i64().unwrap_or(0) * 1_000;
        let (counts, ripening) = count(pods, min_ready_ms, now);
        let status = status(set, &counts, failure, &self.store.timestamp());
        // Deleted in the meantime: no status to write.
        let _ = self.store.modify(key, None, |stored| {
            if store::uid(stored) == store::uid(set) {
                stored["status"] = status;
            }
            Ok(())
        });
        ripening
    }
}

/// `spec.replicas`; one when absent.
fn wanted(set: &Value) -> i64 {
    set["spec"]["replicas"].as_i64().unwrap_or(1)
}

#[derive(Default)]
struct Counts {
    replicas: u32,
    ready: u32,
    available: u32,
    terminating: u32,
}

fn count(pods: &[Object], min_ready_ms: i64, now: i64) -> (Counts, Option<Duration>) {
    let mut counts = Counts::default();
    let mut ripening: Option<Duration> = None;
    for pod in pods {
        if store::is_deleting(pod) {
            counts.terminating += u32::from(!pod::is_finished(pod));
        } else if pod::is_active(pod) {
            counts.replicas += 1;
            if let Some(since) = pod::ready_since_ms(pod) {
                counts.ready += 1;
                let left = since + min_ready_ms - now;
                if min_ready_ms == 0 || left <= 0 {
                    counts.available += 1;
                } else {
                    let left = Duration::from_millis(left.unsigned_abs());
                    ripening = Some(ripening.map_or(left, |first| first.min(left)));
                }
            }
        }
    }
    (counts, ripening)
}

fn status(set: &Value, counts: &Counts, failure: Option<&String>, now: &str) -> Value {
    let mut status = Map::new();
    status.insert("replicas".to_owned(), json!(counts.replicas));
    for (field, count) in [
        ("fullyLabeledReplicas", counts.replicas),
        ("readyReplicas", counts.ready),
        ("availableReplicas", counts.available),
    ] {
        // Zero counts are left out, as the API types do.
        if count > 0 {
            status.insert(field.to_owned(), json!(count));
        }
    }
    status.insert("terminatingReplicas".to_owned(), json!(counts.terminating));
    status.insert(
        "observedGeneration".to_owned(),
        set["metadata"]["generation"].clone(),
    );
    if let Some(message) = failure {
        // Known already: left alone. Each attempt names another pod, and would else rewrite the status for nothing.
        let condition = pod::condition(set, "ReplicaFailure")
            .cloned()
            .unwrap_or_else(|| {
                json!({
                    "type": "ReplicaFailure",
                    "status": "True",
                    "reason": "FailedCreate",
                    "message": message,
                    "lastTransitionTime": now,
                })
            });
        status.insert("conditions".to_owned(), json!([condition]));
    }
    Value::Object(status)
}

#[cfg(test)]
mod tests;
