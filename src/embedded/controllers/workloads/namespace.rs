//! Namespaces: Active while they live; in deletion, emptied first and then let go.
//!
//! Every namespace carries the finalizer `kubernetes` in its spec, which holds it while its contents are being
//! deleted: pods with their grace period, everything else at once, whatever has finalizers of its own when those are
//! done.

use super::pod;
use super::reconcile::{self, Reconciler};
use crate::embedded::store::{
    self, Change, ChangeKind, Key, NAMESPACES, Object, PODS, Store, StoreError,
};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The namespace controller's `namespaceDeletionGracePeriod`.
const DELETION_GRACE_MS: i64 = 5_000;

/// Looks after namespaces until `shutdown`.
pub(super) async fn run(store: Store, shutdown: CancellationToken) {
    let controller = Namespaces {
        store: store.clone(),
    };
    reconcile::drive(&store, controller, shutdown).await;
}

struct Namespaces {
    store: Store,
}

impl Reconciler for Namespaces {
    fn affected(&mut self, change: &Change) -> Vec<Key> {
        if change.key.resource == NAMESPACES {
            return vec![change.key.clone()];
        }
        let namespace = Key::new(NAMESPACES, "", &*change.key.namespace);
        // What happens inside a namespace matters only while it is being emptied.
        let emptying = (change.kind == ChangeKind::Deleted || change.kind == ChangeKind::Added)
            && !change.key.namespace.is_empty()
            && self
                .store
                .get(&namespace)
                .is_some_and(|namespace| store::is_deleting(&namespace));
        emptying.then_some(namespace).into_iter().collect()
    }

    fn all(&self) -> Vec<Key> {
        let (namespaces, _) = self.store.list(NAMESPACES, None);
        namespaces
            .iter()
            .map(|namespace| Key::of(NAMESPACES, namespace))
            .collect()
    }

    fn reconcile(&mut self, key: &Key) -> Option<Duration> {
        let namespace = self.store.get(key)?;
        if !store::is_deleting(&namespace) {
            self.activate(key, &namespace);
            return None;
        }
        // Gone in the meantime: nothing left to mark.
        let _ = self.store.modify(key, None, |namespace| {
            namespace["status"]["phase"] = json!("Terminating");
            Ok(())
        });
        if let Some(wait) = self.until_due(&namespace) {
            return Some(wait);
        }
        let contents = self.store.contents(&key.name);
        if contents.is_empty() {
            self.finalize(key, &namespace);
        }
        for (key, object) in contents {
            self.delete(&key, &object);
        }
        None
    }
}

impl Namespaces {
    /// How long to leave a namespace in deletion alone. `kubectl delete -k` deletes the namespace first and then, one
    /// by one, what was in it; it must still find them.
    fn until_due(&self, namespace: &Value) -> Option<Duration> {
        let asked = namespace["metadata"]["deletionTimestamp"].as_str()?;
        let asked: Timestamp = asked.parse().ok()?;
        let left = asked.as_millisecond() + DELETION_GRACE_MS - self.store.clock().now_ms();
        u64::try_from(left)
            .ok()
            .filter(|left| *left > 0)
            .map(Duration::from_millis)
    }

    fn activate(&self, key: &Key, namespace: &Value) {
        let settled = namespace["status"]["phase"] == "Active"
            && namespace["spec"]["finalizers"].is_array()
            && namespace["metadata"]["labels"]["kubernetes.io/metadata.name"].is_string();
        if settled {
            return;
        }
        // Deleted in the meantime: there is nothing to activate.
        let _ = self.store.modify(key, None, |namespace| {
            if store::is_deleting(namespace) {
                return Err(StoreError::Rejected("already in deletion".to_owned()));
            }
            namespace["metadata"]["labels"]["kubernetes.io/metadata.name"] = json!(key.name);
            namespace["spec"]["finalizers"] = json!(["kubernetes"]);
            namespace["status"]["phase"] = json!("Active");
            Ok(())
        });
    }

    fn delete(&self, key: &Key, object: &Object) {
        if store::is_deleting(object) {
            return;
        }
        if key.resource == PODS {
            pod::delete(&self.store, object);
        } else {
            // Somebody was faster, which is as good.
            let _ = self.store.delete(key, Some(store::uid(object)), 0);
        }
    }

    fn finalize(&self, key: &Key, namespace: &Value) {
        let finalized = self.store.modify(key, None, |namespace| {
            namespace["spec"]["finalizers"] = json!([]);
            Ok(())
        });
        // A namespace that was marked without our finalizer is held by nothing else.
        if finalized.is_ok_and(|left| left["metadata"]["finalizers"].is_null()) {
            self.store.remove(key, store::uid(namespace));
        }
    }
}
