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
mod authentication;
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
mod redis_way;
mod resp;
mod tls;

pub use metrics::ExternalMetrics;
#[cfg(test)]
pub(super) use resp::Stream;

use super::per_object::{self, PerObject};
use crate::embedded::controllers::hpa::schedule_key;
use crate::embedded::store::{
    Change, HORIZONTAL_POD_AUTOSCALERS, Key, Resource, SCALED_OBJECTS, Store,
};
use operator::Operator;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// Runs the KEDA operator until `shutdown`; `next_poll` tells when (ms since the epoch) each ScaledObject
/// (`namespace/name`) will be polled next.
pub async fn run(
    store: Store,
    metrics: ExternalMetrics,
    next_poll: watch::Sender<BTreeMap<String, i64>>,
    shutdown: CancellationToken,
) {
    let scaled_objects = ScaledObjects {
        store: store.clone(),
        metrics,
        next_poll,
    };
    per_object::run(store, scaled_objects, shutdown).await;
}

struct ScaledObjects {
    store: Store,
    metrics: ExternalMetrics,
    next_poll: watch::Sender<BTreeMap<String, i64>>,
}

impl PerObject for ScaledObjects {
    const RESOURCE: Resource = SCALED_OBJECTS;

    fn task(
        &self,
        key: Key,
        uid: &str,
        changed: Arc<Notify>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (store, metrics) = (self.store.clone(), self.metrics.clone());
        let next_poll = self.next_poll.clone();
        Operator::new(store, metrics, next_poll, key, uid.to_owned()).run(changed)
    }

    fn forget(&self, key: &Key, uid: &str) {
        self.metrics.forget(uid);
        self.next_poll.send_modify(|schedule| {
            schedule.remove(&schedule_key(key));
        });
    }

    /// An HPA concerns the ScaledObject that owns it.
    fn concerned(&self, change: &Change) -> Vec<Key> {
        if change.key.resource != HORIZONTAL_POD_AUTOSCALERS {
            return Vec::new();
        }
        let owners = change.object["metadata"]["ownerReferences"]
            .as_array()
            .into_iter()
            .flatten();
        owners
            .filter(|owner| owner["kind"] == "ScaledObject")
            .filter_map(|owner| owner["name"].as_str())
            .map(|name| Key::new(SCALED_OBJECTS, &change.key.namespace, name))
            .collect()
    }
}

#[cfg(test)]
mod tests;
