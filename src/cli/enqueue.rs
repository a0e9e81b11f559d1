//! `podium enqueue` and `podium spike`.

use super::{until_told_to_stop, world};
use crate::config::Config;
use crate::queue::enqueue::EnqueueRequest;
use crate::stage::action::{Ending, Progress};
use crate::stage::spike;
use anyhow::Result;
use std::io::{IsTerminal as _, Write as _};

/// Puts `count` jobs on the queue.
///
/// # Errors
/// Input that cannot be used, or a queue that does not answer.
pub async fn enqueue(config: &Config, count: &str, prefix: &str, delay_ms: &str) -> Result<()> {
    run(config, spike::enqueue_request(count, prefix, delay_ms)?).await
}

/// The tour announcement.
///
/// # Errors
/// As [`enqueue`].
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
