//! The Job controller: pods that run to their end, as often as the Job says.
//!
//! One pass counts what has ended since the last one (`ledger`), judges the Job by that, then starts or stops pods and
//! writes the status (`status`). After a failure the next pod waits, 10 s and then twice as long each time.
//!
//! Differences from Kubernetes: finished pods are counted in this controller's memory instead of being held by a
//! finalizer, for both end with the process; and the pods of an `Indexed` Job get no index.

mod ledger;
mod status;

use super::creation;
use super::ownership;
use super::pod;
use super::reconcile::{self, Reconciler};
use crate::embedded::events::{self, Severity};
use crate::embedded::store::{self, Change, ChangeKind, JOBS, Key, Object, PODS, Store};
use ledger::Ledger;
use serde_json::{Value, json};
use status::{Counts, Verdict};
use std::collections::HashMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const COMPONENT: &str = "job-controller";

/// `spec.backoffLimit` when absent, as the API defaults it.
const DEFAULT_BACKOFF_LIMIT: i64 = 6;

/// How soon a refused creation is tried again.
const REFUSED_RETRY: Duration = Duration::from_secs(1);

/// The labels by which a Job's pods are found, with the old names that older clients still use.
const UID_LABELS: [&str; 2] = ["batch.kubernetes.io/controller-uid", "controller-uid"];
const NAME_LABELS: [&str; 2] = ["batch.kubernetes.io/job-name", "job-name"];

/// Runs Jobs until `shutdown`.
pub(super) async fn run(store: Store, shutdown: CancellationToken) {
    let controller = Jobs {
        store: store.clone(),
        ledgers: HashMap::new(),
    };
    reconcile::drive(&store, controller, shutdown).await;
}

struct Jobs {
    store: Store,
    /// By the Job's UID.
    ledgers: HashMap<String, Ledger>,
}

