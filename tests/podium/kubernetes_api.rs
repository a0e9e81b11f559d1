//! The embedded Kubernetes API as the `kube` client sees it: no mocks, a real listener on loopback.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

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

#[tokio::test]
async fn a_deployment_is_created_read_listed_scaled_and_deleted() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let api: Api<Deployment> = Api::namespaced(client.clone(), "demo");
    let created = api
        .create(&PostParams::default(), &from(web()))
        .await
        .unwrap();
    assert_eq!(
        created.spec.as_ref().unwrap().replicas,
        Some(1),
        "defaults are filled in"
    );
    assert_eq!(created.metadata.generation, Some(1));
    let again = refusal(api.create(&PostParams::default(), &from(web())).await);
    assert_eq!(
        again,
        (
            409,
            "AlreadyExists".to_owned(),
            "deployments.apps \"web\" already exists".to_owned()
        )
    );

    let listed = api
        .list(&ListParams::default().fields("metadata.name=web"))
        .await
        .unwrap();
    assert_eq!(listed.items.len(), 1);
    let patch = Patch::Merge(json!({"spec": {"replicas": 3}}));
    let scale = api
        .patch_scale("web", &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert_eq!(scale.spec.unwrap().replicas, Some(3));
    assert_eq!(scale.status.unwrap().selector.as_deref(), Some("app=web"));
    let current = api.get("web").await.unwrap();
    assert_eq!(current.metadata.generation, Some(2));

    let stale = refusal(api.replace("web", &PostParams::default(), &created).await);
    assert_eq!(stale.0, 409);
    assert!(
        stale
            .2
            .starts_with("Operation cannot be fulfilled on deployments.apps \"web\""),
        "{}",
        stale.2
    );

    let wrong = Preconditions {
        uid: Some("other".to_owned()),
        resource_version: None,
    };
    let wrong = DeleteParams {
        preconditions: Some(wrong),
        ..DeleteParams::default()
    };
    assert_eq!(refusal(api.delete("web", &wrong).await).0, 409);
    assert!(
        api.delete("web", &DeleteParams::default())
            .await
            .unwrap()
            .is_right()
    );
    assert_eq!(refusal(api.get("web").await).0, 404);
}

#[tokio::test]
async fn server_side_apply_creates_then_changes_then_leaves_alone() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let api: Api<Deployment> = Api::namespaced(client, "demo");
    let params = PatchParams::apply("podium");
    let first = api
        .patch("web", &params, &Patch::Apply(web()))
        .await
        .unwrap();
    let same = api
        .patch("web", &params, &Patch::Apply(web()))
        .await
        .unwrap();
    assert_eq!(
        first.metadata.resource_version, same.metadata.resource_version,
        "unchanged"
    );
    let scale = Patch::Merge(json!({"spec": {"replicas": 7}}));
    api.patch("web", &PatchParams::default(), &scale)
        .await
        .unwrap();
    let mut config = web();
    config["spec"]["template"]["spec"]["containers"][0]["image"] = json!("podium:2");
    let changed = api
        .patch("web", &params, &Patch::Apply(config))
        .await
        .unwrap();
    let spec = changed.spec.unwrap();
    assert_eq!(
        spec.replicas,
        Some(7),
        "what podium does not apply is not podium's to reset"
    );
    assert_eq!(
        spec.template.spec.unwrap().containers[0].image.as_deref(),
        Some("podium:2")
    );
    let managers = changed.metadata.managed_fields.unwrap();
    assert_eq!(managers[0].manager.as_deref(), Some("podium"));
}

