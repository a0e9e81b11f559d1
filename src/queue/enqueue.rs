//! The producer: puts a run of jobs onto the list.
//!
//! A run goes out in bounded batches, each one `MULTI` that pushes the jobs and counts them, so that a producer that
//! dies midway has counted exactly what it pushed. The next batch waits for the answer to the last: that is the
//! backpressure, and where progress is reported and cancellation is heard. Should the list refuse the jobs (because it
//! is no list any more), their count is taken back.

use super::job::Job;
use super::{Queue, QueueError, job, random_suffix};
use redis::{Pipeline, Value};
use serde::Serialize;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Jobs in one `MULTI`: about 100 kB, less than a millisecond of Redis's time.
const BATCH: u32 = 500;

/// How often to look again when an old run changes while it is folded into the totals.
const TRIES: u32 = 20;

/// Runs whose totals are kept one by one.
pub(crate) const KEPT_RUNS: isize = 50;

/// How many jobs to enqueue: 1 to 100,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobCount(u32);

impl JobCount {
    /// The largest count.
    pub const MAX: u32 = 100_000;

    /// The count, if it is in range.
    ///
    /// # Errors
    /// When it is not.
    pub fn new(count: i64) -> Result<Self, QueueError> {
        match u32::try_from(count) {
            Ok(count) if (1..=Self::MAX).contains(&count) => Ok(Self(count)),
            _ => Err(QueueError::invalid(
                "count",
                &count.to_string(),
                REMEDY_COUNT,
            )),
        }
    }

    /// Reads a count that a person wrote.
    ///
    /// # Errors
    /// When it is no number in range.
    pub fn parse(text: &str) -> Result<Self, QueueError> {
        let number = text.trim().parse();
        number
            .map_err(|_| QueueError::invalid("count", text, REMEDY_COUNT))
            .and_then(Self::new)
    }

    /// The count as a number.
    #[must_use]
    pub fn value(self) -> u32 {
        self.0
    }
}

const REMEDY_COUNT: &str = "use a whole number from 1 to 100000";

/// What the jobs of a run are called: 1 to 64 characters, none of them control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// The prefix, if it can be one.
    ///
    /// # Errors
    /// When it cannot.
    pub fn new(text: &str) -> Result<Self, QueueError> {
        let length = text.chars().count();
        if !(1..=64).contains(&length) || text.chars().any(char::is_control) {
            let remedy = "use 1 to 64 printable characters";
            return Err(QueueError::invalid("prefix", text, remedy));
        }
        Ok(Self(text.to_owned()))
    }

    /// The prefix as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The pause between two jobs: 0 to 60,000 ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DelayMs(u64);

impl DelayMs {
    /// The pause, if it is in range.
    ///
    /// # Errors
    /// When it is not.
    pub fn new(delay_ms: i64) -> Result<Self, QueueError> {
        match u64::try_from(delay_ms) {
            Ok(delay) if delay <= 60_000 => Ok(Self(delay)),
            _ => Err(QueueError::invalid(
                "delay_ms",
                &delay_ms.to_string(),
                REMEDY_DELAY,
            )),
        }
    }

    /// Reads a pause that a person wrote.
    ///
    /// # Errors
    /// When it is no number in range.
    pub fn parse(text: &str) -> Result<Self, QueueError> {
        let number = text.trim().parse();
        number
            .map_err(|_| QueueError::invalid("delay_ms", text, REMEDY_DELAY))
            .and_then(Self::new)
    }

    /// The pause, in milliseconds.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0
    }
}

const REMEDY_DELAY: &str = "use a whole number of milliseconds from 0 to 60000";

/// How long the work of a job takes: 0 to 600,000 ms; 250 unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkMs(u64);

impl WorkMs {
    /// The time, if it is in range.
    ///
    /// # Errors
    /// When it is not.
    pub fn new(work_ms: i64) -> Result<Self, QueueError> {
        match u64::try_from(work_ms) {
            Ok(work) if work <= job::LONGEST_WORK_MS => Ok(Self(work)),
            _ => Err(QueueError::invalid(
                "work_ms",
                &work_ms.to_string(),
                "use a whole number of milliseconds from 0 to 600000",
            )),
        }
    }
}

impl Default for WorkMs {
    fn default() -> Self {
        Self(250)
    }
}

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    /// The tour announcement.
    Spike,
    /// Anything else.
    Enqueue,
}

