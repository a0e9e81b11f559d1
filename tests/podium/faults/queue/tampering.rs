//! Somebody with `redis-cli`: what is no job, what only looks like one, and keys of the wrong type.

use super::{all_done, balanced, connect, eventually, on_both, patient, until, watchful};
use crate::queue::{Hand, put, request};
use crate::redis_server::{Answer, Redis};
use podium::queue::enqueue::enqueue;
use podium::queue::lease::reap;
use podium::queue::stats::stats;
use tokio_util::sync::CancellationToken;

on_both!(
    what_is_too_large_or_out_of_range_goes_to_the_dead_letters,
    times_and_attempts_that_nobody_wrote_stop_no_worker,
    a_job_pushed_twice_is_counted_as_done_twice,
    a_list_that_is_no_list_refuses_jobs_and_counts_none,
    jobs_of_the_dead_stay_where_they_are_while_the_list_is_none,
    dead_letters_that_cannot_be_written_wait_in_hand,
    one_workers_broken_key_does_not_stop_the_reaping_of_others,
);

/// A job that decodes, with some fields as given.
fn job(run: &str, seq: &str, enqueued_at_ms: &str, attempt: &str, work_ms: &str) -> String {
    format!(
        r#"{{"id":"{run}-{seq}","run":"{run}","seq":{seq},"prefix":"x","enqueued_at_ms":{enqueued_at_ms},"attempt":{attempt},"work_ms":{work_ms}}}"#
    )
}

async fn push(redis: &Redis, raw: &str) {
    let mut client = redis.client().await;
    let pushed = client.call(&["LPUSH", "keda-demo-queue", raw]).await;
    assert!(matches!(pushed, Answer::Integer(_)), "{pushed:?}");
}

async fn what_is_too_large_or_out_of_range_goes_to_the_dead_letters(redis: Redis) {
    let queue = connect(&redis.url()).await;
    put(&queue, 5, 0).await;
    let hostile = [
        "x".repeat((16 << 10) + 1),
        "y".repeat(5 << 20),
        "not a job".to_owned(),
        job("r", "-1", "0", "1", "0"),
        job("r", "0", "0", "-1", "0"),
        job("r", "0", "0", "1", "-250"),
        job("r", "0", "0", "1", "99999999999"),
        job("r", "4294967296", "0", "1", "0"),
        "[".repeat(10_000),
    ];
    for raw in &hostile {
        push(&redis, raw).await;
    }
    let hand = Hand::start(&queue, "w", patient());
    eventually(&queue, |now| now.dead == 9 && now.unique() == 5).await;
    let end = all_done(&redis, &queue, 14).await;
    assert_eq!((end.failed, end.duplicates), (9, 0));
    assert_eq!(hand.stop().await.buried, 9);
}

async fn times_and_attempts_that_nobody_wrote_stop_no_worker(redis: Redis) {
    let queue = connect(&redis.url()).await;
    let (never, end_of_time) = (i64::MIN.to_string(), i64::MAX.to_string());
    for (seq, at, attempt) in [
        ("0", never.as_str(), "1"),
        ("1", end_of_time.as_str(), "1"),
        ("2", "0", "0"),
        ("3", "0", "4294967295"),
    ] {
        push(&redis, &job("r", seq, at, attempt, "0")).await;
    }
    let hand = Hand::start(&queue, "w", patient());
    // They were pushed behind the producer's back, so nobody counted them in.
    let end = eventually(&queue, |now| now.processed == 3 && now.dead == 1).await;
    assert_eq!((end.missing(), end.depth, end.in_flight), (-4, 0, 0));
    assert!(end.wait_p50_ms.is_none_or(|wait| wait >= 0.0), "{end:?}");
    let tally = hand.stop().await;
    assert_eq!((tally.done, tally.buried), (3, 1));
}

async fn a_job_pushed_twice_is_counted_as_done_twice(redis: Redis) {
    let queue = connect(&redis.url()).await;
    put(&queue, 3, 0).await;
    let mut client = redis.client().await;
    let Answer::Bulk(raw) = client.ask("LINDEX keda-demo-queue 0").await else {
        panic!("no job");
    };
    push(&redis, &raw).await;
    let hand = Hand::start(&queue, "w", patient());
    let end = eventually(&queue, |now| now.processed == 4).await;
    assert_eq!((end.unique(), end.duplicates, end.missing()), (3, 1, 0));
    assert_eq!((end.depth, end.in_flight), (0, 0));
    hand.stop().await;
}

