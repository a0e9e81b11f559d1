//! The loop every controller here runs: changes of the store in, keys of objects out, one reconcile a key.
//!
//! A key that many changes name is reconciled once for all of them, as with a work queue of client-go; a reconcile may
//! ask to be called again after a while. The reader of the log holds a position, so a controller that falls behind
//! loses nothing until the log has moved past it, and then starts over from a list.

use crate::embedded::store::{Change, Key, Store, Watch};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// One controller's rules.
pub(super) trait Reconciler: Send {
    /// The objects that `change` may have given work.
    fn affected(&mut self, change: &Change) -> Vec<Key>;

    /// Every object to look at when starting, or after falling behind.
    fn all(&self) -> Vec<Key>;

    /// Moves the object at `key` one step on; `Some` asks for another look after that time.
    fn reconcile(&mut self, key: &Key) -> Option<Duration>;
}

/// Runs `reconciler` on the changes of `store` until `shutdown`.
pub(super) async fn drive(
    store: &Store,
    mut reconciler: impl Reconciler,
    shutdown: CancellationToken,
) {
    let mut watch = store.watch_from_now();
    let mut due: BTreeMap<Key, Instant> = BTreeMap::new();
    mark(&mut due, reconciler.all());
    loop {
        drain(store, &mut watch, &mut reconciler, &mut due);
        if pass(&mut reconciler, &mut due) {
            // Our own writes are changes too; let the other controllers have a turn before we read on.
            tokio::task::yield_now().await;
            if shutdown.is_cancelled() {
                return;
            }
            continue;
        }
        let next = due.values().min().copied();
        tokio::select! {
            () = shutdown.cancelled() => return,
            change = watch.next() => match change {
                Ok(change) => mark(&mut due, reconciler.affected(&change)),
                Err(_) => start_over(store, &mut watch, &reconciler, &mut due),
            },
            () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
        }
    }
}

/// Takes every change that is there already, so that a burst costs one reconcile a key and not one a change.
fn drain(
    store: &Store,
    watch: &mut Watch,
    reconciler: &mut impl Reconciler,
    due: &mut BTreeMap<Key, Instant>,
) {
    loop {
        match watch.try_next() {
            Ok(Some(change)) => mark(due, reconciler.affected(&change)),
            Ok(None) => return,
            Err(_) => start_over(store, watch, reconciler, due),
        }
    }
}

fn start_over(
    store: &Store,
    watch: &mut Watch,
    reconciler: &impl Reconciler,
    due: &mut BTreeMap<Key, Instant>,
) {
    // The position first, the list second: what changes in between is seen twice, never missed.
    *watch = store.watch_from_now();
    mark(due, reconciler.all());
}

fn mark(due: &mut BTreeMap<Key, Instant>, keys: Vec<Key>) {
    let now = Instant::now();
    for key in keys {
        due.insert(key, now);
    }
}

/// Reconciles every key that is due; tells whether there was one.
fn pass(reconciler: &mut impl Reconciler, due: &mut BTreeMap<Key, Instant>) -> bool {
    let now = Instant::now();
    let ready: Vec<Key> = due
        .iter()
        .filter(|(_, at)| **at <= now)
        .map(|(key, _)| key.clone())
        .collect();
    for key in &ready {
        due.remove(key);
        if let Some(after) = reconciler.reconcile(key) {
            due.insert(key.clone(), now + after);
        }
    }
    !ready.is_empty()
}
