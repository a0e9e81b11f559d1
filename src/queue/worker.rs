//! The worker: what every pod of the demo runs.
//!
//! One job at a time: move it into the own processing list (`BLMOVE`), work, acknowledge. Beside that loop, two
//! others: one keeps the lease alive, one looks for workers that died. When Redis is away the worker waits with
//! growing pauses and comes back by itself; a job it had finished is acknowledged then. When asked to stop it takes no
//! further job, finishes the one in hand, and gives it back if the grace period runs out first.
//!
//! Taking a job renews the registration in the same breath (`SET` lease, `SADD`, `BLMOVE`): so a job can never land in
//! the list of a worker that nobody knows, not even if the process was stopped for a minute in between. The same
//! breath counts what lies in the list while nothing is in hand: a `BLMOVE` that was stuck in the network may arrive
//! after its connection was given up, and the job it moved would otherwise lie there for as long as the worker lives.

mod execution;

use super::keys::WorkerName;
use super::lease::{self, Why, reap, succeed};
use super::{Queue, QueueError};
use crate::backoff::{Backoff, jittered};
use execution::Execution;
use redis::aio::MultiplexedConnection;
use std::convert::Infallible;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The pauses while Redis is away: dozens of workers wait for it at once.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How a worker behaves. The defaults are the demo's.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// How long a worker is believed alive after its last sign of life.
    pub lease: Duration,
    /// How long one `BLMOVE` waits; also how long stopping an idle worker may take.
    pub take: Duration,
    /// How long the job in hand may go on after the signal to stop: less than the pod's grace period of 10 s.
    pub grace: Duration,
    /// How often to look for workers that died.
    pub reap_every: Duration,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            take: Duration::from_secs(1),
            grace: Duration::from_secs(8),
            reap_every: Duration::from_secs(3),
        }
    }
}

/// What a worker did in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Jobs done and acknowledged.
    pub done: u64,
    /// Things taken that were no job, or one tried too often.
    pub buried: u64,
}

/// Works until `shutdown`. Survives the absence of Redis, and returns only when told to.
pub async fn run(
    queue: &Queue,
    name: &WorkerName,
    options: &WorkerOptions,
    shutdown: CancellationToken,
) -> Tally {
    let registration = name.registration();
    let mut worker = Worker {
        queue,
        registration: &registration,
        options,
        shutdown: &shutdown,
        in_hand: None,
        tally: Tally::default(),
        started: false,
    };
    let out_of_time = async {
        shutdown.cancelled().await;
        tokio::time::sleep(options.grace).await;
    };
    let why = tokio::select! {
        () = worker.work() => Why::Leaving,
        // The connection may still be waiting for a job on the server's side: stay registered, and let the lease
        // lapse, so that a job arriving there in this last moment is found.
        () = out_of_time => Why::NotDone,
        never = keep_lease(queue, &registration, options) => match never {},
        never = keep_reaping(queue, options) => match never {},
    };
    let tally = worker.tally;
    if let Err(error) = leave(queue, &registration, why).await {
        tracing::warn!(%error, "could not sign off; the lease will lapse by itself");
    }
    tally
}

struct Worker<'a> {
    queue: &'a Queue,
    registration: &'a str,
    options: &'a WorkerOptions,
    shutdown: &'a CancellationToken,
    in_hand: Option<Execution>,
    tally: Tally,
    started: bool,
}

