//! Deletes what nobody needs any more: objects whose owners are all gone, and events past their hour.
//!
//! Owners are followed in the background: an owner goes at once, its dependents after it. (`propagationPolicy: Orphan`
//! strips the references before the owner goes, so nothing is left to find here.)

use super::pod;
use super::reconcile::{self, Reconciler};
use crate::embedded::store::{
    self, Change, ChangeKind, EVENTS, Key, Object, PODS, Store, StoreError,
};
use std::collections::{HashSet, VecDeque};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long events are kept: kube-apiserver's `--event-ttl`.
const EVENT_TTL: Duration = Duration::from_secs(3_600);

/// How often old events are swept; etcd's leases are no more exact than a minute matters to anybody.
const EVENT_SWEEP: Duration = Duration::from_secs(60);

/// How many UIDs of deleted owners are remembered. A controller that was busy creating a dependent while its owner
/// was deleted finishes within moments, so the newest few thousand are plenty.
const REMEMBERED: usize = 4_096;

/// Collects garbage until `shutdown`.
pub(super) async fn run(store: Store, shutdown: CancellationToken) {
    let collector = Collector {
        store: store.clone(),
        gone: HashSet::new(),
        order: VecDeque::new(),
    };
    reconcile::drive(&store, collector, shutdown).await;
}

struct Collector {
    store: Store,
    /// UIDs of deleted objects, and the order in which to forget them.
    gone: HashSet<String>,
    order: VecDeque<String>,
}

impl Reconciler for Collector {
    fn affected(&mut self, change: &Change) -> Vec<Key> {
        if change.key.resource == EVENTS {
            return Vec::new();
        }
        if change.kind == ChangeKind::Deleted {
            let uid = store::uid(&change.object).to_owned();
            let dependents = self.store.owned_by(&uid);
            self.remember(uid);
            return dependents.into_iter().map(|(key, _)| key).collect();
        }
        let late = change.kind == ChangeKind::Added && self.has_lost_owner(&change.object);
        late.then(|| change.key.clone()).into_iter().collect()
    }

    fn all(&self) -> Vec<Key> {
        vec![event_sweep()]
    }

    fn reconcile(&mut self, key: &Key) -> Option<Duration> {
        if *key == event_sweep() {
            self.sweep_events();
            return Some(EVENT_SWEEP);
        }
        let object = self.store.get(key)?;
        self.collect(key, &object);
        None
    }
}

/// The key under which the sweep of old events is queued; no object has an empty name.
fn event_sweep() -> Key {
    Key::new(EVENTS, "", "")
}

impl Collector {
    fn remember(&mut self, uid: String) {
        if self.gone.insert(uid.clone()) {
            self.order.push_back(uid);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.gone.remove(&oldest);
        }
    }

    fn has_lost_owner(&self, object: &Object) -> bool {
        owners(object).any(|uid| self.gone.contains(uid))
    }

    /// Deletes `object` when no owner is left; otherwise only drops the references to those that are gone.
    fn collect(&self, key: &Key, object: &Object) {
        let lost = owners(object)
            .filter(|uid| self.gone.contains(*uid))
            .count();
        if lost == 0 {
            return;
        }
        if lost < owners(object).count() {
            // Changed or gone in the meantime: the next change brings it back here.
            let _ = self.store.modify(key, None, |object| {
                if let Some(owners) = object["metadata"]["ownerReferences"].as_array_mut() {
                    owners.retain(|owner| {
                        owner["uid"]
                            .as_str()
                            .is_none_or(|uid| !self.gone.contains(uid))
                    });
                }
                Ok::<_, StoreError>(())
            });
        } else if key.resource == PODS {
            if !store::is_deleting(object) {
                pod::delete(&self.store, object);
            }
        } else {
            // Gone already is what was wanted.
            let _ = self.store.delete(key, Some(store::uid(object)), 0);
        }
    }

    fn sweep_events(&self) {
        let now = self.store.clock().now_ms();
        let ttl = i64::try_from(EVENT_TTL.as_millis()).unwrap_or(i64::MAX);
        let (events, _) = self.store.list(EVENTS, None);
        for event in &events {
            let last = [
                &event["series"]["lastObservedTime"],
                &event["lastTimestamp"],
                &event["metadata"]["creationTimestamp"],
            ]
            .into_iter()
            .find_map(pod::milliseconds);
            if last.is_some_and(|last| now - last > ttl) {
                self.store
                    .remove(&Key::of(EVENTS, event), store::uid(event));
            }
        }
    }
}

fn owners(object: &Object) -> impl Iterator<Item = &str> {
    object["metadata"]["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|owner| owner["uid"].as_str())
}
