//! The queue keeps every job in exactly one place: on the embedded broker and on a real `redis-server` alike.

use crate::redis_server::{Answer, Redis};
use podium::queue::Queue;
use podium::queue::enqueue::{
    DelayMs, EnqueueRequest, JobCount, Prefix, Run, RunKind, WorkMs, enqueue,
};
use podium::queue::keys::{QueueName, WorkerName};
use podium::queue::lease::{Reaped, reap};
use podium::queue::purge::purge;
use podium::queue::stats::{Stats, stats};
use podium::queue::worker::{self, Tally, WorkerOptions};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Runs a test on the embedded broker and on a real server.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::redis_server::Redis::embedded().await).await;
            })*
        }
        mod real {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::redis_server::Redis::real().await).await;
            })*
        }
    };
}

pub(crate) use on_both;

on_both!(
    jobs_are_enqueued_worked_on_and_counted,
    a_hundred_thousand_jobs_go_on_within_seconds,
    a_cancelled_producer_has_counted_what_it_pushed,
    jobs_of_a_lapsed_lease_go_back_and_die_after_three_attempts,
    two_reapers_give_a_job_back_once,
    a_stopping_worker_finishes_the_job_in_hand,
    a_worker_out_of_time_gives_its_job_back,
    what_is_no_job_goes_to_the_dead_letters,
    a_worker_that_stood_still_too_long_is_counted_as_a_duplicate,
    purging_counts_what_it_removes,
    a_worker_survives_the_loss_of_its_connection,
    a_restarted_worker_gives_back_what_its_predecessor_left,
    old_runs_are_folded_into_the_totals,
    the_newer_protocol_works_as_well,
);

pub(crate) async fn connect(redis: &Redis) -> Queue {
    Queue::connect(&redis.url(), &QueueName::demo())
        .await
        .expect("redis answers")
}

pub(crate) fn request(count: i64, work_ms: i64) -> EnqueueRequest {
    EnqueueRequest {
        count: JobCount::new(count).expect("in range"),
        prefix: Prefix::new("ticket").expect("printable"),
        delay: DelayMs::default(),
        work: WorkMs::new(work_ms).expect("in range"),
        kind: RunKind::Enqueue,
    }
}

pub(crate) async fn put(queue: &Queue, count: i64, work_ms: i64) -> Run {
    let cancel = CancellationToken::new();
    enqueue(queue, &request(count, work_ms), &cancel, |_| {})
        .await
        .expect("enqueued")
}

pub(crate) fn options() -> WorkerOptions {
    WorkerOptions {
        lease: Duration::from_millis(900),
        take: Duration::from_millis(100),
        grace: Duration::from_secs(5),
        reap_every: Duration::from_secs(60),
    }
}

/// A worker in this process.
pub(crate) struct Hand {
    stop: CancellationToken,
    task: JoinHandle<Tally>,
}

impl Hand {
    pub(crate) fn start(queue: &Queue, name: &str, options: WorkerOptions) -> Self {
        let stop = CancellationToken::new();
        let (queue, shutdown) = (queue.clone(), stop.clone());
        let name = WorkerName::new(name).expect("a name");
        let task =
            tokio::spawn(async move { worker::run(&queue, &name, &options, shutdown).await });
        Self { stop, task }
    }

    pub(crate) async fn stop(self) -> Tally {
        self.stop.cancel();
        self.task.await.expect("the worker does not panic")
    }

