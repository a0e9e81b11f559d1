//! The queue under faults: a steady load, and a fault every second. Not one job may be lost.
//!
//! Real processes: workers that are killed, stopped and asked to end, producers that are killed midway, a `redis-server`
//! that is killed and started again on its files, connections that are all cut at once. Once a second the equation of
//! the queue is checked, at the end every run is. Then the same for a tenth of the time (20 s at least) against the embedded broker,
//! which keeps nothing on disk and is therefore the one thing that is left alive.
//!
//! `PODIUM_SOAK_SECONDS` says how long (600), `PODIUM_SOAK_SEED` repeats the choice of faults of an earlier run; when
//! they meet which job is the machine's affair. Ends with 1 at the first violation, and says which.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "soak/faults.rs"]
mod faults;
#[path = "soak/forwarder.rs"]
mod forwarder;
#[path = "soak/ledger.rs"]
mod ledger;
#[path = "soak/load.rs"]
mod load;
#[path = "support/memory.rs"]
mod memory;
#[path = "soak/random.rs"]
mod random;
#[path = "soak/server.rs"]
mod server;
#[path = "support/settings.rs"]
mod settings;
#[path = "soak/workers.rs"]
mod workers;

use anyhow::{Context as _, Result};
use faults::{Faults, World};
use forwarder::Forwarder;
use ledger::Ledger;
use load::Load;
use podium::clock::Clock;
use random::Random;
use server::{Kind, Server};
use settings::setting;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};
use workers::Workers;

/// The load is ten workers' work; the others make up for those that are down.
const WORKERS: usize = 16;

#[tokio::main]
async fn main() -> Result<()> {
    let seconds = setting("PODIUM_SOAK_SECONDS", 600)?;
    let seed = setting("PODIUM_SOAK_SEED", Clock::wall().now_ms().cast_unsigned())?;
    println!("soak: PODIUM_SOAK_SEED={seed} chooses the same faults again");
    let mut random = Random::seeded(seed);
    for (kind, seconds) in [
        (Kind::RedisServer, seconds),
        // A pause of a worker alone takes 16 s.
        (Kind::EmbeddedBroker, (seconds / 10).max(20)),
    ] {
        soak(kind, seconds, &mut random)
            .await
            .with_context(|| format!("{}, seed {seed}", kind.name()))?;
    }
    Ok(())
}

async fn soak(kind: Kind, seconds: u64, random: &mut Random) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(kind, folder.path().to_owned()).await?;
    let way = Forwarder::to(server.address).await?;
    let mut ledger = Ledger::open(&server.url())?;
    let mut workers = Workers::start(WORKERS, &way.url(), folder.path());
    let load = Load::start(&way.url(), random)?;
    let mut faults = Faults::new(random.fork());
    let began = Instant::now();
    let mut every_second = tokio::time::interval(Duration::from_secs(1));
    // A restart takes longer than a second now and then; the faults missed meanwhile are not made up for.
    every_second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while began.elapsed() < Duration::from_secs(seconds) {
        every_second.tick().await;
        let world = World {
            server: &mut server,
            way: &way,
            workers: &mut workers,
            folder: folder.path(),
        };
        faults.make(world).await?;
        ledger.look().await?;
    }
    let produced = load.stop().await?;
    workers.all_go_on().await;
    ledger.drained().await?;
    let processes = workers.stop().await?;
    let stats = ledger.verdict(produced).await?;
    let memory = memory::resident_kib(server.pid()?)?;
    println!("soak on {}: {seconds} s of faults", kind.name());
    println!(
        "  {} jobs: {} done, {} dead after three lost workers, {} lost; {} done twice, {} leases lapsed",
        stats.enqueued,
        stats.unique(),
        stats.dead,
        stats.missing(),
        stats.duplicates,
        stats.lapsed_leases
    );
    println!("  {faults}");
    println!(
        "  {processes} worker processes in all; {} producers killed midway; {} runs broken by a fault",
        ledger.cut_short(),
        produced.broken
    );
    println!(
        "  the equation held at {} looks, Redis was away at {}; memory of the server {memory} KiB",
        ledger.looks, ledger.away
    );
    Ok(())
}