async fn a_list_that_is_no_list_refuses_jobs_and_counts_none(redis: Redis) {
    let queue = connect(&redis.url()).await;
    let hand = Hand::start(&queue, "w", patient());
    put(&queue, 2, 0).await;
    let before = until(&queue, |now| now.unique() == 2).await;
    let mut client = redis.client().await;
    assert_eq!(client.ask("SET keda-demo-queue mine").await, Answer::ok());
    let refused = enqueue(&queue, &request(9, 0), &CancellationToken::new(), |_| {}).await;
    let error = refused.expect_err("nowhere to put a job").to_string();
    assert!(error.contains("nothing else uses the keys"), "{error}");
    assert!(
        stats(&queue).await.is_err(),
        "no number is better than a wrong one"
    );
    client.ask("DEL keda-demo-queue").await;
    let after = until(&queue, |_| true).await;
    assert_eq!(after.enqueued, before.enqueued);
    put(&queue, 2, 0).await;
    all_done(&redis, &queue, 4).await;
    hand.stop().await;
}

async fn jobs_of_the_dead_stay_where_they_are_while_the_list_is_none(redis: Redis) {
    let queue = connect(&redis.url()).await;
    put(&queue, 1, 500).await;
    let dying = Hand::start(&queue, "dying", watchful());
    until(&queue, |now| now.in_flight == 1).await;
    dying.kill().await;
    let mut client = redis.client().await;
    client.ask("SET keda-demo-queue mine").await;
    while client.ask("KEYS {keda-demo-queue}:lease:*").await != Answer::Array(Vec::new()) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let error = reap(&queue).await.expect_err("nowhere to give it back to");
    assert!(
        error.to_string().contains("keda-demo-queue is a string"),
        "{error}"
    );
    client.ask("DEL keda-demo-queue").await;
    assert_eq!(until(&queue, |_| true).await.in_flight, 1);
    assert_eq!(reap(&queue).await.expect("a list again").returned, 1);
    let heir = Hand::start(&queue, "heir", patient());
    all_done(&redis, &queue, 1).await;
    heir.stop().await;
}

async fn dead_letters_that_cannot_be_written_wait_in_hand(redis: Redis) {
    let queue = connect(&redis.url()).await;
    let mut client = redis.client().await;
    client.ask("SET {keda-demo-queue}:dead mine").await;
    put(&queue, 1, 0).await;
    let hand = Hand::start(&queue, "w", patient());
    until(&queue, |now| now.unique() == 1).await;
    push(&redis, "not a job").await;
    eventually(&queue, |now| now.depth + now.in_flight == 1).await;
    client.ask("DEL {keda-demo-queue}:dead").await;
    let end = all_done(&redis, &queue, 2).await;
    assert_eq!(end.dead, 1);
    let letters = client.ask("LLEN {keda-demo-queue}:dead").await;
    assert_eq!(letters, Answer::Integer(1));
    hand.stop().await;
}

async fn one_workers_broken_key_does_not_stop_the_reaping_of_others(redis: Redis) {
    let queue = connect(&redis.url()).await;
    put(&queue, 3, 60_000).await;
    let hands: Vec<Hand> = (0..3)
        .map(|n| Hand::start(&queue, &format!("w-{n}"), watchful()))
        .collect();
    until(&queue, |now| now.in_flight == 3).await;
    for hand in hands {
        hand.kill().await;
    }
    let mut client = redis.client().await;
    for broken in ["a", "m", "z"] {
        client
            .ask(&format!("SADD {{keda-demo-queue}}:workers {broken}"))
            .await;
        client
            .ask(&format!("SET {{keda-demo-queue}}:processing:{broken} mine"))
            .await;
    }
    while client.ask("KEYS {keda-demo-queue}:lease:*").await != Answer::Array(Vec::new()) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(reap(&queue).await.is_err(), "the broken keys are reported");
    for broken in ["a", "m", "z"] {
        client
            .ask(&format!("DEL {{keda-demo-queue}}:processing:{broken}"))
            .await;
    }
    let now = stats(&queue).await.expect("redis answers");
    balanced(&now);
    assert_eq!((now.depth, now.in_flight, now.failed), (3, 0, 3));
}
