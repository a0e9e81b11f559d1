//! `podium enqueue` and `podium spike`.

use super::{until_told_to_stop, world};
use crate::config::Config;
use crate::queue::enqueue::EnqueueRequest;
use crate::stage::action::{Ending, Progress};
use crate::stage::producer_job::{self, News};
use crate::stage::spike;
use anyhow::{Result, bail};
use std::io::{IsTerminal as _, Write as _};

/// Puts jobs on the queue.
///
/// # Errors
/// A queue that does not answer.
pub async fn enqueue(config: &Config, request: EnqueueRequest) -> Result<()> {
    run(config, request).await
}

/// Lets a Job in the cluster put them there, and prints what it prints.
///
/// # Errors
/// A cluster that refuses, a Job that fails or is cancelled.
pub async fn as_job(config: &Config, request: &EnqueueRequest) -> Result<()> {
    let cluster = world::cluster(config).await?;
    let stop = until_told_to_stop()?;
    let ending = producer_job::run(&cluster, config.namespace(), request, &stop, |news| {
        // Whoever reads may go away; the Job must not be left because of it.
        let _ = match news {
            News::Waiting(reason) => writeln!(std::io::stderr(), "waiting: {reason}"),
            News::Line(line) => writeln!(std::io::stdout(), "{line}"),
        };
    })
    .await?;
    match ending {
        Ending::Done(told) => writeln!(std::io::stderr(), "{told}")?,
        Ending::Stopped(told) => bail!("stopped: {told}"),
    }
    Ok(())
}

/// The tour announcement.
///
/// # Errors
/// Input that cannot be used, or a queue that does not answer.
pub async fn spike(config: &Config, count: &str) -> Result<()> {
    run(config, spike::spike_request(count)?).await
}

async fn run(config: &Config, request: EnqueueRequest) -> Result<()> {
    let queue = world::queue(config).await?;
    let shows_progress = std::io::stderr().is_terminal();
    let told = spike::enqueue(&queue, &request, &until_told_to_stop()?, |progress| {
        if let (Progress::Count { done, total }, true) = (progress, shows_progress) {
            // Progress is a courtesy: a terminal that went away must not stop the producer.
            let _ = write!(std::io::stderr(), "\r{done}/{total} ");
        }
    })
    .await?;
    if shows_progress {
        write!(std::io::stderr(), "\r")?;
    }
    match told {
        Ending::Done(told) => writeln!(std::io::stdout(), "{told}")?,
        Ending::Stopped(told) => writeln!(std::io::stdout(), "{told}, then stopped")?,
    }
    Ok(())
}
