//! Jobs in the hand of a worker that is gone go back.
//!
//! A worker keeps a lease alive while it lives. When the lease lapses, whoever looks first takes what lies in that
//! worker's processing list: back to the queue as the next to be taken, one attempt older, or to the dead letters after
//! the last attempt. `WATCH` on the lease and on the list makes that safe: of two reapers one wins, and a worker that
//! turns out to be alive keeps its job. Each such taking of jobs is counted as a lapsed lease: a worker that was only
//! slow then finishes a job that somebody else does as well, and nothing else makes duplicates.

use super::job::{DeadLetter, Job, MAX_ATTEMPTS};
use super::keys::worker_name;
use super::{Queue, QueueError, RESPONSE_TIMEOUT};
use redis::Pipeline;
use redis::aio::MultiplexedConnection;

/// How often to look again when somebody changes a worker's keys between looking and acting.
const TRIES: u32 = 20;

/// What became of the jobs of workers that are gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Went back to the queue.
    pub returned: u64,
    /// Went to the dead letters.
    pub dead: u64,
}

/// Why the jobs in a worker's hand are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Its lease lapsed: it died, or stood still for too long.
    Lapsed,
    /// A worker starts and finds what its predecessor of the same name left.
    Restarted,
    /// The job was never begun: its arrival was lost with a connection, or time to stop ran out.
    NotDone,
    /// The worker stops for good.
    Leaving,
}

impl Why {
    fn counts_as_attempt(self) -> bool {
        matches!(self, Self::Lapsed | Self::Restarted)
    }

    fn ends_registration(self) -> bool {
        matches!(self, Self::Lapsed | Self::Leaving)
    }
}

/// Gives back the jobs of all workers whose lease lapsed.
///
/// # Errors
/// When Redis does not answer, or the keys of a worker are not what they should be; the others' jobs are given back
/// all the same.
pub async fn reap(queue: &Queue) -> Result<Reaped, QueueError> {
    let mut total = Reaped::default();
    let lapsed = lapsed_workers(queue).await?;
    if lapsed.is_empty() {
        return Ok(total);
    }
    let mut connection = queue.dedicated(RESPONSE_TIMEOUT).await?;
    let mut trouble = None;
    for worker in lapsed {
        let reaped = match release(queue, &mut connection, &worker, Why::Lapsed).await {
            Ok(reaped) => reaped,
            Err(error @ QueueError::Lost { .. }) => return Err(error),
            Err(error) => {
                trouble = trouble.or(Some(error));
                continue;
            }
        };
        if reaped != Reaped::default() {
            let Reaped { returned, dead } = reaped;
            tracing::info!(%worker, returned, dead, "the lease of a worker lapsed; its jobs were given back");
        }
        total.returned += reaped.returned;
        total.dead += reaped.dead;
    }
    trouble.map_or(Ok(total), Err)
}

/// Gives back what earlier workers of the same name left. One that still lives keeps its registration, and loses its
/// job as if its lease had lapsed.
pub(crate) async fn succeed(
    queue: &Queue,
    connection: &mut MultiplexedConnection,
    registration: &str,
) -> Result<(), QueueError> {
    let mut members = redis::pipe();
    members.cmd("SMEMBERS").arg(&queue.keys().workers);
    let (registered,): (Vec<String>,) = members
        .query_async(connection)
        .await
        .map_err(|error| queue.failed(&error))?;
    let name = worker_name(registration);
    for other in registered {
        if other != registration && worker_name(&other) == name {
            release(queue, connection, &other, Why::Restarted).await?;
        }
    }
    Ok(())
}

async fn lapsed_workers(queue: &Queue) -> Result<Vec<String>, QueueError> {
    let keys = queue.keys();
    let mut members = redis::pipe();
    members.cmd("SMEMBERS").arg(&keys.workers);
    let (workers,): (Vec<String>,) = queue.read(&members).await?;
    if workers.is_empty() {
        return Ok(workers);
    }
    let mut leases = redis::pipe();
    for worker in &workers {
        leases.cmd("EXISTS").arg(keys.lease(worker));
    }
    let alive: Vec<bool> = queue.read(&leases).await?;
    let pairs = workers.into_iter().zip(alive);
    Ok(pairs
        .filter_map(|(worker, alive)| (!alive).then_some(worker))
        .collect())
}

