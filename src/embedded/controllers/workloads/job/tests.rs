//! Jobs on a store whose node the test plays.

use super::super::run as controllers;
use super::*;
use crate::clock::Clock;
use crate::embedded::store::EVENTS;
use tokio_util::sync::DropGuard;

struct Stage {
    store: Store,
    _stop: DropGuard,
}

async fn stage(spec: Value) -> Stage {
    let store = Store::new(Clock::following_tokio(1_767_225_600_000));
    let stop = CancellationToken::new();
    tokio::spawn(controllers(store.clone(), stop.clone()));
    let mut job = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "seed", "namespace": "demo"},
        "spec": spec,
    });
    job["spec"]["template"] = json!({"spec": {
        "restartPolicy": "Never",
        "containers": [{"name": "seed", "image": "podium"}],
    }});
    store.create(JOBS, job).unwrap();
    let stage = Stage {
        store,
        _stop: stop.drop_guard(),
    };
    stage.settle().await;
    stage
}

impl Stage {
    async fn settle(&self) {
        // Paused time moves only when every task is idle.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    fn active(&self) -> Vec<Object> {
        let (mut pods, _) = self.store.list(PODS, None);
        pods.retain(|pod| pod::is_active(pod));
        pods
    }

    /// Ends one active pod.
    async fn end_one(&self, phase: &str) {
        let pod = &self.active()[0];
        self.store
            .modify(&Key::of(PODS, pod), None, |pod| {
                pod["status"]["phase"] = json!(phase);
                Ok(())
            })
            .unwrap();
        self.settle().await;
    }

    fn job(&self) -> Value {
        let key = Key::new(JOBS, "demo", "seed");
        Value::clone(&self.store.get(&key).unwrap())
    }

    fn conditions(&self) -> Vec<String> {
        let job = self.job();
        let conditions = job["status"]["conditions"].as_array();
        conditions
            .into_iter()
            .flatten()
            .map(|one| {
                let text = |field: &str| one[field].as_str().unwrap().to_owned();
                format!("{}={} {}", text("type"), text("status"), text("reason"))
            })
            .collect()
    }

    fn reasons(&self) -> Vec<String> {
        let (mut events, _) = self.store.list(EVENTS, Some("demo"));
        events.retain(|event| event["involvedObject"]["kind"] == "Job");
        events.sort_by_key(|event| store::resource_version(event));
        let reason = |event: &Object| event["reason"].as_str().unwrap().to_owned();
        events.iter().map(reason).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_runs_so_many_at_a_time_until_so_many_succeeded() {
    let stage = stage(json!({"completions": 3, "parallelism": 2})).await;
    assert_eq!(stage.active().len(), 2);
    let pod = &stage.active()[0];
    assert_eq!(pod["metadata"]["labels"]["job-name"], "seed");
    stage.end_one("Succeeded").await;
    assert_eq!(stage.active().len(), 2);
    stage.end_one("Succeeded").await;
    assert_eq!(stage.active().len(), 1, "no more than are still needed");
    assert!(stage.conditions().is_empty());
    stage.end_one("Succeeded").await;
    assert_eq!(
        stage.conditions(),
        [
            "SuccessCriteriaMet=True CompletionsReached",
            "Complete=True CompletionsReached"
        ]
    );
    let status = stage.job()["status"].clone();
    assert_eq!(status["succeeded"], 3);
    assert_eq!(status.get("active"), None);
    assert!(status["completionTime"].is_string());
    assert_eq!(stage.reasons().last().unwrap(), "Completed");
}

#[tokio::test(start_paused = true)]
async fn failures_are_retried_ever_later_until_the_limit() {
    let stage = stage(json!({"completions": 1, "backoffLimit": 1})).await;
    stage.end_one("Failed").await;
    assert!(stage.active().is_empty());
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert!(stage.active().is_empty(), "ten seconds are not over");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(stage.active().len(), 1);
    stage.end_one("Failed").await;
    assert_eq!(
        stage.conditions(),
        [
            "FailureTarget=True BackoffLimitExceeded",
            "Failed=True BackoffLimitExceeded"
        ]
    );
    assert_eq!(stage.job()["status"]["failed"], 2);
    assert_eq!(stage.reasons().last().unwrap(), "BackoffLimitExceeded");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_taken_away_counts_as_failed_once() {
    let stage = stage(json!({"completions": 1})).await;
    let pod = stage.active()[0].clone();
    let key = Key::of(PODS, &pod);
    stage.store.delete(&key, None, 0).unwrap();
    stage.settle().await;
    assert_eq!(stage.job()["status"]["failed"], 1);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(stage.active().len(), 1, "another takes its place");
    stage.end_one("Succeeded").await;
    assert_eq!(stage.job()["status"]["failed"], 1);
    assert!(status::is_finished(&stage.job()));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_what_still_runs_and_a_finished_job_expires() {
    let spec = json!({"completions": 1, "activeDeadlineSeconds": 60, "ttlSecondsAfterFinished": 5});
    let stage = stage(spec).await;
    tokio::time::sleep(Duration::from_secs(58)).await;
    assert_eq!(stage.active().len(), 1);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(stage.active().is_empty());
    assert_eq!(
        stage.conditions()[1],
        "Failed=True DeadlineExceeded",
        "the pod ran on no node and is gone at once"
    );
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(stage.store.list(JOBS, None).0.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_suspended_job_has_no_pods_until_it_is_resumed() {
    let stage = stage(json!({"completions": 1, "suspend": true})).await;
    assert!(stage.active().is_empty());
    assert_eq!(stage.conditions(), ["Suspended=True JobSuspended"]);
    stage
        .store
        .modify(&Key::new(JOBS, "demo", "seed"), None, |job| {
            job["spec"]["suspend"] = json!(false);
            Ok(())
        })
        .unwrap();
    stage.settle().await;
    assert_eq!(stage.active().len(), 1);
    assert_eq!(stage.conditions(), ["Suspended=False JobResumed"]);
}
