//! Gives each Service its cluster IP.
//!
//! The address is what `kubectl get svc` shows; on the embedded node nothing routes it. Pods reach a Service through
//! the environment variables that the kubelet gives them, which name the proxy's listener.

use super::reconcile::{self, Reconciler};
use crate::embedded::store::{Change, ChangeKind, Key, SERVICES, Store};
use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Assigns cluster IPs until `shutdown`.
pub(super) async fn run(store: Store, shutdown: CancellationToken) {
    let allocator = Allocator {
        store: store.clone(),
    };
    reconcile::drive(&store, allocator, shutdown).await;
}

struct Allocator {
    store: Store,
}

impl Reconciler for Allocator {
    fn affected(&mut self, change: &Change) -> Vec<Key> {
        if change.key.resource == SERVICES && change.kind != ChangeKind::Deleted {
            vec![change.key.clone()]
        } else {
            Vec::new()
        }
    }

    fn all(&self) -> Vec<Key> {
        let (services, _) = self.store.list(SERVICES, None);
        services
            .iter()
            .map(|service| Key::of(SERVICES, service))
            .collect()
    }

    fn reconcile(&mut self, key: &Key) -> Option<Duration> {
        let service = self.store.get(key)?;
        let has_address = service["spec"]["clusterIP"]
            .as_str()
            .is_some_and(|address| !address.is_empty());
        if has_address || service["spec"]["type"] == "ExternalName" {
            return None;
        }
        let address = self.free_address()?;
        // A Service that went away in the meantime needs no address.
        let _ = self.store.modify(key, None, |service| {
            service["spec"]["clusterIP"] = json!(address);
            service["spec"]["clusterIPs"] = json!([address]);
            Ok(())
        });
        None
    }
}

impl Allocator {
    /// The lowest free address of 10.96.0.0/16, the range kubeadm gives Services; `None` when all are taken.
    fn free_address(&self) -> Option<String> {
        let (services, _) = self.store.list(SERVICES, None);
        let taken: std::collections::HashSet<&str> = services
            .iter()
            .filter_map(|service| service["spec"]["clusterIP"].as_str())
            .collect();
        // 10.96.0.1 belongs to the API server's own Service on a real cluster, and 10.96.0.10 to its DNS.
        (11_u16..=u16::MAX - 1)
            .map(|host| {
                let [high, low] = host.to_be_bytes();
                format!("10.96.{high}.{low}")
            })
            .find(|address| !taken.contains(address.as_str()))
    }
}