/// Gives back what lies in the processing list of `worker`. The connection must be the caller's alone.
pub(crate) async fn release(
    queue: &Queue,
    connection: &mut MultiplexedConnection,
    worker: &str,
    why: Why,
) -> Result<Reaped, QueueError> {
    let failed = |error| queue.failed(&error);
    let keys = queue.keys();
    let (lease, processing) = (keys.lease(worker), keys.processing(worker));
    for _ in 0..TRIES {
        let mut look = redis::pipe();
        look.cmd("WATCH").arg(&lease).arg(&processing).ignore();
        look.cmd("EXISTS").arg(&lease);
        look.cmd("LRANGE").arg(&processing).arg(0).arg(-1);
        look.cmd("TYPE").arg(&keys.list);
        look.cmd("TYPE").arg(&keys.dead);
        let (alive, jobs, list, dead): (bool, Vec<Vec<u8>>, String, String) =
            look.query_async(connection).await.map_err(failed)?;
        if (why == Why::Lapsed && alive) || (jobs.is_empty() && !why.ends_registration()) {
            let mut unwatch = redis::pipe();
            unwatch.cmd("UNWATCH").ignore();
            unwatch.exec_async(connection).await.map_err(failed)?;
            return Ok(Reaped::default());
        }
        queue.takes_jobs(&keys.list, &list)?;
        queue.takes_jobs(&keys.dead, &dead)?;
        let (act, reaped) = give_back(queue, worker, &jobs, why);
        let done: Option<()> = act.query_async(connection).await.map_err(failed)?;
        if done.is_some() {
            return Ok(reaped);
        }
    }
    Err(queue.busy())
}

/// The `MULTI` that moves `jobs` to where they go next.
fn give_back(queue: &Queue, worker: &str, jobs: &[Vec<u8>], why: Why) -> (Pipeline, Reaped) {
    let keys = queue.keys();
    let mut reaped = Reaped::default();
    let mut pipe = redis::pipe();
    pipe.atomic();
    // Asked for and not ignored, so that an answer distinguishes "done" from "somebody was quicker".
    pipe.cmd("DEL").arg(keys.processing(worker));
    for raw in jobs {
        match next_place(raw, why) {
            Ok(again) => {
                reaped.returned += 1;
                pipe.cmd("RPUSH").arg(&keys.list).arg(again).ignore();
            }
            Err(reason) => {
                reaped.dead += 1;
                bury(queue, &mut pipe, worker, raw, reason);
            }
        }
    }
    if why.counts_as_attempt() && reaped.returned + reaped.dead > 0 {
        let failed = reaped.returned + reaped.dead;
        for (field, count) in [("failed", failed), ("lapsed_leases", 1)] {
            pipe.cmd("HINCRBY").arg(&keys.stats).arg(field).arg(count);
            pipe.ignore();
        }
    }
    if why.ends_registration() {
        pipe.cmd("SREM").arg(&keys.workers).arg(worker).ignore();
        pipe.cmd("DEL").arg(keys.lease(worker)).ignore();
    }
    if why == Why::Leaving {
        pipe.cmd("DEL").arg(keys.acknowledged(worker)).ignore();
    }
    (pipe, reaped)
}

/// The job as it goes back to the queue, or why it cannot.
fn next_place(raw: &[u8], why: Why) -> Result<Vec<u8>, String> {
    if !why.counts_as_attempt() {
        return Ok(raw.to_vec());
    }
    let job = Job::decode(raw).map_err(|error| error.to_string())?;
    match job.next_attempt() {
        Some(again) => Ok(again.encode().into_bytes()),
        None => Err(format!(
            "its worker was lost on attempt {} of {MAX_ATTEMPTS}",
            job.attempt
        )),
    }
}

/// Adds the making of a dead letter to `pipe`.
pub(crate) fn bury(queue: &Queue, pipe: &mut Pipeline, worker: &str, raw: &[u8], reason: String) {
    let keys = queue.keys();
    let foreign = Job::decode(raw).is_err();
    let worker = worker_name(worker).to_owned();
    let letter = DeadLetter::encode(reason, worker, queue.now_ms(), raw);
    pipe.cmd("LPUSH").arg(&keys.dead).arg(letter).ignore();
    pipe.cmd("HINCRBY")
        .arg(&keys.stats)
        .arg("dead")
        .arg(1)
        .ignore();
    if foreign {
        // Our producer pushes nothing malformed, so this came by another way and was never counted in.
        pipe.cmd("HINCRBY")
            .arg(&keys.stats)
            .arg("enqueued")
            .arg(1)
            .ignore();
    }
}
