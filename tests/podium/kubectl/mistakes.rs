//! What mistakes get: the answers of a real cluster, word for word.

use super::*;

#[tokio::test]
async fn mistakes_get_the_answers_of_a_real_cluster() {
    let kubectl = Kubectl::with_demo().await;
    for (command, answer) in [
        (
            "get deploy nope -n keda-demo",
            "Error from server (NotFound): deployments.apps \"nope\" not found",
        ),
        (
            "get nonsense",
            "error: the server doesn't have a resource type \"nonsense\"",
        ),
        (
            "create ns keda-demo",
            "Error from server (AlreadyExists): namespaces \"keda-demo\" already exists",
        ),
        (
            "create deploy queue-worker -n keda-demo --image=x",
            "error: failed to create deployment: deployments.apps \"queue-worker\" already exists",
        ),
        (
            "scale deploy/nope -n keda-demo --replicas=2",
            "error: no objects passed to scale deployments.apps \"nope\" not found",
        ),
        (
            "patch deploy queue-worker -n keda-demo --type=json -p [{\"op\":\"replace\",\"path\":\"/spec/nope/x\",\"value\":1}]",
            "The request is invalid: the server rejected our request due to an error in our request",
        ),
        (
            "delete deploy nope -n keda-demo",
            "Error from server (NotFound): deployments.apps \"nope\" not found",
        ),
        (
            "logs -n keda-demo nope",
            "error: error from server (NotFound): pods \"nope\" not found in namespace \"keda-demo\"",
        ),
        (
            "rollout status deploy/nope -n keda-demo",
            "Error from server (NotFound): deployments.apps \"nope\" not found",
        ),
        (
            "wait --for=condition=Nope deploy/redis -n keda-demo --timeout=1s",
            "error: timed out waiting for the condition on deployments/redis",
        ),
        (
            "get --raw /apis/nope",
            "Error from server (NotFound): the server could not find the requested resource",
        ),
        (
            "get pods -n keda-demo --field-selector spec.nope=1",
            "Error from server (BadRequest): Unable to find \"/v1, Resource=pods\" that match label selector \"\", field selector \"spec.nope=1\": field label not supported: spec.nope",
        ),
        (
            "annotate deploy redis -n keda-demo a/b/c=d",
            "The Deployment \"redis\" is invalid: metadata.annotations: Invalid value: \"a/b/c\": a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
        ),
    ] {
        let arguments: Vec<&str> = command.split(' ').collect();
        assert_eq!(kubectl.fails(&arguments).await, answer, "{command}");
    }
    let selector = ["get", "pods", "-n", "keda-demo", "-l", "a in b"];
    assert_eq!(
        kubectl.fails(&selector).await,
        "Error from server (BadRequest): Unable to find \"/v1, Resource=pods\" that match label selector \"a in b\", field selector \"\": unable to parse requirement: found 'b' expected: '('"
    );
}

#[tokio::test]
async fn a_patch_to_the_wrong_type_shows_both_ends_of_the_object_and_the_field() {
    let kubectl = Kubectl::with_demo().await;
    let patch = "{\"spec\":{\"replicas\":\"three\"}}";
    let said = kubectl
        .fails(&[
            "patch",
            "deploy",
            "queue-worker",
            "-n",
            "keda-demo",
            "--type=merge",
            "-p",
            patch,
        ])
        .await;
    assert!(
        said.starts_with("The request is invalid: patch: Invalid value: \"{\\\"apiVersion\\\":\\\"apps/v1\\\",\\\"kind\\\":\\\"Deployment\\\",\\\"metadata\\\":{"),
        "{said}"
    );
    assert!(
        said.ends_with("json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"),
        "{said}"
    );
}

#[tokio::test]
async fn a_label_is_not_overwritten_by_accident() {
    let kubectl = Kubectl::with_demo().await;
    let label = async |change: &str| {
        let arguments = ["label", "deploy", "redis", "-n", "keda-demo", change];
        kubectl.run(&arguments, "").await
    };
    assert_eq!(
        label("team=stage").await.0,
        "deployment.apps/redis labeled\n"
    );
    assert_eq!(
        label("team=other").await.1,
        "error: 'team' already has a value (stage), and --overwrite is false\n"
    );
    assert_eq!(label("team-").await.0, "deployment.apps/redis unlabeled\n");
}

