//! Redis itself goes away: killed and started again with its files, or replaced by its replica. A real server only,
//! since the embedded broker keeps nothing.

use super::way::Way;
use super::{all_done, balanced, connect, eventually, patient, until, watchful};
use crate::queue::{Hand, put, request};
use crate::redis_server::{Answer, Redis};
use podium::queue::Queue;
use podium::queue::enqueue::enqueue;
use podium::queue::worker::WorkerOptions;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

fn hands(queue: &Queue, count: u32, options: &WorkerOptions) -> Vec<Hand> {
    (0..count)
        .map(|n| Hand::start(queue, &format!("w-{n}"), options.clone()))
        .collect()
}

/// A producer that goes on whatever happens, until told to end; answers how many jobs were acknowledged to it.
async fn keep_producing(queue: Queue, enough: Arc<AtomicBool>) -> u64 {
    let acknowledged = AtomicU64::new(0);
    let (few, cancel) = (request(40, 5), CancellationToken::new());
    while !enough.load(Ordering::Relaxed) {
        let before = acknowledged.load(Ordering::Relaxed);
        let run = enqueue(&queue, &few, &cancel, |done| {
            acknowledged.store(before + u64::from(done), Ordering::Relaxed);
        });
        if let Err(error) = run.await {
            assert!(error.to_string().contains("Redis at"), "{error}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    acknowledged.into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_killed_under_load_and_started_again_with_its_files_loses_nothing() {
    let mut redis = Redis::persistent().await;
    let queue = connect(&redis.url()).await;
    let hands = hands(&queue, 4, &watchful());
    let enough = Arc::new(AtomicBool::new(false));
    let producer = tokio::spawn(keep_producing(queue.clone(), Arc::clone(&enough)));
    for kill in 1..=3 {
        eventually(&queue, |now| now.processed >= kill * 40).await;
        redis.kill().await;
        redis.start_again().await;
    }
    enough.store(true, Ordering::Relaxed);
    let acknowledged = producer.await.unwrap();
    let known = eventually(&queue, |_| true).await;
    assert!(known.enqueued >= acknowledged, "{known:?}, {acknowledged}");
    let end = all_done(&redis, &queue, known.enqueued).await;
    assert_eq!(end.dead, 0, "{end:?}");
    for hand in hands {
        hand.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_failover_is_there_after_it() {
    const WORKERS: u32 = 4;
    let mut master = Redis::persistent().await;
    let replica = Redis::replica_of(&master).await;
    let way = Way::to(master.address).await;
    let queue = connect(&way.url()).await;
    let hands = hands(&queue, WORKERS, &patient());
    put(&queue, 400, 20).await;
    replica.catch_up_with(&master).await;
    master.kill().await;
    let promoted = replica.client().await.ask("REPLICAOF NO ONE").await;
    assert_eq!(promoted, Answer::ok());
    way.lead_to(replica.address);
    way.cut();
    let end = eventually(&queue, |now| now.unique() == 400).await;
    assert_eq!(
        (end.enqueued, end.missing(), end.dead),
        (400, 0, 0),
        "{end:?}"
    );
    // What the replica had not heard of yet is done again: no more than was in hand.
    let allowed = end.lapsed_leases + u64::from(WORKERS);
    assert!(end.duplicates <= allowed, "{end:?}");
    for hand in hands {
        hand.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_becomes_a_replica_is_left_for_the_new_one() {
    let master = Redis::persistent().await;
    let replica = Redis::replica_of(&master).await;
    let way = Way::to(master.address).await;
    let queue = connect(&way.url()).await;
    put(&queue, 40, 20).await;
    let hands = hands(&queue, 2, &patient());
    until(&queue, |now| now.processed >= 4).await;
    assert_eq!(
        master.client().await.ask("CLIENT PAUSE 2000 WRITE").await,
        Answer::ok()
    );
    replica.catch_up_with(&master).await;
    assert_eq!(
        replica.client().await.ask("REPLICAOF NO ONE").await,
        Answer::ok()
    );
    way.lead_to(replica.address);
    // The connections to the old master stay open: only its refusals tell that it is one no more.
    let (host, port) = (replica.address.ip(), replica.address.port());
    let demote = format!("REPLICAOF {host} {port}");
    let demoted = master.client().await.ask(&demote).await;
    assert_eq!(demoted, Answer::ok());
    let more = enqueue(&queue, &request(5, 0), &CancellationToken::new(), |_| {}).await;
    assert!(more.is_err(), "a replica takes no job: {more:?}");
    put(&queue, 5, 0).await;
    let end = all_done(&replica, &queue, 45).await;
    balanced(&end);
    for hand in hands {
        hand.stop().await;
    }
}
