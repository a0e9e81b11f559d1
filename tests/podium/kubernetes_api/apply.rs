//! Server-side apply and the other kinds of patches.

use super::*;

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

fn with_replicas(replicas: i64) -> Value {
    let mut config = web();
    config["spec"]["replicas"] = json!(replicas);
    config
}

#[tokio::test]
async fn another_managers_field_is_a_conflict_with_its_cause_until_it_is_forced() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let api: Api<Deployment> = Api::namespaced(client, "demo");
    let one = PatchParams::apply("one");
    api.patch("web", &one, &Patch::Apply(with_replicas(1)))
        .await
        .unwrap();
    let two = PatchParams::apply("two");
    api.patch("web", &two, &Patch::Apply(with_replicas(1)))
        .await
        .expect("the same value is shared");
    let Err(kube::Error::Api(refused)) = api
        .patch("web", &two, &Patch::Apply(with_replicas(2)))
        .await
    else {
        panic!("not refused");
    };
    assert_eq!((refused.code, refused.reason.as_str()), (409, "Conflict"));
    assert_eq!(
        refused.message,
        "Apply failed with 1 conflict: conflict with \"one\": .spec.replicas"
    );
    let cause = &refused.details.unwrap().causes[0];
    assert_eq!(
        (cause.reason.as_str(), cause.field.as_str()),
        ("FieldManagerConflict", ".spec.replicas")
    );
    assert_eq!(cause.message, "conflict with \"one\"");
    let forced = api
        .patch("web", &two.force(), &Patch::Apply(with_replicas(2)))
        .await
        .unwrap();
    assert_eq!(forced.spec.unwrap().replicas, Some(2));
    let again = refusal(
        api.patch("web", &one, &Patch::Apply(with_replicas(1)))
            .await,
    );
    assert!(
        again.2.contains("conflict with \"two\": .spec.replicas"),
        "{}",
        again.2
    );
}

#[tokio::test]
async fn a_conflict_names_the_manager_its_version_and_its_door() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let api: Api<Deployment> = Api::namespaced(client, "demo");
    let params = PatchParams::apply("podium");
    api.patch("web", &params, &Patch::Apply(with_replicas(1)))
        .await
        .unwrap();
    let scaler = PatchParams {
        field_manager: Some("scaler".to_owned()),
        ..PatchParams::default()
    };
    let scale = |replicas: i64| Patch::Merge(json!({"spec": {"replicas": replicas}}));
    api.patch_scale("web", &scaler, &scale(5)).await.unwrap();
    let refused = refusal(
        api.patch("web", &params, &Patch::Apply(with_replicas(1)))
            .await,
    );
    assert_eq!(
        refused.2,
        "Apply failed with 1 conflict: conflict with \"scaler\" with subresource \"scale\" using apps/v1: .spec.replicas"
    );
    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "podium:9"}]}}}});
    api.patch("web", &scaler, &Patch::Strategic(image))
        .await
        .unwrap();
    let refused = refusal(
        api.patch("web", &params, &Patch::Apply(with_replicas(1)))
            .await,
    );
    assert!(
        refused
            .2
            .starts_with("Apply failed with 2 conflicts: conflicts with \"scaler\"")
    );
    assert!(
        refused
            .2
            .contains("using apps/v1:\n- .spec.template.spec.containers[name=\"web\"].image"),
        "{}",
        refused.2
    );
}

#[tokio::test]
async fn who_wrote_what_is_recorded_and_what_nobody_applies_any_more_goes() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let api: Api<ConfigMap> = Api::namespaced(client, "demo");
    let config = |data: Value| {
        let metadata = json!({"name": "c"});
        Patch::Apply(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}),
        )
    };
    let one = PatchParams::apply("one");
    let two = PatchParams::apply("two");
    api.patch("c", &one, &config(json!({"a": "1", "b": "1"})))
        .await
        .unwrap();
    api.patch("c", &two, &config(json!({"b": "1", "c": "1"})))
        .await
        .unwrap();
    let left = api.patch("c", &one, &config(json!({}))).await.unwrap();
    let keys: Vec<String> = left.data.unwrap().into_keys().collect();
    assert_eq!(keys, ["b", "c"], "b is still two's");
    let updated = api
        .patch(
            "c",
            &PatchParams {
                field_manager: Some("three".to_owned()),
                ..PatchParams::default()
            },
            &Patch::Merge(json!({"data": {"b": null, "c": "2"}})),
        )
        .await
        .unwrap();
    let managers = updated.metadata.managed_fields.unwrap();
    let shown: Vec<(String, String, Value)> = managers
        .into_iter()
        .map(|entry| {
            (
                entry.manager.unwrap(),
                entry.operation.unwrap(),
                entry.fields_v1.unwrap().0,
            )
        })
        .filter(|(_, _, fields)| fields["f:data"]["f:c"].is_object())
        .collect();
    let fields = json!({"f:data": {"f:c": {}}});
    assert_eq!(shown, [("three".to_owned(), "Update".to_owned(), fields)]);
}

#[tokio::test]
async fn quantities_come_back_in_canonical_form() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let api: Api<Deployment> = Api::namespaced(client, "demo");
    let mut config = web();
    let requests = json!({"cpu": "1000m", "memory": "1024Mi"});
    config["spec"]["template"]["spec"]["containers"][0]["resources"] =
        json!({"requests": requests});
    let created = api
        .create(&PostParams::default(), &from(config.clone()))
        .await
        .unwrap();
    let pod = created.spec.unwrap().template.spec.unwrap();
    let requests = pod.containers[0]
        .resources
        .clone()
        .unwrap()
        .requests
        .unwrap();
    assert_eq!(
        (requests["cpu"].0.as_str(), requests["memory"].0.as_str()),
        ("1", "1Gi")
    );
    config["metadata"]["name"] = json!("bad");
    config["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] =
        json!("much");
    let refused = refusal(api.create(&PostParams::default(), &from(config)).await);
    assert_eq!(
        (refused.0, refused.2.as_str()),
        (
            400,
            "Deployment in version \"v1\" cannot be handled as a Deployment: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        )
    );
}
