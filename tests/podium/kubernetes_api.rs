//! The embedded Kubernetes API as the `kube` client sees it: no mocks, a real listener on loopback. Here is the harness;
//! the tests are in the modules, a capability each.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

mod apply;
mod lists;
mod malformed;
mod objects;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret};
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, ListParams, LogParams, Patch, PatchParams,
    PostParams, Preconditions, WatchEvent, WatchParams,
};
use kube::runtime::watcher;
use kube::{Client, Config};
use podium::clock::Clock;
use podium::embedded::api;
use podium::embedded::controllers::keda::ExternalMetrics;
use podium::embedded::logs::Logs;
use podium::embedded::proxy::Proxy;
use podium::embedded::store::{Key, NAMESPACES, PODS, Store, name, namespace, uid};
use podium::embedded::usage::Usage;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const TOKEN: &str = "a-token-for-tests";

/// A served API over an empty store. Stops when dropped.
pub(crate) struct Cluster {
    pub(crate) store: Store,
    pub(crate) logs: Logs,
    pub(crate) address: SocketAddr,
    shutdown: CancellationToken,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        let store = Store::new(Clock::wall());
        let logs = Logs::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let metrics = ExternalMetrics::new(store.clone(), Proxy::new(store.clone()));
        tokio::spawn(api::serve(
            listener,
            store.clone(),
            logs.clone(),
            Usage::default(),
            metrics,
            TOKEN.to_owned(),
            shutdown.clone(),
        ));
        Self {
            store,
            logs,
            address,
            shutdown,
        }
    }

    /// With namespace `demo` in it.
    pub(crate) async fn with_namespace() -> (Self, Client) {
        let cluster = Self::start().await;
        let client = cluster.client().await;
        let namespace: Namespace = from(json!({"metadata": {"name": "demo"}}));
        Api::all(client.clone())
            .create(&PostParams::default(), &namespace)
            .await
            .unwrap();
        (cluster, client)
    }

    pub(crate) fn kubeconfig(&self) -> String {
        api::kubeconfig(self.address, TOKEN)
    }

    pub(crate) async fn client(&self) -> Client {
        let kubeconfig = kube::config::Kubeconfig::from_yaml(&self.kubeconfig()).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &Default::default())
            .await
            .unwrap();
        Client::try_from(config).unwrap()
    }

    /// Stands in for the namespace controller: empties and removes namespaces that are to go, after a while, as the
    /// real one does; `kubectl delete -k` counts on finding the other objects that it means to delete.
    pub(crate) fn collect_namespaces(&self) {
        let store = self.store.clone();
        tokio::spawn(async move {
            let mut watch = store.watch_from_now();
            while let Ok(change) = watch.next().await {
                let object = change.object;
                if change.key.resource != NAMESPACES
                    || !object["metadata"]["deletionTimestamp"].is_string()
                {
                    continue;
                }
                tokio::time::sleep(Duration::from_secs(2)).await;
                for resource in contents() {
                    for object in store.list(resource, Some(name(&object))).0 {
                        let key = Key::new(resource, namespace(&object), name(&object));
                        store.remove(&key, uid(&object));
                    }
                }
                store.remove(&change.key, uid(&object));
            }
        });
    }
}

fn contents() -> [podium::embedded::store::Resource; 5] {
    use podium::embedded::store::{DEPLOYMENTS, SCALED_OBJECTS, SECRETS, SERVICES};
    [DEPLOYMENTS, SCALED_OBJECTS, SECRETS, SERVICES, PODS]
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

fn from<T: serde::de::DeserializeOwned>(object: Value) -> T {
    serde_json::from_value(object).unwrap()
}

fn web() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "podium:1", "env": [{"name": "A", "value": "1"}]}]},
            },
        },
    })
}

#[track_caller]
fn refusal<T: std::fmt::Debug>(result: Result<T, kube::Error>) -> (u16, String, String) {
    match result {
        Err(kube::Error::Api(status)) => {
            (status.code, status.reason.clone(), status.message.clone())
        }
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn http_get(path: &str) -> axum::http::Request<Vec<u8>> {
    axum::http::Request::get(path).body(Vec::new()).unwrap()
}
