//! What pods live through, done with `kubectl` to a running talk: deletion, rollouts, quotas, Jobs, crashes.

use crate::talk::Talk;
use serde_json::Value;
use std::time::Duration;

const WORKERS: &str = "app.kubernetes.io/name=queue-worker";

/// What `kubectl` printed when it succeeded.
#[track_caller]
fn done(output: crate::talk::Output) -> String {
    assert_eq!(output.code, Some(0), "{output:?}");
    output.stdout
}

impl Talk {
    /// `kubectl` in the demo's namespace, expected to succeed.
    async fn demo(&self, arguments: &[&str]) -> String {
        let mut all = vec!["-n", "keda-demo"];
        all.extend_from_slice(arguments);
        done(self.kubectl(&all).await)
    }

    /// Repeats a `kubectl get` until its text satisfies `wanted`.
    async fn eventually(&self, arguments: &[&str], wanted: impl Fn(&str) -> bool) -> String {
        let mut last = String::new();
        let seen = async {
            loop {
                last = done(self.kubectl(arguments).await);
                if wanted(&last) {
                    return last.clone();
                }
                // `kubectl` offers no event to wait for here; its own start-up is most of the pause.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let seen = tokio::time::timeout(Duration::from_secs(30), seen).await;
        seen.unwrap_or_else(|_| panic!("never as wanted: {arguments:?}"))
    }

    /// The name of the only worker pod.
    async fn worker(&self) -> String {
        let names = self
            .demo(&["get", "pods", "-l", WORKERS, "-o", "name"])
            .await;
        let mut names = names.lines().map(|name| name.trim_start_matches("pod/"));
        let name = names.next().unwrap().to_owned();
        assert_eq!(names.next(), None);
        name
    }
}

/// The processes of the worker pod of this name.
fn processes(pod: &str) -> Vec<String> {
    let wanted = format!("PODIUM_WORKER={pod}");
    let runs_it = |environment: Vec<u8>| {
        environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == wanted.as_bytes())
    };
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let environment = std::fs::read(path.join("environ")).ok()?;
            runs_it(environment).then(|| path.display().to_string())
        })
        .collect()
}

