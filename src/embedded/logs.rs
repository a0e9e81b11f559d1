//! What the containers printed, kept for `kubectl logs`.
//!
//! The kubelet appends lines as processes print them; the API reads a tail and follows. Each container keeps its last
//! [`LINES_KEPT`] lines. Lines are numbered, so that a follower holds a position and misses nothing that is still kept.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Lines kept a container; older ones are dropped, as a kubelet rotates its log files.
const LINES_KEPT: usize = 2_000;

/// One line of output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number since the container first started; consecutive.
    pub number: u64,
    /// When it was read, in ms since the epoch.
    pub at_ms: i64,
    /// The text without its line end.
    pub text: String,
}

/// Where the lines of a container's last two runs lie: the previous one's reach from `previous` to `current`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// The first line of the run before the last.
    pub previous: u64,
    /// The first line of the last run.
    pub current: u64,
}

/// The logs of all containers, by pod UID and container name. Clones share them.
#[derive(Clone, Default)]
pub struct Logs(Arc<Mutex<HashMap<(String, String), Log>>>);

struct Log {
    lines: VecDeque<Line>,
    next: u64,
    runs: Runs,
    /// The number after the newest line, and whether the container's last run has ended.
    progress: watch::Sender<(u64, bool)>,
}

impl Logs {
    /// Appends a line of `container` in the pod with this UID.
    pub fn append(&self, pod_uid: &str, container: &str, at_ms: i64, text: String) {
        let mut logs = self.lock();
        let log = logs
            .entry((pod_uid.to_owned(), container.to_owned()))
            .or_default();
        log.lines.push_back(Line {
            number: log.next,
            at_ms,
            text,
        });
        log.next += 1;
        if log.lines.len() > LINES_KEPT {
            log.lines.pop_front();
        }
        let next = log.next;
        log.progress.send_modify(|progress| progress.0 = next);
    }

    /// Marks the beginning of a new run of `container`: what is printed from now on is its.
    pub fn begin_run(&self, pod_uid: &str, container: &str) {
        let mut logs = self.lock();
        let log = logs
            .entry((pod_uid.to_owned(), container.to_owned()))
            .or_default();
        log.runs = Runs {
            previous: log.runs.current,
            current: log.next,
        };
        log.progress.send_modify(|progress| progress.1 = false);
    }

    /// Marks the end of a run of `container`, which ends its followers: a kubelet follows a container, not its successors.
    pub fn end_run(&self, pod_uid: &str, container: &str) {
        if let Some(log) = self.lock().get(&(pod_uid.to_owned(), container.to_owned())) {
            log.progress.send_modify(|progress| progress.1 = true);
        }
    }

    /// Where the runs of `container` lie.
    #[must_use]
    pub fn runs(&self, pod_uid: &str, container: &str) -> Runs {
        self.lock()
            .get(&(pod_uid.to_owned(), container.to_owned()))
            .map(|log| log.runs)
            .unwrap_or_default()
    }

    /// The kept lines numbered `from` and later.
    #[must_use]
    pub fn read(&self, pod_uid: &str, container: &str, from: u64) -> Vec<Line> {
        self.lock()
            .get(&(pod_uid.to_owned(), container.to_owned()))
            .map(|log| {
                log.lines
                    .iter()
                    .filter(|line| line.number >= from)
                    .cloned()
                    .collect()
            })
            .unwrap_or_default()
    }

    /// Tells of growth: (number after the newest line, whether the run has ended).
    #[must_use]
    pub fn follow(&self, pod_uid: &str, container: &str) -> watch::Receiver<(u64, bool)> {
        self.lock()
            .entry((pod_uid.to_owned(), container.to_owned()))
            .or_default()
            .progress
            .subscribe()
    }

    /// Marks every log of the pod as finished, which ends its followers, and forgets it: the pod is gone.
    pub fn forget(&self, pod_uid: &str) {
        self.lock().retain(|(uid, _), log| {
            if uid == pod_uid {
                log.progress.send_modify(|progress| progress.1 = true);
            }
            uid != pod_uid
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), Log>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            lines: VecDeque::new(),
            next: 0,
            runs: Runs::default(),
            progress: watch::Sender::new((0, false)),
        }
    }
}
