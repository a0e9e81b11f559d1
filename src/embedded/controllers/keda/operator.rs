//! One ScaledObject's task: when to reconcile it and when to poll its triggers.

use super::event;
use super::metrics::ExternalMetrics;
use crate::autoscale::Event;
use crate::embedded::controllers::hpa::schedule_key;
use crate::embedded::store::{Key, Object, Store, is_deleting, uid};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// controller-runtime's rate limiter: a failed reconcile is tried again after this, doubled each time …
const RETRY_BASE: Duration = Duration::from_millis(5);

/// … up to this.
const RETRY_CEILING: Duration = Duration::from_secs(1_000);

/// One ScaledObject and what the operator remembers of it.
pub(super) struct Operator {
    pub(super) store: Store,
    pub(super) metrics: ExternalMetrics,
    next_poll: watch::Sender<BTreeMap<String, i64>>,
    pub(super) key: Key,
    uid: String,
    /// What the last reconcile that went through to its end saw.
    reconciled: Option<Seen>,
    /// The generation of the specification that the scale loop runs by.
    generation: Option<i64>,
    /// When the scale loop polls next; `None` while it does not run.
    poll_at: Option<Instant>,
    failures: u32,
    retry_at: Option<Instant>,
    /// What the last failed reconcile saw: an edit is tried at once, whatever the back-off.
    failed: Option<Seen>,
}

/// That which, when it changes, calls for a reconcile.
#[derive(PartialEq)]
pub(super) struct Seen {
    generation: i64,
    annotations: Map<String, Value>,
}

impl Seen {
    pub(super) fn of(object: &Value) -> Self {
        let annotations = object["metadata"]["annotations"]
            .as_object()
            .into_iter()
            .flatten();
        let ours = annotations.filter(|(key, _)| key.starts_with("autoscaling.keda.sh/"));
        Self {
            generation: object["metadata"]["generation"].as_i64().unwrap_or(0),
            annotations: ours
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
        }
    }
}

impl Operator {
    pub(super) fn new(
        store: Store,
        metrics: ExternalMetrics,
        next_poll: watch::Sender<BTreeMap<String, i64>>,
        key: Key,
        uid: String,
    ) -> Self {
        Self {
            store,
            metrics,
            next_poll,
            key,
            uid,
            reconciled: None,
            generation: None,
            poll_at: None,
            failures: 0,
            retry_at: None,
            failed: None,
        }
    }

    /// Works until the ScaledObject is gone.
    pub(super) async fn run(mut self, changed: Arc<Notify>) {
        while let Some(object) = self.object() {
            if is_deleting(&object) {
                self.stop_loop(&object);
                self.finalize(&object);
                return;
            }
            let now = Instant::now();
            if self.must_reconcile(&object) && self.may_try(&object, now) {
                self.reconcile_now(&object).await;
            } else if self.poll_at.is_some_and(|at| at <= now) {
                self.poll_now(&object).await;
            }
            self.wait(&changed).await;
        }
    }

    pub(super) fn object(&self) -> Option<Object> {
        self.store
            .get(&self.key)
            .filter(|object| uid(object) == self.uid)
    }

    fn must_reconcile(&self, object: &Object) -> bool {
        let seen = Seen::of(object);
        self.reconciled.as_ref() != Some(&seen)
            || (self.poll_at.is_some() && self.hpa_drifted(object))
    }

    fn may_try(&self, object: &Object, now: Instant) -> bool {
        self.retry_at.is_none_or(|at| at <= now) || self.failed != Some(Seen::of(object))
    }

    async fn reconcile_now(&mut self, object: &Object) {
        let seen = Seen::of(object);
        // Annotations change the HPA and what the next poll does; only another specification starts the loop over.
        let edited = self.generation != Some(seen.generation);
        if edited {
            // The triggers may have changed: build the scalers anew.
            self.forget_scalers();
        }
        match self.reconcile(object, edited).await {
            Ok(()) => {
                self.generation = Some(seen.generation);
                self.reconciled = Some(seen);
                self.failures = 0;
                self.retry_at = None;
                self.failed = None;
            }
            Err((step, error)) => {
                self.check_failed(step, &error);
                let wait = RETRY_BASE.saturating_mul(2_u32.saturating_pow(self.failures));
                self.failures = self.failures.saturating_add(1);
                self.reconciled = None;
                self.failed = Some(seen);
                self.retry_at = Some(Instant::now() + wait.min(RETRY_CEILING));
            }
        }
    }

    async fn poll_now(&mut self, object: &Object) {
        let started = Instant::now();
        let interval = self.poll(object).await;
        self.schedule(started + interval);
    }

    /// Starts the scale loop, or starts it over: the first poll is due at once.
    pub(super) fn start_loop(&mut self, object: &Value) {
        self.schedule(Instant::now());
        self.tell(
            object,
            &Event::normal("KEDAScalersStarted", "Started scalers watch"),
        );
    }

    /// Lets go of the connections: whoever reads next builds the scalers anew.
    pub(super) fn forget_scalers(&self) {
        self.metrics.forget(&self.uid);
    }

    /// Stops the scale loop, if it runs.
    pub(super) fn stop_loop(&mut self, object: &Value) {
        if self.poll_at.take().is_some() {
            self.tell(
                object,
                &Event::normal("KEDAScalersStopped", "Stopped scalers watch"),
            );
        }
        self.next_poll.send_modify(|schedule| {
            schedule.remove(&schedule_key(&self.key));
        });
    }

    pub(super) fn loop_runs(&self) -> bool {
        self.poll_at.is_some()
    }

    fn schedule(&mut self, at: Instant) {
        self.poll_at = Some(at);
        let wait = at.saturating_duration_since(Instant::now()).as_millis();
        let at_ms = self.store.clock().now_ms() + i64::try_from(wait).unwrap_or(i64::MAX / 2);
        self.next_poll.send_modify(|schedule| {
            schedule.insert(schedule_key(&self.key), at_ms);
        });
    }

    /// Until something changes or is due.
    async fn wait(&self, changed: &Notify) {
        let due = [self.poll_at, self.retry_at].into_iter().flatten().min();
        tokio::select! {
            () = changed.notified() => {}
            () = async {
                match due {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            } => {}
        }
    }

    pub(super) fn tell(&self, object: &Value, event: &Event) {
        event::tell(&self.store, object, event);
    }

    /// Writes the status; quietly nothing when the ScaledObject is gone.
    pub(super) fn update_status(&self, change: impl FnOnce(&mut Value)) {
        let _ = self.store.modify(&self.key, None, |object| {
            if uid(object) == self.uid {
                // A status is only ever written here, but the API lets anybody try.
                if !object["status"].is_object() {
                    object["status"] = json!({});
                }
                change(&mut object["status"]);
            }
            Ok(())
        });
    }
}