impl Worker<'_> {
    /// Connects and works, again and again, until told to stop and with nothing left to acknowledge.
    async fn work(&mut self) {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        while !self.shutdown.is_cancelled() || self.in_hand.is_some() {
            match self.connected(&mut backoff).await {
                Ok(()) => return,
                Err(error) if backoff.is_first() => {
                    tracing::warn!(%error, "the queue is away; trying again until it is back");
                }
                Err(error) => tracing::debug!(%error, "the queue is still away"),
            }
            let pause = tokio::time::sleep(backoff.next_pause());
            tokio::select! {
                () = pause => {}
                // Once only: with a job to acknowledge, the pauses go on until the grace period ends.
                () = self.shutdown.cancelled(), if self.in_hand.is_none() => {}
            }
        }
    }

    /// Works on one connection; `Ok` when told to stop.
    async fn connected(&mut self, backoff: &mut Backoff) -> Result<(), QueueError> {
        let patience = self.options.take + Duration::from_secs(3);
        let mut connection = self.queue.dedicated(patience).await?;
        if let Some(execution) = &mut self.in_hand {
            execution
                .acknowledge(self.queue, &mut connection, self.registration)
                .await?;
            self.in_hand = None;
            self.tally.done += 1;
        }
        if !self.started {
            succeed(self.queue, &mut connection, self.registration).await?;
            self.started = true;
        }
        // Whatever else lies there arrived when the last connection was lost already.
        self.give_strays_back(&mut connection).await?;
        if backoff.succeeded() {
            tracing::info!("the queue is back");
        }
        while !self.shutdown.is_cancelled() {
            let (strays, raw) = self.take(&mut connection).await?;
            if let Some(raw) = raw {
                self.process(raw, &mut connection).await?;
            }
            if strays > 0 {
                self.give_strays_back(&mut connection).await?;
            }
        }
        Ok(())
    }

    /// Gives back what lies in the processing list while nothing is in hand.
    async fn give_strays_back(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> Result<(), QueueError> {
        lease::release(self.queue, connection, self.registration, Why::NotDone).await?;
        Ok(())
    }

    /// The next job, once there is one, `None` after a while without; and how many lay in the processing list before.
    async fn take(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> Result<(u64, Option<Vec<u8>>), QueueError> {
        let keys = self.queue.keys();
        let processing = keys.processing(self.registration);
        let mut pipe = sign_of_life(self.queue, self.registration, self.options);
        pipe.cmd("LLEN").arg(&processing);
        pipe.cmd("BLMOVE").arg(&keys.list).arg(&processing);
        pipe.arg("RIGHT")
            .arg("LEFT")
            .arg(self.options.take.as_secs_f64());
        pipe.query_async(connection)
            .await
            .map_err(|error| self.queue.failed(&error))
    }

    async fn process(
        &mut self,
        raw: Vec<u8>,
        connection: &mut MultiplexedConnection,
    ) -> Result<(), QueueError> {
        match execution::check(&raw) {
            Ok(job) => {
                let started_ms = self.queue.now_ms();
                tokio::time::sleep(Duration::from_millis(job.work_ms)).await;
                tracing::info!(job = %job.id, name = %job.prefix, "sold ticket {}", job.seq + 1);
                let execution = self.in_hand.insert(Execution::new(raw, job, started_ms));
                execution
                    .acknowledge(self.queue, connection, self.registration)
                    .await?;
                self.in_hand = None;
                self.tally.done += 1;
            }
            Err(reason) => {
                tracing::warn!(%reason, "took something that cannot be done; it goes to the dead letters");
                execution::give_up(self.queue, connection, self.registration, &raw, &reason)
                    .await?;
                self.tally.buried += 1;
            }
        }
        Ok(())
    }
}

/// The commands that say "this worker lives".
fn sign_of_life(queue: &Queue, registration: &str, options: &WorkerOptions) -> redis::Pipeline {
    let keys = queue.keys();
    let lease_ms = u64::try_from(options.lease.as_millis()).unwrap_or(u64::MAX);
    let mut pipe = redis::pipe();
    pipe.cmd("SET")
        .arg(keys.lease(registration))
        .arg(1)
        .arg("PX")
        .arg(lease_ms)
        .ignore();
    pipe.cmd("SADD")
        .arg(&keys.workers)
        .arg(registration)
        .ignore();
    pipe
}

/// Renews the lease three times in its length: two renewals may be lost before it lapses.
async fn keep_lease(queue: &Queue, registration: &str, options: &WorkerOptions) -> Infallible {
    let mut ticks = tokio::time::interval(options.lease / 3);
    loop {
        ticks.tick().await;
        // The main loop reports when Redis is away; one voice is enough.
        let renewed: Result<(), _> = queue
            .write(&sign_of_life(queue, registration, options))
            .await;
        if let Err(error) = renewed {
            tracing::debug!(%error, "the lease was not renewed");
        }
    }
}

async fn keep_reaping(queue: &Queue, options: &WorkerOptions) -> Infallible {
    loop {
        // Spread out, or 48 workers started together would look together for ever.
        tokio::time::sleep(jittered(options.reap_every)).await;
        if let Err(error) = reap(queue).await {
            tracing::debug!(%error, "could not look for lapsed leases");
        }
    }
}

/// Gives back what is still in hand, and ends the registration if `why` says so.
async fn leave(queue: &Queue, registration: &str, why: Why) -> Result<(), QueueError> {
    let mut connection = queue.dedicated(Duration::from_secs(1)).await?;
    let given_back = lease::release(queue, &mut connection, registration, why).await?;
    if given_back.returned > 0 {
        tracing::info!(
            jobs = given_back.returned,
            "gave the job in hand back to the queue"
        );
    }
    Ok(())
}
