//! The workers: real `podium worker` processes, each in a slot whose supervisor starts the next one when it ends, as the
//! kubelet and the Deployment do. A fault picks a slot by chance and sends a signal.

use crate::random::Random;
use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const PODIUM: &str = env!("CARGO_BIN_EXE_podium");

/// Longer than the demo's lease of 10 s and the 3 s to the next look of a reaper.
const PAUSE_MS: (u64, u64) = (12_000, 16_000);

/// All workers. They are killed when it is dropped.
pub(crate) struct Workers {
    slots: Vec<Arc<Slot>>,
    supervisors: JoinSet<Result<u64>>,
    pauses: JoinSet<()>,
    stop: CancellationToken,
}

/// A place for a worker.
#[derive(Default)]
struct Slot(Mutex<State>);

#[derive(Clone, Copy, Default)]
struct State {
    /// The running process; `None` between two.
    pid: Option<Pid>,
    /// Stopped by `SIGSTOP`: left alone until it goes on.
    paused: bool,
    /// Whether the next process takes the name of this one, as a container does that is started again in its pod.
    keeps_name: bool,
}

impl Slot {
    // std's lock: held for the time of a copy or a signal.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a signal to the process, if it is still the one meant.
    fn signal(&self, pid: Pid, signal: Signal) {
        let state = self.lock();
        if state.pid == Some(pid) {
            // It may have ended by itself a moment ago; its supervisor sees to that.
            let _ = kill_process(pid, signal);
        }
    }
}

impl Workers {
    /// Starts `count` workers on the queue at `url`.
    pub(crate) fn start(count: usize, url: &str, folder: &Path) -> Self {
        let mut workers = Self {
            slots: Vec::new(),
            supervisors: JoinSet::new(),
            pauses: JoinSet::new(),
            stop: CancellationToken::new(),
        };
        for number in 0..count {
            let slot = Arc::new(Slot::default());
            workers.slots.push(Arc::clone(&slot));
            workers.supervisors.spawn(supervise(
                slot,
                number,
                url.to_owned(),
                folder.to_owned(),
                workers.stop.clone(),
            ));
        }
        workers
    }

    /// Kills a worker with `SIGKILL`; whether its successor has its name is chance. False when none was running.
    pub(crate) fn kill(&self, random: &mut Random) -> bool {
        let keeps_name = random.between(0, 1) == 1;
        self.pick(random).is_some_and(|(slot, pid)| {
            slot.lock().keeps_name = keeps_name;
            slot.signal(pid, Signal::KILL);
            true
        })
    }

    /// Asks a worker to end.
    pub(crate) fn end(&self, random: &mut Random) -> bool {
        self.pick(random).is_some_and(|(slot, pid)| {
            slot.signal(pid, Signal::TERM);
            true
        })
    }

    /// Stops a worker until its lease has lapsed and its job was given to another, then lets it go on.
    pub(crate) fn pause(&mut self, random: &mut Random) -> bool {
        let pause = random.between(PAUSE_MS.0, PAUSE_MS.1);
        let Some((slot, pid)) = self.pick(random) else {
            return false;
        };
        slot.lock().paused = true;
        slot.signal(pid, Signal::STOP);
        self.pauses.spawn(async move {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            slot.lock().paused = false;
            slot.signal(pid, Signal::CONT);
        });
        true
    }

    fn pick(&self, random: &mut Random) -> Option<(Arc<Slot>, Pid)> {
        let running: Vec<_> = self
            .slots
            .iter()
            .filter_map(|slot| {
                let state = *slot.lock();
                let pid = state.pid.filter(|_| !state.paused)?;
                Some((Arc::clone(slot), pid))
            })
            .collect();
        random.one_of(&running).cloned()
    }

    /// Waits until every stopped worker goes on.
    pub(crate) async fn all_go_on(&mut self) {
        while self.pauses.join_next().await.is_some() {}
    }

    /// Asks all to end, and waits for it: how many processes there were in all.
    pub(crate) async fn stop(mut self) -> Result<u64> {
        self.stop.cancel();
        let mut processes = 0;
        while let Some(ended) = self.supervisors.join_next().await {
            processes += ended.context("a supervisor ended badly")??;
        }
        Ok(processes)
    }
}

/// Keeps a worker alive in the slot; how many it started.
async fn supervise(
    slot: Arc<Slot>,
    number: usize,
    url: String,
    folder: PathBuf,
    stop: CancellationToken,
) -> Result<u64> {
    let (mut started, mut name) = (0, String::new());
    while !stop.is_cancelled() {
        if !std::mem::take(&mut slot.lock().keeps_name) {
            name = format!("soak-{number}-{started}");
        }
        let mut child = worker(&name, &url, &folder).spawn()?;
        // Held here, since a worker leaves when its standard input closes: none outlives the soak.
        let input = child.stdin.take();
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        slot.lock().pid = pid;
        started += 1;
        let status = tokio::select! {
            status = child.wait() => status,
            () = stop.cancelled() => {
                if let Some(pid) = pid {
                    slot.signal(pid, Signal::TERM);
                }
                child.wait().await
            }
        };
        slot.lock().pid = None;
        drop(input);
        expected(status?, &name)?;
    }
    Ok(started)
}

/// A worker ends because it was told to or because it was killed, and never by itself.
fn expected(status: ExitStatus, name: &str) -> Result<()> {
    let killed = status.signal() == Some(Signal::KILL.as_raw());
    ensure!(
        status.success() || killed,
        "worker {name} broke down ({status}): run `podium worker` by hand to see why"
    );
    Ok(())
}

fn worker(name: &str, url: &str, folder: &Path) -> Command {
    let mut command = Command::new(PODIUM);
    command
        .args(["worker", "--name", name])
        .env("PODIUM_REDIS", url)
        .env("PODIUM_STATE_DIR", folder)
        .env("PODIUM_EXIT_WITH_PARENT", "true")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}
