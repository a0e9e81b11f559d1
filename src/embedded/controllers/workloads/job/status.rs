//! A Job's status: its counts, and the conditions that tell how it ends.
//!
//! The end comes in two steps, as in Kubernetes since 1.31: `SuccessCriteriaMet` or `FailureTarget` as soon as it is
//! decided, `Complete` or `Failed` once the last pod is gone.

use super::super::pod;
use super::ledger::Ledger;
use crate::embedded::events::Severity;
use crate::embedded::store::{self, Key, Object, Store};
use serde_json::{Map, Value, json};

/// What has become of the Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on.
    Running,
    /// It was told to pause.
    Suspended,
    /// It has all its completions.
    Complete,
    /// It is given up: reason and message.
    Failed(&'static str, &'static str),
}

/// How many pods there are of each sort.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    active: usize,
    ready: usize,
    terminating: usize,
    succeeded: i64,
    failed: i64,
}

impl Counts {
    /// Counts `pods`, and takes what has ended from `ledger`.
    pub(super) fn of(pods: &[Object], ledger: &Ledger) -> Self {
        let those = |wanted: fn(&Value) -> bool| pods.iter().filter(|pod| wanted(pod)).count();
        Self {
            active: those(pod::is_active),
            ready: those(|pod| pod::is_active(pod) && pod::is_ready(pod)),
            terminating: those(|pod| store::is_deleting(pod) && !pod::is_finished(pod)),
            succeeded: ledger.succeeded,
            failed: ledger.failed,
        }
    }
}

/// An event to record: severity, reason and message.
pub(super) type Told = (Severity, String, String);

/// Writes the status; returns what it is worth telling.
pub(super) fn write(
    store: &Store,
    key: &Key,
    job: &Value,
    counts: &Counts,
    verdict: &Verdict,
) -> Vec<Told> {
    let now = store.timestamp();
    let mut told = Vec::new();
    // Deleted in the meantime: no status to write.
    let _ = store.modify(key, None, |stored| {
        if store::uid(stored) == store::uid(job) {
            told = put(stored, counts, verdict, &now);
        }
        Ok(())
    });
    told
}

fn put(job: &mut Value, counts: &Counts, verdict: &Verdict, now: &str) -> Vec<Told> {
    let mut status = Map::new();
    for field in ["conditions", "startTime"] {
        if !job["status"][field].is_null() {
            status.insert(field.to_owned(), job["status"][field].clone());
        }
    }
    for (field, count) in [
        ("active", i64::try_from(counts.active).unwrap_or(i64::MAX)),
        ("succeeded", counts.succeeded),
        ("failed", counts.failed),
    ] {
        // Zero counts are left out, as the API types do; `ready` and `terminating` are pointers there.
        if count > 0 {
            status.insert(field.to_owned(), json!(count));
        }
    }
    status.insert("ready".to_owned(), json!(counts.ready));
    status.insert("terminating".to_owned(), json!(counts.terminating));
    status.insert("uncountedTerminatedPods".to_owned(), json!({}));
    job["status"] = Value::Object(status);
    let told = conclude(job, counts, verdict, now);
    if job["status"]["startTime"].is_null() && *verdict != Verdict::Suspended {
        job["status"]["startTime"] = json!(now);
    }
    told
}

/// Moves the conditions on; returns the events that go with them.
fn conclude(job: &mut Value, counts: &Counts, verdict: &Verdict, now: &str) -> Vec<Told> {
    let over = counts.active + counts.terminating == 0;
    match verdict {
        Verdict::Running => resume(job, now),
        Verdict::Suspended => suspend(job, now),
        Verdict::Complete => {
            let message = "Reached expected number of succeeded pods";
            set(
                job,
                "SuccessCriteriaMet",
                "CompletionsReached",
                message,
                now,
            );
            if !over {
                return Vec::new();
            }
            set(job, "Complete", "CompletionsReached", message, now);
            job["status"]["completionTime"] = json!(now);
            vec![told(Severity::Normal, "Completed", "Job completed")]
        }
        Verdict::Failed(reason, message) => {
            set(job, "FailureTarget", reason, message, now);
            if !over {
                return Vec::new();
            }
            // The reason that was decided first stands.
            let target = pod::condition(job, "FailureTarget").cloned();
            let target = target.unwrap_or_default();
            let text = |field: &str| target[field].as_str().unwrap_or_default().to_owned();
            let (reason, message) = (text("reason"), text("message"));
            set(job, "Failed", &reason, &message, now);
            vec![(Severity::Warning, reason, message)]
        }
    }
}

fn told(severity: Severity, reason: &str, message: &str) -> Told {
    (severity, reason.to_owned(), message.to_owned())
}

fn suspend(job: &mut Value, now: &str) -> Vec<Told> {
    if holds(job, "Suspended") {
        return Vec::new();
    }
    remove(job, "Suspended");
    set(job, "Suspended", "JobSuspended", "Job suspended", now);
    if let Some(status) = job["status"].as_object_mut() {
        // The deadline counts from the next start.
        status.remove("startTime");
    }
    vec![told(Severity::Normal, "Suspended", "Job suspended")]
}

fn resume(job: &mut Value, now: &str) -> Vec<Told> {
    if !holds(job, "Suspended") {
        return Vec::new();
    }
    remove(job, "Suspended");
    set(job, "Suspended", "JobResumed", "Job resumed", now);
    let conditions = job["status"]["conditions"].as_array_mut();
    if let Some(condition) = conditions.and_then(|conditions| conditions.last_mut()) {
        condition["status"] = json!("False");
    }
    vec![told(Severity::Normal, "Resumed", "Job resumed")]
}

/// Adds a condition that holds, unless the Job has one of this type.
fn set(job: &mut Value, kind: &str, reason: &str, message: &str, now: &str) {
    if pod::condition(job, kind).is_some() {
        return;
    }
    let condition = json!({
        "type": kind,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastProbeTime": now,
        "lastTransitionTime": now,
    });
    match job["status"]["conditions"].as_array_mut() {
        Some(conditions) => conditions.push(condition),
        None => job["status"]["conditions"] = json!([condition]),
    }
}

fn remove(job: &mut Value, kind: &str) {
    if let Some(conditions) = job["status"]["conditions"].as_array_mut() {
        conditions.retain(|condition| condition["type"] != kind);
    }
}

fn holds(job: &Value, kind: &str) -> bool {
    pod::condition(job, kind).is_some_and(|condition| condition["status"] == "True")
}

/// Whether the Job has ended, one way or the other.
pub(super) fn is_finished(job: &Value) -> bool {
    holds(job, "Complete") || holds(job, "Failed")
}

/// Whether it was decided before that the Job fails.
pub(super) fn is_condemned(job: &Value) -> bool {
    holds(job, "FailureTarget")
}

/// When the Job ended, in ms since the epoch.
pub(super) fn finished_ms(job: &Value) -> Option<i64> {
    ["Complete", "Failed"]
        .iter()
        .filter_map(|kind| pod::condition(job, kind))
        .find_map(|condition| pod::milliseconds(&condition["lastTransitionTime"]))
}
