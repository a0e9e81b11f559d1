//! `podium deploy-queue-demo` and `podium remove-queue-demo`.

use super::confirm::confirm;
use super::{until_told_to_stop, world};
use crate::config::Config;
use crate::stage::action::{Ending, Progress, Step};
use crate::stage::{demo, manifests};
use anyhow::{Result, bail};
use std::collections::HashMap;
use std::io::Write as _;

/// Deploys the demo, printing each object as it is applied.
///
/// # Errors
/// What stood in the way, and what to do about it.
pub async fn deploy(config: &Config) -> Result<()> {
    let manifests = manifests::load(config.manifests.as_deref(), config.redis.as_ref())?;
    let cluster = world::cluster(config).await?;
    let mut printer = Printer::default();
    let ending = demo::deploy(
        &cluster,
        manifests,
        demo::Password::suiting(config.redis.as_ref()),
        &until_told_to_stop()?,
        |progress| printer.print(progress),
    )
    .await?;
    match ending {
        Ending::Done(_) => writeln!(
            std::io::stdout(),
            "The queue demo is ready. Next: podium spike"
        )?,
        Ending::Stopped(told) => bail!("stopped: {told}; deploy again to complete it"),
    }
    Ok(())
}

/// Removes the demo; asks first, unless `yes`.
///
/// # Errors
/// What stood in the way, and what to do about it.
pub async fn remove(config: &Config, yes: bool) -> Result<()> {
    let manifests = manifests::load(config.manifests.as_deref(), config.redis.as_ref())?;
    let cluster = world::cluster(config).await?;
    if !yes {
        let question = format!(
            "Remove the queue demo and everything in its namespace from {}?",
            cluster.address()
        );
        confirm(&question, "this destroys the demo", "nothing was removed")?;
    }
    let mut printer = Printer::default();
    let stop = until_told_to_stop()?;
    let ending = demo::remove(&cluster, &manifests, &stop, |progress| {
        printer.print(progress);
    })
    .await?;
    if let Ending::Stopped(told) = ending {
        bail!("stopped: {told}; remove again to take away the rest");
    }
    Ok(())
}

/// Prints each step once it has changed, as `kubectl` does.
#[derive(Default)]
struct Printer {
    printed: HashMap<String, (String, String)>,
}

impl Printer {
    fn print(&mut self, progress: Progress) {
        let Progress::Step(Step {
            name,
            state,
            detail,
        }) = progress
        else {
            return;
        };
        let quiet = matches!(state, "waiting") || (state == "running" && detail.is_empty());
        let now = (state.to_owned(), detail.clone());
        if quiet || self.printed.get(&name) == Some(&now) {
            return;
        }
        self.printed.insert(name.clone(), now);
        // `redis ready 0/1`, then `redis ready 1/1`: the numbers say the state.
        let word = if matches!(state, "running" | "done") {
            ""
        } else {
            state
        };
        let line = format!("{name} {word} {detail}");
        // Standard output may be a closed pipe; the deployment goes on all the same.
        let _ = writeln!(
            std::io::stdout(),
            "{}",
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        );
    }
}