impl Reconciler for Jobs {
    fn affected(&mut self, change: &Change) -> Vec<Key> {
        match change.key.resource {
            JOBS => {
                if change.kind == ChangeKind::Deleted {
                    self.ledgers.remove(store::uid(&change.object));
                }
                vec![change.key.clone()]
            }
            PODS => self.job_of(change).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn all(&self) -> Vec<Key> {
        let (jobs, _) = self.store.list(JOBS, None);
        jobs.iter().map(|job| Key::of(JOBS, job)).collect()
    }

    fn reconcile(&mut self, key: &Key) -> Option<Duration> {
        let job = self.store.get(key)?;
        if store::is_deleting(&job) {
            return None;
        }
        if status::is_finished(&job) {
            self.ledgers.remove(store::uid(&job));
            return self.expire(key, &job);
        }
        let job = self.complete(key, job)?;
        self.advance(key, &job)
    }
}

impl Jobs {
    /// The Job that a change of a pod concerns. A pod that goes is counted here, with the last word it had.
    fn job_of(&mut self, change: &Change) -> Option<Key> {
        let key = ownership::controller_key(&change.object, "Job", JOBS)?;
        let owner = ownership::controller_of(&change.object)?["uid"].as_str()?;
        if change.kind == ChangeKind::Deleted
            && let Some(ledger) = self.ledgers.get_mut(owner)
        {
            ledger.count_gone(&change.object, self.store.clock().now_ms());
        }
        Some(key)
    }

    /// Gives the Job the selector and labels by which its pods are found. The API server does so on creation, where it
    /// already knows the UID.
    fn complete(&self, key: &Key, job: Object) -> Option<Object> {
        if job["spec"]["selector"].is_object() {
            return Some(job);
        }
        let (uid, name) = (store::uid(&job).to_owned(), store::name(&job).to_owned());
        let completed = self.store.modify(key, None, |job| {
            job["spec"]["selector"] = json!({"matchLabels": {UID_LABELS[0]: uid}});
            let labels = &mut job["spec"]["template"]["metadata"]["labels"];
            for (names, value) in [(UID_LABELS, &uid), (NAME_LABELS, &name)] {
                for label in names {
                    labels[label] = json!(value);
                }
            }
            Ok(())
        });
        completed.ok()
    }

    /// One pass over a Job that has not ended.
    fn advance(&mut self, key: &Key, job: &Object) -> Option<Duration> {
        let now = self.store.clock().now_ms();
        let pods = ownership::claim(&self.store, PODS, job);
        let ledger = self
            .ledgers
            .entry(store::uid(job).to_owned())
            .or_insert_with(|| Ledger::of(job));
        for pod in &pods {
            ledger.count(pod, now);
        }
        let ledger = ledger.clone();
        let active: Vec<&Object> = pods.iter().filter(|pod| pod::is_active(pod)).collect();
        let verdict = judge(job, &ledger, &pods, active.len(), now);
        let again = match &verdict {
            Verdict::Running => self.manage(job, &ledger, &active, now),
            _ => {
                self.stop(job, &active);
                None
            }
        };
        let counts = Counts::of(&pods, &ledger);
        for (severity, reason, message) in status::write(&self.store, key, job, &counts, &verdict) {
            events::record(&self.store, COMPONENT, job, severity, &reason, &message);
        }
        sooner(again, deadline(job, now))
    }

    /// Starts or stops pods; tells when to look again, if time alone may change something.
    fn manage(
        &self,
        job: &Object,
        ledger: &Ledger,
        active: &[&Object],
        now: i64,
    ) -> Option<Duration> {
        let wanted = wanted(job, ledger, active.len());
        if active.len() >= wanted {
            self.stop(job, &active[wanted..]);
            return None;
        }
        let wait = ledger.wait(now);
        if !wait.is_zero() {
            return Some(wait);
        }
        let pod = creation::pod_of(job);
        let missing = wanted - active.len();
        creation::slow_start(&self.store, COMPONENT, job, &pod, missing)
            .is_err()
            .then_some(REFUSED_RETRY)
    }

    fn stop(&self, job: &Object, pods: &[&Object]) {
        for victim in pods {
            pod::delete(&self.store, victim);
            let message = format!("Deleted pod: {}", store::name(victim));
            let normal = Severity::Normal;
            events::record(
                &self.store,
                COMPONENT,
                job,
                normal,
                "SuccessfulDelete",
                &message,
            );
        }
    }

    /// Deletes a finished Job whose `ttlSecondsAfterFinished` is over.
    fn expire(&self, key: &Key, job: &Object) -> Option<Duration> {
        let ttl = job["spec"]["ttlSecondsAfterFinished"].as_i64()?;
        let due = status::finished_ms(job)? + ttl * 1_000;
        let left = due - self.store.clock().now_ms();
        if left > 0 {
            return Some(Duration::from_millis(left.unsigned_abs()));
        }
        // Deleted by somebody else is as good.
        let _ = self.store.delete(key, Some(store::uid(job)), 0);
        None
    }
}

/// What has become of the Job.
fn judge(job: &Value, ledger: &Ledger, pods: &[Object], active: usize, now: i64) -> Verdict {
    let limit = job["spec"]["backoffLimit"]
        .as_i64()
        .unwrap_or(DEFAULT_BACKOFF_LIMIT);
    let restarts: i64 = pods
        .iter()
        .filter(|pod| pod::is_active(pod))
        .flat_map(|pod| pod::restarts(pod))
        .sum();
    // Restarts in place count under OnFailure only; without any allowed, the first is one too many.
    let in_place =
        job["spec"]["template"]["spec"]["restartPolicy"] == "OnFailure" && restarts >= limit.max(1);
    if status::is_condemned(job) || ledger.failed > limit || in_place {
        return Verdict::Failed(
            "BackoffLimitExceeded",
            "Job has reached the specified backoff limit",
        );
    }
    if deadline(job, now).is_some_and(|left| left.is_zero()) {
        return Verdict::Failed(
            "DeadlineExceeded",
            "Job was active longer than specified deadline",
        );
    }
    let through = match job["spec"]["completions"].as_i64() {
        Some(completions) => ledger.succeeded >= completions,
        // A work queue: one success tells that the work is done, and the others come to their end.
        None => ledger.succeeded > 0 && active == 0,
    };
    if through {
        Verdict::Complete
    } else if job["spec"]["suspend"] == true {
        Verdict::Suspended
    } else {
        Verdict::Running
    }
}

/// How many pods should run now.
fn wanted(job: &Value, ledger: &Ledger, active: usize) -> usize {
    let parallelism = job["spec"]["parallelism"].as_i64().unwrap_or(1).max(0);
    let parallelism = usize::try_from(parallelism).unwrap_or(usize::MAX);
    match job["spec"]["completions"].as_i64() {
        Some(completions) => {
            let left = (completions - ledger.succeeded).max(0);
            parallelism.min(usize::try_from(left).unwrap_or(usize::MAX))
        }
        None if ledger.succeeded > 0 => active.min(parallelism),
        None => parallelism,
    }
}

/// The time left of `activeDeadlineSeconds`, once the Job has started.
fn deadline(job: &Value, now: i64) -> Option<Duration> {
    let seconds = job["spec"]["activeDeadlineSeconds"].as_i64()?;
    let since = pod::milliseconds(&job["status"]["startTime"])?;
    let left = since + seconds * 1_000 - now;
    Some(Duration::from_millis(u64::try_from(left).unwrap_or(0)))
}

fn sooner(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other.filter(|left| !left.is_zero())) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests;