impl RunKind {
    /// As it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spike => "spike",
            Self::Enqueue => "enqueue",
        }
    }

    pub(crate) fn parse(text: &str) -> Self {
        if text == "spike" {
            Self::Spike
        } else {
            Self::Enqueue
        }
    }
}

/// What to enqueue.
#[derive(Clone, Debug)]
pub struct EnqueueRequest {
    /// How many jobs.
    pub count: JobCount,
    /// What they are called.
    pub prefix: Prefix,
    /// The pause between two of them.
    pub delay: DelayMs,
    /// How long each takes.
    pub work: WorkMs,
    /// What the run is for.
    pub kind: RunKind,
}

/// A run that was enqueued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// Jobs on the list now, exactly.
    pub enqueued: u32,
    /// ms since the epoch.
    pub started_ms: i64,
    /// Whether it was stopped before all were on.
    pub cancelled: bool,
}

/// Puts a run onto the queue. `progress` is told the number of jobs enqueued so far, after every batch; `cancel` stops
/// the run between two batches, which is no error.
///
/// # Errors
/// When Redis does not answer; what was enqueued before stays, and is counted.
pub async fn enqueue(
    queue: &Queue,
    request: &EnqueueRequest,
    cancel: &CancellationToken,
    mut progress: impl FnMut(u32),
) -> Result<Run, QueueError> {
    let mut run = open_run(queue, request).await?;
    let count = request.count.value();
    let step = if request.delay.0 > 0 { 1 } else { BATCH };
    let delay = Duration::from_millis(request.delay.0);
    while run.enqueued < count {
        let size = step.min(count - run.enqueued);
        push(queue, request, &run, size).await?;
        run.enqueued += size;
        progress(run.enqueued);
        let finished = run.enqueued == count;
        if !finished && !pause(delay, cancel).await {
            run.cancelled = true;
            break;
        }
    }
    Ok(run)
}

/// Waits for `delay`; false when cancelled.
async fn pause(delay: Duration, cancel: &CancellationToken) -> bool {
    if delay.is_zero() {
        return !cancel.is_cancelled();
    }
    tokio::select! {
        () = tokio::time::sleep(delay) => true,
        () = cancel.cancelled() => false,
    }
}

/// Puts the next `size` jobs on, and takes their count back if the list does not take them.
async fn push(
    queue: &Queue,
    request: &EnqueueRequest,
    run: &Run,
    size: u32,
) -> Result<(), QueueError> {
    let keys = queue.keys();
    let batch = batch(queue, request, run, size);
    let (pushed, total, in_run, place): (Value, Value, Value, Option<u64>) =
        queue.write(&batch).await?;
    let refused = matches!(pushed, Value::ServerError(_));
    let mut repair = redis::pipe();
    repair.atomic();
    for (key, count) in [(&keys.stats, &total), (&keys.run(&run.id), &in_run)] {
        if refused && !matches!(count, Value::ServerError(_)) {
            repair.cmd("HINCRBY").arg(key).arg("enqueued");
            repair.arg(-i64::from(size)).ignore();
        }
    }
    if place.is_none() {
        // So many others began meanwhile that this run was folded into the totals: nobody would read this again.
        repair.cmd("DEL").arg(keys.run(&run.id)).ignore();
    }
    if !repair.is_empty() {
        queue.write::<()>(&repair).await?;
    }
    for answer in [pushed, total, in_run] {
        answer
            .extract_error()
            .map_err(|error| queue.failed(&error))?;
    }
    Ok(())
}

fn batch(queue: &Queue, request: &EnqueueRequest, run: &Run, size: u32) -> Pipeline {
    let keys = queue.keys();
    let enqueued_at_ms = queue.now_ms();
    let mut pipe = redis::pipe();
    pipe.atomic().cmd("LPUSH").arg(&keys.list);
    for seq in run.enqueued..run.enqueued + size {
        let job = Job {
            id: format!("{}-{seq}", run.id),
            run: run.id.clone(),
            seq: u64::from(seq),
            prefix: request.prefix.0.clone(),
            enqueued_at_ms,
            attempt: 1,
            work_ms: request.work.0,
        };
        pipe.arg(job.encode());
    }
    for key in [&keys.stats, &keys.run(&run.id)] {
        pipe.cmd("HINCRBY").arg(key).arg("enqueued").arg(size);
    }
    pipe.cmd("LPOS").arg(&keys.runs).arg(&run.id);
    // Each answer is looked at: what went through must be known when another part did not.
    pipe.ignore_errors();
    pipe
}

