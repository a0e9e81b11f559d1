//! A Deployment's status: the sums over its ReplicaSets, and the conditions Available and Progressing.
//!
//! Progressing speaks of rollouts alone: once a template is through, scaling does not touch it. A condition whose
//! status and reason stay the same is left alone, timestamps and message included.

use super::super::pod;
use super::{Rollout, counted, replicas};
use crate::embedded::store;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// `progressDeadlineSeconds` when absent, as the API defaults it.
const DEFAULT_DEADLINE_SECONDS: i64 = 600;

/// Whether this pass may move the Progressing condition.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// A rollout may be under way: see how it goes.
    Judge,
    /// A pure scale, or a paused Deployment.
    LeaveAlone,
}

/// Whether the Deployment has a Progressing condition.
pub(super) fn has_progressing(deployment: &Value) -> bool {
    pod::condition(deployment, "Progressing").is_some()
}

/// Whether every replica is of the current template and available.
pub(super) fn is_complete(deployment: &Value) -> bool {
    let wanted = replicas(deployment);
    ["updatedReplicas", "replicas", "availableReplicas"]
        .iter()
        .all(|field| counted(deployment, field) == wanted)
        && deployment["status"]["observedGeneration"] == deployment["metadata"]["generation"]
}

impl Rollout<'_> {
    /// Writes the status as the ReplicaSets have it now. Returns when the progress deadline must be looked at.
    pub(super) fn write_status(&self, progress: Progress) -> Option<Duration> {
        let mut after = Value::clone(&self.deployment);
        after["status"] = Value::Object(self.counts());
        self.judge_availability(&mut after);
        let deadline = if progress == Progress::Judge {
            self.copy_failure(&mut after);
            self.judge_progress(&mut after)
        } else {
            None
        };
        let status = after["status"].take();
        // Deleted in the meantime: no status to write.
        let _ = self.store.modify(&self.key(), None, |deployment| {
            if store::uid(deployment) == store::uid(&self.deployment) {
                deployment["status"] = status;
            }
            Ok(())
        });
        deadline
    }

    /// Sets the Progressing condition outside a status pass: a ReplicaSet was made or found.
    pub(super) fn set_progressing(&self, reason: &str, message: &str) {
        let now = self.store.timestamp();
        // Deleted in the meantime: nobody to tell.
        let _ = self.store.modify(&self.key(), None, |deployment| {
            set_condition(deployment, "Progressing", true, reason, message, &now);
            Ok(())
        });
    }

    fn counts(&self) -> Map<String, Value> {
        let sum = |field| -> i64 { self.sets.iter().map(|set| counted(set, field)).sum() };
        let available = sum("availableReplicas");
        let updated = self.new_set().map_or(0, |set| counted(set, "replicas"));
        let mut status = Map::new();
        status.insert(
            "observedGeneration".to_owned(),
            self.deployment["metadata"]["generation"].clone(),
        );
        for (field, count) in [
            ("replicas", sum("replicas")),
            ("updatedReplicas", updated),
            ("readyReplicas", sum("readyReplicas")),
            ("availableReplicas", available),
            ("unavailableReplicas", (self.total() - available).max(0)),
        ] {
            // Zero counts are left out, as the API types do.
            if count > 0 {
                status.insert(field.to_owned(), json!(count));
            }
        }
        status.insert(
            "terminatingReplicas".to_owned(),
            json!(sum("terminatingReplicas")),
        );
        for field in ["conditions", "collisionCount"] {
            let kept = &self.deployment["status"][field];
            if !kept.is_null() {
                status.insert(field.to_owned(), kept.clone());
            }
        }
        status
    }

    fn judge_availability(&self, deployment: &mut Value) {
        let least = self.replicas() - self.max_unavailable();
        let available = counted(deployment, "availableReplicas") >= least;
        let (reason, message) = if available {
            (
                "MinimumReplicasAvailable",
                "Deployment has minimum availability.",
            )
        } else {
            (
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            )
        };
        let now = self.store.timestamp();
        set_condition(deployment, "Available", available, reason, message, &now);
    }

    /// A ReplicaSet that may not create pods says so on the Deployment as well; the one of the current template first.
    fn copy_failure(&self, deployment: &mut Value) {
        let failure = self
            .new_set()
            .into_iter()
            .chain(self.old_sets())
            .find_map(|set| pod::condition(set, "ReplicaFailure"));
        match failure {
            Some(failure) => {
                let text = |field: &str| failure[field].as_str().unwrap_or_default().to_owned();
                let (reason, message) = (text("reason"), text("message"));
                let now = self.store.timestamp();
                set_condition(deployment, "ReplicaFailure", true, &reason, &message, &now);
            }
            None => remove_condition(deployment, "ReplicaFailure"),
        }
    }

    /// Judges the rollout: through, on its way, or stuck. Returns the time left until it would be stuck.
    fn judge_progress(&self, deployment: &mut Value) -> Option<Duration> {
        let before = &self.deployment;
        let known = pod::condition(before, "Progressing");
        if is_settled(known, deployment) {
            return None;
        }
        let set = self.new_set().map_or_else(
            || format!("Deployment \"{}\"", store::name(before)),
            |set| format!("ReplicaSet \"{}\"", store::name(set)),
        );
        let now = self.store.timestamp();
        let mut put = |ok, reason: &str, verdict: &str| {
            let message = format!("{set} {verdict}");
            set_condition(deployment, "Progressing", ok, reason, &message, &now);
        };
        if self.is_through() {
            put(
                true,
                "NewReplicaSetAvailable",
                "has successfully progressed.",
            );
            return None;
        }
        if self.has_moved() {
            put(true, "ReplicaSetUpdated", "is progressing.");
            self.refresh_progress(deployment, &now);
            return Some(self.deadline());
        }
        let left = self.time_left(known?)?;
        if left.is_zero() {
            put(
                false,
                "ProgressDeadlineExceeded",
                "has timed out progressing.",
            );
            return None;
        }
        Some(left)
    }

    fn is_through(&self) -> bool {
        let mut seen = Value::clone(&self.deployment);
        seen["status"] = Value::Object(self.counts());
        is_complete(&seen)
    }

    /// Whether anything improved since the stored status.
    fn has_moved(&self) -> bool {
        let after = json!({"status": self.counts()});
        let before = &self.deployment;
        let old = |object: &Value| counted(object, "replicas") - counted(object, "updatedReplicas");
        ["updatedReplicas", "readyReplicas", "availableReplicas"]
            .iter()
            .any(|field| counted(&after, field) > counted(before, field))
            || old(&after) < old(before)
    }

    /// Progress restarts the deadline, even where the reason stays the same.
    fn refresh_progress(&self, deployment: &mut Value, now: &str) {
        let conditions = deployment["status"]["conditions"].as_array_mut();
        for condition in conditions.into_iter().flatten() {
            if condition["type"] == "Progressing" {
                condition["lastUpdateTime"] = json!(now);
            }
        }
    }

    fn deadline(&self) -> Duration {
        let seconds = self.deployment["spec"]["progressDeadlineSeconds"]
            .as_i64()
            .unwrap_or(DEFAULT_DEADLINE_SECONDS);
        Duration::from_secs(seconds.unsigned_abs())
    }

    /// How long until the rollout counts as stuck; zero when it does. `None` when it was judged already.
    fn time_left(&self, progressing: &Value) -> Option<Duration> {
        if progressing["status"] != "True" {
            return None;
        }
        let since = pod::milliseconds(&progressing["lastUpdateTime"])?;
        let waited = self.store.clock().now_ms() - since;
        let waited = Duration::from_millis(u64::try_from(waited).unwrap_or(0));
        Some(self.deadline().saturating_sub(waited))
    }
}

