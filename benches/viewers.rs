//! Ten thousand viewers at one server: what each costs in memory, how soon a sample reaches them, what a hundred who do
//! not read cost, and how long the server takes to leave.
//!
//! The server is the real process, with the demo deployed and a spike on its way, so that five samples a second flow and
//! up to 48 worker processes run beside it. The viewers are in this process, on the same machine, and the clock that
//! stamps a sample is the one that times its arrival. `PODIUM_VIEWERS` (10,000) says how many, `PODIUM_BENCH_SECONDS`
//! (60) how long each part lasts. Each viewer takes a file descriptor here and one there. Then the same is asked of a bare
//! server, the least that could send the same frames.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "viewers/arrivals.rs"]
mod arrivals;
#[path = "viewers/audience.rs"]
mod audience;
#[path = "viewers/bare.rs"]
mod bare;
#[path = "support/memory.rs"]
mod memory;
#[path = "support/podium_server.rs"]
mod podium_server;
#[path = "support/settings.rs"]
mod settings;

use anyhow::{Result, ensure};
use arrivals::{Arrivals, Delays};
use audience::{Idle, stalled};
use bare::BareServer;
use podium_server::PodiumServer;
use settings::setting;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Viewers who never read.
const STALLED: usize = 100;
/// The server's promise.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);
/// Until the memory of viewers who left is given back, if it ever is.
const SETTLE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == bare::ARGUMENT) {
        return bare::serve().await;
    }
    let plan = Plan {
        count: setting("PODIUM_VIEWERS", 10_000)?,
        part: Duration::from_secs(setting("PODIUM_BENCH_SECONDS", 60)?),
        arrivals: Arc::new(Arrivals::new()),
    };
    podium(&plan).await?;
    peer(&plan).await
}

/// What is done to each server.
struct Plan {
    count: usize,
    part: Duration,
    arrivals: Arc<Arrivals>,
}

impl Plan {
    /// Lets all viewers in and tells what each of them costs.
    async fn all_arrive(&self, what: &str, server: SocketAddr, pid: u32) -> Result<Idle> {
        let before = tell_memory(what, pid, "before anybody watches")?;
        let began = Instant::now();
        let idle = Idle::arrive(self.count, server, &self.arrivals).await?;
        println!("{what}: {} arrived in {:.1?}", self.count, began.elapsed());
        let with_all = tell_memory(what, pid, "with all of them")?;
        let each = with_all.saturating_sub(before) as f64 / self.count as f64;
        println!("{what}: memory a viewer: {each:.1} KiB");
        Ok(idle)
    }

    /// Counts the delays of one part.
    async fn delays(&self) -> Delays {
        self.arrivals.take();
        tokio::time::sleep(self.part).await;
        self.arrivals.take()
    }
}

async fn podium(plan: &Plan) -> Result<()> {
    let mut server = PodiumServer::start().await?;
    server.act("deploy").await?;
    server.until_done("deploy").await?;
    let pid = server.pid()?;
    let mut idle = plan.all_arrive("podium", server.address, pid).await?;
    server.act("spike").await?;
    let delays = plan.delays().await;
    println!("podium: from a sample's making to the viewer, a spike on its way: {delays}");
    tell_memory("podium", pid, &format!("after {:?} of samples", plan.part))?;

    let silent = stalled(STALLED, server.address).await?;
    let delays = plan.delays().await;
    println!("podium: the same beside {STALLED} who do not read: {delays}");
    let when = format!("after {:?} beside them", plan.part);
    tell_memory("podium", pid, &when)?;
    let (watching, count) = (idle.watching(), plan.count);
    ensure!(
        watching == count,
        "only {watching} of {count} viewers watch still"
    );

    drop((idle, silent));
    tokio::time::sleep(SETTLE).await;
    tell_memory("podium", pid, "after all have left")?;
    let idle = Idle::arrive(count, server.address, &plan.arrivals).await?;
    let _silent = stalled(STALLED, server.address).await?;
    tell_memory("podium", pid, "with all of them again")?;
    let took = server.end().await?;
    println!("podium: from SIGTERM to the server's end, all connected: {took:.2?}");
    idle.ended().await;
    ensure!(
        took < LEAVE_WITHIN,
        "the server took longer than {LEAVE_WITHIN:?} to leave"
    );
    Ok(())
}

async fn peer(plan: &Plan) -> Result<()> {
    let server = BareServer::start().await?;
    let pid = server.pid()?;
    let _idle = plan.all_arrive("bare", server.address, pid).await?;
    let delays = plan.delays().await;
    println!("bare: from a sample's making to the viewer: {delays}");
    tell_memory("bare", pid, &format!("after {:?} of samples", plan.part))?;
    Ok(())
}

/// Prints and returns the server's resident memory in KiB.
fn tell_memory(what: &str, pid: u32, when: &str) -> Result<u64> {
    let kib = memory::resident_kib(pid)?;
    println!("{what}: memory {when}: {:.1} MiB", kib as f64 / 1024.0);
    Ok(kib)
}
