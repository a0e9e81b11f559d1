//! A task for each object of a kind: for controllers whose objects have a rhythm and a memory of their own.
//!
//! The controllers of `workloads` hold nothing between two looks at an object, so one loop serves them all. An HPA has a
//! phase and recommendations, a ScaledObject a poll that may take a while; a task apiece keeps them from waiting for
//! each other, and ends with its object, memory and all.

use crate::embedded::store::{Change, ChangeKind, Key, Object, Resource, Store, uid};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// What the tasks of a kind do.
pub(super) trait PerObject {
    /// The kind.
    const RESOURCE: Resource;

    /// The task of the object at `key` with this `uid`. It is dropped when the object goes; `changed` wakes it when the
    /// object, or something of its own, has changed, and wakes that come while it works are one wake.
    fn task(
        &self,
        key: Key,
        uid: &str,
        changed: Arc<Notify>,
    ) -> impl Future<Output = ()> + Send + 'static;

    /// Forgets an object whose task has been dropped.
    fn forget(&self, key: &Key, uid: &str);

    /// The objects that a change of another kind concerns.
    fn concerned(&self, _change: &Change) -> Vec<Key> {
        Vec::new()
    }
}

/// Keeps a task for each object of `kind` until `shutdown`, then drops them all.
pub(super) async fn run(store: Store, kind: impl PerObject, shutdown: CancellationToken) {
    let mut tasks = Tasks {
        store,
        kind,
        running: BTreeMap::new(),
        tasks: JoinSet::new(),
    };
    tokio::select! {
        () = tasks.follow() => {}
        () = shutdown.cancelled() => {}
    }
}

struct Tasks<K> {
    store: Store,
    kind: K,
    running: BTreeMap<Key, Running>,
    /// Dropping the set stops every task.
    tasks: JoinSet<()>,
}

struct Running {
    uid: String,
    changed: Arc<Notify>,
    task: AbortHandle,
}

impl<K: PerObject> Tasks<K> {
    async fn follow(&mut self) {
        loop {
            let mut watch = self.store.watch_from_now();
            self.catch_up();
            // An expired watch means this loop was starved; listing again repairs it.
            while let Ok(change) = watch.next().await {
                self.take(change);
                while self.tasks.try_join_next().is_some() {}
            }
        }
    }

    fn catch_up(&mut self) {
        let (objects, _) = self.store.list(K::RESOURCE, None);
        let present: BTreeMap<Key, Object> = objects
            .into_iter()
            .map(|object| (Key::of(K::RESOURCE, &object), object))
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

    fn take(&mut self, change: Change) {
        if change.key.resource != K::RESOURCE {
            for key in self.kind.concerned(&change) {
                if let Some(running) = self.running.get(&key) {
                    running.changed.notify_one();
                }
            }
        } else if change.kind == ChangeKind::Deleted {
            self.stop(&change.key);
        } else {
            self.ensure(change.key, &change.object);
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
        let task = self.kind.task(key.clone(), uid, Arc::clone(&changed));
        let task = self.tasks.spawn(task);
        let uid = uid.to_owned();
        self.running.insert(key, Running { uid, changed, task });
    }

    fn stop(&mut self, key: &Key) {
        if let Some(running) = self.running.remove(key) {
            running.task.abort();
            self.kind.forget(key, &running.uid);
        }
    }
}
