//! What the pods' processes use of CPU and memory, for `metrics.k8s.io` and so for `kubectl top`.
//!
//! On a node the kubelet counts and metrics-server comes by every 15 seconds; here one task does both. The kubelet
//! registers each container's process and takes it back when the process has ended; every [`SCRAPE_EVERY`] the task
//! reads them all from `/proc` (`proc_fs`), and what a container used between two looks (`look`) is its measurement
//! until the next. Where there is no `/proc` nothing is measured, and the API says that there is no such group.

mod look;
mod proc_fs;

pub use look::Used;

use crate::clock::Clock;
use look::Look;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often metrics-server looks (`--metric-resolution`).
const SCRAPE_EVERY: Duration = Duration::from_secs(15);

/// How long a container must run until it is measured for the first time, from its start: over less than this its
/// start-up would be taken for its work (metrics-server's `freshContainerMinMetricsResolution`).
const FRESH: Duration = Duration::from_secs(10);

/// Whether this machine tells what its processes use.
static READABLE: LazyLock<bool> =
    LazyLock::new(|| cfg!(target_os = "linux") && proc_fs::node().is_some());

/// A container's or the node's use over the time between two looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// How much, over which time.
    pub used: Used,
    /// When that time ended, ms since the epoch.
    pub at_ms: i64,
}

/// What all containers use, by pod UID and container name. Clones share it.
#[derive(Clone, Default)]
pub struct Usage(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    containers: BTreeMap<(String, String), Watched>,
    node: Option<Watched>,
}

struct Watched {
    /// The process; 0 for the node.
    pid: u32,
    earlier: Look,
    measured: Option<Measured>,
}

/// Keeps a process registered; dropping it takes the process back.
pub struct Counted {
    usage: Usage,
    container: (String, String),
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.usage.lock().containers.remove(&self.container);
    }
}

impl Usage {
    /// Whether there is anything to measure with on this machine.
    #[must_use]
    pub fn is_served() -> bool {
        *READABLE
    }

    /// Registers the process of a container that has just started.
    #[must_use]
    pub fn count(&self, pod_uid: &str, container: &str, pid: u32) -> Counted {
        let container = (pod_uid.to_owned(), container.to_owned());
        let watched = Watched {
            pid,
            earlier: Look::at_start(Instant::now()),
            measured: None,
        };
        self.lock().containers.insert(container.clone(), watched);
        Counted {
            usage: self.clone(),
            container,
        }
    }

    /// The containers of a pod that have been measured, by name.
    #[must_use]
    pub fn of_pod(&self, uid: &str) -> Vec<(String, Measured)> {
        let table = self.lock();
        let containers = table.containers.iter();
        containers
            .filter(|((pod, _), _)| pod == uid)
            .filter_map(|((_, name), watched)| Some((name.clone(), watched.measured?)))
            .collect()
    }

    /// The whole machine.
    #[must_use]
    pub fn of_node(&self) -> Option<Measured> {
        self.lock().node.as_ref()?.measured
    }

    /// Looks at all processes in metrics-server's rhythm until `shutdown`.
    pub async fn run(self, clock: Clock, shutdown: CancellationToken) {
        if !Self::is_served() {
            return;
        }
        let mut rhythm = interval(SCRAPE_EVERY);
        rhythm.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = rhythm.tick() => self.scrape(clock.now_ms()),
            }
        }
    }

    /// Files of `/proc` are made when they are read: a hundred of them take a millisecond, so no thread is needed.
    fn scrape(&self, now_ms: i64) {
        let mut table = self.lock();
        for watched in table.containers.values_mut() {
            // A process that has just ended keeps its last measurement until the kubelet takes it back.
            if let Some((cpu, memory)) = proc_fs::process(watched.pid) {
                watched.look(cpu, memory, now_ms);
            }
        }
        let Some((cpu, memory)) = proc_fs::node() else {
            return;
        };
        match &mut table.node {
            Some(node) => node.look(cpu, memory, now_ms),
            None => {
                table.node = Some(Watched {
                    pid: 0,
                    earlier: Look::new(Instant::now(), cpu, memory),
                    measured: None,
                });
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn look(&mut self, cpu: Duration, memory: u64, at_ms: i64) {
        let now = Look::new(Instant::now(), cpu, memory);
        if now.since(&self.earlier) < FRESH {
            return;
        }
        self.measured = now
            .used_since(&self.earlier)
            .map(|used| Measured { used, at_ms });
        self.earlier = now;
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_process_is_measured_from_its_start_once_it_is_ten_seconds_old_and_gone_with_its_end()
    {
        let usage = Usage::default();
        let counted = usage.count("uid", "worker", std::process::id());
        tokio::time::advance(FRESH - Duration::from_millis(1)).await;
        usage.scrape(1);
        assert_eq!(usage.of_pod("uid"), [], "too young");
        tokio::time::advance(SCRAPE_EVERY).await;
        usage.scrape(2);
        let [(name, measured)] = &usage.of_pod("uid")[..] else {
            panic!("not measured")
        };
        assert_eq!((name.as_str(), measured.at_ms), ("worker", 2));
        assert_eq!(measured.used.window, Duration::from_millis(24_999));
        assert!(measured.used.memory > 0);
        assert!(usage.of_node().unwrap().used.memory > measured.used.memory);
        drop(counted);
        assert_eq!(usage.of_pod("uid"), []);
    }
}
