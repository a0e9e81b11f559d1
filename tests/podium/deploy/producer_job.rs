//! `podium enqueue --as-job`: the producer inside the cluster, followed from outside.

use super::field;
use crate::talk::{PODIUM, Talk};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

#[tokio::test]
async fn a_job_puts_the_jobs_there_and_its_log_and_end_are_ours() {
    let talk = Talk::start().await;
    let early = talk.command(&["enqueue", "--as-job", "30"]).await;
    assert_eq!(early.code, Some(1));
    assert!(
        early.stderr.contains("podium deploy-queue-demo"),
        "{}",
        early.stderr
    );

    talk.deploy().await;
    let put = talk
        .command(&["enqueue", "--as-job", "30", "-tour", "0"])
        .await;
    assert_eq!(
        put.code,
        Some(2),
        "a dash in front is a flag, until it is said not to be: {put:?}"
    );
    let put = talk
        .command(&["enqueue", "--as-job", "--", "30", "-tour", "0"])
        .await;
    assert_eq!(put.code, Some(0), "{put:?}");
    assert_eq!(put.stdout, "30 jobs enqueued\n");
    assert!(put.stderr.contains(" is complete"), "{}", put.stderr);
    let job = talk
        .kubectl(&["get", "jobs", "-n", "keda-demo", "-o", "name"])
        .await
        .stdout;
    let job = job.trim();
    assert!(job.starts_with("job.batch/enqueue-"), "{job}");
    for (path, value) in [
        ("{.spec.ttlSecondsAfterFinished}", "600"),
        ("{.spec.backoffLimit}", "0"),
        ("{.spec.template.spec.securityContext.runAsNonRoot}", "true"),
        (
            "{.spec.template.spec.securityContext.seccompProfile.type}",
            "RuntimeDefault",
        ),
        (
            "{.spec.template.spec.containers[0].securityContext.allowPrivilegeEscalation}",
            "false",
        ),
        (
            "{.spec.template.spec.containers[0].securityContext.readOnlyRootFilesystem}",
            "true",
        ),
        (
            "{.spec.template.spec.containers[0].securityContext.capabilities.drop[0]}",
            "ALL",
        ),
        ("{.spec.template.spec.containers[0].image}", "podium:latest"),
    ] {
        assert_eq!(field(&talk, "keda-demo", job, path).await, value, "{path}");
    }
    let followed = talk.kubectl(&["logs", "-f", "-n", "keda-demo", job]).await;
    assert_eq!(followed.stdout, "30 jobs enqueued\n", "{}", followed.stderr);
    let mut events = talk.events().await;
    events
        .sample(Duration::from_secs(20), |sample| sample["enqueued"] == 30)
        .await;
}

#[tokio::test]
async fn a_job_that_cannot_run_fails_the_command_with_the_reason() {
    let talk = Talk::start().await;
    talk.deploy().await;
    let image = [
        "set",
        "image",
        "-n",
        "keda-demo",
        "deploy/queue-worker",
        "worker=nginx:1",
    ];
    assert_eq!(talk.kubectl(&image).await.code, Some(0));
    let failed = talk.command(&["enqueue", "--as-job", "5"]).await;
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(
        failed.stderr.contains("ErrImagePull") && failed.stderr.contains("kubectl describe job"),
        "{}",
        failed.stderr
    );
}

#[tokio::test]
async fn a_command_that_is_interrupted_takes_its_job_away() {
    let talk = Talk::start().await;
    talk.deploy().await;
    let producer = Command::new(PODIUM)
        .args(["enqueue", "--as-job", "1000", "slow", "500"])
        .env("PODIUM_STATE_DIR", talk.state.path())
        .env_remove("PODIUM_REDIS")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut events = talk.events().await;
    events
        .sample(Duration::from_secs(30), |sample| {
            sample["enqueued"].as_u64().is_some_and(|count| count > 0)
        })
        .await;
    let id = producer.id().unwrap().to_string();
    let told = Command::new("kill").args(["-INT", &id]).status().await;
    assert!(told.unwrap().success());
    let ended = tokio::time::timeout(Duration::from_secs(20), producer.wait_with_output()).await;
    let ended = ended.expect("it ends in time").unwrap();
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("was deleted; what it had enqueued stays"),
        "{stderr}"
    );
    let wait = [
        "wait",
        "--for=delete",
        "job",
        "--all",
        "-n",
        "keda-demo",
        "--timeout=20s",
    ];
    assert_eq!(talk.kubectl(&wait).await.code, Some(0));
    let jobs = talk.kubectl(&["get", "jobs", "-n", "keda-demo"]).await;
    assert!(jobs.stderr.contains("No resources found"), "{jobs:?}");
}
