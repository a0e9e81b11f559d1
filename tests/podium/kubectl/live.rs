//! The whole cluster at work: controllers, kubelet and KEDA behind the API, `kubectl` in front of it.

use super::words;
use crate::talk::{Output, Talk};

const WORKER: &str = "deploy/queue-worker";

impl Talk {
    /// Runs a `kubectl` command line in the demo's namespace; it must succeed.
    async fn says(&self, line: &str) -> String {
        let output = self.tried(line).await;
        assert_eq!(output.code, Some(0), "kubectl {line}: {output:?}");
        output.stdout
    }

    async fn tried(&self, line: &str) -> Output {
        let mut arguments: Vec<&str> = line.split(' ').collect();
        arguments.extend(["-n", "keda-demo"]);
        self.kubectl(&arguments).await
    }
}

#[track_caller]
fn has(text: &str, lines: &[&str]) {
    let shown: Vec<String> = words(text).iter().map(|words| words.join(" ")).collect();
    for line in lines {
        assert!(
            shown.iter().any(|shown| shown.contains(line)),
            "{line}\nin\n{text}"
        );
    }
}

#[tokio::test]
async fn what_is_deployed_reads_as_on_a_real_cluster() {
    let talk = Talk::start().await;
    talk.deploy().await;
    talk.says("wait --for=create hpa/keda-hpa-queue-worker --timeout=30s")
        .await;
    has(
        &talk.says("get deploy,rs,hpa").await,
        &[
            "NAME READY UP-TO-DATE AVAILABLE AGE",
            "deployment.apps/queue-worker 1/1 1 1",
            "NAME DESIRED CURRENT READY AGE",
            "NAME REFERENCE TARGETS MINPODS MAXPODS REPLICAS AGE",
            "horizontalpodautoscaler.autoscaling/keda-hpa-queue-worker Deployment/queue-worker",
        ],
    );
    has(
        &talk.says("get pods -o wide").await,
        &["NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES"],
    );
    has(
        &talk.says("describe deploy queue-worker").await,
        &[
            "Replicas: 1 desired | 1 updated | 1 total | 1 available | 0 unavailable",
            "StrategyType: RollingUpdate",
            "RollingUpdateStrategy: 25% max unavailable, 25% max surge",
            "Progressing True NewReplicaSetAvailable",
            "Available True MinimumReplicasAvailable",
            "OldReplicaSets: <none>",
            "(1/1 replicas created)",
            "deployment-controller Scaled up replica set queue-worker-",
        ],
    );
    has(
        &talk.says("describe hpa keda-hpa-queue-worker").await,
        &[
            "Reference: Deployment/queue-worker",
            "Metrics: ( current / target )",
            "\"s0-redis-keda-demo-queue\" (target average value):",
            "Stabilization Window: 0 seconds",
            "- Type: Pods Value: 24 Period: 15 seconds",
            "- Type: Percent Value: 40 Period: 15 seconds",
        ],
    );
    has(
        &talk
            .says("describe pod -l app.kubernetes.io/name=queue-worker")
            .await,
        &[
            "Status: Running",
            "Controlled By: ReplicaSet/queue-worker-",
            "QoS Class: Burstable",
            "default-scheduler Successfully assigned keda-demo/queue-worker-",
        ],
    );
    talk.says("wait --for=jsonpath={.endpoints[0].addresses[0]} endpointslice -l kubernetes.io/service-name=redis")
        .await;
    has(
        &talk.says("describe svc redis").await,
        &[
            "Type: ClusterIP",
            "Port: redis 6379/TCP",
            "Endpoints: 127.0.0.1:",
        ],
    );
    has(
        &talk.says("describe so queue-worker").await,
        &[
            "API Version: keda.sh/v1alpha1",
            "Kind: ScaledObject",
            "Max Replica Count: 48",
        ],
    );
    has(
        &talk.says("events --for deploy/queue-worker").await,
        &[
            "LAST SEEN TYPE REASON OBJECT MESSAGE",
            "Normal ScalingReplicaSet Deployment/queue-worker Scaled up replica set queue-worker-",
        ],
    );
    has(
        &talk.says("get events --sort-by=.lastTimestamp").await,
        &["Normal SuccessfulCreate replicaset/queue-worker-"],
    );
}

