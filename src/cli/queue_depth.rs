//! `podium queue-depth [--watch]`.

use super::world;
use crate::config::Config;
use crate::live::source::QUEUE_EVERY;
use anyhow::Result;
use std::io::Write as _;

/// Prints how many jobs wait; with `watch`, again whenever that changes.
///
/// # Errors
/// A queue that does not answer.
pub async fn run(config: &Config, watch: bool) -> Result<()> {
    let queue = world::queue(config).await?;
    let mut shown = None;
    loop {
        let depth = queue.depth().await?;
        if shown != Some(depth) {
            let written = writeln!(std::io::stdout(), "{depth}");
            if let Err(error) = written {
                // `podium queue-depth --watch | head` ends here, and rightly so.
                let closed = error.kind() == std::io::ErrorKind::BrokenPipe;
                return if closed { Ok(()) } else { Err(error.into()) };
            }
            shown = Some(depth);
        }
        if !watch {
            return Ok(());
        }
        tokio::time::sleep(QUEUE_EVERY).await;
    }
}
