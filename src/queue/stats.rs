//! One consistent picture of the queue: what waits, what is in hand, what was done, how long it waited.
//!
//! Everything is read in one `MULTI`, so the counts of a picture add up even while 48 workers move jobs. Which workers
//! and runs there are must be known to ask; the queue remembers them from the last picture and asks once more when
//! they turn out to be others. At rest, a picture is one round trip.

use super::enqueue::RunKind;
use super::{Queue, QueueError};
use redis::Value;
use serde::Serialize;
use std::collections::HashMap;

/// How far back the waiting times count.
const WAIT_WINDOW_MS: u64 = 10_000;

/// Waiting times kept: the last 10 s of a hundred workers at ten jobs a second.
pub(crate) const KEPT_WAITS: isize = 1_000;

/// Pictures tried while workers come and go, before one is taken as it is.
const TRIES: u32 = 10;

/// The queue at a moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Stats {
    /// Jobs that wait.
    pub depth: u64,
    /// Jobs in a worker's hand.
    pub in_flight: u64,
    /// Jobs ever enqueued.
    pub enqueued: u64,
    /// Executions ever finished; a job that ran twice counts twice.
    pub processed: u64,
    /// Executions that came to nothing: the worker died, or the job was none.
    pub failed: u64,
    /// Dead letters that lie there.
    pub dead: u64,
    /// Dead letters that a person ever discarded.
    pub discarded: u64,
    /// Jobs ever purged.
    pub purged: u64,
    /// Executions beyond the first of a job.
    pub duplicates: u64,
    /// Leases that lapsed with jobs in the worker's hand, or whose jobs a worker of the same name took over: an upper
    /// bound for the duplicates, as long as no failover to a lagging replica undid what had been counted.
    pub lapsed_leases: u64,
    /// Median of the time from enqueueing to the start of work, in ms, of the last 10 s; `None` without a job then.
    pub wait_p50_ms: Option<f64>,
    /// The same, for all but the slowest twentieth.
    pub wait_p95_ms: Option<f64>,
    /// Registered workers.
    pub workers: u64,
    /// The newest run.
    pub last_run: Option<RunSummary>,
}

impl Stats {
    /// Jobs done at least once.
    #[must_use]
    pub fn unique(&self) -> u64 {
        self.processed.saturating_sub(self.duplicates)
    }

    /// Enqueued jobs that are in no place: 0 unless something was lost, or pushed by others (then negative).
    #[must_use]
    pub fn missing(&self) -> i64 {
        // Anybody can write any number into the totals; a sum of them must not be more than a number can hold.
        let found = [
            self.dead,
            self.discarded,
            self.depth,
            self.in_flight,
            self.purged,
        ];
        let found = found.into_iter().fold(self.unique(), u64::saturating_add);
        i64::try_from(self.enqueued).unwrap_or(i64::MAX) - i64::try_from(found).unwrap_or(i64::MAX)
    }
}

/// A run at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub kind: RunKind,
    /// What its jobs are called.
    pub prefix: String,
    /// ms since the epoch.
    pub started_ms: i64,
    /// Jobs enqueued.
    pub enqueued: u64,
    /// Executions finished.
    pub processed: u64,
    /// Jobs done at least once.
    pub unique: u64,
}

/// The workers and runs that the last picture found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    workers: Vec<String>,
    runs: Vec<String>,
}

/// What one `MULTI` answered, before it is put together.
struct Picture {
    known: Known,
    depth: u64,
    totals: HashMap<String, i64>,
    waits: Vec<String>,
    in_flight: u64,
    runs: Vec<(HashMap<String, String>, u64)>,
}

impl Picture {
    /// Whether it missed nothing. A worker asked for in vain has nothing in hand; one not asked for may.
    fn is_whole(&self, asked: &Known) -> bool {
        let asked_for = |worker| asked.workers.binary_search(worker).is_ok();
        self.known.runs == asked.runs && self.known.workers.iter().all(asked_for)
    }
}

/// The queue now.
///
/// # Errors
/// When Redis does not answer.
pub async fn stats(queue: &Queue) -> Result<Stats, QueueError> {
    let mut asked = queue.known().clone();
    let mut tries = 1;
    loop {
        let picture = look(queue, &asked).await?;
        if picture.is_whole(&asked) || tries == TRIES {
            *queue.known() = picture.known.clone();
            return Ok(assemble(&picture, &asked.runs, queue.now_ms()));
        }
        asked = picture.known;
        tries += 1;
    }
}

async fn look(queue: &Queue, asked: &Known) -> Result<Picture, QueueError> {
    let keys = queue.keys();
    let mut pipe = redis::pipe();
    pipe.atomic();
    pipe.cmd("SMEMBERS").arg(&keys.workers);
    // All of them: one that waits to be folded into the totals still holds its part of the duplicates.
    pipe.cmd("LRANGE").arg(&keys.runs).arg(0).arg(-1);
    pipe.cmd("LLEN").arg(&keys.list);
    pipe.cmd("HGETALL").arg(&keys.stats);
    pipe.cmd("LRANGE").arg(&keys.waits).arg(0).arg(-1);
    for worker in &asked.workers {
        pipe.cmd("LLEN").arg(keys.processing(worker));
    }
    for run in &asked.runs {
        pipe.cmd("HGETALL").arg(keys.run(run));
        pipe.cmd("BITCOUNT").arg(keys.done(run));
    }
    let answers: Vec<Value> = queue.read(&pipe).await?;
    read(answers, asked).map_err(|error| queue.failed(&error))
}

