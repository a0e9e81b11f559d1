//! Networks that do not end but stand still, or take their time.

use super::way::Way;
use super::{all_done, connect, on_both, patient, until, watchful};
use crate::queue::{Hand, put};
use crate::redis_server::Redis;
use std::time::Duration;

on_both!(
    a_slow_network_makes_no_duplicates,
    a_lease_that_lapses_during_the_work_costs_one_duplicate,
    a_job_taken_by_a_request_that_was_stuck_is_done,
);

async fn a_slow_network_makes_no_duplicates(redis: Redis) {
    let queue = connect(&redis.url()).await;
    let way = Way::delayed(redis.address, Duration::from_millis(200)).await;
    let behind = connect(&way.url()).await;
    put(&behind, 4, 50).await;
    let hands: Vec<Hand> = (0..2)
        .map(|n| Hand::start(&behind, &format!("w-{n}"), patient()))
        .collect();
    let end = all_done(&redis, &queue, 4).await;
    assert_eq!((end.processed, end.lapsed_leases), (4, 0));
    for hand in hands {
        hand.stop().await;
    }
}

async fn a_lease_that_lapses_during_the_work_costs_one_duplicate(redis: Redis) {
    let queue = connect(&redis.url()).await;
    let way = Way::to(redis.address).await;
    let behind = connect(&way.url()).await;
    put(&queue, 1, 1_500).await;
    let cut_off = Hand::start(&behind, "cut-off", watchful());
    until(&queue, |now| now.in_flight == 1).await;
    way.freeze_all();
    let other = Hand::start(&queue, "other", watchful());
    let done = until(&queue, |now| now.unique() == 1).await;
    assert_eq!((done.processed, done.lapsed_leases), (1, 1));
    way.thaw();
    until(&queue, |now| now.processed == 2).await;
    let end = all_done(&redis, &queue, 1).await;
    assert_eq!(end.duplicates, 1);
    cut_off.stop().await;
    other.stop().await;
}

async fn a_job_taken_by_a_request_that_was_stuck_is_done(redis: Redis) {
    let queue = connect(&redis.url()).await;
    let way = Way::to(redis.address).await;
    let behind = connect(&way.url()).await;
    let hand = Hand::start(&behind, "w", patient());
    until(&queue, |now| now.workers == 1).await;
    way.freeze();
    // It gives the connection up, makes a new one and works again.
    put(&queue, 1, 0).await;
    until(&queue, |now| now.unique() == 1).await;
    put(&queue, 3, 400).await;
    until(&queue, |now| now.in_flight == 1).await;
    // Now the old request reaches Redis, and takes a job for nobody.
    way.thaw();
    let end = all_done(&redis, &queue, 4).await;
    assert_eq!((end.processed, end.failed), (4, 0));
    hand.stop().await;
}
