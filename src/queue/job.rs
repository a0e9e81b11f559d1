//! A job as it lies in the queue: one small JSON object. In the story it is a ticket purchase.
//!
//! Decoding is checked, because anybody with `redis-cli` can push anything onto the list: what is no job goes to the
//! dead letters with the reason, and never stops a worker.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Largest accepted encoding, in bytes. Ours stay under 300.
pub(crate) const LONGEST: usize = 16 << 10;

/// Longest work a job may ask for, in ms: longer than any demo, shorter than for ever.
pub(crate) const LONGEST_WORK_MS: u64 = 600_000;

/// How often a job is tried.
pub(crate) const MAX_ATTEMPTS: u32 = 3;

/// One past the highest sequence number: the size of the largest run.
pub(crate) const MAX_SEQ: u64 = 100_000;

/// Work to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Unique in the queue.
    pub id: String,
    /// The run it belongs to.
    pub run: String,
    /// Its place in the run, from 0.
    pub seq: u64,
    /// What the producer called it.
    pub prefix: String,
    /// When it was enqueued, or put back by a person who retried its dead letter: ms since the epoch.
    pub enqueued_at_ms: i64,
    /// 1 the first time.
    pub attempt: u32,
    /// How long the work takes, in ms.
    pub work_ms: u64,
}

/// Why something on the list is no job.
#[derive(Debug, Error)]
pub enum JobError {
    /// Too long to be one.
    #[error("{0} bytes, more than the {LONGEST} a job may have")]
    TooLarge(usize),
    /// Not the JSON of one.
    #[error("not a job: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A field has a value no job has.
    #[error("not a job: {field} is {value}, more than {limit}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: u64,
        /// What it may hold.
        limit: u64,
    },
}

impl Job {
    /// Reads what lies on the list.
    ///
    /// # Errors
    /// When it is no job.
    pub fn decode(raw: &[u8]) -> Result<Self, JobError> {
        if raw.len() > LONGEST {
            return Err(JobError::TooLarge(raw.len()));
        }
        let job: Self = serde_json::from_slice(raw)?;
        for (field, value, limit) in [
            ("work_ms", job.work_ms, LONGEST_WORK_MS),
            // The bitmap of the run grows with it.
            ("seq", job.seq, MAX_SEQ - 1),
        ] {
            if value > limit {
                return Err(JobError::OutOfRange {
                    field,
                    value,
                    limit,
                });
            }
        }
        Ok(job)
    }

    /// As it goes onto the list.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers always encode")
    }

    /// The job as it goes back after an attempt that came to nothing; `None` when that was the last.
    #[must_use]
    pub fn next_attempt(&self) -> Option<Self> {
        (self.attempt < MAX_ATTEMPTS).then(|| Self {
            attempt: self.attempt + 1,
            ..self.clone()
        })
    }
}

/// A dead letter: what could not be done, and why.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeadLetter {
    /// What it is called by whoever retries or discards it: twelve hexadecimal digits. Empty in a letter that an
    /// older version wrote.
    #[serde(default)]
    pub id: String,
    /// For a person to read.
    pub reason: String,
    /// The worker that had it last.
    pub worker: String,
    /// ms since the epoch.
    pub at_ms: i64,
    /// What lay on the list; invalid UTF-8 is replaced, and no more than [`LONGEST`] bytes are kept.
    pub job: String,
    /// Whether `job` differs from what lay there, because it was cut or something in it replaced. What came of that
    /// may read as a job, but nobody ever enqueued it.
    #[serde(default)]
    pub altered: bool,
}

impl DeadLetter {
    pub(crate) fn encode(reason: String, worker: String, at_ms: i64, raw: &[u8]) -> String {
        let kept = &raw[..raw.len().min(LONGEST)];
        let job = String::from_utf8_lossy(kept).into_owned();
        let letter = Self {
            id: fresh_id(),
            reason,
            worker,
            at_ms,
            altered: job.as_bytes() != raw,
            job,
        };
        serde_json::to_string(&letter).expect("strings and numbers always encode")
    }
}

/// A name that no other letter has. Without randomness there is none, and the letter is called by its content, as one
/// of an older version is.
fn fresh_id() -> String {
    let mut bytes = [0; 6];
    match getrandom::fill(&mut bytes) {
        Ok(()) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn job() -> Job {
        Job {
            id: "r-0".into(),
            run: "r".into(),
            seq: 0,
            prefix: "ticket".into(),
            enqueued_at_ms: 1,
            attempt: 1,
            work_ms: 250,
        }
    }

    #[test]
    fn a_job_survives_the_journey() {
        let decoded = Job::decode(job().encode().as_bytes()).expect("our own");
        assert_eq!(decoded, job());
    }

    #[test]
    fn a_job_is_tried_three_times() {
        let second = job().next_attempt().expect("a second");
        let third = second.next_attempt().expect("a third");
        assert_eq!((second.attempt, third.attempt), (2, 3));
        assert!(third.next_attempt().is_none());
    }

    #[test]
    fn what_is_no_job_says_why() {
        let endless = Job {
            work_ms: u64::MAX,
            ..job()
        };
        let far = Job {
            seq: 1 << 40,
            ..job()
        };
        for (raw, reason) in [
            ("hello".to_owned(), "not a job"),
            ("{}".to_owned(), "missing field"),
            (endless.encode(), "work_ms"),
            (far.encode(), "seq"),
            ("x".repeat(LONGEST + 1), "bytes, more than"),
        ] {
            let error = Job::decode(raw.as_bytes()).expect_err(reason).to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Job::decode(&raw);
        }
    }
}
