//! What the pods run: `podium worker` and `podium broker`.

use super::until_told_to_stop;
use crate::config::Config;
use crate::embedded::broker as embedded_broker;
use crate::queue::Queue;
use crate::queue::keys::WorkerName;
use crate::queue::worker::{self, WorkerOptions};
use crate::stage::{self, demo::random_key};
use anyhow::{Context as _, Result, bail};
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Ends this process when its standard input closes. The kubelet holds the other end; a server that is killed cannot
/// tidy up, but the operating system closes its pipes, and so no pod outlives it.
pub fn exit_with_parent() {
    std::thread::spawn(|| {
        let mut buffer = [0_u8; 64];
        let mut input = std::io::stdin().lock();
        while matches!(input.read(&mut buffer), Ok(read) if read > 0) {}
        std::process::exit(0);
    });
}

/// Works until told to stop.
///
/// # Errors
/// When no Redis is named, or it refuses us.
pub async fn worker(config: &Config, name: Option<String>) -> Result<()> {
    let Some(redis) = &config.redis else {
        bail!(
            "a worker needs the queue's Redis: set PODIUM_REDIS, or give --redis redis://[:PASSWORD@]HOST:PORT"
        );
    };
    let name = name.unwrap_or_else(|| format!("worker-{}", &random_key()[..8]));
    let name = WorkerName::new(&name)?;
    let queue = Queue::lazy(redis, &stage::queue_name())?;
    let stop = until_told_to_stop()?;
    writeln!(std::io::stdout(), "worker {name} takes jobs from {redis}")?;
    let tally = worker::run(&queue, &name, &WorkerOptions::default(), stop).await;
    writeln!(
        std::io::stdout(),
        "worker {name} stops after {} jobs",
        tally.done
    )?;
    Ok(())
}

/// Serves the embedded broker until told to stop.
///
/// # Errors
/// When the address is taken.
pub async fn broker(listen: SocketAddr, password: Option<String>) -> Result<()> {
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}"))?;
    writeln!(
        std::io::stdout(),
        "broker ready to accept connections on {}",
        listener.local_addr()?
    )?;
    let stop = until_told_to_stop()?;
    embedded_broker::serve(listener, password, stop.cancelled_owned()).await?;
    Ok(())
}
