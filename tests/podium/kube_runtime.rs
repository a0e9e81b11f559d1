//! What operators are built of, `kube`'s runtime, against the embedded API: watchers, reflectors, controllers with
//! finalizers, waiting for conditions. No mocks, a real listener on loopback.

mod watches;

use crate::kubernetes_api::Cluster;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::controller::Action;
use kube::runtime::finalizer::{self, finalizer};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::utils::Backoff;
use kube::runtime::wait::{await_condition, conditions};
use kube::runtime::{Controller, WatchStreamExt, watcher};
use kube::{Client, Resource, ResourceExt};
use podium::clock::Clock;
use podium::embedded::api;
use podium::embedded::controllers::{keda::ExternalMetrics, workloads};
use podium::embedded::logs::Logs;
use podium::embedded::proxy::Proxy;
use podium::embedded::store::{CONFIG_MAPS, Key};
use podium::embedded::usage::Usage;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

/// More than any of these waits; reached only when something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tries again soon: a test has no server to spare.
#[derive(Default)]
struct Soon;

impl Iterator for Soon {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(Duration::from_millis(5))
    }
}

impl Backoff for Soon {
    fn reset(&mut self) {}
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what)
        .await
        .expect("it comes to pass")
}

fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name, "labels": {"app": "x"}}})).unwrap()
}

async fn create(api: &Api<ConfigMap>, name: &str) -> ConfigMap {
    api.create(&PostParams::default(), &config_map(name))
        .await
        .unwrap()
}

/// Changes the map's data, so that watches have something to tell.
async fn write(api: &Api<ConfigMap>, name: &str, value: &str) {
    let patch = Patch::Merge(json!({"data": {"k": value}}));
    api.patch(name, &PatchParams::default(), &patch)
        .await
        .unwrap();
}

/// A reflector of the namespace's config maps, driven until the guard is dropped.
fn reflect(client: Client, config: watcher::Config) -> (Store<ConfigMap>, DropGuard) {
    let (store, writer) = reflector::store();
    let events = watcher(Api::namespaced(client, "demo"), config).backoff(Soon);
    let stop = CancellationToken::new();
    let until = stop.clone().cancelled_owned();
    tokio::spawn(async move {
        let reflected = reflector::reflector(writer, events);
        reflected.take_until(until).for_each(|_| async {}).await;
    });
    (store, stop.drop_guard())
}

/// Waits until the reflector shows `name` with this data, or not at all.
async fn shows(store: &Store<ConfigMap>, name: &str, value: Option<&str>) {
    let of = ObjectRef::new(name).within("demo");
    soon(async {
        loop {
            let found = store.get(&of);
            let data = found.and_then(|map| map.data.as_ref()?.get("k").cloned());
            if data.as_deref() == value {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_reflector_follows_through_a_restart_of_the_server() {
    let mut cluster = Cluster::start().await;
    let first = serve_again(&cluster, TcpListener::bind("127.0.0.1:0").await.unwrap());
    cluster.address = first.0;
    let client = cluster.client().await;
    let namespace: k8s_openapi::api::core::v1::Namespace =
        serde_json::from_value(json!({"metadata": {"name": "demo"}})).unwrap();
    Api::all(client.clone())
        .create(&PostParams::default(), &namespace)
        .await
        .unwrap();
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), "demo");
    create(&api, "stays").await;
    create(&api, "goes").await;
    let (listed, _one) = reflect(client.clone(), watcher::Config::default());
    let (streamed, _two) = reflect(client, watcher::Config::default().streaming_lists());
    for store in [&listed, &streamed] {
        soon(store.wait_until_ready()).await.unwrap();
        assert_eq!(store.len(), 2);
    }
    write(&api, "stays", "before").await;
    write(&api, "goes", "before").await;
    for store in [&listed, &streamed] {
        shows(store, "stays", Some("before")).await;
    }

    let (address, stop, stopped) = first;
    stop.cancel();
    soon(stopped).await.unwrap().unwrap();
    let key = |name: &str| Key::new(CONFIG_MAPS, "demo", name);
    let change = |object: &mut Value| {
        object["data"] = json!({"k": "meanwhile"});
        Ok(())
    };
    cluster.store.modify(&key("stays"), None, change).unwrap();
    cluster.store.delete(&key("goes"), None, 0).unwrap();
    let _second = serve_again(&cluster, TcpListener::bind(address).await.unwrap());
    for store in [&listed, &streamed] {
        shows(store, "stays", Some("meanwhile")).await;
        shows(store, "goes", None).await;
    }
}

type Served = (
    std::net::SocketAddr,
    CancellationToken,
    tokio::task::JoinHandle<std::io::Result<()>>,
);

/// The cluster's API on another listener, which can be stopped by itself.
fn serve_again(cluster: &Cluster, listener: TcpListener) -> Served {
    let address = listener.local_addr().unwrap();
    let store = cluster.store.clone();
    let metrics = ExternalMetrics::new(store.clone(), Proxy::new(store.clone()));
    let stop = CancellationToken::new();
    let token = "a-token-for-tests".to_owned();
    let served = api::serve(
        listener,
        store,
        Logs::default(),
        Usage::default(),
        metrics,
        token,
        stop.clone(),
    );
    (address, stop, tokio::spawn(served))
}

/// What the little controller of these tests needs: it gives every config map a secret of the same name, and says
/// when it cleaned up after one.
struct Context {
    client: Client,
    cleaned: mpsc::UnboundedSender<String>,
}

const FINALIZER: &str = "podium.example/clean-up";

async fn reconcile(
    map: Arc<ConfigMap>,
    context: Arc<Context>,
) -> Result<Action, finalizer::Error<kube::Error>> {
    let maps: Api<ConfigMap> = Api::namespaced(context.client.clone(), "demo");
    finalizer(&maps, FINALIZER, map, |event| async {
        match event {
            finalizer::Event::Apply(map) => {
                give_secret(&context.client, &map).await?;
            }
            finalizer::Event::Cleanup(map) => {
                let _ = context.cleaned.send(map.name_any());
            }
        }
        Ok(Action::await_change())
    })
    .await
}

async fn give_secret(client: &Client, map: &ConfigMap) -> kube::Result<Secret> {
    let name = map.name_any();
    let owner = map.controller_owner_ref(&()).unwrap();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": name, "ownerReferences": [owner]},
        "stringData": map.data,
    });
    let secrets: Api<Secret> = Api::namespaced(client.clone(), "demo");
    let params = PatchParams::apply("little-controller").force();
    secrets.patch(&name, &params, &Patch::Apply(secret)).await
}

#[tokio::test]
async fn a_controller_with_finalizers_owns_repairs_and_cleans_up() {
    let (cluster, client) = Cluster::with_namespace().await;
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    tokio::spawn(workloads::run(cluster.store.clone(), stop.clone()));
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "demo");
    let secrets: Api<Secret> = Api::namespaced(client.clone(), "demo");
    let (cleaned, mut cleanups) = mpsc::unbounded_channel();
    let context = Arc::new(Context {
        client: client.clone(),
        cleaned,
    });
    let controller = Controller::new(maps.clone(), watcher::Config::default())
        .owns(secrets.clone(), watcher::Config::default())
        .graceful_shutdown_on(stop.cancelled_owned())
        .run(
            reconcile,
            |_, _, _| Action::requeue(Duration::from_millis(5)),
            context,
        );
    let controller = tokio::spawn(controller.for_each(|_| async {}));

    let map = create(&maps, "a").await;
    let secret = made(&secrets, "a", "").await;
    let held = maps.get("a").await.unwrap();
    assert_eq!(held.finalizers(), [FINALIZER]);

    secrets.delete("a", &DeleteParams::default()).await.unwrap();
    let again = made(&secrets, "a", &secret.uid().unwrap()).await;
    assert_eq!(again.owner_references()[0].uid, map.uid().unwrap());

    maps.delete("a", &DeleteParams::default()).await.unwrap();
    assert_eq!(soon(cleanups.recv()).await.as_deref(), Some("a"));
    let (map, secret) = (map.uid().unwrap(), again.uid().unwrap());
    soon(await_condition(maps, "a", conditions::is_deleted(&map)))
        .await
        .unwrap();
    soon(await_condition(
        secrets,
        "a",
        conditions::is_deleted(&secret),
    ))
    .await
    .unwrap();
    assert!(!controller.is_finished());
}

