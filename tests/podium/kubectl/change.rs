//! The verbs that change one object.

use super::*;

#[tokio::test]
async fn describe_and_the_verbs_that_change_things_work() {
    let kubectl = Kubectl::with_demo().await;
    let described = kubectl
        .ok(&["describe", "deploy", "-n", "keda-demo", "queue-worker"])
        .await;
    assert!(
        described.contains("25% max unavailable, 25% max surge"),
        "{described}"
    );
    let described = kubectl
        .ok(&["describe", "so,secret,svc,ns", "-n", "keda-demo"])
        .await;
    assert!(
        described.contains("Max Replica Count") && described.contains("password:  9 bytes"),
        "{described}"
    );
    for (arguments, said) in [
        (
            ["scale", "deploy/redis", "--replicas=2"],
            "deployment.apps/redis scaled",
        ),
        (
            ["label", "deploy/redis", "team=stage"],
            "deployment.apps/redis labeled",
        ),
        (
            ["annotate", "deploy/redis", "a=b"],
            "deployment.apps/redis annotated",
        ),
        (
            ["rollout", "restart", "deploy/redis"],
            "deployment.apps/redis restarted",
        ),
        (["delete", "svc", "redis"], "service \"redis\" deleted"),
        (
            ["delete", "deploy", "redis"],
            "deployment.apps \"redis\" deleted",
        ),
    ] {
        let mut arguments = arguments.to_vec();
        arguments.extend(["-n", "keda-demo"]);
        assert_eq!(kubectl.ok(&arguments).await.trim(), said);
    }
}

#[tokio::test]
async fn create_works_though_kubectl_sends_it_as_protobuf() {
    let kubectl = Kubectl::start().await;
    for (command, said) in [
        ("create ns demo", "namespace/demo created"),
        (
            "create quota pods -n demo --hard=pods=10",
            "resourcequota/pods created",
        ),
        (
            "create configmap c -n demo --from-literal=a=b",
            "configmap/c created",
        ),
        (
            "create secret generic s -n demo --from-literal=a=b",
            "secret/s created",
        ),
        (
            "create deploy web -n demo --image=podium:1 --replicas=2",
            "deployment.apps/web created",
        ),
        (
            "autoscale deploy web -n demo --max=5 --cpu-percent=60",
            "horizontalpodautoscaler.autoscaling/web autoscaled",
        ),
        (
            "create job once -n demo --image=podium:1",
            "job.batch/once created",
        ),
        ("auth can-i create deployments -n demo", "yes"),
    ] {
        let arguments: Vec<&str> = command.split(' ').collect();
        assert_eq!(kubectl.ok(&arguments).await.trim(), said, "{command}");
    }
    let table = kubectl.ok(&["get", "hpa,quota", "-n", "demo"]).await;
    let rows: Vec<String> = words(&table).iter().map(|words| words.join(" ")).collect();
    assert!(
        rows[1].contains("Deployment/web cpu: <unknown>/60% 1 5 0"),
        "{table}"
    );
    assert!(rows[4].contains("pods: 0/10"), "{table}");
    assert_eq!(
        kubectl.fails(&["create", "ns", "demo"]).await,
        "Error from server (AlreadyExists): namespaces \"demo\" already exists"
    );
}

#[tokio::test]
async fn all_three_kinds_of_patches_are_taken() {
    let kubectl = Kubectl::with_demo().await;
    let replicas = "jsonpath={.spec.replicas}";
    for (kind, patch, count) in [
        ("strategic", "{\"spec\":{\"replicas\":2}}", "2"),
        ("merge", "{\"spec\":{\"replicas\":3}}", "3"),
        (
            "json",
            "[{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":4}]",
            "4",
        ),
    ] {
        let kind = format!("--type={kind}");
        let patch = [
            "patch",
            "deploy",
            "redis",
            "-n",
            "keda-demo",
            &kind,
            "-p",
            patch,
        ];
        assert_eq!(kubectl.ok(&patch).await, "deployment.apps/redis patched\n");
        assert_eq!(
            kubectl.ok(&patch).await,
            "deployment.apps/redis patched (no change)\n"
        );
        let get = ["get", "deploy", "redis", "-n", "keda-demo", "-o", replicas];
        assert_eq!(kubectl.ok(&get).await, count);
    }
    let custom = [
        "patch",
        "so",
        "queue-worker",
        "-n",
        "keda-demo",
        "--type=merge",
        "-p",
    ];
    let patch = [&custom[..], &["{\"spec\":{\"maxReplicaCount\":9}}"]].concat();
    assert_eq!(
        kubectl.ok(&patch).await,
        "scaledobject.keda.sh/queue-worker patched\n"
    );
}

#[tokio::test]
async fn a_dry_run_says_what_it_would_do_and_does_not() {
    let kubectl = Kubectl::with_demo().await;
    for (arguments, said) in [
        (
            ["scale", "deploy/redis", "--replicas=5"],
            "deployment.apps/redis scaled (server dry run)\n",
        ),
        (
            ["label", "deploy/redis", "team=stage"],
            "deployment.apps/redis labeled (server dry run)\n",
        ),
        (
            ["delete", "deploy", "redis"],
            "deployment.apps \"redis\" deleted (server dry run)\n",
        ),
    ] {
        let line = [&arguments[..], &["-n", "keda-demo", "--dry-run=server"]].concat();
        assert_eq!(kubectl.ok(&line).await, said);
    }
    let shown = "jsonpath={.spec.replicas}{.metadata.labels.team}";
    let get = ["get", "deploy", "redis", "-n", "keda-demo", "-o", shown];
    assert_eq!(kubectl.ok(&get).await, "1");
}
