//! Where everything of a queue lies in Redis, and the checked names that keys are made of.
//!
//! All keys share the hash slot of the list (that is what the braces mean), so that one `MULTI` may touch several of
//! them on a cluster too. KEDA measures the list, which therefore has the plain name.

use super::{QueueError, random_suffix};
use std::fmt;

/// The name of a queue: the key of its list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueName(String);

impl QueueName {
    /// The name, if it can be one: 1 to 120 visible characters without braces.
    ///
    /// # Errors
    /// When it cannot.
    pub fn new(name: &str) -> Result<Self, QueueError> {
        // A brace would move the hash slot; blanks and control characters are nobody's intention.
        let fits = name
            .chars()
            .all(|c| c.is_ascii_graphic() && c != '{' && c != '}');
        if name.is_empty() || name.len() > 120 || !fits {
            return Err(QueueError::invalid(
                "queue",
                name,
                "use 1 to 120 visible ASCII characters without braces",
            ));
        }
        Ok(Self(name.to_owned()))
    }

    /// The demo's queue, which the ScaledObject in `manifests/queue-demo` names.
    #[must_use]
    pub fn demo() -> Self {
        Self("keda-demo-queue".to_owned())
    }
}

/// The name of a worker: in the cluster, of its pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerName(String);

impl WorkerName {
    /// The name, if it can be one: 1 to 253 (a pod's limit) visible ASCII characters.
    ///
    /// # Errors
    /// When it cannot.
    pub fn new(name: &str) -> Result<Self, QueueError> {
        if name.is_empty() || name.len() > 253 || !name.chars().all(|c| c.is_ascii_graphic()) {
            return Err(QueueError::invalid(
                "worker",
                name,
                "use 1 to 253 visible ASCII characters",
            ));
        }
        Ok(Self(name.to_owned()))
    }
}

impl WorkerName {
    /// What one life of this worker is registered as. Two processes that run under one name, one after the other or at
    /// the same time, so have a lease and a processing list each, and never take each other's job for their own.
    pub(crate) fn registration(&self) -> String {
        format!("{}#{}", self.0, random_suffix())
    }
}

/// The name in a [registration](WorkerName::registration).
pub(crate) fn worker_name(registration: &str) -> &str {
    registration
        .rsplit_once('#')
        .map_or(registration, |(name, _)| name)
}

impl fmt::Display for WorkerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The keys of a queue.
#[derive(Clone, Debug)]
pub(crate) struct QueueKeys {
    /// List: jobs that wait; in at the left, out at the right.
    pub(crate) list: String,
    /// Set: the registrations of the workers.
    pub(crate) workers: String,
    /// List: dead letters, newest first.
    pub(crate) dead: String,
    /// Hash: totals since the queue exists.
    pub(crate) stats: String,
    /// List: ids of the kept runs, newest first.
    pub(crate) runs: String,
    /// List: `done_at_ms:wait_ms` of the latest jobs, newest first.
    pub(crate) waits: String,
    tag: String,
}

impl QueueKeys {
    pub(crate) fn new(name: &QueueName) -> Self {
        let tag = format!("{{{}}}", name.0);
        Self {
            list: name.0.clone(),
            workers: format!("{tag}:workers"),
            dead: format!("{tag}:dead"),
            stats: format!("{tag}:stats"),
            runs: format!("{tag}:runs"),
            waits: format!("{tag}:waits"),
            tag,
        }
    }

    /// List: the jobs the worker of this registration has in hand.
    pub(crate) fn processing(&self, worker: impl fmt::Display) -> String {
        format!("{}:processing:{worker}", self.tag)
    }

    /// String that expires: the worker of this registration lives.
    pub(crate) fn lease(&self, worker: impl fmt::Display) -> String {
        format!("{}:lease:{worker}", self.tag)
    }

    /// String that expires: which of its executions the worker of this registration acknowledged last.
    pub(crate) fn acknowledged(&self, worker: impl fmt::Display) -> String {
        format!("{}:acknowledged:{worker}", self.tag)
    }

    /// Hash: a run's totals and what it was asked for.
    pub(crate) fn run(&self, id: &str) -> String {
        format!("{}:run:{id}", self.tag)
    }

    /// Bitmap: which jobs of a run are done, by sequence number.
    pub(crate) fn done(&self, id: &str) -> String {
        format!("{}:run:{id}:done", self.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_the_plain_name_and_the_rest_its_hash_slot() {
        let keys = QueueKeys::new(&QueueName::demo());
        assert_eq!(keys.list, "keda-demo-queue");
        assert_eq!(keys.processing("w-1"), "{keda-demo-queue}:processing:w-1");
        assert_eq!(keys.done("7"), "{keda-demo-queue}:run:7:done");
    }

    #[test]
    fn two_lives_of_a_worker_are_registered_apart_and_keep_its_name() {
        let name = WorkerName::new("a#b").expect("visible");
        let (one, two) = (name.registration(), name.registration());
        assert_ne!(one, two);
        assert_eq!((worker_name(&one), worker_name(&two)), ("a#b", "a#b"));
        assert_eq!(worker_name("w-1"), "w-1");
    }

    #[test]
    fn names_that_would_break_keys_are_refused() {
        for name in ["", "a b", "a{b", "ä", &"q".repeat(121)] {
            assert!(QueueName::new(name).is_err(), "{name}");
        }
        assert!(WorkerName::new("queue-worker-5d4f-x2k9z").is_ok());
        assert!(WorkerName::new("a\nb").is_err());
    }
}