#[tokio::test]
async fn every_patch_format_works_and_a_dry_run_leaves_no_trace() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let api: Api<Deployment> = Api::namespaced(client, "demo");
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    api.create(&dry, &from(web())).await.unwrap();
    assert_eq!(refusal(api.get("web").await).0, 404);
    api.create(&PostParams::default(), &from(web()))
        .await
        .unwrap();

    let env = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "env": [{"name": "B", "value": "2"}]}]}}}});
    let strategic = api
        .patch(
            "web",
            &PatchParams::default(),
            &Patch::Strategic(env.clone()),
        )
        .await
        .unwrap();
    let count = |deployment: &Deployment| {
        let pod = deployment
            .spec
            .as_ref()
            .unwrap()
            .template
            .spec
            .as_ref()
            .unwrap();
        pod.containers[0].env.as_ref().map_or(0, Vec::len)
    };
    assert_eq!(count(&strategic), 2, "lists merge by key");
    let operations = json!([{"op": "remove", "path": "/spec/template/spec/containers/0/env/0"}]);
    let json_patch: json_patch::Patch = from(operations);
    let patched = api
        .patch(
            "web",
            &PatchParams::default(),
            &Patch::<Deployment>::Json(json_patch),
        )
        .await
        .unwrap();
    assert_eq!(count(&patched), 1);
    let nowhere: json_patch::Patch =
        from(json!([{"op": "replace", "path": "/spec/nope/x", "value": 1}]));
    let refused = refusal(
        api.patch(
            "web",
            &PatchParams::default(),
            &Patch::<Deployment>::Json(nowhere),
        )
        .await,
    );
    assert_eq!((refused.0, refused.1.as_str()), (422, "Invalid"));
    let dry = PatchParams {
        dry_run: true,
        ..PatchParams::default()
    };
    let previewed = api
        .patch("web", &dry, &Patch::Merge(json!({"spec": {"replicas": 9}})))
        .await
        .unwrap();
    assert_eq!(previewed.spec.unwrap().replicas, Some(9));
    assert_eq!(
        api.get("web").await.unwrap().spec.unwrap().replicas,
        Some(1)
    );
}