/// Whether the rollout was found to be through before, and nothing has begun since.
fn is_settled(progressing: Option<&Value>, deployment: &Value) -> bool {
    progressing.is_some_and(|known| known["reason"] == "NewReplicaSetAvailable")
        && counted(deployment, "replicas") == counted(deployment, "updatedReplicas")
}

/// Sets a condition unless it has that status and reason already. A changed one moves to the end.
fn set_condition(
    deployment: &mut Value,
    kind: &str,
    holds: bool,
    reason: &str,
    message: &str,
    now: &str,
) {
    let status = if holds { "True" } else { "False" };
    let known = pod::condition(deployment, kind).cloned();
    let since = match &known {
        Some(known) if known["status"] == status => {
            if known["reason"] == reason {
                return;
            }
            known["lastTransitionTime"].clone()
        }
        _ => json!(now),
    };
    remove_condition(deployment, kind);
    let condition = json!({
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastUpdateTime": now,
        "lastTransitionTime": since,
    });
    match deployment["status"]["conditions"].as_array_mut() {
        Some(conditions) => conditions.push(condition),
        None => deployment["status"]["conditions"] = json!([condition]),
    }
}

fn remove_condition(deployment: &mut Value, kind: &str) {
    if let Some(conditions) = deployment["status"]["conditions"].as_array_mut() {
        conditions.retain(|condition| condition["type"] != kind);
    }
}
