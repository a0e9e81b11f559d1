//! apply, diff, delete: whole folders of manifests.

use super::*;

#[tokio::test]
async fn the_demo_is_applied_once_and_then_unchanged() {
    let kubectl = Kubectl::start().await;
    let first = kubectl.ok(&["apply", "-k", DEMO]).await;
    assert_eq!(first.lines().count(), 6);
    assert!(
        first.lines().all(|line| line.ends_with(" created")),
        "{first}"
    );
    let second = kubectl.ok(&["apply", "-k", DEMO]).await;
    // A Secret written with `stringData` always differs from what is stored; a real cluster says so too.
    assert!(
        second
            .lines()
            .all(|line| line.ends_with(" unchanged") || line == "secret/redis configured"),
        "{second}"
    );
    assert_eq!(kubectl.ok(&["diff", "-k", DEMO]).await, "");
}

#[tokio::test]
async fn the_demo_is_applied_on_the_server_side_too() {
    let kubectl = Kubectl::start().await;
    let dry = kubectl
        .ok(&[
            "apply",
            "--server-side",
            "--dry-run=server",
            "-f",
            &format!("{DEMO}/namespace.yaml"),
        ])
        .await;
    assert_eq!(
        dry,
        "namespace/keda-demo serverside-applied (server dry run)\n"
    );
    for _ in 0..2 {
        let output = kubectl.ok(&["apply", "--server-side", "-k", DEMO]).await;
        assert!(
            output
                .lines()
                .all(|line| line.ends_with(" serverside-applied")),
            "{output}"
        );
    }
    // From one way of applying to the other and back.
    kubectl.ok(&["apply", "-k", DEMO]).await;
    kubectl
        .ok(&["apply", "--server-side", "--force-conflicts", "-k", DEMO])
        .await;
}

#[tokio::test]
async fn deleting_the_demo_waits_until_it_is_gone() {
    let kubectl = Kubectl::with_demo().await;
    kubectl.cluster.collect_namespaces();
    let output = kubectl.ok(&["delete", "-k", DEMO]).await;
    assert!(
        output.contains("namespace \"keda-demo\" deleted"),
        "{output}"
    );
    assert_eq!(
        kubectl.fails(&["get", "ns", "keda-demo"]).await,
        "Error from server (NotFound): namespaces \"keda-demo\" not found"
    );
}

#[tokio::test]
async fn what_was_applied_on_the_client_side_moves_to_the_server_side_without_conflict() {
    let kubectl = Kubectl::with_demo().await;
    kubectl.ok(&["apply", "--server-side", "-k", DEMO]).await;
    let path = "jsonpath={range .metadata.managedFields[*]}{.manager}/{.operation} {end}";
    let get = [
        "get",
        "deploy",
        "queue-worker",
        "-n",
        "keda-demo",
        "--show-managed-fields",
        "-o",
    ];
    let managers = kubectl.ok(&[&get[..], &[path]].concat()).await;
    let mut managers: Vec<&str> = managers.split_whitespace().collect();
    managers.sort_unstable();
    assert_eq!(managers, ["kubectl-last-applied/Apply", "kubectl/Apply"]);
    let yaml = kubectl.ok(&[&get[..], &["yaml"]].concat()).await;
    assert!(yaml.contains("k:{\"name\":\"worker\"}:"), "{yaml}");
    // The annotation lost its empty `annotations`, so the way back has something to say; so it has on a real cluster.
    let back = kubectl.ok(&["apply", "--dry-run=server", "-k", DEMO]).await;
    assert!(
        back.lines()
            .all(|line| line.ends_with(" configured (server dry run)")),
        "{back}"
    );
}

#[tokio::test]
async fn another_managers_field_needs_force() {
    let kubectl = Kubectl::with_demo().await;
    let patch = "{\"spec\":{\"replicas\":3}}";
    kubectl
        .ok(&["patch", "deploy", "redis", "-n", "keda-demo", "-p", patch])
        .await;
    let config = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "redis", "namespace": "keda-demo"}, "spec": {"replicas": 2}});
    let config = config.to_string();
    let apply = ["apply", "--server-side", "--field-manager=me", "-f", "-"];
    let (_, errors, success) = kubectl.run(&apply, &config).await;
    assert!(!success);
    assert!(
        errors.starts_with("error: Apply failed with 1 conflict: conflict with \"kubectl-patch\" using apps/v1: .spec.replicas\n"),
        "{errors}"
    );
    let forced = [&apply[..], &["--force-conflicts"]].concat();
    let (output, _, success) = kubectl.run(&forced, &config).await;
    assert!(success);
    assert_eq!(output, "deployment.apps/redis serverside-applied\n");
}

#[tokio::test]
async fn a_diff_shows_what_would_change_and_changes_nothing() {
    let kubectl = Kubectl::with_demo().await;
    let live = ["get", "deploy", "redis", "-n", "keda-demo", "-o", "json"];
    let before = kubectl.ok(&live).await;
    let mut wanted: serde_json::Value = serde_json::from_str(&before).unwrap();
    wanted["spec"]["replicas"] = json!(4);
    let (output, _, success) = kubectl.run(&["diff", "-f", "-"], &wanted.to_string()).await;
    assert!(!success, "a difference is exit code 1");
    assert!(
        output.contains("-  replicas: 1\n") && output.contains("+  replicas: 4\n"),
        "{output}"
    );
    assert_eq!(kubectl.ok(&live).await, before);
}

#[tokio::test]
async fn what_get_prints_is_what_apply_takes() {
    let kubectl = Kubectl::with_demo().await;
    let get = ["get", "deploy,svc", "-n", "keda-demo", "-o", "yaml"];
    let list = kubectl.ok(&get).await;
    assert!(list.contains("\nkind: List\n"), "{list}");
    let (said, errors, success) = kubectl.run(&["apply", "-f", "-"], &list).await;
    assert!(success, "{errors}");
    assert_eq!(
        said,
        "deployment.apps/queue-worker configured\ndeployment.apps/redis configured\nservice/redis configured\n"
    );
    let list = kubectl.ok(&get).await;
    let unknown = list.replace("progressDeadlineSeconds:", "progressDeadline:");
    let (_, errors, success) = kubectl.run(&["apply", "-f", "-"], &unknown).await;
    assert!(!success);
    assert!(
        errors.contains("unknown field \"spec.progressDeadline\""),
        "the server checks each item: {errors}"
    );
}
