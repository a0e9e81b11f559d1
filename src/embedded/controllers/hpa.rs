//! The HPA controller: runs the pure rules of `autoscale::hpa` on the HPAs in the store.
//!
//! Each HPA has a task of its own, which owns its memory and its phase: the first sync comes 15 s after the HPA
//! appeared (or after this controller started), each next one 15 s after the end of the one before, and no edit brings
//! it forward. The wait an audience sees between a burst and the first new pod is this phase, which nobody chose.

mod sync;

use crate::autoscale::hpa::SYNC_PERIOD_MS;
use crate::embedded::controllers::keda::ExternalMetrics;
use crate::embedded::store::{ChangeKind, HORIZONTAL_POD_AUTOSCALERS, Key, Object, Store, uid};
use std::collections::BTreeMap;
use std::time::Duration;
use sync::Syncer;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// When each HPA (`namespace/name`) is reconciled next, in milliseconds since the epoch.
pub(super) type Schedule = watch::Sender<BTreeMap<String, i64>>;

/// Runs the HPA controller until `shutdown`; `next_sync` tells when (ms since the epoch) each HPA (`namespace/name`)
/// will be reconciled next.
pub async fn run(
    store: Store,
    metrics: ExternalMetrics,
    next_sync: watch::Sender<BTreeMap<String, i64>>,
    shutdown: CancellationToken,
) {
    let mut controller = Controller {
        store,
        metrics,
        next_sync,
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
    next_sync: Schedule,
    running: BTreeMap<Key, Running>,
    /// Dropping the set with the controller stops every task.
    tasks: JoinSet<()>,
}

struct Running {
    uid: String,
    task: AbortHandle,
}

impl Controller {
    /// Keeps one task for each HPA, for ever.
    async fn follow(&mut self) {
        loop {
            let mut watch = self.store.watch_from_now();
            self.catch_up();
            // An expired watch means this loop was starved; listing again repairs it.
            while let Ok(change) = watch.next().await {
                if change.key.resource == HORIZONTAL_POD_AUTOSCALERS {
                    match change.kind {
                        ChangeKind::Added | ChangeKind::Modified => {
                            self.ensure(change.key, &change.object);
                        }
                        ChangeKind::Deleted => self.stop(&change.key),
                    }
                }
                while self.tasks.try_join_next().is_some() {}
            }
        }
    }

    fn catch_up(&mut self) {
        let (objects, _) = self.store.list(HORIZONTAL_POD_AUTOSCALERS, None);
        let present: BTreeMap<Key, Object> = objects
            .into_iter()
            .map(|object| (Key::of(HORIZONTAL_POD_AUTOSCALERS, &object), object))
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

    fn ensure(&mut self, key: Key, object: &Object) {
        let uid = uid(object);
        if self
            .running
            .get(&key)
            .is_some_and(|running| running.uid == uid)
        {
            return;
        }
        self.stop(&key);
        let syncer = Syncer::new(
            self.store.clone(),
            self.metrics.clone(),
            key.clone(),
            uid.to_owned(),
        );
        let task = self.tasks.spawn(every_period(
            syncer,
            self.store.clone(),
            schedule_key(&key),
            self.next_sync.clone(),
        ));
        self.running.insert(
            key,
            Running {
                uid: uid.to_owned(),
                task,
            },
        );
    }

    fn stop(&mut self, key: &Key) {
        if let Some(running) = self.running.remove(key) {
            running.task.abort();
        }
        self.next_sync.send_modify(|schedule| {
            schedule.remove(&schedule_key(key));
        });
    }
}

async fn every_period(mut syncer: Syncer, store: Store, name: String, next_sync: Schedule) {
    let period = Duration::from_millis(SYNC_PERIOD_MS);
    loop {
        let due = store
            .clock()
            .now_ms()
            .saturating_add_unsigned(SYNC_PERIOD_MS);
        next_sync.send_modify(|schedule| {
            schedule.insert(name.clone(), due);
        });
        tokio::time::sleep(period).await;
        syncer.sync().await;
    }
}

/// How a schedule names an object: `namespace/name`.
pub(super) fn schedule_key(key: &Key) -> String {
    format!("{}/{}", key.namespace, key.name)
}

#[cfg(test)]
mod tests;
