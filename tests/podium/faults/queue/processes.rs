//! Worker processes that are killed, stopped and told to leave: the real binary, as a pod runs it.

use super::{all_done, connect, eventually, on_both, until};
use crate::queue::{Hand, put};
use crate::redis_server::Redis;
use crate::talk::podium;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Child;

on_both!(
    workers_killed_in_the_middle_of_a_job_lose_none,
    a_worker_stopped_past_its_lease_does_a_job_twice_and_is_counted,
    a_worker_told_to_stop_finishes_its_job,
    a_job_that_kills_every_worker_ends_as_a_dead_letter,
    two_processes_that_reap_at_once_give_each_job_back_once,
    two_processes_of_one_name_do_all_the_work_there_is,
);

/// A `podium worker`; it is killed when dropped.
struct Pod {
    child: Child,
    _state: TempDir,
}

impl Pod {
    fn start(redis: &Redis, name: &str) -> Self {
        let state = tempfile::tempdir().unwrap();
        let child = podium(state.path())
            .args(["worker", "--redis", &redis.url(), "--name", name])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            child,
            _state: state,
        }
    }

    async fn signal(&self, name: &str) {
        let pid = self.child.id().expect("the worker runs").to_string();
        let mut kill = tokio::process::Command::new("kill");
        let status = kill.args([&format!("-{name}"), &pid]).status().await;
        assert!(status.unwrap().success());
    }

    async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Sends SIGTERM and waits for a good end.
    async fn stop(mut self) {
        self.signal("TERM").await;
        let ended = tokio::time::timeout(Duration::from_secs(20), self.child.wait()).await;
        assert!(ended.expect("within the grace period").unwrap().success());
    }
}

async fn workers_killed_in_the_middle_of_a_job_lose_none(redis: Redis) {
    let queue = connect(&redis.url()).await;
    put(&queue, 48, 400).await;
    let mut pods: Vec<Pod> = (0..6)
        .map(|n| Pod::start(&redis, &format!("w-{n}")))
        .collect();
    until(&queue, |now| now.in_flight == 6).await;
    for pod in pods.drain(..3) {
        pod.kill().await;
    }
    let end = all_done(&redis, &queue, 48).await;
    assert_eq!((end.duplicates, end.dead), (0, 0));
    assert!((1..=3).contains(&end.failed), "{end:?}");
    assert_eq!(end.lapsed_leases, end.failed);
}

async fn a_worker_stopped_past_its_lease_does_a_job_twice_and_is_counted(redis: Redis) {
    let queue = connect(&redis.url()).await;
    put(&queue, 1, 1_500).await;
    let stopped = Pod::start(&redis, "stopped");
    until(&queue, |now| now.in_flight == 1).await;
    stopped.signal("STOP").await;
    let other = Pod::start(&redis, "other");
    let done = until(&queue, |now| now.unique() == 1).await;
    assert_eq!((done.processed, done.lapsed_leases), (1, 1));
    stopped.signal("CONT").await;
    until(&queue, |now| now.processed == 2).await;
    let end = all_done(&redis, &queue, 1).await;
    assert_eq!((end.duplicates, end.failed), (1, 1));
    // It is back among the living, and works on.
    other.stop().await;
    put(&queue, 1, 0).await;
    all_done(&redis, &queue, 2).await;
    stopped.stop().await;
}

async fn a_worker_told_to_stop_finishes_its_job(redis: Redis) {
    let queue = connect(&redis.url()).await;
    put(&queue, 2, 1_000).await;
    let pod = Pod::start(&redis, "w");
    until(&queue, |now| now.in_flight == 1).await;
    pod.stop().await;
    let now = until(&queue, |_| true).await;
    assert_eq!((now.processed, now.depth, now.in_flight), (1, 1, 0));
    assert_eq!((now.workers, now.failed), (0, 0));
}

async fn a_job_that_kills_every_worker_ends_as_a_dead_letter(redis: Redis) {
    let queue = connect(&redis.url()).await;
    put(&queue, 1, 60_000).await;
    // As a container that the kubelet starts again under its old name.
    for attempt in 0..3 {
        let pod = Pod::start(&redis, "w");
        until(&queue, |now| now.failed == attempt && now.in_flight == 1).await;
        pod.kill().await;
    }
    let _last = Pod::start(&redis, "w");
    let end = all_done(&redis, &queue, 1).await;
    assert_eq!((end.dead, end.failed, end.processed), (1, 3, 0));
}

async fn two_processes_that_reap_at_once_give_each_job_back_once(redis: Redis) {
    let queue = connect(&redis.url()).await;
    put(&queue, 12, 800).await;
    let options = super::watchful();
    let hands: Vec<Hand> = (0..12)
        .map(|n| Hand::start(&queue, &format!("w-{n}"), options.clone()))
        .collect();
    until(&queue, |now| now.in_flight == 12).await;
    for hand in hands {
        hand.kill().await;
    }
    let _reapers: Vec<Pod> = (0..3)
        .map(|n| Pod::start(&redis, &format!("reaper-{n}")))
        .collect();
    let end = all_done(&redis, &queue, 12).await;
    assert_eq!((end.failed, end.lapsed_leases), (12, 12));
    assert_eq!((end.duplicates, end.dead), (0, 0));
}

async fn two_processes_of_one_name_do_all_the_work_there_is(redis: Redis) {
    let queue = connect(&redis.url()).await;
    put(&queue, 40, 100).await;
    let one = Pod::start(&redis, "same");
    until(&queue, |now| now.processed >= 3).await;
    let two = Pod::start(&redis, "same");
    let end = all_done(&redis, &queue, 40).await;
    assert!(end.lapsed_leases <= 1 && end.dead == 0, "{end:?}");
    one.stop().await;
    two.stop().await;
    eventually(&queue, |now| now.workers == 0).await;
}
