//! Jobs by the hundred: what Enqueue, the tour announcement and Purge do, from the text of a form to the result.

use super::action::{Ending, Progress};
use crate::queue::enqueue::{self, DelayMs, EnqueueRequest, JobCount, Prefix, RunKind, WorkMs};
use crate::queue::{Queue, QueueError, purge as queue_purge};
use tokio_util::sync::CancellationToken;

/// The tour announcement's size when nobody says otherwise.
const DEFAULT_SPIKE: &str = "5000";
/// The defaults of the seed's script.
const DEFAULT_COUNT: &str = "100";
const DEFAULT_PREFIX: &str = "msg";
const DEFAULT_DELAY_MS: &str = "0";

/// A field that cannot be used: which, what it was, and what to give instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {value:?} cannot be used; {remedy}")]
pub struct BadInput {
    /// The field's name.
    pub field: &'static str,
    /// What was given.
    pub value: String,
    /// What to give instead.
    pub remedy: String,
}

/// Checks the input of Enqueue. Empty fields mean their defaults.
///
/// # Errors
/// [`BadInput`] names the field and the remedy.
pub fn enqueue_request(
    count: &str,
    prefix: &str,
    delay_ms: &str,
) -> Result<EnqueueRequest, BadInput> {
    let delay_ms = given(delay_ms, DEFAULT_DELAY_MS);
    let delay = DelayMs::parse(delay_ms).map_err(|error| bad(error, "delay_ms", delay_ms))?;
    let prefix = given(prefix, DEFAULT_PREFIX);
    Ok(EnqueueRequest {
        count: parse_count(given(count, DEFAULT_COUNT))?,
        prefix: Prefix::new(prefix).map_err(|error| bad(error, "prefix", prefix))?,
        delay,
        work: WorkMs::default(),
        kind: RunKind::Enqueue,
    })
}

/// Checks the input of the tour announcement. An empty field means 5,000.
///
/// # Errors
/// [`BadInput`] names the field and the remedy.
pub fn spike_request(count: &str) -> Result<EnqueueRequest, BadInput> {
    Ok(EnqueueRequest {
        count: parse_count(given(count, DEFAULT_SPIKE))?,
        prefix: Prefix::new("ticket").map_err(|error| bad(error, "prefix", "ticket"))?,
        delay: DelayMs::default(),
        work: WorkMs::default(),
        kind: RunKind::Spike,
    })
}

fn given<'a>(text: &'a str, default: &'a str) -> &'a str {
    let text = text.trim();
    if text.is_empty() { default } else { text }
}

fn parse_count(text: &str) -> Result<JobCount, BadInput> {
    JobCount::parse(text).map_err(|error| bad(error, "count", text))
}

fn bad(error: QueueError, field: &'static str, value: &str) -> BadInput {
    match error {
        QueueError::Invalid {
            field,
            value,
            remedy,
        } => BadInput {
            field,
            value,
            remedy: remedy.to_owned(),
        },
        other => BadInput {
            field,
            value: value.to_owned(),
            remedy: other.to_string(),
        },
    }
}

/// Puts the jobs on the queue, telling how many are there; `stop` is heard between two batches.
///
/// # Errors
/// [`QueueError`]; what was enqueued before it stays and is counted.
pub async fn enqueue(
    queue: &Queue,
    request: &EnqueueRequest,
    stop: &CancellationToken,
    mut progress: impl FnMut(Progress),
) -> Result<Ending, QueueError> {
    let total = u64::from(request.count.value());
    progress(Progress::Count { done: 0, total });
    let run = enqueue::enqueue(queue, request, stop, |done| {
        progress(Progress::Count {
            done: done.into(),
            total,
        });
    })
    .await?;
    Ok(if run.cancelled {
        Ending::Stopped(format!("{} of {total} jobs enqueued", run.enqueued))
    } else {
        Ending::Done(format!("{} jobs enqueued", run.enqueued))
    })
}

/// Empties the queue. Returns the sentence for the log.
///
/// # Errors
/// [`QueueError`].
pub async fn purge(queue: &Queue) -> Result<Ending, QueueError> {
    let removed = queue_purge::purge(queue).await?;
    Ok(Ending::Done(format!("{removed} waiting jobs purged")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_cannot_be_used_is_named_with_the_remedy() {
        for text in ["0", "-1", "1000000000", "99999999999999999999", "many"] {
            let error = spike_request(text).unwrap_err();
            assert_eq!((error.field, error.value.as_str()), ("count", text));
            assert!(error.remedy.contains("1 to 100000"), "{error}");
        }
    }

    #[test]
    fn empty_fields_mean_the_defaults_of_the_seeds_script() {
        assert_eq!(enqueue_request("", "", "").unwrap().count.value(), 100);
        assert_eq!(spike_request(" ").unwrap().count.value(), 5_000);
    }

    #[test]
    fn a_pause_must_be_a_pause() {
        for text in ["-5", "soon", "60001"] {
            let error = enqueue_request("1", "m", text).unwrap_err();
            assert_eq!((error.field, error.value.as_str()), ("delay_ms", text));
        }
    }
}
