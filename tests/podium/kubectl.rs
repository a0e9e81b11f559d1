//! The embedded Kubernetes API as an unmodified `kubectl` sees it. Expectations are what a real cluster prints.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

use crate::kubernetes_api::Cluster;
use podium::embedded::store::{DEPLOYMENTS, Key};
use serde_json::json;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/queue-demo");

struct Kubectl {
    cluster: Cluster,
    folder: TempDir,
}

impl Kubectl {
    async fn start() -> Self {
        let cluster = Cluster::start().await;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("kubeconfig"), cluster.kubeconfig()).unwrap();
        Self { cluster, folder }
    }

    /// With the queue demo applied.
    async fn with_demo() -> Self {
        let kubectl = Self::start().await;
        kubectl.ok(&["apply", "-k", DEMO]).await;
        kubectl
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        command
            .args(arguments)
            .env("KUBECONFIG", self.folder.path().join("kubeconfig"))
            .env("HOME", self.folder.path())
            .kill_on_drop(true)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    async fn run(&self, arguments: &[&str], input: &str) -> (String, String, bool) {
        let child = self.command(arguments).spawn();
        let mut child = child.expect(
            "kubectl is needed for this test: install it from https://kubernetes.io/docs/tasks/tools/ and put it on PATH",
        );
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .await
            .unwrap();
        let output = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output());
        let output = output.await.expect("kubectl hangs").unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            text(output.stdout),
            text(output.stderr),
            output.status.success(),
        )
    }

    /// Runs a command that must succeed.
    async fn ok(&self, arguments: &[&str]) -> String {
        let (output, errors, success) = self.run(arguments, "").await;
        assert!(success, "kubectl {arguments:?}: {output}{errors}");
        output
    }

    /// Runs a command that must fail, and returns what it says.
    async fn fails(&self, arguments: &[&str]) -> String {
        let (output, errors, success) = self.run(arguments, "").await;
        assert!(!success, "kubectl {arguments:?} succeeded: {output}");
        errors.trim().to_owned()
    }
}

/// The words of each line, so that column widths do not matter.
fn words(output: &str) -> Vec<Vec<&str>> {
    output
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect()
}

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
            "scale deploy/nope -n keda-demo --replicas=2",
            "error: no objects passed to scale deployments.apps \"nope\" not found",
        ),
        (
            "logs -n keda-demo nope",
            "error: error from server (NotFound): pods \"nope\" not found in namespace \"keda-demo\"",
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
            "wait --for=condition=Nope deploy/redis -n keda-demo --timeout=1s",
            "error: timed out waiting for the condition on deployments/redis",
        ),
    ] {
        let arguments: Vec<&str> = command.split(' ').collect();
        assert_eq!(kubectl.fails(&arguments).await, answer, "{command}");
    }
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
            "strict decoding error: unknown field \"spec.replica\"",
        ),
        (
            "--validate=false",
            "The Deployment \"bad\" is invalid: spec.template.metadata.labels: Invalid value: {\"app\":\"other\"}: `selector` does not match template `labels`",
        ),
        (
            "--server-side",
            "Error from server: failed to create typed patch object (keda-demo/bad; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema",
        ),
    ] {
        let (_, errors, success) = kubectl.run(&["apply", option, "-f", "-"], &bad).await;
        assert!(!success && errors.contains(answer), "{option}: {errors}");
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
