//! A finished piece of work, and how it is acknowledged exactly once.
//!
//! The acknowledgement takes the job out of the processing list and counts it, in one `MULTI` that only goes through
//! while the job is still there. If it is not there any more, either an earlier try went through and only its answer
//! was lost, or the lease had lapsed and somebody gave the job back: then this execution was one too many, and is
//! counted as that. A mark that each acknowledgement leaves behind tells the two apart.

use crate::queue::job::{Job, MAX_ATTEMPTS};
use crate::queue::lease::bury;
use crate::queue::stats::KEPT_WAITS;
use crate::queue::{Queue, QueueError, random_suffix};
use redis::Pipeline;
use redis::aio::MultiplexedConnection;

/// How often to look again when the processing list changes meanwhile; only a reaper does that.
const TRIES: u32 = 20;

/// How long the mark of an acknowledgement is kept, in s: longer than any outage that a worker sits out.
const MARK_KEPT_S: u64 = 3_600;

/// A job that was worked on.
#[derive(Debug)]
pub(super) struct Execution {
    raw: Vec<u8>,
    job: Job,
    /// When the work began: ms since the epoch.
    started_ms: i64,
    /// What tells this execution from all others.
    mark: String,
    /// Whether an acknowledgement may have reached Redis already.
    sent: bool,
}

/// What the keys said before acting.
struct Found {
    in_hand: bool,
    run_kept: bool,
    acknowledged: bool,
}

impl Execution {
    pub(super) fn new(raw: Vec<u8>, job: Job, started_ms: i64) -> Self {
        Self {
            raw,
            mark: format!("{}-{started_ms}-{}", job.id, random_suffix()),
            job,
            started_ms,
            sent: false,
        }
    }

    /// Takes the job out of the processing list of `worker` and counts it. May be repeated after a failure.
    pub(super) async fn acknowledge(
        &mut self,
        queue: &Queue,
        connection: &mut MultiplexedConnection,
        worker: &str,
    ) -> Result<(), QueueError> {
        for _ in 0..TRIES {
            let found = self
                .look(queue, connection, worker)
                .await
                .map_err(|error| queue.failed(&error))?;
            if self.sent && found.acknowledged {
                return Ok(());
            }
            let act = self.act(queue, worker, &found);
            self.sent = true;
            if went_through(queue, connection, &act).await? {
                return Ok(());
            }
            // Refused as a whole, so nothing of it arrived.
            self.sent = false;
        }
        Err(queue.busy())
    }

    async fn look(
        &self,
        queue: &Queue,
        connection: &mut MultiplexedConnection,
        worker: &str,
    ) -> Result<Found, redis::RedisError> {
        let keys = queue.keys();
        let processing = keys.processing(worker);
        let mut look = redis::pipe();
        // The list of runs as well: a run that is folded into the totals must not be counted into any more.
        look.cmd("WATCH").arg(&processing).arg(&keys.runs).ignore();
        look.cmd("LRANGE").arg(&processing).arg(0).arg(-1);
        look.cmd("LPOS").arg(&keys.runs).arg(&self.job.run);
        look.cmd("GET").arg(keys.acknowledged(worker));
        let (jobs, place, mark): (Vec<Vec<u8>>, Option<u64>, Option<String>) =
            look.query_async(connection).await?;
        Ok(Found {
            in_hand: jobs.contains(&self.raw),
            run_kept: place.is_some(),
            acknowledged: mark.as_ref() == Some(&self.mark),
        })
    }

    fn act(&self, queue: &Queue, worker: &str, found: &Found) -> Pipeline {
        let keys = queue.keys();
        let run = &self.job.run;
        let mut pipe = redis::pipe();
        let mut add = |key: &str, field: &str| {
            pipe.cmd("HINCRBY").arg(key).arg(field).arg(1).ignore();
        };
        add(&keys.stats, "processed");
        if found.run_kept {
            add(&keys.run(run), "processed");
        } else if !found.in_hand {
            add(&keys.stats, "retired_duplicates");
        }
        if found.in_hand {
            self.take_out(queue, worker, &mut pipe);
        }
        if found.in_hand && found.run_kept {
            let done = keys.done(run);
            pipe.cmd("SETBIT").arg(done).arg(self.job.seq).arg(1);
            pipe.ignore();
        }
        pipe.cmd("SET").arg(keys.acknowledged(worker));
        pipe.arg(&self.mark).arg("EX").arg(MARK_KEPT_S).ignore();
        pipe.atomic();
        pipe
    }

    /// Adds the end of the job's time in the processing list, and how long it had waited before.
    fn take_out(&self, queue: &Queue, worker: &str, pipe: &mut Pipeline) {
        let keys = queue.keys();
        let processing = keys.processing(worker);
        pipe.cmd("LREM").arg(processing).arg(1).arg(&self.raw);
        pipe.ignore();
        // A producer whose clock runs ahead must not make waiting times negative.
        let wait = self.started_ms.saturating_sub(self.job.enqueued_at_ms);
        let sample = format!("{}:{}", queue.now_ms(), wait.max(0));
        pipe.cmd("LPUSH").arg(&keys.waits).arg(sample).ignore();
        pipe.cmd("LTRIM")
            .arg(&keys.waits)
            .arg(0)
            .arg(KEPT_WAITS - 1);
        pipe.ignore();
    }
}

/// Reads what was taken, or says why it cannot be done.
pub(super) fn check(raw: &[u8]) -> Result<Job, String> {
    let job = Job::decode(raw).map_err(|error| error.to_string())?;
    if job.attempt > MAX_ATTEMPTS {
        return Err(format!(
            "attempt {} of {MAX_ATTEMPTS}: tried too often",
            job.attempt
        ));
    }
    Ok(job)
}

/// Sends a `MULTI`; whether nothing that was watched had changed, so that it was done.
async fn went_through(
    queue: &Queue,
    connection: &mut MultiplexedConnection,
    act: &Pipeline,
) -> Result<bool, QueueError> {
    let done: Option<()> = act
        .query_async(connection)
        .await
        .map_err(|error| queue.failed(&error))?;
    Ok(done.is_some())
}

/// Moves what cannot be done from the processing list of `worker` to the dead letters.
pub(super) async fn give_up(
    queue: &Queue,
    connection: &mut MultiplexedConnection,
    worker: &str,
    raw: &[u8],
    reason: &str,
) -> Result<(), QueueError> {
    let keys = queue.keys();
    let processing = keys.processing(worker);
    for _ in 0..TRIES {
        let mut look = redis::pipe();
        look.cmd("WATCH").arg(&processing).ignore();
        look.cmd("LRANGE").arg(&processing).arg(0).arg(-1);
        look.cmd("TYPE").arg(&keys.dead);
        let (jobs, dead): (Vec<Vec<u8>>, String) = look
            .query_async(connection)
            .await
            .map_err(|error| queue.failed(&error))?;
        queue.takes_jobs(&keys.dead, &dead)?;
        let mut act = redis::pipe();
        act.atomic();
        // Not in hand any more: a reaper took it, and decides.
        if jobs.iter().any(|job| job == raw) {
            act.cmd("LREM").arg(&processing).arg(1).arg(raw).ignore();
            act.cmd("HINCRBY").arg(&keys.stats).arg("failed").arg(1);
            act.ignore();
            bury(queue, &mut act, worker, raw, reason.to_owned());
        } else {
            act.cmd("PING").ignore();
        }
        if went_through(queue, connection, &act).await? {
            return Ok(());
        }
    }
    Err(queue.busy())
}
