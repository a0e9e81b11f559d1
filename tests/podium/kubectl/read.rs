//! get, describe, explain and what the server says about itself.

use super::*;

#[tokio::test]
async fn lists_have_the_columns_of_a_real_cluster() {
    let kubectl = Kubectl::with_demo().await;
    let table = kubectl.ok(&["get", "deploy", "-n", "keda-demo"]).await;
    let rows = words(&table);
    assert_eq!(rows[0], ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]);
    assert_eq!(rows[1][..4], ["queue-worker", "0/1", "0", "0"]);
    let table = kubectl
        .ok(&[
            "get",
            "deploy",
            "-n",
            "keda-demo",
            "queue-worker",
            "-o",
            "wide",
        ])
        .await;
    assert_eq!(words(&table)[0][5..], ["CONTAINERS", "IMAGES", "SELECTOR"]);
    assert_eq!(
        words(&table)[1][5..],
        [
            "worker",
            "podium:latest",
            "app.kubernetes.io/name=queue-worker"
        ]
    );
    let table = kubectl.ok(&["get", "so", "-n", "keda-demo"]).await;
    assert_eq!(
        words(&table)[1][..4],
        ["queue-worker", "queue-worker", "1", "48"]
    );
    let all = kubectl.ok(&["get", "all", "-n", "keda-demo"]).await;
    assert!(
        all.contains("service/redis") && all.contains("deployment.apps/queue-worker"),
        "{all}"
    );
    let path = "jsonpath={.spec.template.spec.containers[0].image}";
    assert_eq!(
        kubectl
            .ok(&["get", "deploy", "redis", "-n", "keda-demo", "-o", path])
            .await,
        "redis:7-alpine"
    );
    let yaml = kubectl
        .ok(&["get", "deploy", "-n", "keda-demo", "-o", "yaml"])
        .await;
    assert!(
        yaml.contains("kind: List") && yaml.contains("progressDeadlineSeconds: 600"),
        "{yaml}"
    );
    let sorted = kubectl
        .ok(&[
            "get",
            "deploy",
            "-n",
            "keda-demo",
            "--sort-by=.metadata.name",
            "-o",
            "name",
        ])
        .await;
    assert_eq!(
        sorted,
        "deployment.apps/queue-worker\ndeployment.apps/redis\n"
    );
}

#[tokio::test]
async fn a_watch_prints_a_line_for_every_change() {
    let kubectl = Kubectl::with_demo().await;
    for arguments in [
        ["get", "deploy", "-n", "keda-demo", "queue-worker", "-w"].as_slice(),
        [
            "get",
            "deploy",
            "-n",
            "keda-demo",
            "-l",
            "app.kubernetes.io/name=queue-worker",
            "-w",
        ]
        .as_slice(),
    ] {
        let mut child = kubectl.command(arguments).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = async || {
            let line = tokio::time::timeout(Duration::from_millis(500), lines.next_line()).await;
            line.ok().map(|line| line.unwrap().unwrap())
        };
        let mut seen = Vec::new();
        let mut replicas = 10;
        while seen.len() < 4 {
            if let Some(line) = next().await {
                seen.push(line.split_whitespace().nth(1).unwrap().to_owned());
                continue;
            }
            // Between its first answer and its watch, kubectl looks away; so change things until it has seen enough.
            replicas += 1;
            let key = Key::new(DEPLOYMENTS, "keda-demo", "queue-worker");
            let change = kubectl.cluster.store.modify(&key, None, |object| {
                object["spec"]["replicas"] = json!(replicas);
                Ok(())
            });
            change.unwrap();
        }
        assert_eq!(seen[0], "READY");
        assert_eq!(seen[3], format!("0/{replicas}"));
        child.kill().await.unwrap();
    }
}

#[tokio::test]
async fn the_server_introduces_itself() {
    let kubectl = Kubectl::start().await;
    let resources = kubectl.ok(&["api-resources", "-o", "wide"]).await;
    for line in [
        "pods po v1 true Pod create,delete,deletecollection,get,list,patch,update,watch all",
        "horizontalpodautoscalers hpa autoscaling/v2 true HorizontalPodAutoscaler create,delete,deletecollection,get,list,patch,update,watch all",
        "scaledobjects so keda.sh/v1alpha1 true ScaledObject",
        "externalmetrics external.metrics.k8s.io/v1beta1 true ExternalMetricValueList get",
    ] {
        assert!(
            words(&resources)
                .iter()
                .any(|words| words.join(" ").starts_with(line)),
            "{line}\n{resources}"
        );
    }
    let versions = kubectl.ok(&["api-versions"]).await;
    assert!(
        versions.contains("external.metrics.k8s.io/v1beta1\n"),
        "{versions}"
    );
    assert!(
        kubectl
            .ok(&["version"])
            .await
            .contains("Server Version: v1.36")
    );
    let metrics = kubectl
        .ok(&["get", "--raw", "/apis/external.metrics.k8s.io/v1beta1"])
        .await;
    assert!(metrics.contains("externalmetrics"), "{metrics}");
}

