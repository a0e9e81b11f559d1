//! Clocks that are an hour wrong. Leases are measured by Redis alone; waiting times are never negative.

use super::{all_done, connect, on_both, patient, until, watchful};
use crate::queue::{Hand, put};
use crate::redis_server::Redis;
use podium::clock::Clock;
use podium::queue::Queue;
use podium::queue::keys::QueueName;

on_both!(
    a_producer_ahead_and_workers_behind_make_no_negative_wait,
    a_producer_behind_and_workers_ahead_keep_their_leases,
);

const HOUR_MS: i64 = 3_600_000;

fn skewed(redis: &Redis, by_ms: i64) -> Queue {
    let clock = Clock::following_tokio(Clock::wall().now_ms() + by_ms);
    Queue::with_clock(&redis.url(), &QueueName::demo(), clock).expect("a URL")
}

async fn a_producer_ahead_and_workers_behind_make_no_negative_wait(redis: Redis) {
    work_with(&redis, HOUR_MS, -HOUR_MS).await;
}

async fn a_producer_behind_and_workers_ahead_keep_their_leases(redis: Redis) {
    work_with(&redis, -HOUR_MS, HOUR_MS).await;
}

async fn work_with(redis: &Redis, producer_ms: i64, worker_ms: i64) {
    let workers = skewed(redis, worker_ms);
    put(&skewed(redis, producer_ms), 20, 50).await;
    let hands: Vec<Hand> = (0..2)
        .map(|n| Hand::start(&workers, &format!("w-{n}"), watchful()))
        .collect();
    // One whose clock is right looks for lapsed leases as well, and finds none.
    let right = connect(&redis.url()).await;
    let bystander = Hand::start(&right, "bystander", watchful());
    let end = all_done(redis, &right, 20).await;
    assert_eq!((end.duplicates, end.lapsed_leases), (0, 0));
    for queue in [&right, &workers] {
        let seen = until(queue, |_| true).await;
        assert!(seen.wait_p50_ms.is_none_or(|wait| wait >= 0.0), "{seen:?}");
    }
    bystander.stop().await;
    for hand in hands {
        hand.stop().await;
    }
    one_that_dies_is_found(redis, &workers).await;
}

/// A lease still lapses when its owner's clock is wrong.
async fn one_that_dies_is_found(redis: &Redis, workers: &Queue) {
    put(workers, 1, 600).await;
    let dying = Hand::start(workers, "dying", watchful());
    until(workers, |now| now.in_flight == 1).await;
    dying.kill().await;
    let options = podium::queue::worker::WorkerOptions {
        reap_every: watchful().reap_every,
        ..patient()
    };
    let heir = Hand::start(workers, "heir", options);
    let end = all_done(redis, workers, 21).await;
    assert_eq!((end.failed, end.lapsed_leases, end.duplicates), (1, 1, 0));
    heir.stop().await;
}
