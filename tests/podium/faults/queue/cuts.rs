//! Connections that end in the middle of a `MULTI`, or between the server's doing and its answer.

use super::way::{Trap, Way};
use super::{all_done, connect, eventually, on_both, patient, until};
use crate::queue::{Hand, put, request};
use crate::redis_server::Redis;
use podium::queue::QueueError;
use podium::queue::enqueue::enqueue;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

on_both!(
    a_producer_cut_at_any_byte_has_counted_what_it_pushed,
    a_worker_cut_at_any_byte_does_each_job_once,
    a_producer_whose_answer_is_lost_is_told_so,
    a_worker_whose_answer_is_lost_acknowledges_once,
    an_acknowledgement_lost_with_its_run_retired_makes_no_duplicate,
);

const JOBS: u64 = 60;

async fn a_producer_cut_at_any_byte_has_counted_what_it_pushed(redis: Redis) {
    let queue = connect(&redis.url()).await;
    let way = Way::to(redis.address).await;
    let behind = connect(&way.url()).await;
    let before = way.passed();
    put(&behind, 60, 0).await;
    let length = way.passed() - before;
    let (mut counted, mut refused) = (JOBS, 0);
    for bytes in (1..length + 400).step_by(length / 30) {
        way.arm(Trap::After(bytes));
        let run = enqueue(&behind, &request(60, 0), &CancellationToken::new(), |_| {}).await;
        way.arm(Trap::None);
        let now = until(&queue, |_| true).await;
        match run {
            Ok(_) => counted += JOBS,
            Err(error) => {
                refused += 1;
                assert!(matches!(error, QueueError::Lost { .. }), "{error}");
                assert!(now.enqueued == counted || now.enqueued == counted + JOBS);
                counted = now.enqueued;
            }
        }
        assert_eq!((now.enqueued, now.depth), (counted, counted), "at {bytes}");
    }
    assert!(refused >= 15, "{refused} of the cuts hit a batch");
}

async fn a_worker_cut_at_any_byte_does_each_job_once(redis: Redis) {
    let queue = connect(&redis.url()).await;
    let way = Way::to(redis.address).await;
    let behind = connect(&way.url()).await;
    let hand = Hand::start(&behind, "w", patient());
    let mut count = 0;
    // What a worker sends for a job, from the end of its wait to the next: looks, acknowledges, takes.
    for bytes in (1..1_500).step_by(83) {
        way.arm(Trap::After(bytes));
        put(&queue, 2, 0).await;
        count += 2;
        let now = until(&queue, |now| now.unique() == count).await;
        assert_eq!((now.duplicates, now.failed), (0, 0), "at {bytes}: {now:?}");
    }
    let end = all_done(&redis, &queue, count).await;
    assert_eq!((end.processed, end.lapsed_leases), (count, 0));
    hand.stop().await;
}

async fn a_producer_whose_answer_is_lost_is_told_so(redis: Redis) {
    let queue = connect(&redis.url()).await;
    let way = Way::to(redis.address).await;
    let behind = connect(&way.url()).await;
    let (spike, cancel) = (request(1_500, 0), CancellationToken::new());
    let mut batches = 0;
    let run = enqueue(&behind, &spike, &cancel, |_| {
        batches += 1;
        way.arm(Trap::LoseAnswer);
    });
    let error = run
        .await
        .expect_err("the answer to the second batch is lost");
    assert!(matches!(error, QueueError::Lost { .. }), "{error}");
    assert_eq!(batches, 1);
    let now = until(&queue, |_| true).await;
    assert_eq!((now.enqueued, now.depth), (1_000, 1_000));
}

async fn a_worker_whose_answer_is_lost_acknowledges_once(redis: Redis) {
    let queue = connect(&redis.url()).await;
    let way = Way::to(redis.address).await;
    let behind = connect(&way.url()).await;
    let hand = Hand::start(&behind, "w", patient());
    for count in 1..=5 {
        way.arm(Trap::LoseAnswer);
        put(&queue, 1, 0).await;
        eventually(&queue, |now| now.processed == count && way.sprung()).await;
    }
    put(&queue, 1, 0).await;
    let end = all_done(&redis, &queue, 6).await;
    assert_eq!((end.processed, end.duplicates), (6, 0));
    assert_eq!(hand.stop().await.done, 6);
}

async fn an_acknowledgement_lost_with_its_run_retired_makes_no_duplicate(redis: Redis) {
    let queue = connect(&redis.url()).await;
    let way = Way::to(redis.address).await;
    let behind = connect(&way.url()).await;
    put(&queue, 2, 300).await;
    // More than are kept: the first one is forgotten while its jobs wait.
    for _ in 0..55 {
        put(&queue, 1, 0).await;
    }
    way.arm(Trap::LoseAnswer);
    let hand = Hand::start(&behind, "w", patient());
    eventually(&queue, |now| now.processed >= 1 && way.sprung()).await;
    let end = all_done(&redis, &queue, 57).await;
    // Time for one acknowledgement too many to show.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let later = until(&queue, |_| true).await;
    assert_eq!((later.processed, later.duplicates), (57, 0), "{end:?}");
    assert_eq!(hand.stop().await.done, 57);
}
