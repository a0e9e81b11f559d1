//! Objects one by one: created, read, changed, deleted; pods, secrets, logs; both forms of what has two.

use super::*;

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