/// Waits for a secret of this name that is not `other`.
async fn made(secrets: &Api<Secret>, name: &str, other: &str) -> Secret {
    let is_new = |secret: Option<&Secret>| {
        secret.is_some_and(|secret| secret.uid().is_some_and(|uid| uid != other))
    };
    soon(await_condition(secrets.clone(), name, is_new))
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn conditions_of_a_rollout_are_awaited() {
    let (cluster, client) = Cluster::with_namespace().await;
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    tokio::spawn(workloads::run(cluster.store.clone(), stop));
    let pods: Api<Pod> = Api::namespaced(client.clone(), "demo");
    tokio::spawn(make_ready(pods.clone()));
    let deployments: Api<Deployment> = Api::namespaced(client, "demo");
    let web = json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "podium:1"}]},
            },
        },
    });
    let web: Deployment = serde_json::from_value(web).unwrap();
    let web = deployments
        .create(&PostParams::default(), &web)
        .await
        .unwrap();
    let rolled_out = conditions::is_deployment_completed();
    soon(await_condition(deployments.clone(), "web", rolled_out))
        .await
        .unwrap();
    let found = pods.list(&ListParams::default().labels("app=web")).await;
    let first = found.unwrap().items.remove(0).name_any();
    soon(await_condition(pods, &first, conditions::is_pod_running()))
        .await
        .unwrap();
    deployments
        .delete("web", &DeleteParams::foreground())
        .await
        .unwrap();
    let uid = web.uid().unwrap();
    soon(await_condition(
        deployments,
        "web",
        conditions::is_deleted(&uid),
    ))
    .await
    .unwrap();
}

/// Stands in for the kubelet: every pod runs and is ready at once, and gone as soon as it is asked to go.
async fn make_ready(pods: Api<Pod>) {
    let events = watcher(pods.clone(), watcher::Config::default()).backoff(Soon);
    let mut events = events.applied_objects().boxed();
    while let Ok(Some(pod)) = events.try_next().await {
        let name = pod.name_any();
        if pod.metadata.deletion_timestamp.is_some() {
            let at_once = DeleteParams::default().grace_period(0);
            let _ = pods.delete(&name, &at_once).await;
        } else if pod
            .status
            .is_none_or(|status| status.phase.as_deref() != Some("Running"))
        {
            let now = Clock::wall().now().to_string();
            let ready = json!({"type": "Ready", "status": "True", "lastTransitionTime": now});
            let status = json!({"status": {"phase": "Running", "conditions": [ready]}});
            let _ = pods
                .patch_status(&name, &PatchParams::default(), &Patch::Merge(status))
                .await;
        }
    }
}
