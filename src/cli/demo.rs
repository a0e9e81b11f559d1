//! `podium deploy-queue-demo` and `podium remove-queue-demo`.

use super::confirm::confirm;
use super::{until_told_to_stop, world};
use crate::cluster::apply::Manifest;
use crate::cluster::{Cluster, FieldConflict};
use crate::config::{Config, DeployArgs};
use crate::stage::action::{Ending, Progress, Step};
use crate::stage::{contested, demo, dry_run, manifests};
use anyhow::{Result, bail};
use serde_json::Value;
use std::collections::HashMap;
use std::io::Write as _;
use tokio_util::sync::CancellationToken;

/// Deploys the demo, printing each object as it is applied.
///
/// # Errors
/// What stood in the way, and what to do about it.
pub async fn deploy(config: &Config, args: DeployArgs) -> Result<()> {
    let manifests = manifests::load(config)?;
    let cluster = world::cluster(config).await?;
    let password = demo::Password::suiting(config.redis.as_ref());
    let conflicts = &if args.force_conflicts {
        demo::Conflicts::TakeOver
    } else {
        demo::Conflicts::Refuse
    };
    let stop = until_told_to_stop()?;
    if args.dry_run {
        return rehearse(&cluster, manifests, password, conflicts, &stop).await;
    }
    let mut printer = Printer::default();
    let print = |progress| printer.print(progress);
    let ending = contested::deploy(&cluster, manifests, password, conflicts, &stop, print).await?;
    match ending {
        Ending::Done(_) => writeln!(
            std::io::stdout(),
            "The queue demo is ready. Next: podium spike"
        )?,
        Ending::Stopped(told) => bail!("stopped: {told}; deploy again to complete it"),
    }
    Ok(())
}

/// Prints what a deployment would do to each object.
async fn rehearse(
    cluster: &Cluster,
    manifests: Vec<Manifest>,
    password: demo::Password,
    conflicts: &demo::Conflicts,
    stop: &CancellationToken,
) -> Result<()> {
    let mut printer = Printer {
        mark: " (server dry run)",
        ..Printer::default()
    };
    let print = |progress| printer.print(progress);
    match dry_run::run(cluster, manifests, password, conflicts, stop, print).await? {
        Ending::Done(told) => writeln!(std::io::stderr(), "{told}")?,
        Ending::Stopped(told) => bail!("stopped: {told}; nothing changed"),
    }
    Ok(())
}

/// Removes the demo; asks first, unless `yes`.
///
/// # Errors
/// What stood in the way, and what to do about it.
pub async fn remove(config: &Config, yes: bool) -> Result<()> {
    let manifests = manifests::load(config)?;
    let cluster = world::cluster(config).await?;
    if !yes {
        let what = if demo::namespace_goes(&cluster, &manifests).await? {
            "and everything in its namespace"
        } else {
            "but neither its namespace, which was there before it, nor what else is in there,"
        };
        let question = format!("Remove the queue demo {what} from {}?", cluster.address());
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
    /// What every outcome is followed by.
    mark: &'static str,
    printed: HashMap<String, (String, String)>,
}

impl Printer {
    fn print(&mut self, progress: Progress) {
        let Step {
            name,
            state,
            detail,
        } = match progress {
            Progress::Step(step) => step,
            Progress::Contested(fields) => return list(&fields, "it has"),
            Progress::TakenOver(fields) => return list(&fields, "taken over, it had"),
            Progress::Count { .. } => return,
        };
        let quiet =
            (state == "waiting" && detail.is_empty()) || (state == "running" && detail.is_empty());
        let now = (state.to_owned(), detail.clone());
        if quiet || self.printed.get(&name) == Some(&now) {
            return;
        }
        self.printed.insert(name.clone(), now);
        // `redis ready 0/1`, then `redis ready 1/1`: the numbers say the state.
        let word = match state {
            "running" | "done" | "waiting" => String::new(),
            outcome => format!("{outcome}{}", self.mark),
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

/// One line for each field of somebody else: `deployment/redis .spec.replicas of chief: it has 2, the demo wants 1`.
fn list(fields: &[FieldConflict], had: &str) {
    let mut out = std::io::stdout();
    for field in fields {
        let FieldConflict {
            object,
            field: path,
            manager,
            ..
        } = field;
        let shown = |value: &Option<Value>| match value {
            Some(value) => value.to_string(),
            None => "a value that is not shown".to_owned(),
        };
        let (held, wanted) = (shown(&field.held), shown(&field.wanted));
        let _ = writeln!(
            out,
            "{object} {path} of {manager}: {had} {held}, the demo wants {wanted}"
        );
    }
}
