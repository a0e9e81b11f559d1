//! Producers that die, overtake each other, or are purged while they push.

use super::{all_done, connect, eventually, on_both, patient, until};
use crate::queue::{Hand, put, request};
use crate::redis_server::{Answer, Redis};
use crate::talk::podium;
use podium::queue::enqueue::{DelayMs, EnqueueRequest, enqueue};
use podium::queue::purge::purge;
use std::process::Stdio;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

on_both!(
    a_producer_killed_midway_has_counted_what_it_pushed,
    purging_while_workers_work_and_a_producer_pushes_counts_every_job,
    a_slow_producer_whose_run_is_forgotten_meanwhile_is_still_counted,
    duplicates_of_a_run_that_is_forgotten_meanwhile_stay_counted,
);

async fn a_producer_killed_midway_has_counted_what_it_pushed(redis: Redis) {
    let queue = connect(&redis.url()).await;
    let state = tempfile::tempdir().unwrap();
    let mut counted = 0;
    // All at once in batches, and one by one.
    for delay in ["0", "1"] {
        let mut producer = podium(state.path())
            .args(["enqueue", "--redis", &redis.url(), "100000", "msg", delay])
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        eventually(&queue, |now| now.enqueued >= counted + 100).await;
        producer.kill().await.unwrap();
        let now = until(&queue, |_| true).await;
        assert!(now.enqueued < counted + 100_000, "killed too late: {now:?}");
        assert_eq!(now.enqueued, now.depth);
        counted = now.enqueued;
    }
}

async fn purging_while_workers_work_and_a_producer_pushes_counts_every_job(redis: Redis) {
    let queue = connect(&redis.url()).await;
    let hands: Vec<Hand> = (0..6)
        .map(|n| Hand::start(&queue, &format!("w-{n}"), patient()))
        .collect();
    let pushing = queue.clone();
    let producer = tokio::spawn(async move { put(&pushing, 20_000, 1).await });
    let mut purged = 0;
    while !producer.is_finished() || purged == 0 {
        purged += purge(&queue).await.expect("never too busy for it");
        until(&queue, |_| true).await;
    }
    purged += purge(&queue).await.expect("never too busy for it");
    let end = all_done(&redis, &queue, 20_000).await;
    assert_eq!((end.purged, end.duplicates), (purged, 0));
    for hand in hands {
        hand.stop().await;
    }
}

async fn a_slow_producer_whose_run_is_forgotten_meanwhile_is_still_counted(redis: Redis) {
    let queue = connect(&redis.url()).await;
    let hand = Hand::start(&queue, "w", patient());
    let slow = EnqueueRequest {
        delay: DelayMs::new(2).expect("in range"),
        ..request(300, 0)
    };
    let pushing = queue.clone();
    let producer = tokio::spawn(async move {
        let run = enqueue(&pushing, &slow, &CancellationToken::new(), |_| {}).await;
        run.expect("enqueued")
    });
    until(&queue, |now| now.enqueued >= 5).await;
    for _ in 0..55 {
        put(&queue, 1, 0).await;
    }
    let run = producer.await.unwrap();
    all_done(&redis, &queue, 355).await;
    // Nothing is left behind that no run will ever tidy up.
    let its_keys = format!("KEYS {{keda-demo-queue}}:run:{}*", run.id);
    let left = redis.client().await.ask(&its_keys).await;
    assert_eq!(left, Answer::Array(Vec::new()));
    hand.stop().await;
}

async fn duplicates_of_a_run_that_is_forgotten_meanwhile_stay_counted(redis: Redis) {
    let queue = connect(&redis.url()).await;
    put(&queue, 6, 600).await;
    let slow: Vec<Hand> = (0..6)
        .map(|n| Hand::start(&queue, &format!("slow-{n}"), patient()))
        .collect();
    until(&queue, |now| now.in_flight == 6).await;
    // Their leases lapse while they work, and others begin the same jobs.
    let mut client = redis.client().await;
    let Answer::Array(leases) = client.ask("KEYS {keda-demo-queue}:lease:*").await else {
        panic!("no leases");
    };
    for lease in leases {
        let Answer::Bulk(lease) = lease else {
            panic!("no key: {lease:?}")
        };
        client.ask(&format!("DEL {lease}")).await;
    }
    podium::queue::lease::reap(&queue)
        .await
        .expect("redis answers");
    // The run is folded into the totals between the first executions and the second ones.
    for _ in 0..55 {
        put(&queue, 1, 0).await;
    }
    let end = all_done(&redis, &queue, 61).await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    let later = until(&queue, |now| now.depth + now.in_flight == 0).await;
    assert!(later.duplicates >= end.duplicates, "{end:?} {later:?}");
    assert_eq!(later.unique(), 61);
    for hand in slow {
        hand.stop().await;
    }
}
