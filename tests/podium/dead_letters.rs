//! Dead letters are listed, inspected, retried and discarded, and the equation holds at every step: on the queue, by
//! the command, and over HTTP as the speaker and as a stranger.

mod command;
mod web;

use crate::queue::{Hand, connect, on_both, options, put, until};
use crate::redis_server::{Answer, Redis};
use podium::queue::dead_letters::{Fate, Settled, inspect, list, settle, settle_all};
use podium::queue::job::Job;
use podium::queue::lease::reap;
use podium::queue::stats::stats;
use podium::queue::{Queue, QueueError};
use serde_json::{Value, json};

on_both!(
    a_dead_letter_is_inspected_retried_and_done,
    what_is_no_job_is_left_by_a_retry_and_goes_when_discarded,
    of_two_speakers_one_retries_and_the_other_is_told,
    all_are_retried_while_workers_work_and_more_die,
    letters_of_older_versions_and_of_strangers_can_be_handled,
    two_who_discard_everything_discard_it_once,
    a_list_is_cut_where_it_was_asked_to_be,
);

const DEAD: &str = "{keda-demo-queue}:dead";

/// The numbers that a letter's way moves: waiting, dead, discarded. Nothing may be missing.
async fn places(queue: &Queue, redis: &Redis) -> (u64, u64, u64) {
    let now = stats(queue).await.expect("redis answers");
    assert_eq!(now.missing(), 0, "{now:?}");
    let lie_there = redis.client().await.call(&["LLEN", DEAD]).await;
    assert_eq!(lie_there, Answer::Integer(i64::try_from(now.dead).unwrap()));
    (now.depth, now.dead, now.discarded)
}

/// Puts what waits into the hand of a worker that is gone already, and looks for it: that is an attempt.
async fn lose_all(queue: &Queue, redis: &Redis) {
    let mut client = redis.client().await;
    let hand = "{keda-demo-queue}:processing:gone";
    while queue.depth().await.expect("redis answers") > 0 {
        let line = format!("LMOVE keda-demo-queue {hand} RIGHT LEFT");
        client.ask(&line).await;
    }
    client.ask("SADD {keda-demo-queue}:workers gone").await;
    reap(queue).await.expect("redis answers");
}

/// Dead letters of `count` jobs.
async fn kill(queue: &Queue, redis: &Redis, count: i64) {
    put(queue, count, 0).await;
    for _ in 0..3 {
        lose_all(queue, redis).await;
    }
}

/// A dead letter of something that is no job.
async fn kill_nonsense(queue: &Queue, redis: &Redis, text: &str) {
    let mut client = redis.client().await;
    client.call(&["RPUSH", "keda-demo-queue", text]).await;
    lose_all(queue, redis).await;
}

async fn newest_id(queue: &Queue) -> String {
    let listing = list(queue, 0, 1).await.expect("redis answers");
    listing.letters[0].id.clone()
}

async fn a_dead_letter_is_inspected_retried_and_done(redis: Redis) {
    let queue = connect(&redis).await;
    kill(&queue, &redis, 2).await;
    assert_eq!(places(&queue, &redis).await, (0, 2, 0));
    let id = newest_id(&queue).await;
    let letter = inspect(&queue, &id).await.expect("it lies there");
    assert_eq!(letter.worker, "gone");
    assert!(letter.reason.contains("attempt 3 of 3"), "{letter:?}");
    assert_eq!(letter.job.as_ref().map(|job| job.attempt), Some(3));
    settle(&queue, &id, Fate::Retry).await.expect("retried");
    assert_eq!(places(&queue, &redis).await, (1, 1, 0));
    let again = settle(&queue, &id, Fate::Retry).await.expect_err("gone");
    assert!(matches!(again, QueueError::NoSuchLetter { .. }), "{again}");
    let waiting = redis.client().await.ask("LINDEX keda-demo-queue 0").await;
    let Answer::Bulk(waiting) = waiting else {
        panic!("nothing waits: {waiting:?}")
    };
    let job = Job::decode(waiting.as_bytes()).expect("a job");
    assert_eq!(
        (job.attempt, Some(job.seq)),
        (1, letter.job.map(|job| job.seq))
    );
    let hand = Hand::start(&queue, "w", options());
    let now = until(&queue, |s| s.unique() == 1).await;
    assert_eq!((now.duplicates, now.dead, now.depth), (0, 1, 0));
    hand.stop().await;
    let id = newest_id(&queue).await;
    settle(&queue, &id, Fate::Discard).await.expect("discarded");
    assert_eq!(places(&queue, &redis).await, (0, 0, 1));
}

