//! Redis killed, frozen and started again: a real one, and the embedded cluster's pod.

use super::{AT_ONCE, OF_REDIS, Page, history_has_a_gap, told};
use crate::redis_server::Redis;
use crate::shutdown::descendants;
use crate::talk::Talk;
use tokio::process::Command;

async fn signal(process: u32, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &process.to_string()])
        .status()
        .await;
    assert!(status.unwrap().success());
}

#[tokio::test]
async fn a_redis_that_is_killed_or_frozen_takes_its_numbers_along_and_brings_them_back() {
    let mut redis = Redis::persistent().await;
    let (talk, log) = Talk::start_logged(None, &["--redis", &redis.url()]).await;
    let mut page = Page::open(&talk).await;
    page.finds("redis", &OF_REDIS).await;

    redis.kill().await;
    page.loses("redis", &OF_REDIS, &["lost", "not reachable"])
        .await;
    assert_eq!(page.light("cluster")["ok"], true);
    redis.start_again().await;
    page.finds("redis", &OF_REDIS).await;

    // Nothing closes the connection: only the clock tells.
    signal(redis.process(), "STOP").await;
    page.loses("redis", &OF_REDIS, &["no answer within 1000 ms"])
        .await;
    signal(redis.process(), "CONT").await;
    page.finds("redis", &OF_REDIS).await;

    history_has_a_gap(&talk, "depth").await;
    let (away, back) = told(&log, "redis");
    // One that starts slowly may be seen before the first kill; it is told in pairs all the same.
    assert!(
        away == back && (2..=3).contains(&away),
        "{:#?}",
        log.lines()
    );
}

#[tokio::test]
async fn a_broker_that_is_killed_takes_its_numbers_along() {
    let talk = Talk::start().await;
    talk.deploy().await;
    let mut page = Page::open(&talk).await;
    assert_eq!(talk.command(&["enqueue", "2000"]).await.code, Some(0));
    let counts = |page: &Page| page.sample["enqueued"] == 2_000;
    page.until(AT_ONCE, "the jobs are counted", counts).await;
    let is_broker = |pid: &u32| {
        let arguments = std::fs::read_to_string(format!("/proc/{pid}/cmdline"));
        arguments.is_ok_and(|arguments| arguments.split('\0').nth(1) == Some("broker"))
    };
    let pods = descendants(talk.pid());
    let broker = pods.into_iter().find(is_broker).expect("the broker runs");
    signal(broker, "KILL").await;
    // The next one may be there before anybody has missed the last: unknown or nothing, but not what was.
    page.until(AT_ONCE, "the old counts are gone", |page| !counts(page))
        .await;
    page.finds("redis", &OF_REDIS).await;
    assert_eq!(page.sample["enqueued"], 0);
}