#[tokio::test]
async fn a_watch_tells_of_objects_that_come_to_match_and_cease_to() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let api: Api<ConfigMap> = Api::namespaced(client, "demo");
    let params = WatchParams::default().labels("on=yes");
    let version = api
        .list(&ListParams::default())
        .await
        .unwrap()
        .metadata
        .resource_version
        .unwrap();
    let mut events = api.watch(&params, &version).await.unwrap().boxed();
    let label = |on: &str| Patch::Merge(json!({"metadata": {"labels": {"on": on}}}));
    api.create(
        &PostParams::default(),
        &from(json!({"metadata": {"name": "a"}})),
    )
    .await
    .unwrap();
    api.patch("a", &PatchParams::default(), &label("yes"))
        .await
        .unwrap();
    api.patch(
        "a",
        &PatchParams::default(),
        &Patch::Merge(json!({"data": {"k": "v"}})),
    )
    .await
    .unwrap();
    api.patch("a", &PatchParams::default(), &label("no"))
        .await
        .unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.push(match events.try_next().await.unwrap().unwrap() {
            WatchEvent::Added(_) => "ADDED",
            WatchEvent::Modified(_) => "MODIFIED",
            WatchEvent::Deleted(_) => "DELETED",
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(seen, ["ADDED", "MODIFIED", "DELETED"]);
}

#[tokio::test]
async fn a_version_that_is_not_in_the_log_is_expired() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let api: Api<ConfigMap> = Api::namespaced(client, "demo");
    let mut events = api
        .watch(&WatchParams::default(), "999999")
        .await
        .unwrap()
        .boxed();
    match events.try_next().await.unwrap().unwrap() {
        WatchEvent::Error(status) => {
            assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn both_ways_to_start_a_watcher_see_what_is_there_and_what_comes() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let api: Api<ConfigMap> = Api::namespaced(client, "demo");
    api.create(
        &PostParams::default(),
        &from(json!({"metadata": {"name": "a"}})),
    )
    .await
    .unwrap();
    for config in [
        watcher::Config::default(),
        watcher::Config::default().streaming_lists(),
    ] {
        let mut events = watcher(api.clone(), config).boxed();
        let mut initial = 0;
        loop {
            match events.try_next().await.unwrap().unwrap() {
                watcher::Event::InitApply(_) => initial += 1,
                watcher::Event::InitDone => break,
                _ => {}
            }
        }
        assert_eq!(initial, 1);
        let name = format!("b-{}", events.size_hint().0);
        api.create(
            &PostParams::default(),
            &from(json!({"metadata": {"name": name}})),
        )
        .await
        .unwrap();
        let next = events.try_next().await.unwrap().unwrap();
        assert!(matches!(next, watcher::Event::Apply(_)), "{next:?}");
        api.delete(&name, &DeleteParams::default()).await.unwrap();
    }
}

#[tokio::test]
async fn lists_come_in_pages() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let api: Api<ConfigMap> = Api::namespaced(client, "demo");
    for name in ["a", "b", "c"] {
        api.create(
            &PostParams::default(),
            &from(json!({"metadata": {"name": name}})),
        )
        .await
        .unwrap();
    }
    let page = api.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!(page.items.len(), 2);
    let rest = ListParams::default()
        .limit(2)
        .continue_token(&page.metadata.continue_.unwrap());
    let rest = api.list(&rest).await.unwrap();
    assert_eq!(rest.items[0].metadata.name.as_deref(), Some("c"));
    assert_eq!(rest.metadata.continue_, None);
}

#[tokio::test]
async fn without_the_token_only_probes_and_the_version_answer() {
    let cluster = Cluster::start().await;
    let get = async |path: &str| {
        reqwest::get(format!("http://{}{path}", cluster.address))
            .await
            .unwrap()
    };
    for open in ["/healthz", "/livez", "/readyz", "/version"] {
        assert_eq!(get(open).await.status(), 200, "{open}");
    }
    let refused = get("/api/v1/namespaces").await;
    assert_eq!(refused.status(), 401);
    let status: Value = refused.json().await.unwrap();
    assert_eq!(
        (&status["kind"], &status["reason"]),
        (&json!("Status"), &json!("Unauthorized"))
    );
}

#[tokio::test]
async fn discovery_finds_kedas_kinds() {
    let cluster = Cluster::start().await;
    let client = cluster.client().await;
    let group = kube::discovery::group(&client, "keda.sh").await.unwrap();
    let (resource, _) = group.recommended_kind("ScaledObject").unwrap();
    let api: Api<DynamicObject> = Api::all_with(client, &resource);
    assert_eq!(
        api.list(&ListParams::default()).await.unwrap().items.len(),
        0
    );
}

#[tokio::test]
async fn nothing_is_created_in_a_namespace_that_is_missing_or_going() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let map: ConfigMap = from(json!({"metadata": {"name": "a"}}));
    let nowhere: Api<ConfigMap> = Api::namespaced(client.clone(), "nowhere");
    let refused = refusal(nowhere.create(&PostParams::default(), &map).await);
    assert_eq!(
        (refused.0, refused.2.as_str()),
        (404, "namespaces \"nowhere\" not found")
    );
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let going = namespaces
        .delete("demo", &DeleteParams::default())
        .await
        .unwrap()
        .left()
        .unwrap();
    assert_eq!(going.status.unwrap().phase.as_deref(), Some("Terminating"));
    let demo: Api<ConfigMap> = Api::namespaced(client, "demo");
    let refused = refusal(demo.create(&PostParams::default(), &map).await);
    assert_eq!(refused.0, 403);
    assert!(
        refused.2.ends_with("because it is being terminated"),
        "{}",
        refused.2
    );
}

#[tokio::test]
async fn a_running_pod_is_marked_and_an_idle_one_goes_at_once() {
    let (cluster, client) = Cluster::with_namespace().await;
    let api: Api<Pod> = Api::namespaced(client, "demo");
    let pod = |name: &str| json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    for name in ["idle", "busy"] {
        api.create(&PostParams::default(), &from(pod(name)))
            .await
            .unwrap();
    }
    cluster
        .store
        .modify(&Key::new(PODS, "demo", "busy"), None, |pod| {
            pod["spec"]["nodeName"] = json!("podium");
            Ok(())
        })
        .unwrap();
    for name in ["idle", "busy"] {
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }
    assert_eq!(refusal(api.get("idle").await).0, 404);
    let busy = api.get("busy").await.unwrap();
    assert_eq!(busy.metadata.deletion_grace_period_seconds, Some(30));
}

