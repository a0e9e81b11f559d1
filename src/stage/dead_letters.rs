//! What a person does about dead letters, from the names that were given to the sentence that tells the result.
//!
//! The CLI prints the sentence, the control page shows it. Retrying and discarding are answered at once and are no
//! actions: what went wrong with a job, and with handling it, is for the speaker and not for every browser of the room.

pub use crate::queue::dead_letters::{Fate, Letter, Listing};

use crate::queue::dead_letters::{self, Settled};
use crate::queue::{Queue, QueueError};

/// Why a letter could not be handled.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    /// The queue says why.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The queue is not to be found or not to be reached; in words.
    #[error("{0}")]
    NoQueue(String),
}

/// What an error is for whoever pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The letter is not there, or not any more.
    Gone,
    /// What was asked for cannot be done with this letter, or not now.
    Refused,
    /// The queue does not answer.
    Away,
}

impl LetterError {
    /// What it is for whoever pressed.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Queue(QueueError::NoSuchLetter { .. }) => Trouble::Gone,
            Self::Queue(QueueError::NotRetriable { .. } | QueueError::Busy { .. }) => {
                Trouble::Refused
            }
            Self::Queue(_) | Self::NoQueue(_) => Trouble::Away,
        }
    }

    /// What is wrong, and what to do about it: the two sides of the colon that every message of the queue has.
    #[must_use]
    pub fn in_two(&self) -> (String, String) {
        let text = self.to_string();
        match text.rsplit_once(": ") {
            Some((what, remedy)) => (what.to_owned(), remedy.to_owned()),
            None => (text, String::new()),
        }
    }
}

/// The newest letters, `limit` of them at most.
///
/// # Errors
/// [`LetterError`] when Redis does not answer.
pub async fn newest(queue: &Queue, limit: usize) -> Result<Listing, LetterError> {
    Ok(dead_letters::list(queue, 0, limit).await?)
}

/// Retries or discards the letter called `id`. Returns the sentence for whoever asked.
///
/// # Errors
/// [`LetterError`] says what is wrong with the letter, or that Redis does not answer.
pub async fn settle(queue: &Queue, id: &str, fate: Fate) -> Result<String, LetterError> {
    dead_letters::settle(queue, id, fate).await?;
    Ok(format!("dead letter {id} {}", done(fate)))
}

/// Retries or discards all letters that lie there now. Returns the sentence for whoever asked.
///
/// # Errors
/// [`LetterError`]; what was moved before it stays moved.
pub async fn settle_all(queue: &Queue, fate: Fate) -> Result<String, LetterError> {
    let settled = dead_letters::settle_all(queue, fate).await?;
    Ok(told(fate, settled))
}

fn told(fate: Fate, Settled { moved, left }: Settled) -> String {
    let moved = format!("{} {}", letters(moved), done(fate));
    match left {
        0 => moved,
        1 => format!("{moved}; 1 is no job and was left: discard it"),
        _ => format!("{moved}; {left} are no jobs and were left: discard them"),
    }
}

/// `1 dead letter`, `12 dead letters`
#[must_use]
pub fn letters(count: u64) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} dead letter{ending}")
}

fn done(fate: Fate) -> &'static str {
    match fate {
        Fate::Retry => "retried",
        Fate::Discard => "discarded",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_counts_what_was_left() {
        let told = |moved, left| told(Fate::Retry, Settled { moved, left });
        assert_eq!(told(1, 0), "1 dead letter retried");
        assert_eq!(
            told(1_200, 1),
            "1200 dead letters retried; 1 is no job and was left: discard it"
        );
        assert_eq!(
            told(0, 2),
            "0 dead letters retried; 2 are no jobs and were left: discard them"
        );
    }
}