#[tokio::test]
async fn a_rollout_is_followed_restarted_and_remembered() {
    let talk = Talk::start().await;
    talk.deploy().await;
    assert_eq!(
        talk.says("rollout status deploy/queue-worker --timeout=20s")
            .await,
        "deployment \"queue-worker\" successfully rolled out\n"
    );
    for (line, said) in [
        (
            "set env deploy/queue-worker A=b",
            "deployment.apps/queue-worker env updated\n",
        ),
        (
            "set image deploy/queue-worker worker=podium:next",
            "deployment.apps/queue-worker image updated\n",
        ),
        (
            "rollout restart deploy/queue-worker",
            "deployment.apps/queue-worker restarted\n",
        ),
    ] {
        assert_eq!(talk.says(line).await, said);
        let followed = talk
            .says("rollout status deploy/queue-worker --timeout=30s")
            .await;
        assert!(
            followed.ends_with("deployment \"queue-worker\" successfully rolled out\n"),
            "{followed}"
        );
    }
    assert_eq!(
        words(&talk.says("rollout history deploy/queue-worker").await)
            .iter()
            .filter(|words| words.last() == Some(&"<none>"))
            .count(),
        4
    );
    let image = "get deploy queue-worker -o jsonpath={.spec.template.spec.containers[0].image}";
    assert_eq!(talk.says(image).await, "podium:next");
    assert_eq!(
        talk.says("scale deploy/queue-worker --replicas=2").await,
        "deployment.apps/queue-worker scaled\n"
    );
    assert_eq!(
        talk.says(
            "wait --for=jsonpath={.status.readyReplicas}=2 deploy/queue-worker --timeout=20s"
        )
        .await,
        "deployment.apps/queue-worker condition met\n"
    );
    assert_eq!(
        talk.says("wait --for=condition=Available deploy/queue-worker --timeout=20s")
            .await,
        "deployment.apps/queue-worker condition met\n"
    );
    assert_eq!(
        talk.tried("rollout status deploy/nope").await.stderr,
        "Error from server (NotFound): deployments.apps \"nope\" not found\n"
    );
}

#[tokio::test]
async fn a_log_is_read_and_followed_until_its_pod_goes() {
    let talk = Talk::start().await;
    talk.deploy().await;
    let log = talk.says("logs deploy/queue-worker --tail=1000").await;
    assert!(log.starts_with("worker queue-worker-"), "{log}");
    let follow = ["logs", "-f", WORKER, "-n", "keda-demo"];
    let pods = "get pods -l app.kubernetes.io/name=queue-worker -o name";
    let pod = talk.says(pods).await.trim().to_owned();
    let delete = async {
        // The follower must be there first; what it reads is the same either way.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        talk.says(&format!("delete {pod}")).await
    };
    let (followed, deleted) = tokio::join!(talk.kubectl(&follow), delete);
    assert!(deleted.ends_with(" deleted\n"), "{deleted}");
    assert!(
        followed.stdout.starts_with("worker queue-worker-"),
        "{followed:?}"
    );
}

#[tokio::test]
async fn every_writer_owns_what_it_wrote() {
    let talk = Talk::start().await;
    talk.deploy().await;
    talk.says("wait --for=create hpa/keda-hpa-queue-worker --timeout=30s")
        .await;
    talk.says("scale deploy/queue-worker --replicas=2").await;
    let path = "jsonpath={range .metadata.managedFields[*]}{.manager} {.operation} {.subresource}{\"\\n\"}{end}";
    let line = [
        "get",
        WORKER,
        "-n",
        "keda-demo",
        "--show-managed-fields",
        "-o",
        path,
    ];
    let managers = talk.kubectl(&line).await.stdout;
    has(
        &managers,
        &[
            "podium Apply",
            "kubectl Update scale",
            "kube-controller-manager Update status",
        ],
    );
    let hpa = [
        "get",
        "hpa",
        "-n",
        "keda-demo",
        "--show-managed-fields",
        "-o",
        "yaml",
    ];
    has(&talk.kubectl(&hpa).await.stdout, &["manager: keda"]);
    let applied = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: queue-worker\n  namespace: keda-demo\nspec:\n  replicas: 5\n";
    let file = talk.state.path().join("size.yaml");
    std::fs::write(&file, applied).unwrap();
    let refused = talk
        .kubectl(&["apply", "--server-side", "-f", file.to_str().unwrap()])
        .await;
    assert!(
        refused.stderr.starts_with("error: Apply failed with 1 conflict: conflict with \"kubectl\" with subresource \"scale\" using apps/v1: .spec.replicas\n"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_drained_node_takes_no_pods_until_it_is_uncordoned() {
    let talk = Talk::start().await;
    talk.deploy().await;
    let drain = ["drain", "podium", "--force", "--ignore-daemonsets"];
    let drained = talk.kubectl(&drain).await;
    assert!(
        drained.stdout.ends_with("node/podium drained\n"),
        "{drained:?}"
    );
    let pending = "wait --for=jsonpath={.status.phase}=Pending pod -l app.kubernetes.io/name=redis --timeout=20s";
    talk.says(pending).await;
    has(
        &talk
            .says("describe pod -l app.kubernetes.io/name=redis")
            .await,
        &["default-scheduler 0/1 nodes are available: 1 node(s) were unschedulable."],
    );
    let uncordoned = talk.kubectl(&["uncordon", "podium"]).await;
    assert_eq!(uncordoned.stdout, "node/podium uncordoned\n");
    talk.says("rollout status deploy/redis --timeout=20s").await;
}