#[tokio::test]
async fn plain_secret_text_comes_back_as_data() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let api: Api<Secret> = Api::namespaced(client, "demo");
    let secret = from(json!({"metadata": {"name": "redis"}, "stringData": {"password": "x"}}));
    let stored = api.create(&PostParams::default(), &secret).await.unwrap();
    assert_eq!(stored.data.unwrap()["password"].0, b"x");
    assert_eq!(stored.string_data, None);
}

#[tokio::test]
async fn status_is_written_through_its_own_door_only() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let api: Api<Deployment> = Api::namespaced(client, "demo");
    api.create(&PostParams::default(), &from(web()))
        .await
        .unwrap();
    let status = json!({"status": {"readyReplicas": 1, "replicas": 1}, "spec": {"replicas": 5}});
    let through_main = api
        .patch(
            "web",
            &PatchParams::default(),
            &Patch::Merge(status.clone()),
        )
        .await
        .unwrap();
    assert_eq!(
        through_main.status.and_then(|status| status.ready_replicas),
        None
    );
    let through_status = api
        .patch_status(
            "web",
            &PatchParams::default(),
            &Patch::Merge(json!({"status": {"readyReplicas": 1}, "spec": {"replicas": 9}})),
        )
        .await
        .unwrap();
    assert_eq!(through_status.status.unwrap().ready_replicas, Some(1));
    assert_eq!(through_status.spec.unwrap().replicas, Some(5));
}

#[tokio::test]
async fn logs_are_read_and_followed() {
    let (cluster, client) = Cluster::with_namespace().await;
    let api: Api<Pod> = Api::namespaced(client, "demo");
    let pod =
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let created = api
        .create(&PostParams::default(), &from(pod))
        .await
        .unwrap();
    let early = refusal(api.logs("p", &LogParams::default()).await);
    assert_eq!(
        early.2,
        "container \"c\" in pod \"p\" is waiting to start: ContainerCreating"
    );
    let status = json!({"status": {"containerStatuses": [{
        "name": "c", "ready": true, "restartCount": 0, "image": "i", "imageID": "", "state": {"running": {}},
    }]}});
    api.patch_status("p", &PatchParams::default(), &Patch::Merge(status))
        .await
        .unwrap();
    let uid = created.metadata.uid.unwrap();
    for text in ["one", "two"] {
        cluster.logs.append(&uid, "c", 0, text.to_owned());
    }
    let tail = LogParams {
        tail_lines: Some(1),
        ..LogParams::default()
    };
    assert_eq!(api.logs("p", &tail).await.unwrap(), "two\n");
    let follow = LogParams {
        follow: true,
        tail_lines: Some(1),
        ..LogParams::default()
    };
    let mut lines = futures::AsyncBufReadExt::lines(api.log_stream("p", &follow).await.unwrap());
    assert_eq!(lines.next().await.unwrap().unwrap(), "two");
    cluster.logs.append(&uid, "c", 0, "three".to_owned());
    assert_eq!(lines.next().await.unwrap().unwrap(), "three");
    cluster.logs.forget(&uid);
    assert!(lines.next().await.is_none(), "the log ends with its pod");
}

