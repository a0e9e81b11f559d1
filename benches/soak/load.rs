//! The load: producers that enqueue one run after the other at a steady rate, through the library, and keep count of
//! what Redis acknowledged to them. A producer that meets a fault starts its next run, as a person would.

use crate::random::Random;
use anyhow::{Context as _, Result};
use podium::queue::Queue;
use podium::queue::enqueue::{DelayMs, EnqueueRequest, JobCount, Prefix, RunKind, WorkMs, enqueue};
use podium::queue::keys::QueueName;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What the jobs of the steady load are called.
pub(crate) const STEADY: &str = "steady";
/// What the jobs of a producer that is killed are called, and how many it would enqueue.
pub(crate) const CUT_SHORT: &str = "cut-short";
/// See [`CUT_SHORT`].
pub(crate) const CUT_SHORT_JOBS: u64 = 300;

/// Four producers at ten jobs a second each: 40 jobs/s.
const PRODUCERS: u32 = 4;
const PAUSE_MS: i64 = 100;
const PODIUM: &str = env!("CARGO_BIN_EXE_podium");

/// What the producers know of what they did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Produced {
    /// Jobs that Redis acknowledged.
    pub(crate) acknowledged: u64,
    /// Runs that ended with an error. The job at hand may be on the queue or not: nobody was told.
    pub(crate) broken: u64,
}

/// The running producers.
pub(crate) struct Load {
    producers: JoinSet<Result<Produced>>,
    stop: CancellationToken,
}

impl Load {
    /// Starts the producers on the queue at `url`.
    pub(crate) fn start(url: &str, random: &mut Random) -> Result<Self> {
        let stop = CancellationToken::new();
        let mut producers = JoinSet::new();
        for _ in 0..PRODUCERS {
            let queue = Queue::lazy(url, &QueueName::demo())?;
            producers.spawn(produce(queue, random.fork(), stop.clone()));
        }
        Ok(Self { producers, stop })
    }

    /// Ends the runs, and adds up.
    pub(crate) async fn stop(mut self) -> Result<Produced> {
        self.stop.cancel();
        let mut sum = Produced::default();
        while let Some(produced) = self.producers.join_next().await {
            let produced = produced.context("a producer ended badly")??;
            sum.acknowledged += produced.acknowledged;
            sum.broken += produced.broken;
        }
        Ok(sum)
    }
}

async fn produce(queue: Queue, mut random: Random, stop: CancellationToken) -> Result<Produced> {
    let mut produced = Produced::default();
    while !stop.is_cancelled() {
        let request = request(&mut random)?;
        let mut acknowledged = 0;
        let run = enqueue(&queue, &request, &stop, |count| acknowledged = count).await;
        produced.acknowledged += u64::from(acknowledged);
        if run.is_err() {
            produced.broken += 1;
            tokio::time::sleep(Duration::from_millis(random.between(50, 250))).await;
        }
    }
    Ok(produced)
}

fn request(random: &mut Random) -> Result<EnqueueRequest> {
    let count = random.between(50, 150).cast_signed();
    let work_ms = random.between(100, 400).cast_signed();
    Ok(EnqueueRequest {
        count: JobCount::new(count)?,
        prefix: Prefix::new(STEADY)?,
        delay: DelayMs::new(PAUSE_MS)?,
        work: WorkMs::new(work_ms)?,
        kind: RunKind::Enqueue,
    })
}

/// Starts `podium enqueue` and kills it midway.
pub(crate) async fn kill_a_producer(url: &str, folder: &Path, alive: Duration) -> Result<()> {
    let mut child = Command::new(PODIUM)
        .args(["enqueue", &CUT_SHORT_JOBS.to_string(), CUT_SHORT, "5"])
        .env("PODIUM_REDIS", url)
        .env("PODIUM_STATE_DIR", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    tokio::time::sleep(alive).await;
    child.kill().await?;
    Ok(())
}
