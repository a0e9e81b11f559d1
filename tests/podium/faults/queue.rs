//! The queue under faults. Each test breaks something while jobs are on their way, and ends with [`balanced`]: every
//! job that was counted in is in exactly one place, and no more jobs ran twice than leases lapsed.
//!
//! Most run on a real `redis-server` and on the embedded broker. What needs persistence or replication, which the
//! broker has not, runs on the real one only.

mod away;
mod clocks;
mod cuts;
mod processes;
mod producers;
mod stalls;
mod tampering;
mod way;

use crate::redis_server::{Answer, Redis};
use podium::queue::Queue;
use podium::queue::keys::QueueName;
use podium::queue::stats::{Stats, stats};
use podium::queue::worker::WorkerOptions;
use std::time::Duration;
use tokio::time::Instant;

/// How long anything may take: generous, since tests share two cores.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs a test on the embedded broker and on a real server; at the same time, since most of each is waiting.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_both_servers {
            use crate::redis_server::Redis;

            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let embedded = tokio::spawn(async { super::$name(Redis::embedded().await).await });
                let real = tokio::spawn(async { super::$name(Redis::real().await).await });
                embedded.await.expect("it holds on the embedded broker");
                real.await.expect("it holds on a real redis-server");
            })*
        }
    };
}
use on_both;

async fn connect(url: &str) -> Queue {
    Queue::connect(url, &QueueName::demo())
        .await
        .expect("redis answers")
}

/// Workers whose lease never lapses by itself within a test.
fn patient() -> WorkerOptions {
    WorkerOptions {
        lease: Duration::from_secs(120),
        take: Duration::from_millis(100),
        grace: Duration::from_secs(5),
        reap_every: Duration::from_secs(60),
    }
}

/// Workers that are believed gone after a second, and that look for others often.
fn watchful() -> WorkerOptions {
    WorkerOptions {
        lease: Duration::from_secs(1),
        reap_every: Duration::from_millis(300),
        ..patient()
    }
}

/// The checker: what must be true of the queue at any moment, whatever broke.
fn balanced(now: &Stats) {
    let found = now.unique() + now.dead + now.depth + now.in_flight + now.purged;
    assert_eq!(now.enqueued, found, "{now:?}");
    assert_eq!(now.missing(), 0, "{now:?}");
    assert!(now.duplicates <= now.lapsed_leases, "{now:?}");
}

/// Waits until the queue looks as `wanted`, whatever it looks like before.
async fn eventually(queue: &Queue, wanted: impl Fn(&Stats) -> bool) -> Stats {
    let started = Instant::now();
    loop {
        // Redis may be away for a while: that is the point.
        let now = stats(queue).await;
        if let Ok(now) = &now
            && wanted(now)
        {
            return now.clone();
        }
        assert!(started.elapsed() < LIMIT, "never: {now:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the queue looks as `wanted`, balanced at every look.
async fn until(queue: &Queue, wanted: impl Fn(&Stats) -> bool) -> Stats {
    eventually(queue, |now| {
        balanced(now);
        wanted(now)
    })
    .await
}

/// The end of a test: all `count` jobs are done or dead, balanced, and no list holds a job that the picture does not
/// see.
async fn all_done(redis: &Redis, queue: &Queue, count: u64) -> Stats {
    let end = eventually(queue, |now| now.unique() + now.dead + now.purged == count).await;
    balanced(&end);
    assert_eq!(
        (end.enqueued, end.depth, end.in_flight),
        (count, 0, 0),
        "{end:?}"
    );
    let lists = redis
        .client()
        .await
        .ask("KEYS {keda-demo-queue}:processing:*")
        .await;
    assert_eq!(lists, Answer::Array(Vec::new()));
    end
}