/// Notes the run down, and folds the oldest into the totals when there are too many.
async fn open_run(queue: &Queue, request: &EnqueueRequest) -> Result<Run, QueueError> {
    let keys = queue.keys();
    let started_ms = queue.now_ms();
    let id = format!("{started_ms}-{}", random_suffix());
    let mut pipe = redis::pipe();
    pipe.atomic();
    pipe.cmd("HSET").arg(keys.run(&id));
    pipe.arg("started_ms").arg(started_ms);
    pipe.arg("kind").arg(request.kind.as_str());
    pipe.arg("prefix").arg(&request.prefix.0);
    pipe.arg("enqueued").arg(0).arg("processed").arg(0).ignore();
    // Taken out first, so that repeating the whole step after a lost answer lists the run once.
    pipe.cmd("LREM").arg(&keys.runs).arg(0).arg(&id).ignore();
    pipe.cmd("LPUSH").arg(&keys.runs).arg(&id).ignore();
    pipe.cmd("LRANGE").arg(&keys.runs).arg(KEPT_RUNS).arg(-1);
    let (old,): (Vec<String>,) = queue.read(&pipe).await?;
    for run in old {
        retire(queue, &run).await?;
    }
    Ok(Run {
        id,
        enqueued: 0,
        started_ms,
        cancelled: false,
    })
}

/// Keeps what a run adds to the count of duplicates and forgets the rest of it.
async fn retire(queue: &Queue, run: &str) -> Result<(), QueueError> {
    let keys = queue.keys();
    let (hash, done) = (keys.run(run), keys.done(run));
    let mut connection = queue.dedicated(super::RESPONSE_TIMEOUT).await?;
    for _ in 0..TRIES {
        let mut look = redis::pipe();
        look.cmd("WATCH").arg(&hash).arg(&done).ignore();
        look.cmd("HGET").arg(&hash).arg("processed");
        look.cmd("BITCOUNT").arg(&done);
        let (processed, unique): (Option<i64>, i64) = look
            .query_async(&mut connection)
            .await
            .map_err(|error| queue.failed(&error))?;
        // As the picture counts them, so that folding changes no total.
        let duplicates = processed.unwrap_or(0).saturating_sub(unique).max(0);
        let mut act = redis::pipe();
        act.atomic();
        act.cmd("HINCRBY")
            .arg(&keys.stats)
            .arg("retired_duplicates")
            .arg(duplicates)
            .ignore();
        act.cmd("DEL").arg(&hash).arg(&done).ignore();
        // Whoever acknowledges a job of this run watches the list, and so never counts into what was just deleted.
        act.cmd("LREM").arg(&keys.runs).arg(0).arg(run).ignore();
        let folded: Option<()> = act
            .query_async(&mut connection)
            .await
            .map_err(|error| queue.failed(&error))?;
        if folded.is_some() {
            return Ok(());
        }
    }
    // A run that never keeps still is left for the next time; until then it is one more to read.
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_out_of_range_is_named_with_the_remedy() {
        for text in ["0", "-1", "1000000000", "many", "", "1.5"] {
            let error = JobCount::parse(text).expect_err(text).to_string();
            assert!(
                error.contains(text) && error.contains("1 to 100000"),
                "{error}"
            );
        }
        assert_eq!(JobCount::parse(" 5000 ").expect("in range").value(), 5_000);
        assert!(JobCount::new(100_000).is_ok() && JobCount::new(100_001).is_err());
    }

    #[test]
    fn prefixes_and_pauses_are_checked() {
        assert!(Prefix::new("ticket").is_ok() && Prefix::new("🎫").is_ok());
        assert!(Prefix::new("").is_err() && Prefix::new("a\nb").is_err());
        assert!(Prefix::new(&"x".repeat(65)).is_err());
        assert!(
            DelayMs::new(0).is_ok() && DelayMs::new(-1).is_err() && DelayMs::new(60_001).is_err()
        );
        assert!(WorkMs::new(250).is_ok() && WorkMs::new(600_001).is_err());
    }
}
