//! The HPA controller: runs the pure rules of `autoscale::hpa` on the HPAs in the store.
//!
//! Each HPA has a task of its own, which owns its memory and its phase: the first sync comes 15 s after the HPA
//! appeared (or after this controller started), each next one 15 s after the end of the one before, and no edit brings
//! it forward. The wait an audience sees between a burst and the first new pod is this phase, which nobody chose.

mod sync;

use super::per_object::{self, PerObject};
use crate::autoscale::hpa::SYNC_PERIOD_MS;
use crate::embedded::controllers::keda::ExternalMetrics;
use crate::embedded::store::{HORIZONTAL_POD_AUTOSCALERS, Key, Resource, Store};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use sync::Syncer;
use tokio::sync::{Notify, watch};
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
    let autoscalers = Autoscalers {
        store: store.clone(),
        metrics,
        next_sync,
    };
    per_object::run(store, autoscalers, shutdown).await;
}

struct Autoscalers {
    store: Store,
    metrics: ExternalMetrics,
    next_sync: Schedule,
}

impl PerObject for Autoscalers {
    const RESOURCE: Resource = HORIZONTAL_POD_AUTOSCALERS;

    fn task(
        &self,
        key: Key,
        uid: &str,
        _changed: Arc<Notify>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let name = schedule_key(&key);
        let (store, metrics) = (self.store.clone(), self.metrics.clone());
        let syncer = Syncer::new(store.clone(), metrics, key, uid.to_owned());
        every_period(syncer, store, name, self.next_sync.clone())
    }

    fn forget(&self, key: &Key, _uid: &str) {
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