    /// As `kill -9` does it: no farewell.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Waits until the queue looks as `wanted`, and checks on the way that nothing is ever missing.
pub(crate) async fn until(queue: &Queue, wanted: impl Fn(&Stats) -> bool) -> Stats {
    let started = Instant::now();
    loop {
        let now = stats(queue).await.expect("redis answers");
        assert_eq!(now.missing(), 0, "{now:?}");
        if wanted(&now) {
            return now;
        }
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "never: {now:?}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn jobs_are_enqueued_worked_on_and_counted(redis: Redis) {
    let queue = connect(&redis).await;
    let run = put(&queue, 1_200, 0).await;
    assert_eq!((run.enqueued, run.cancelled), (1_200, false));
    assert_eq!(queue.depth().await.expect("redis answers"), 1_200);
    let hands: Vec<Hand> = (0..8)
        .map(|n| Hand::start(&queue, &format!("w-{n}"), options()))
        .collect();
    let done = until(&queue, |s| s.processed == 1_200).await;
    assert_eq!(
        (done.depth, done.in_flight, done.duplicates, done.dead),
        (0, 0, 0, 0)
    );
    assert!(done.wait_p50_ms <= done.wait_p95_ms && done.wait_p50_ms.is_some());
    let last = done.last_run.expect("one run");
    assert_eq!(
        (last.id, last.unique, last.enqueued),
        (run.id, 1_200, 1_200)
    );
    let mut total = 0;
    for hand in hands {
        total += hand.stop().await.done;
    }
    assert_eq!(total, 1_200);
    assert_eq!(stats(&queue).await.expect("redis answers").workers, 0);
}

async fn a_hundred_thousand_jobs_go_on_within_seconds(redis: Redis) {
    let queue = connect(&redis).await;
    let mut steps = Vec::new();
    let started = Instant::now();
    let cancel = CancellationToken::new();
    let run = enqueue(&queue, &request(100_000, 250), &cancel, |n| steps.push(n)).await;
    assert_eq!(run.expect("enqueued").enqueued, 100_000);
    // An unoptimised build on a busy machine: the aim is a third of this.
    assert!(
        started.elapsed() < Duration::from_secs(15),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(steps.len(), 200);
    assert_eq!(until(&queue, |_| true).await.depth, 100_000);
}

async fn a_cancelled_producer_has_counted_what_it_pushed(redis: Redis) {
    let queue = connect(&redis).await;
    let cancel = CancellationToken::new();
    let request = request(5_000, 250);
    let run = enqueue(&queue, &request, &cancel, |n| {
        if n == 1_500 {
            cancel.cancel();
        }
    });
    let run = run.await.expect("no error");
    assert_eq!((run.enqueued, run.cancelled), (1_500, true));
    let now = until(&queue, |_| true).await;
    assert_eq!((now.enqueued, now.depth), (1_500, 1_500));
}

async fn jobs_of_a_lapsed_lease_go_back_and_die_after_three_attempts(redis: Redis) {
    let queue = connect(&redis).await;
    put(&queue, 1, 60_000).await;
    for attempt in 1..=3 {
        let hand = Hand::start(&queue, &format!("w-{attempt}"), options());
        until(&queue, |s| s.in_flight == 1).await;
        hand.kill().await;
        assert_eq!(
            reap(&queue).await.expect("redis answers"),
            Reaped::default()
        );
        let reaped = until_reaped(&queue).await;
        let (returned, dead) = if attempt < 3 { (1, 0) } else { (0, 1) };
        assert_eq!(reaped, Reaped { returned, dead });
    }
    let now = until(&queue, |_| true).await;
    assert_eq!((now.dead, now.failed, now.depth, now.workers), (1, 3, 0, 0));
    let letter = redis
        .client()
        .await
        .ask("LINDEX {keda-demo-queue}:dead 0")
        .await;
    let Answer::Bulk(letter) = letter else {
        panic!("no dead letter: {letter:?}")
    };
    assert!(letter.contains("attempt 3 of 3"), "{letter}");
}

async fn until_reaped(queue: &Queue) -> Reaped {
    for _ in 0..400 {
        let reaped = reap(queue).await.expect("redis answers");
        if reaped != Reaped::default() {
            return reaped;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the lease never lapsed")
}

async fn two_reapers_give_a_job_back_once(redis: Redis) {
    let queue = connect(&redis).await;
    put(&queue, 40, 60_000).await;
    let hands: Vec<Hand> = (0..40)
        .map(|n| Hand::start(&queue, &format!("w-{n}"), options()))
        .collect();
    until(&queue, |s| s.in_flight == 40).await;
    for hand in hands {
        hand.kill().await;
    }
    tokio::time::sleep(options().lease + Duration::from_millis(100)).await;
    let (one, two) = tokio::join!(reap(&queue), reap(&queue));
    let returned = one.expect("redis answers").returned + two.expect("redis answers").returned;
    assert_eq!(returned, 40);
    let now = until(&queue, |_| true).await;
    assert_eq!((now.depth, now.in_flight, now.failed), (40, 0, 40));
}

async fn a_stopping_worker_finishes_the_job_in_hand(redis: Redis) {
    let queue = connect(&redis).await;
    put(&queue, 2, 400).await;
    let hand = Hand::start(&queue, "w", options());
    until(&queue, |s| s.in_flight == 1).await;
    let tally = hand.stop().await;
    assert_eq!(tally.done, 1);
    let now = until(&queue, |_| true).await;
    assert_eq!(
        (now.processed, now.depth, now.in_flight, now.workers),
        (1, 1, 0, 0)
    );
}

async fn a_worker_out_of_time_gives_its_job_back(redis: Redis) {
    let queue = connect(&redis).await;
    put(&queue, 1, 60_000).await;
    let grace = Duration::from_millis(50);
    let hand = Hand::start(&queue, "w", WorkerOptions { grace, ..options() });
    until(&queue, |s| s.in_flight == 1).await;
    let started = Instant::now();
    assert_eq!(hand.stop().await.done, 0);
    assert!(started.elapsed() < Duration::from_secs(3));
    let now = until(&queue, |_| true).await;
    // Not its fault, so not an attempt either.
    assert_eq!((now.depth, now.in_flight, now.failed), (1, 0, 0));
}

async fn what_is_no_job_goes_to_the_dead_letters(redis: Redis) {
    let queue = connect(&redis).await;
    put(&queue, 3, 0).await;
    redis
        .client()
        .await
        .call(&["RPUSH", "keda-demo-queue", "not a job"])
        .await;
    let hand = Hand::start(&queue, "w", options());
    let mut now = stats(&queue).await.expect("redis answers");
    while now.processed < 3 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        now = stats(&queue).await.expect("redis answers");
    }
    assert_eq!((now.dead, now.failed, now.missing()), (1, 1, 0));
    assert_eq!(hand.stop().await, Tally { done: 3, buried: 1 });
}

async fn a_worker_that_stood_still_too_long_is_counted_as_a_duplicate(redis: Redis) {
    let queue = connect(&redis).await;
    put(&queue, 1, 700).await;
    // Long enough that no renewal comes between the two steps below.
    let lease = Duration::from_secs(9);
    let slow = Hand::start(&queue, "slow", WorkerOptions { lease, ..options() });
    until(&queue, |s| s.in_flight == 1).await;
    // What a long pause of the whole process looks like to everybody else. Again if its first renewal, sent beside
    // the taking of the job, came in between.
    let mut client = redis.client().await;
    let mut returned = 0;
    while returned == 0 {
        if let Answer::Array(leases) = client.ask("KEYS {keda-demo-queue}:lease:slow#*").await
            && let [Answer::Bulk(lease)] = &leases[..]
        {
            client.ask(&format!("DEL {lease}")).await;
        }
        returned = reap(&queue).await.expect("redis answers").returned;
    }
    assert_eq!(returned, 1);
    let now = until(&queue, |s| s.processed == 2).await;
    assert_eq!((now.unique(), now.duplicates, now.depth), (1, 1, 0));
    assert_eq!(slow.stop().await.done, 2);
}

async fn purging_counts_what_it_removes(redis: Redis) {
    let queue = connect(&redis).await;
    assert_eq!(purge(&queue).await.expect("redis answers"), 0);
    put(&queue, 2_000, 20).await;
    let hand = Hand::start(&queue, "w", options());
    until(&queue, |s| s.processed >= 2).await;
    let removed = purge(&queue).await.expect("redis answers");
    let now = until(&queue, |s| s.in_flight == 0).await;
    assert_eq!((now.depth, now.purged), (0, removed));
    assert_eq!(now.unique() + now.purged, 2_000);
    hand.stop().await;
}

async fn a_worker_survives_the_loss_of_its_connection(redis: Redis) {
    let queue = connect(&redis).await;
    let proxy = crate::redis_server::Cut::between(redis.address).await;
    let behind = Queue::connect(&proxy.url(), &QueueName::demo())
        .await
        .expect("forwarded");
    put(&queue, 60, 20).await;
    let hand = Hand::start(&behind, "w", options());
    for cut in 1..=4 {
        until(&queue, |s| s.processed >= cut * 3).await;
        proxy.cut();
    }
    let now = until(&queue, |s| s.unique() == 60).await;
    assert_eq!((now.duplicates, now.dead), (0, 0));
    hand.stop().await;
}

async fn a_restarted_worker_gives_back_what_its_predecessor_left(redis: Redis) {
    let queue = connect(&redis).await;
    put(&queue, 1, 300).await;
    let first = Hand::start(&queue, "same", options());
    until(&queue, |s| s.in_flight == 1).await;
    first.kill().await;
    // Its lease still runs: nobody else would touch the job yet.
    let second = Hand::start(&queue, "same", options());
    let now = until(&queue, |s| s.processed == 1).await;
    assert_eq!((now.failed, now.duplicates), (1, 0));
    second.stop().await;
}

async fn old_runs_are_folded_into_the_totals(redis: Redis) {
    let queue = connect(&redis).await;
    let hand = Hand::start(&queue, "w", options());
    for run in 1..=60 {
        put(&queue, 2, 0).await;
        until(&queue, |s| s.processed == run * 2).await;
    }
    let now = until(&queue, |_| true).await;
    assert_eq!((now.unique(), now.duplicates), (120, 0));
    let kept = redis
        .client()
        .await
        .ask("LLEN {keda-demo-queue}:runs")
        .await;
    assert_eq!(kept, Answer::Integer(50));
    hand.stop().await;
}

async fn the_newer_protocol_works_as_well(redis: Redis) {
    let url = format!("{}/?protocol=resp3", redis.url());
    let queue = Queue::connect(&url, &QueueName::demo())
        .await
        .expect("redis answers");
    put(&queue, 5, 0).await;
    let hand = Hand::start(&queue, "w", options());
    until(&queue, |s| s.processed == 5 && s.workers == 1).await;
    // Long enough to wait in vain once.
    tokio::time::sleep(options().take * 2).await;
    assert_eq!(hand.stop().await.done, 5);
}
