//! The ledger: looks at the queue every second and demands that nothing is lost.
//!
//! Two views that must agree. `queue::stats` is what Podium shows, and its equation must hold at every look. Beside it
//! the ledger reads the runs' hashes, bitmaps and the dead letters by the names of their keys, and keeps what it saw of
//! runs that the queue has folded into its totals since: so it does not believe the code that it audits.

use crate::load::{CUT_SHORT, CUT_SHORT_JOBS, Produced, STEADY};
use anyhow::{Context as _, Result, ensure};
use podium::queue::Queue;
use podium::queue::job::{DeadLetter, Job};
use podium::queue::keys::QueueName;
use podium::queue::stats::{Stats, stats};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long the backlog may take to be worked off once the faults have ended: a lease, a look of a reaper, and the jobs.
const DRAIN_LIMIT: Duration = Duration::from_secs(180);

/// What is known of a run.
#[derive(Clone, Debug, Default)]
struct Seen {
    prefix: String,
    enqueued: u64,
    unique: u64,
}

/// What was found so far.
pub(crate) struct Ledger {
    queue: Queue,
    client: redis::Client,
    runs: HashMap<String, Seen>,
    dead: HashMap<String, u64>,
    last: Stats,
    /// Looks at which the equation held.
    pub(crate) looks: u64,
    /// Looks at which Redis was away.
    pub(crate) away: u64,
}

impl Ledger {
    /// A ledger of the queue at `url`, which leads straight to the server and not through the faults.
    pub(crate) fn open(url: &str) -> Result<Self> {
        Ok(Self {
            queue: Queue::lazy(url, &QueueName::demo())?,
            client: redis::Client::open(url)?,
            runs: HashMap::new(),
            dead: HashMap::new(),
            last: Stats::default(),
            looks: 0,
            away: 0,
        })
    }

    /// Looks once. That Redis is away is no error; that something is missing is.
    pub(crate) async fn look(&mut self) -> Result<()> {
        let Ok(now) = stats(&self.queue).await else {
            self.away += 1;
            return Ok(());
        };
        ensure!(
            now.missing() == 0,
            "{} jobs are in no place: {now:?}",
            now.missing()
        );
        // A restart may forget nothing that it had told.
        ensure!(
            now.enqueued >= self.last.enqueued && now.processed >= self.last.processed,
            "the totals went back from {:?} to {now:?}",
            self.last
        );
        self.last = now;
        self.looks += 1;
        if let Ok((runs, dead)) = self.read().await {
            self.enter(runs, dead)?;
        }
        Ok(())
    }

    async fn read(&self) -> redis::RedisResult<(HashMap<String, Seen>, Vec<String>)> {
        let key = |rest: &str| format!("{{keda-demo-queue}}:{rest}");
        let mut connection = self.client.get_multiplexed_async_connection().await?;
        let (ids, dead): (Vec<String>, Vec<String>) = redis::pipe()
            .lrange(key("runs"), 0, -1)
            .lrange(key("dead"), 0, -1)
            .query_async(&mut connection)
            .await?;
        let mut runs = HashMap::new();
        for id in ids {
            let (run, done) = (key(&format!("run:{id}")), key(&format!("run:{id}:done")));
            let (prefix, enqueued, unique) = redis::pipe()
                .atomic()
                .hget(&run, "prefix")
                .hget(&run, "enqueued")
                .bitcount(done)
                .query_async::<(Option<String>, Option<u64>, u64)>(&mut connection)
                .await?;
            // Without fields, it was folded into the totals between the two questions.
            if let (Some(prefix), Some(enqueued)) = (prefix, enqueued) {
                let seen = Seen {
                    prefix,
                    enqueued,
                    unique,
                };
                runs.insert(id, seen);
            }
        }
        Ok((runs, dead))
    }

    fn enter(&mut self, runs: HashMap<String, Seen>, dead: Vec<String>) -> Result<()> {
        self.dead.clear();
        for letter in dead {
            let letter: DeadLetter = serde_json::from_str(&letter)?;
            ensure!(
                letter
                    .reason
                    .starts_with("its worker was lost on attempt 3"),
                "a job died of something else than three lost workers: {letter:?}"
            );
            let job = Job::decode(letter.job.as_bytes())?;
            *self.dead.entry(job.run).or_default() += 1;
        }
        for (id, seen) in &self.runs {
            ensure!(
                runs.contains_key(id) || self.is_full(id, seen),
                "run {id} was folded into the totals before its jobs were done: {seen:?}"
            );
        }
        self.runs.extend(runs);
        Ok(())
    }

    fn is_full(&self, id: &str, seen: &Seen) -> bool {
        let dead = self.dead.get(id).copied().unwrap_or(0);
        seen.unique + dead == seen.enqueued
    }

    /// Waits until nothing waits and nothing is in hand.
    pub(crate) async fn drained(&mut self) -> Result<()> {
        let limit = Instant::now() + DRAIN_LIMIT;
        loop {
            self.look().await?;
            if self.last.depth + self.last.in_flight == 0 {
                return Ok(());
            }
            ensure!(
                Instant::now() < limit,
                "not worked off within {DRAIN_LIMIT:?}: {:?}",
                self.last
            );
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// The last look: everything must add up.
    pub(crate) async fn verdict(&mut self, produced: Produced) -> Result<Stats> {
        let looks = self.looks;
        self.look().await?;
        ensure!(self.looks > looks, "Redis is away at the last look");
        let (runs, dead) = self.read().await.context("at the last look")?;
        self.enter(runs, dead)?;
        let now = self.last.clone();
        ensure!(
            now.depth + now.in_flight + now.purged == 0,
            "something is left over: {now:?}"
        );
        for (id, seen) in &self.runs {
            ensure!(self.is_full(id, seen), "run {id} is not done: {seen:?}");
        }
        let in_runs: u64 = self.runs.values().map(|run| run.enqueued).sum();
        let unique: u64 = self.runs.values().map(|run| run.unique).sum();
        ensure!(
            (in_runs, unique) == (now.enqueued, now.unique()),
            "the runs have {in_runs} jobs, {unique} of them done, the totals say otherwise: {now:?}"
        );
        let steady = self.enqueued_as(STEADY);
        // A run that broke had one job under way; a reader may find it on the queue or not.
        let at_most = produced.acknowledged + produced.broken;
        ensure!(
            (produced.acknowledged..=at_most).contains(&steady),
            "{steady} jobs were counted, but the producers were told of {} to {at_most}",
            produced.acknowledged
        );
        ensure!(
            now.duplicates <= now.lapsed_leases,
            "{} jobs were done twice, but only {} leases lapsed",
            now.duplicates,
            now.lapsed_leases
        );
        Ok(now)
    }

    fn enqueued_as(&self, prefix: &str) -> u64 {
        let runs = self.runs.values().filter(|run| run.prefix == prefix);
        runs.map(|run| run.enqueued).sum()
    }

    /// Runs whose producer was killed when some of its jobs were on the queue, and not all.
    pub(crate) fn cut_short(&self) -> usize {
        let midway = 1..CUT_SHORT_JOBS;
        let runs = self.runs.values();
        runs.filter(|run| run.prefix == CUT_SHORT && midway.contains(&run.enqueued))
            .count()
    }
}