#[tokio::test]
async fn the_process_of_a_deleted_pod_dies_and_no_job_is_lost() {
    let talk = Talk::start().await;
    talk.deploy().await;
    let mut events = talk.events().await;
    let busy = |sample: &Value| sample["in_flight"].as_u64() >= Some(1);
    for (count, how) in [
        (24, &["--wait=true"][..]),
        (48, &["--force", "--grace-period=0"][..]),
    ] {
        let pod = talk.worker().await;
        assert_eq!(processes(&pod).len(), 1);
        let output = talk.command(&["enqueue", "24"]).await;
        assert_eq!(output.code, Some(0), "{output:?}");
        events.sample(Duration::from_secs(10), busy).await;
        talk.demo(&[&["delete", "pod", &pod], how].concat()).await;
        let gone = async {
            while !processes(&pod).is_empty() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let gone = tokio::time::timeout(Duration::from_secs(5), gone).await;
        assert!(gone.is_ok(), "the process outlives its pod");
        let all_done = |sample: &Value| sample["processed"] == count && sample["depth"] == 0;
        let end = events.sample(Duration::from_secs(40), all_done).await;
        assert_eq!(end["enqueued"], count, "{end}");
        assert_eq!(end["in_flight"], 0, "{end}");
        assert_eq!(end["dead"], 0, "{end}");
    }
}

#[tokio::test]
async fn restart_set_env_and_set_image_roll_out_and_undo_rolls_back() {
    let talk = Talk::start().await;
    talk.deploy().await;
    let rolled_out = ["rollout", "status", "deploy/queue-worker", "--timeout=40s"];
    let first = talk.worker().await;
    let restarted = talk
        .demo(&["rollout", "restart", "deploy/queue-worker"])
        .await;
    assert_eq!(restarted, "deployment.apps/queue-worker restarted\n");
    let status = talk.demo(&rolled_out).await;
    assert!(status.contains("successfully rolled out"), "{status}");
    let history = talk.demo(&["get", "rs", "-l", WORKERS, "-o", "name"]).await;
    assert_eq!(history.lines().count(), 2, "{history}");

    talk.demo(&["set", "env", "deploy/queue-worker", "COLOUR=blue"])
        .await;
    talk.demo(&rolled_out).await;
    let listed = ["-n", "keda-demo", "get", "pods", "-l", WORKERS];
    talk.eventually(&listed, |pods| pods.lines().count() == 2)
        .await;
    let worker = talk.worker().await;
    assert_ne!(worker, first);
    let colour = "-o=jsonpath={.spec.containers[0].env[?(@.name=='COLOUR')].value}";
    assert_eq!(talk.demo(&["get", "pod", &worker, colour]).await, "blue");

    talk.demo(&["set", "image", "deploy/queue-worker", "worker=nginx:1"])
        .await;
    let pods = talk
        .eventually(&listed, |pods| pods.contains("ErrImagePull"))
        .await;
    assert!(
        pods.contains(&worker) && pods.contains("Running"),
        "the old pod stays until a new one is ready:\n{pods}"
    );
    talk.demo(&["rollout", "undo", "deploy/queue-worker"]).await;
    talk.demo(&rolled_out).await;
    assert_eq!(talk.worker().await, worker);
}

#[tokio::test]
async fn a_quota_of_ten_pods_stops_the_eleventh_and_says_so_everywhere() {
    let talk = Talk::start().await;
    let quota = ["create", "quota", "ten", "--hard=pods=10"];
    done(talk.kubectl(&quota).await);
    let create = [
        "create",
        "deployment",
        "web",
        "--image=nginx:1",
        "--replicas=12",
    ];
    done(talk.kubectl(&create).await);
    let told = ["get", "events", "--field-selector=reason=FailedCreate"];
    let events = talk
        .eventually(&told, |events| events.contains("web-"))
        .await;
    let excess =
        "is forbidden: exceeded quota: ten, requested: pods=1, used: pods=10, limited: pods=10";
    assert!(
        events.contains("Error creating: pods \"web-") && events.contains(excess),
        "{events}"
    );
    assert!(events.contains("replicaset/web-"), "{events}");
    let quotas = talk
        .eventually(&["get", "quota"], |quotas| quotas.contains("10/10"))
        .await;
    assert!(quotas.contains("pods: 10/10"), "{quotas}");
    let described = ["describe", "deploy", "web"];
    let deployment = talk
        .eventually(&described, |text| text.contains("ReplicaFailure"))
        .await;
    assert!(
        deployment.contains("12 desired | 10 updated | 10 total"),
        "{deployment}"
    );

    let refused = talk.kubectl(&["run", "one", "--image=podium"]).await;
    assert_eq!(refused.code, Some(1));
    assert_eq!(
        refused.stderr,
        format!("Error from server (Forbidden): pods \"one\" {excess}\n")
    );
    talk.eventually(&["get", "pods"], |pods| {
        pods.matches("ErrImagePull").count() + pods.matches("ImagePullBackOff").count() == 10
    })
    .await;
    done(talk.kubectl(&["delete", "deploy", "web"]).await);
    talk.eventually(&["get", "quota"], |quotas| quotas.contains("pods: 0/10"))
        .await;
}

#[tokio::test]
async fn a_job_runs_to_completion_and_its_log_is_found() {
    let talk = Talk::start().await;
    let create = ["create", "job", "hello", "--image=podium", "--"];
    done(
        talk.kubectl(&[&create[..], &["podium", "--version"]].concat())
            .await,
    );
    let wait = [
        "wait",
        "--for=condition=complete",
        "job/hello",
        "--timeout=30s",
    ];
    done(talk.kubectl(&wait).await);
    let jobs = done(talk.kubectl(&["get", "jobs"]).await);
    assert!(jobs.contains("Complete") && jobs.contains("1/1"), "{jobs}");
    let log = done(talk.kubectl(&["logs", "job/hello"]).await);
    assert!(log.starts_with("podium "), "{log}");
    let pods = done(talk.kubectl(&["get", "pods", "-l", "job-name=hello"]).await);
    assert!(pods.contains("0/1") && pods.contains("Completed"), "{pods}");
    done(talk.kubectl(&["delete", "job", "hello"]).await);
    talk.eventually(&["get", "pods", "-o", "name"], str::is_empty)
        .await;
}

#[tokio::test]
async fn a_crashing_pod_backs_off_and_keeps_the_log_of_its_last_run() {
    let talk = Talk::start().await;
    let run = ["run", "flaky", "--image=podium", "--command", "--"];
    done(
        talk.kubectl(&[&run[..], &["podium", "--version"]].concat())
            .await,
    );
    talk.eventually(&["get", "pods"], |pods| pods.contains("CrashLoopBackOff"))
        .await;
    for previous in ["--previous=false", "--previous=true"] {
        let log = done(talk.kubectl(&["logs", "flaky", previous]).await);
        assert_eq!(log.lines().count(), 1, "one run, not all: {log}");
    }
}

#[tokio::test]
async fn the_autoscaler_takes_back_what_kubectl_scale_gave() {
    let talk = Talk::start().await;
    talk.deploy().await;
    let mut events = talk.events().await;
    let scaled = talk
        .demo(&["scale", "deploy/queue-worker", "--replicas=3"])
        .await;
    assert_eq!(scaled, "deployment.apps/queue-worker scaled\n");
    let up = |sample: &Value| sample["ready"] == 3;
    events.sample(Duration::from_secs(20), up).await;
    // Nothing waits, so the HPA wants one; its policy sheds 40 percent a sync.
    let down = |sample: &Value| sample["replicas"] == 1;
    events.sample(Duration::from_secs(100), down).await;
}