#[tokio::test]
async fn an_unknown_field_is_refused_by_name() {
    let kubectl = Kubectl::with_demo().await;
    let bad = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "bad", "namespace": "keda-demo"}, "spec": {
        "replica": 2, "selector": {"matchLabels": {"app": "bad"}},
        "template": {"metadata": {"labels": {"app": "other"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}},
    }});
    let bad = bad.to_string();
    for (option, answer) in [
        (
            "--validate=true",
            "Error from server (BadRequest): error when creating \"STDIN\": Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: unknown field \"spec.replica\"\n",
        ),
        (
            "--validate=false",
            "The Deployment \"bad\" is invalid: spec.template.metadata.labels: Invalid value: {\"app\":\"other\"}: `selector` does not match template `labels`\n",
        ),
        (
            "--server-side",
            "Error from server: failed to create typed patch object (keda-demo/bad; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema\n",
        ),
    ] {
        let (_, errors, success) = kubectl.run(&["apply", option, "-f", "-"], &bad).await;
        assert!(!success);
        assert_eq!(errors, answer, "{option}");
    }
}

#[tokio::test]
async fn autoscalers_and_scaled_objects_that_break_their_rules_are_told_every_one() {
    let kubectl = Kubectl::with_demo().await;
    let metadata = json!({"name": "bad", "namespace": "keda-demo"});
    let hpa = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": {
        "minReplicas": 5, "maxReplicas": 2, "scaleTargetRef": {"kind": "Deployment", "name": "x"},
    }});
    let scaled = json!({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": metadata, "spec": {
        "scaleTargetRef": {}, "triggers": [],
    }});
    for (object, answer) in [
        (
            hpa,
            "The HorizontalPodAutoscaler \"bad\" is invalid: \n* spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`\n* spec.scaleTargetRef.apiVersion: Invalid value: \"\": apiVersion must specify API group\n",
        ),
        (
            scaled,
            "The ScaledObject \"bad\" is invalid: \n* spec.scaleTargetRef.name: Required value\n* spec.triggers: Invalid value: 0: spec.triggers in body should have at least 1 items\n* <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation\n",
        ),
    ] {
        let object = object.to_string();
        let (_, errors, success) = kubectl.run(&["apply", "-f", "-"], &object).await;
        assert!(!success);
        assert_eq!(errors, answer);
    }
}

#[tokio::test]
async fn a_scaled_object_on_a_target_that_another_scales_is_denied_by_kedas_webhook() {
    let kubectl = Kubectl::with_demo().await;
    let second = |target: &str| {
        json!({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "second", "namespace": "keda-demo"}, "spec": {
            "scaleTargetRef": {"name": target},
            "triggers": [{"type": "redis", "metadata": {"address": "redis:6379", "listName": "jobs"}}],
        }})
        .to_string()
    };
    let denied = "admission webhook \"vscaledobject.kb.io\" denied the request: the workload 'queue-worker' of type 'apps/v1.Deployment' is already managed by the ScaledObject 'queue-worker'\n";
    let apply = async |target: &str| kubectl.run(&["apply", "-f", "-"], &second(target)).await;
    let (_, errors, success) = apply("queue-worker").await;
    assert!(!success);
    assert_eq!(
        errors,
        format!("Error from server (Forbidden): error when creating \"STDIN\": {denied}")
    );
    assert!(apply("redis").await.2, "another target is free");
    let (_, errors, success) = apply("queue-worker").await;
    assert!(!success, "an update is checked too");
    assert!(errors.ends_with(denied), "{errors}");
    let hpa = [
        "autoscale",
        "deploy/redis",
        "-n",
        "keda-demo",
        "--max=3",
        "--name=mine",
    ];
    kubectl.ok(&hpa).await;
    let (_, errors, success) = kubectl.run(&["replace", "-f", "-"], &second("redis")).await;
    assert!(!success);
    assert!(
        errors.ends_with("denied the request: the workload 'redis' of type 'apps/v1.Deployment' is already managed by the hpa 'mine'\n"),
        "{errors}"
    );
}

#[tokio::test]
async fn what_the_node_does_not_do_is_told_when_it_is_asked_for() {
    let kubectl = Kubectl::with_demo().await;
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "check", "namespace": "keda-demo"}, "spec": {
        "completionMode": "Indexed", "completions": 2,
        "template": {"spec": {"restartPolicy": "Never", "containers": [
            {"name": "a", "image": "b", "livenessProbe": {"exec": {"command": ["true"]}}},
        ]}},
    }});
    let (said, warnings, success) = kubectl.run(&["apply", "-f", "-"], &job.to_string()).await;
    assert!(success, "{warnings}");
    assert_eq!(said, "job.batch/check created\n");
    assert_eq!(
        warnings,
        "Warning: spec.completionMode: the embedded Job controller gives its pods no index\nWarning: spec.template.spec.containers[0].livenessProbe.exec: the embedded kubelet makes tcpSocket and plain httpGet probes only; it takes this one for passed\n"
    );
}