fn read(answers: Vec<Value>, asked: &Known) -> Result<Picture, redis::RedisError> {
    let mut answers = answers.into_iter();
    // A short answer reads as nil, which fails as any wrong type does.
    let mut next = || answers.next().unwrap_or(Value::Nil);
    let mut workers: Vec<String> = redis::from_redis_value(next())?;
    workers.sort_unstable();
    let runs = redis::from_redis_value(next())?;
    let mut picture = Picture {
        known: Known { workers, runs },
        depth: redis::from_redis_value(next())?,
        totals: redis::from_redis_value(next())?,
        waits: redis::from_redis_value(next())?,
        in_flight: 0,
        runs: Vec::with_capacity(asked.runs.len()),
    };
    for _ in &asked.workers {
        let in_hand: u64 = redis::from_redis_value(next())?;
        picture.in_flight += in_hand;
    }
    for _ in &asked.runs {
        let hash = redis::from_redis_value(next())?;
        picture.runs.push((hash, redis::from_redis_value(next())?));
    }
    Ok(picture)
}

fn assemble(picture: &Picture, run_ids: &[String], now_ms: i64) -> Stats {
    let total = |name: &str| {
        let value = picture.totals.get(name).copied().unwrap_or(0);
        u64::try_from(value).unwrap_or(0)
    };
    let runs: Vec<RunSummary> = run_ids
        .iter()
        .zip(&picture.runs)
        .map(|(id, (hash, unique))| summary(id, hash, *unique))
        .collect();
    let in_runs: u64 = runs
        .iter()
        .map(|run| run.processed.saturating_sub(run.unique))
        .sum();
    let waits = recent_waits(&picture.waits, now_ms);
    Stats {
        depth: picture.depth,
        in_flight: picture.in_flight,
        enqueued: total("enqueued"),
        processed: total("processed"),
        failed: total("failed"),
        dead: total("dead"),
        discarded: total("discarded"),
        purged: total("purged"),
        duplicates: total("retired_duplicates").saturating_add(in_runs),
        lapsed_leases: total("lapsed_leases"),
        wait_p50_ms: quantile(&waits, 50),
        wait_p95_ms: quantile(&waits, 95),
        workers: u64::try_from(picture.known.workers.len()).unwrap_or(u64::MAX),
        last_run: runs.into_iter().next(),
    }
}

fn summary(id: &str, hash: &HashMap<String, String>, unique: u64) -> RunSummary {
    let text = |name: &str| hash.get(name).map(String::as_str).unwrap_or_default();
    RunSummary {
        id: id.to_owned(),
        kind: RunKind::parse(text("kind")),
        prefix: text("prefix").to_owned(),
        started_ms: text("started_ms").parse().unwrap_or(0),
        enqueued: text("enqueued").parse().unwrap_or(0),
        processed: text("processed").parse().unwrap_or(0),
        unique,
    }
}

/// The waiting times of the jobs done within the window, ascending. A time that lies ahead was written by a clock that
/// differs from ours, and would stay recent until ours arrives there.
fn recent_waits(waits: &[String], now_ms: i64) -> Vec<u32> {
    let mut recent: Vec<u32> = waits
        .iter()
        .filter_map(|entry| {
            let (done_at, wait) = entry.split_once(':')?;
            let done_at: i64 = done_at.parse().ok()?;
            let wait: u32 = wait.parse().ok()?;
            (now_ms.abs_diff(done_at) <= WAIT_WINDOW_MS).then_some(wait)
        })
        .collect();
    recent.sort_unstable();
    recent
}

/// The nearest-rank percentile of ascending values.
fn quantile(ascending: &[u32], percent: usize) -> Option<f64> {
    let rank = (ascending.len() * percent).div_ceil(100);
    ascending.get(rank.max(1) - 1).copied().map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_last_ten_seconds() {
        let waits: Vec<String> = (1..=100u32)
            .map(|wait| format!("{}:{wait}", 20_000))
            .chain(["9999:5000".to_owned(), "nonsense".to_owned()])
            .collect();
        let recent = recent_waits(&waits, 20_000);
        assert_eq!(recent.len(), 100);
        assert_eq!(quantile(&recent, 50), Some(50.0));
        assert_eq!(quantile(&recent, 95), Some(95.0));
        assert_eq!(quantile(&recent_waits(&waits, 40_000), 50), None);
        assert_eq!(quantile(&recent_waits(&waits, -3_600_000), 50), None);
        assert_eq!(quantile(&recent_waits(&waits, i64::MIN), 50), None);
    }

    #[test]
    fn a_picture_without_a_worker_that_came_meanwhile_is_not_whole() {
        let known = |workers: &[&str]| Known {
            workers: workers.iter().map(ToString::to_string).collect(),
            runs: vec!["r".to_owned()],
        };
        let picture = Picture {
            known: known(&["a", "b"]),
            depth: 0,
            totals: HashMap::new(),
            waits: Vec::new(),
            in_flight: 0,
            runs: Vec::new(),
        };
        assert!(
            picture.is_whole(&known(&["a", "b"])) && picture.is_whole(&known(&["a", "b", "c"]))
        );
        assert!(!picture.is_whole(&known(&["a"])) && !picture.is_whole(&Known::default()));
    }

    #[test]
    fn what_is_in_no_place_is_missing() {
        let stats = Stats {
            enqueued: 11,
            processed: 5,
            duplicates: 1,
            dead: 1,
            discarded: 1,
            depth: 2,
            in_flight: 1,
            purged: 1,
            ..Stats::default()
        };
        assert_eq!(stats.unique(), 4);
        assert_eq!(stats.missing(), 1);
    }
}