#[tokio::test]
async fn open_watches_do_not_keep_the_server_from_stopping() {
    let store = Store::new(Clock::wall());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let metrics = ExternalMetrics::new(store.clone(), Proxy::new(store.clone()));
    let server = tokio::spawn(api::serve(
        listener,
        store,
        Logs::default(),
        metrics,
        TOKEN.to_owned(),
        shutdown.clone(),
    ));
    let url = format!("http://podium:{TOKEN}@{address}/api/v1/namespaces?watch=true");
    let mut watch = reqwest::get(url).await.unwrap();
    assert!(watch.chunk().await.unwrap().is_some());
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(5), server)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_missing_metric_is_an_error_in_kedas_words() {
    let cluster = Cluster::start().await;
    let client = cluster.client().await;
    let get = async |query: &str| {
        let path =
            format!("/apis/external.metrics.k8s.io/v1beta1/namespaces/demo/s0-redis-x{query}");
        let request = http_get(&path);
        refusal(client.request::<Value>(request).await)
    };
    assert_eq!(get("").await.2, "scaledObject name is not specified");
    let (code, _, message) = get("?labelSelector=scaledobject.keda.sh%2Fname%3Dnope").await;
    assert_eq!(code, 500);
    assert!(
        message.starts_with("rpc error: code = Unknown desc = error when getting metric values"),
        "{message}"
    );
}

fn http_get(path: &str) -> axum::http::Request<Vec<u8>> {
    axum::http::Request::get(path).body(Vec::new()).unwrap()
}

#[tokio::test]
async fn a_scaled_object_is_applied_as_a_custom_resource() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let resource = ApiResource {
        group: "keda.sh".to_owned(),
        version: "v1alpha1".to_owned(),
        api_version: "keda.sh/v1alpha1".to_owned(),
        kind: "ScaledObject".to_owned(),
        plural: "scaledobjects".to_owned(),
    };
    let api: Api<DynamicObject> = Api::namespaced_with(client, "demo", &resource);
    let object = |max: i64| {
        json!({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "w"}, "spec": {
            "scaleTargetRef": {"name": "w"}, "minReplicaCount": 1, "maxReplicaCount": max,
            "triggers": [{"type": "redis", "metadata": {"listName": "q"}}],
        }})
    };
    let params = PatchParams::apply("podium");
    api.patch("w", &params, &Patch::Apply(object(48)))
        .await
        .unwrap();
    let refused = refusal(api.patch("w", &params, &Patch::Apply(object(0))).await);
    assert!(
        refused
            .2
            .contains("spec.maxReplicaCount in body should be greater than or equal to 1"),
        "{}",
        refused.2
    );
}

#[tokio::test]
async fn an_autoscaler_and_an_event_are_served_in_both_of_their_forms() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let v1: Api<k8s_openapi::api::autoscaling::v1::HorizontalPodAutoscaler> =
        Api::namespaced(client.clone(), "demo");
    let v2: Api<k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler> =
        Api::namespaced(client.clone(), "demo");
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
    let spec =
        json!({"scaleTargetRef": target, "maxReplicas": 5, "targetCPUUtilizationPercentage": 60});
    let written = from(json!({"metadata": {"name": "web"}, "spec": spec}));
    v1.create(&PostParams::default(), &written).await.unwrap();
    let metrics = v2.get("web").await.unwrap().spec.metrics.unwrap();
    let utilization = &metrics[0].resource.as_ref().unwrap().target;
    assert_eq!(utilization.average_utilization, Some(60));
    let read = v1.get("web").await.unwrap().spec;
    assert_eq!(read.target_cpu_utilization_percentage, Some(60));

    let core: Api<k8s_openapi::api::core::v1::Event> = Api::namespaced(client.clone(), "demo");
    let new: Api<k8s_openapi::api::events::v1::Event> = Api::namespaced(client, "demo");
    let involved = json!({"kind": "Pod", "name": "p", "namespace": "demo"});
    let event =
        json!({"metadata": {"name": "e"}, "involvedObject": involved, "message": "Created pod: p"});
    let event = from(event);
    core.create(&PostParams::default(), &event).await.unwrap();
    let seen = new.get("e").await.unwrap();
    assert_eq!(seen.note.as_deref(), Some("Created pod: p"));
    assert_eq!(seen.regarding.unwrap().name.as_deref(), Some("p"));
    let mine = ListParams::default().fields("involvedObject.name=p");
    assert_eq!(core.list(&mine).await.unwrap().items.len(), 1);
}