async fn what_is_no_job_is_left_by_a_retry_and_goes_when_discarded(redis: Redis) {
    let queue = connect(&redis).await;
    kill_nonsense(&queue, &redis, "not a job").await;
    kill(&queue, &redis, 250).await;
    kill_nonsense(&queue, &redis, &"x".repeat(40_000)).await;
    kill_nonsense(&queue, &redis, "{}").await;
    assert_eq!(places(&queue, &redis).await, (0, 253, 0));
    let id = newest_id(&queue).await;
    let error = settle(&queue, &id, Fate::Retry).await.expect_err("no job");
    let text = error.to_string();
    assert!(
        text.contains("missing field") && text.contains("discard it"),
        "{text}"
    );
    let retried = settle_all(&queue, Fate::Retry)
        .await
        .expect("redis answers");
    assert_eq!(
        retried,
        Settled {
            moved: 250,
            left: 3
        }
    );
    assert_eq!(places(&queue, &redis).await, (250, 3, 0));
    let long = list(&queue, 1, 1)
        .await
        .expect("redis answers")
        .letters
        .remove(0);
    assert_eq!(long.body.len(), 16_384, "no more is kept");
    let gone = settle_all(&queue, Fate::Discard)
        .await
        .expect("redis answers");
    assert_eq!(gone, Settled { moved: 3, left: 0 });
    assert_eq!(places(&queue, &redis).await, (250, 0, 3));
}

async fn of_two_speakers_one_retries_and_the_other_is_told(redis: Redis) {
    let queue = connect(&redis).await;
    let other = connect(&redis).await;
    kill(&queue, &redis, 30).await;
    for _ in 0..30 {
        let id = newest_id(&queue).await;
        let (one, two) = tokio::join!(
            settle(&queue, &id, Fate::Retry),
            settle(&other, &id, Fate::Retry)
        );
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        let refused = one.and(two).expect_err("one was too late").to_string();
        assert!(refused.contains("no such dead letter"), "{refused}");
    }
    assert_eq!(places(&queue, &redis).await, (30, 0, 0));
}

async fn all_are_retried_while_workers_work_and_more_die(redis: Redis) {
    let queue = connect(&redis).await;
    kill(&queue, &redis, 600).await;
    let hands: Vec<Hand> = (0..3)
        .map(|n| Hand::start(&queue, &format!("w-{n}"), options()))
        .collect();
    // A stranger's letters come in all the while, each a change of the list between looking and acting. Counted in, so
    // that the equation has nothing to forgive.
    let mut client = redis.client().await;
    let strangers = async {
        for n in 0..200 {
            client.send(&["MULTI"]).await;
            client
                .send(&["LPUSH", DEAD, &old_letter(&format!("nonsense {n}"))])
                .await;
            for field in ["dead", "enqueued"] {
                client
                    .send(&["HINCRBY", "{keda-demo-queue}:stats", field, "1"])
                    .await;
            }
            client.send(&["EXEC"]).await;
            for _ in 0..5 {
                client.answer().await;
            }
        }
    };
    let ((), settled) = tokio::join!(strangers, settle_all(&queue, Fate::Retry));
    let settled = settled.expect("redis answers");
    assert!(settled.moved == 600 && settled.left <= 200, "{settled:?}");
    let now = until(&queue, |s| s.unique() == 600).await;
    assert_eq!((now.duplicates, now.dead), (0, 200));
    for hand in hands {
        hand.stop().await;
    }
    assert_eq!(places(&queue, &redis).await, (0, 200, 0));
}

/// A letter as the version before names wrote it.
fn old_letter(body: &str) -> String {
    json!({"reason": "not a job", "worker": "w", "at_ms": 1, "job": body}).to_string()
}

async fn letters_of_older_versions_and_of_strangers_can_be_handled(redis: Redis) {
    let queue = connect(&redis).await;
    kill(&queue, &redis, 1).await;
    let mut client = redis.client().await;
    let Answer::Bulk(letter) = client.call(&["LINDEX", DEAD, "0"]).await else {
        panic!("a letter lies there")
    };
    let mut old: Value = serde_json::from_str(&letter).unwrap();
    old.as_object_mut().unwrap().remove("id");
    client.call(&["LSET", DEAD, "0", &old.to_string()]).await;
    client.call(&["LPUSH", DEAD, "somebody else's"]).await;
    let [stranger, old]: [_; 2] = list(&queue, 0, 9)
        .await
        .unwrap()
        .letters
        .try_into()
        .unwrap();
    assert!(stranger.job.is_none() && old.job.is_some());
    settle(&queue, &stranger.id, Fate::Discard)
        .await
        .expect("discarded");
    // It was never counted among the dead, and is not counted as discarded.
    assert_eq!(places(&queue, &redis).await, (0, 1, 0));
    settle(&queue, &old.id, Fate::Retry).await.expect("retried");
    assert_eq!(places(&queue, &redis).await, (1, 0, 0));
}

async fn two_who_discard_everything_discard_it_once(redis: Redis) {
    let queue = connect(&redis).await;
    let other = connect(&redis).await;
    kill(&queue, &redis, 500).await;
    let (one, two) = tokio::join!(
        settle_all(&queue, Fate::Discard),
        settle_all(&other, Fate::Discard)
    );
    assert_eq!(one.unwrap().moved + two.unwrap().moved, 500);
    assert_eq!(places(&queue, &redis).await, (0, 0, 500));
}

async fn a_list_is_cut_where_it_was_asked_to_be(redis: Redis) {
    let queue = connect(&redis).await;
    kill(&queue, &redis, 5).await;
    let all = list(&queue, 0, 100).await.unwrap();
    assert_eq!((all.total, all.letters.len()), (5, 5));
    let two = list(&queue, 1, 2).await.unwrap();
    assert_eq!((two.total, &two.letters[..]), (5, &all.letters[1..3]));
    assert!(list(&queue, 9, 2).await.unwrap().letters.is_empty());
}