#[tokio::test]
async fn every_form_of_output_is_served() {
    let kubectl = Kubectl::with_demo().await;
    let get = ["get", "deploy", "-n", "keda-demo", "queue-worker", "-o"];
    let form = async |form: &str| kubectl.ok(&[&get[..], &[form]].concat()).await;
    assert_eq!(form("name").await, "deployment.apps/queue-worker\n");
    assert_eq!(
        words(&form("custom-columns=NAME:.metadata.name,SIZE:.spec.replicas").await),
        [["NAME", "SIZE"], ["queue-worker", "1"]]
    );
    let object: serde_json::Value = serde_json::from_str(&form("json").await).unwrap();
    assert_eq!(object["kind"], "Deployment");
    assert!(object["metadata"]["managedFields"].is_null());
    assert!(
        form("yaml")
            .await
            .starts_with("apiVersion: apps/v1\nkind: Deployment\n")
    );
}

#[tokio::test]
async fn fields_are_explained_as_upstream_explains_them() {
    let kubectl = Kubectl::start().await;
    assert_eq!(
        kubectl.ok(&["explain", "deploy.spec.replicas"]).await,
        "GROUP:      apps\nKIND:       Deployment\nVERSION:    v1\n\nFIELD: replicas <integer>\n\n\nDESCRIPTION:\n    Number of desired pods. This is a pointer to distinguish between explicit\n    zero and not specified. Defaults to 1.\n    \n\n"
    );
    let explained = kubectl.ok(&["explain", "hpa.spec.behavior"]).await;
    assert!(
        explained.starts_with("GROUP:      autoscaling\nKIND:       HorizontalPodAutoscaler\nVERSION:    v2\n\nFIELD: behavior <HorizontalPodAutoscalerBehavior>\n\n\nDESCRIPTION:\n    behavior configures the scaling behavior of the target in both Up and Down\n"),
        "{explained}"
    );
    assert!(explained.contains("\nFIELDS:\n  scaleDown\t<HPAScalingRules>\n    scaleDown is scaling policy for scaling Down."));
    let explained = kubectl.ok(&["explain", "scaledobject.spec.triggers"]).await;
    assert!(
        explained.starts_with("GROUP:      keda.sh\nKIND:       ScaledObject\nVERSION:    v1alpha1\n\nFIELD: triggers <[]Object>\n\n\nDESCRIPTION:\n    ScaleTriggers reference the scaler that will be used\n    \nFIELDS:\n  authenticationRef\t<Object>\n"),
        "{explained}"
    );
    assert!(
        explained.contains("\n  metadata\t<map[string]string> -required-\n    <no description>\n")
    );
    for kind in [
        "pods",
        "hpa",
        "so",
        "svc",
        "jobs",
        "quota",
        "roles",
        "endpointslices",
    ] {
        let explained = kubectl.ok(&["explain", kind]).await;
        assert!(explained.contains("FIELDS:\n  "), "{explained}");
    }
}

#[tokio::test]
async fn a_whole_kind_is_explained_field_by_field() {
    let kubectl = Kubectl::start().await;
    let deployment = kubectl.ok(&["explain", "deploy", "--recursive"]).await;
    for line in [
        "  spec\t<DeploymentSpec>\n",
        "        containers\t<[]Container> -required-\n",
        "            valueFrom\t<EnvVarSource>\n",
    ] {
        assert!(deployment.contains(line), "{line}\n{deployment}");
    }
    let scaled = kubectl.ok(&["explain", "so", "--recursive"]).await;
    assert!(
        scaled.contains("            stabilizationWindowSeconds\t<integer>\n"),
        "{scaled}"
    );
}

#[tokio::test]
async fn whoever_has_the_kubeconfig_may_do_everything() {
    let kubectl = Kubectl::start().await;
    for question in [
        ["auth", "can-i", "create", "deployments"],
        ["auth", "can-i", "*", "*"],
    ] {
        assert_eq!(kubectl.ok(&question).await, "yes\n");
    }
    let rules = kubectl.ok(&["auth", "can-i", "--list"]).await;
    // What follows is everybody's.
    assert_eq!(
        words(&rules)[..3],
        [
            vec![
                "Resources",
                "Non-Resource",
                "URLs",
                "Resource",
                "Names",
                "Verbs"
            ],
            vec!["*.*", "[]", "[]", "[*]"],
            vec!["[*]", "[]", "[*]"],
        ]
    );
    let who = kubectl.ok(&["auth", "whoami"]).await;
    assert!(who.contains("system:masters"), "{who}");
}
