//! The KEDA operator and its metrics adapter, for `redis` triggers.
//!
//! Each ScaledObject has a task of its own (`operator`) that reconciles it when it, or the HPA it owns, changes, and
//! polls its triggers; the decisions are those of `autoscale::keda`. [`ExternalMetrics`] is the adapter: the HPA
//! controller and the API ask it, and it reads the list's length live at each request, whatever the polling interval,
//! unless the trigger wants the last poll's value (`useCachedMetrics`).
//!
//! ```text
//! store ──change──▶ run ──notify──▶ operator ──▶ HPA, status, scale of the target
//!                                     │ poll
//! HPA controller, API ──value──▶ ExternalMetrics ──RESP──▶ Redis
//! ```

mod address;
mod environment;
mod event;
mod health;
mod metrics;
mod operator;
mod owned_hpa;
mod pausing;
mod poll;
mod reconcile;
mod redis_scaler;
mod resp;

pub use metrics::ExternalMetrics;
#[cfg(test)]
pub(super) use resp::Stream;

use crate::embedded::controllers::hpa::schedule_key;
use crate::embedded::store::{
    Change, ChangeKind, HORIZONTAL_POD_AUTOSCALERS, Key, Object, SCALED_OBJECTS, Store, uid,
};
use operator::Operator;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// Runs the KEDA operator until `shutdown`; `next_poll` tells when (ms since the epoch) each ScaledObject
/// (`namespace/name`) will be polled next.
pub async fn run(
    store: Store,
    metrics: ExternalMetrics,
    next_poll: watch::Sender<BTreeMap<String, i64>>,
    shutdown: CancellationToken,
) {
    let mut controller = Controller {
        store,
        metrics,
        next_poll,
        running: BTreeMap::new(),
        tasks: JoinSet::new(),
    };
    tokio::select! {
        () = controller.follow() => {}
        () = shutdown.cancelled() => {}
    }
}

struct Controller {
    store: Store,
    metrics: ExternalMetrics,
    next_poll: watch::Sender<BTreeMap<String, i64>>,
    running: BTreeMap<Key, Running>,
    /// Dropping the set with the controller stops every task.
    tasks: JoinSet<()>,
}

struct Running {
    uid: String,
    /// Wakes the task; wakes that come while it works are one wake.
    changed: Arc<Notify>,
    task: AbortHandle,
}

impl Controller {
    /// Keeps one task for each ScaledObject and wakes it when something of its own changes, for ever.
    async fn follow(&mut self) {
        loop {
            let mut watch = self.store.watch_from_now();
            self.catch_up();
            while let Ok(change) = watch.next().await {
                match change.key.resource {
                    SCALED_OBJECTS => self.scaled_object(&change),
                    HORIZONTAL_POD_AUTOSCALERS => self.owned(&change.key.namespace, &change.object),
                    _ => {}
                }
                while self.tasks.try_join_next().is_some() {}
            }
        }
    }

    fn catch_up(&mut self) {
        let (objects, _) = self.store.list(SCALED_OBJECTS, None);
        let present: BTreeMap<Key, Object> = objects
            .into_iter()
            .map(|object| (Key::of(SCALED_OBJECTS, &object), object))
            .collect();
        let gone: Vec<Key> = self
            .running
            .keys()
            .filter(|key| !present.contains_key(key))
            .cloned()
            .collect();
        for key in gone {
            self.stop(&key);
        }
        for (key, object) in present {
            self.ensure(key, &object);
        }
    }

    fn scaled_object(&mut self, change: &Change) {
        if change.kind == ChangeKind::Deleted {
            self.stop(&change.key);
        } else {
            self.ensure(change.key.clone(), &change.object);
        }
    }

    fn owned(&self, namespace: &str, hpa: &Object) {
        let owners = hpa["metadata"]["ownerReferences"]
            .as_array()
            .into_iter()
            .flatten();
        for owner in owners.filter(|owner| owner["kind"] == "ScaledObject") {
            let name = owner["name"].as_str().unwrap_or_default();
            if let Some(running) = self.running.get(&Key::new(SCALED_OBJECTS, namespace, name)) {
                running.changed.notify_one();
            }
        }
    }

    fn ensure(&mut self, key: Key, object: &Object) {
        let uid = uid(object);
        if let Some(running) = self.running.get(&key).filter(|running| running.uid == uid) {
            running.changed.notify_one();
            return;
        }
        self.stop(&key);
        let changed = Arc::new(Notify::new());
        let operator = Operator::new(
            self.store.clone(),
            self.metrics.clone(),
            self.next_poll.clone(),
            key.clone(),
            uid.to_owned(),
        );
        let task = self.tasks.spawn(operator.run(Arc::clone(&changed)));
        let uid = uid.to_owned();
        self.running.insert(key, Running { uid, changed, task });
    }

    fn stop(&mut self, key: &Key) {
        if let Some(running) = self.running.remove(key) {
            running.task.abort();
            self.metrics.forget(&running.uid);
        }
        self.next_poll.send_modify(|schedule| {
            schedule.remove(&schedule_key(key));
        });
    }
}

#[cfg(test)]
mod tests;
