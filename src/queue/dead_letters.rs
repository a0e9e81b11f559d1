//! Dead letters: what a person does about jobs that could not be done.
//!
//! A job comes here by [`bury`](super::lease) and stays until somebody looks: listed and inspected, then put back
//! (*retry*) or thrown away (*discard*). Both are one `MULTI` that takes the letter out, moves the counters and, for a
//! retry, pushes the job. `WATCH` on the list of letters lets it through only while the letter lies there: of two
//! people who press at once one does it, the other is told that it is done.
//!
//! A letter is found by its name and taken by its bytes, since places in the list shift with every new letter. What
//! others wrote into the list is listed under a name made of its bytes, so that it can be thrown away too.

use super::job::{DeadLetter, Job};
use super::{Queue, QueueError, RESPONSE_TIMEOUT};
use crate::clock::utc;
use redis::Pipeline;
use redis::aio::MultiplexedConnection;
use serde::Serialize;

/// Letters in one `MULTI`: some 100 kB as a rule, 20 MB at the very worst.
const BATCH: usize = 200;

/// Letters read at a time while one is looked for. Twice the step, so that a batch that somebody takes out between two
/// reads hides nothing.
const PAGE: usize = 2 * BATCH;

/// How often to look again when the list changes between looking and acting, as for a purge.
const TRIES: u32 = 200;

/// Longest name that is repeated in a message, in characters.
const LONGEST_QUOTED: usize = 40;

/// A dead letter, opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// What to call it.
    pub id: String,
    /// Why it could not be done.
    pub reason: String,
    /// The worker that had it last.
    pub worker: String,
    /// When it was given up: ms since the epoch; `None` when the letter does not say.
    pub at_ms: Option<i64>,
    /// What lay on the queue, at most 16 KiB of it.
    pub body: String,
    /// The job in it; `None` when there is none.
    pub job: Option<Job>,
    /// Why it cannot be retried; `None` when it can.
    pub unretriable: Option<String>,
    /// Whether it is counted among the dead: what others wrote into the list is not.
    #[serde(skip)]
    counted: bool,
}

/// Some of the letters, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// How many there are in all.
    pub total: u64,
    /// Those asked for.
    pub letters: Vec<Letter>,
}

/// What to do with a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Put its job back onto the queue.
    Retry,
    /// Throw it away.
    Discard,
}

/// What became of all letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Settled {
    /// Retried or discarded.
    pub moved: u64,
    /// Left where they are, because they cannot be retried.
    pub left: u64,
}

/// The letters from place `offset`, `limit` of them at most and one at least; the newest is at place 0.
///
/// # Errors
/// When Redis does not answer.
pub async fn list(queue: &Queue, offset: usize, limit: usize) -> Result<Listing, QueueError> {
    let mut pipe = redis::pipe();
    pipe.atomic().cmd("LLEN").arg(&queue.keys().dead);
    let last = offset.saturating_add(limit.max(1) - 1);
    pipe.cmd("LRANGE").arg(&queue.keys().dead);
    pipe.arg(place(offset)).arg(place(last));
    let (total, letters): (u64, Vec<Vec<u8>>) = queue.read(&pipe).await?;
    Ok(Listing {
        total,
        letters: letters.iter().map(|raw| open(raw)).collect(),
    })
}

/// The letter called `id`.
///
/// # Errors
/// [`QueueError::NoSuchLetter`], or when Redis does not answer.
pub async fn inspect(queue: &Queue, id: &str) -> Result<Letter, QueueError> {
    find(queue, id).await.map(|(_, letter)| letter)
}

/// Retries or discards the letter called `id`, once, however many ask for it.
///
/// # Errors
/// [`QueueError::NoSuchLetter`] when it is not there or not there any more, [`QueueError::NotRetriable`] when there is
/// no job in it, or when Redis does not answer.
pub async fn settle(queue: &Queue, id: &str, fate: Fate) -> Result<(), QueueError> {
    let (raw, letter) = find(queue, id).await?;
    may_go(queue, fate).await?;
    let act = act(queue, &[(raw.clone(), letter)], fate)?;
    let failed = |error| queue.failed(&error);
    let mut connection = queue.dedicated(RESPONSE_TIMEOUT).await?;
    for _ in 0..TRIES {
        let mut look = redis::pipe();
        look.cmd("WATCH").arg(&queue.keys().dead).ignore();
        look.cmd("LPOS").arg(&queue.keys().dead).arg(&raw);
        let (place,): (Option<u64>,) = look.query_async(&mut connection).await.map_err(failed)?;
        if place.is_none() {
            return Err(no_such(id));
        }
        let done: Option<Vec<u64>> = act.query_async(&mut connection).await.map_err(failed)?;
        if done.is_some() {
            return Ok(());
        }
    }
    Err(queue.busy())
}

/// Retries or discards the letters that lie there now, the oldest first. Those that come meanwhile stay, or jobs that
/// die as fast as they are retried would keep this going for ever. What cannot be retried is left.
///
/// # Errors
/// When Redis does not answer or the list never keeps still; what was moved before stays moved.
pub async fn settle_all(queue: &Queue, fate: Fate) -> Result<Settled, QueueError> {
    may_go(queue, fate).await?;
    let failed = |error| queue.failed(&error);
    let mut connection = queue.dedicated(RESPONSE_TIMEOUT).await?;
    let mut settled = Settled::default();
    let mut unseen = list(queue, 0, 1).await?.total;
    let mut tries = 0;
    while unseen > 0 {
        let size = unseen.min(BATCH as u64);
        let oldest = oldest(queue, &mut connection, settled.left, size).await?;
        if oldest.is_empty() {
            break;
        }
        let looked_at = number(&oldest);
        let (movable, left): (Vec<_>, Vec<_>) = oldest
            .into_iter()
            .partition(|(_, letter)| fate == Fate::Discard || letter.unretriable.is_none());
        if !movable.is_empty() {
            let act = act(queue, &movable, fate)?;
            let done: Option<Vec<u64>> = act.query_async(&mut connection).await.map_err(failed)?;
            let Some(taken) = done else {
                tries += 1;
                if tries == TRIES {
                    return Err(queue.busy());
                }
                continue;
            };
            settled.moved += taken.iter().sum::<u64>();
        }
        tries = 0;
        settled.left += number(&left);
        unseen = unseen.saturating_sub(looked_at);
    }
    Ok(settled)
}

/// Refuses to retry onto a key that is no list: the `MULTI` would take the letter out and put its job nowhere.
async fn may_go(queue: &Queue, fate: Fate) -> Result<(), QueueError> {
    if fate == Fate::Discard {
        return Ok(());
    }
    let list = &queue.keys().list;
    let (kind,): (String,) = queue.read(redis::pipe().cmd("TYPE").arg(list)).await?;
    queue.takes_jobs(list, &kind)
}

fn number<T>(of: &[T]) -> u64 {
    u64::try_from(of.len()).unwrap_or(u64::MAX)
}

/// A place as Redis counts them; one beyond the largest number is at the end anyway.
fn place<N: TryInto<i64>>(at: N) -> i64 {
    at.try_into().unwrap_or(i64::MAX)
}

/// The `size` oldest letters after passing over `skipped`, watched from now on. New letters come in at the other end,
/// so places counted from this one keep their meaning.
async fn oldest(
    queue: &Queue,
    connection: &mut MultiplexedConnection,
    skipped: u64,
    size: u64,
) -> Result<Vec<(Vec<u8>, Letter)>, QueueError> {
    let mut look = redis::pipe();
    look.cmd("WATCH").arg(&queue.keys().dead).ignore();
    look.cmd("LRANGE").arg(&queue.keys().dead);
    look.arg(-place(skipped + size)).arg(-place(skipped + 1));
    let (raw,): (Vec<Vec<u8>>,) = look
        .query_async(connection)
        .await
        .map_err(|error| queue.failed(&error))?;
    let with_letter = |raw: Vec<u8>| {
        let letter = open(&raw);
        (raw, letter)
    };
    Ok(raw.into_iter().rev().map(with_letter).collect())
}

/// The letter called `id`, as it lies there and opened.
async fn find(queue: &Queue, id: &str) -> Result<(Vec<u8>, Letter), QueueError> {
    let mut from = 0;
    loop {
        let mut pipe = redis::pipe();
        pipe.cmd("LRANGE").arg(&queue.keys().dead);
        pipe.arg(from).arg(from + PAGE - 1);
        let (page,): (Vec<Vec<u8>>,) = queue.read(&pipe).await?;
        let was_last = page.len() < PAGE;
        for raw in page {
            let letter = open(&raw);
            if letter.id == id {
                return Ok((raw, letter));
            }
        }
        if was_last {
            return Err(no_such(id));
        }
        from += BATCH;
    }
}

fn no_such(id: &str) -> QueueError {
    QueueError::NoSuchLetter {
        id: id.chars().take(LONGEST_QUOTED).collect(),
    }
}

/// The `MULTI` that moves `letters` to where they go. It answers how many of each it took out.
fn act(queue: &Queue, letters: &[(Vec<u8>, Letter)], fate: Fate) -> Result<Pipeline, QueueError> {
    let keys = queue.keys();
    let mut pipe = redis::pipe();
    pipe.atomic();
    let mut counted: i64 = 0;
    for (raw, letter) in letters {
        // From the old end: there lies what `settle_all` takes.
        pipe.cmd("LREM").arg(&keys.dead).arg(-1).arg(raw);
        counted += i64::from(letter.counted);
        if fate == Fate::Retry {
            // Where producers push, behind everything that waits: a job that failed three times may fail again, and
            // jobs that have not had their turn yet must not wait for that.
            let job = letter.retried(queue.now_ms())?;
            pipe.cmd("LPUSH").arg(&keys.list).arg(job.encode()).ignore();
        }
    }
    let mut add = |field: &str, count: i64| {
        pipe.cmd("HINCRBY")
            .arg(&keys.stats)
            .arg(field)
            .arg(count)
            .ignore();
    };
    add("dead", -counted);
    if fate == Fate::Discard {
        add("discarded", counted);
    }
    Ok(pipe)
}

impl Letter {
    /// What its job is called: `ticket 5`; `None` when there is none.
    #[must_use]
    pub fn title(&self) -> Option<String> {
        let job = self.job.as_ref()?;
        Some(format!("{} {}", job.prefix, job.seq + 1))
    }

    /// When it was given up, as people read it.
    #[must_use]
    pub fn when(&self) -> Option<String> {
        self.at_ms.map(utc)
    }

    /// Its job as it goes back: as good as new. It waits from now on, or the page would show the days it lay here as
    /// waiting time.
    fn retried(&self, now_ms: i64) -> Result<Job, QueueError> {
        match (&self.job, &self.unretriable) {
            (Some(job), None) => Ok(Job {
                attempt: 1,
                enqueued_at_ms: now_ms,
                ..job.clone()
            }),
            (_, cause) => Err(QueueError::NotRetriable {
                id: self.id.clone(),
                cause: cause.clone().unwrap_or_default(),
            }),
        }
    }
}

/// Reads what lies in the list, whatever it is.
fn open(raw: &[u8]) -> Letter {
    let Ok(letter) = serde_json::from_slice::<DeadLetter>(raw) else {
        return Letter {
            id: id_of(raw),
            reason: "not a dead letter: something else wrote into the list".to_owned(),
            worker: String::new(),
            at_ms: None,
            body: String::from_utf8_lossy(&raw[..raw.len().min(super::job::LONGEST)]).into_owned(),
            job: None,
            unretriable: Some("it is no dead letter of ours".to_owned()),
            counted: false,
        };
    };
    let is_name = letter.id.len() == 12 && letter.id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (job, unretriable) = match Job::decode(letter.job.as_bytes()) {
        Err(error) => (None, Some(error.to_string())),
        Ok(_) if letter.altered => (None, Some("only a part of it was kept".to_owned())),
        Ok(job) => (Some(job), None),
    };
    Letter {
        id: if is_name { letter.id } else { id_of(raw) },
        reason: letter.reason,
        worker: letter.worker,
        at_ms: Some(letter.at_ms),
        body: letter.job,
        job,
        unretriable,
        counted: true,
    }
}

/// A name made of the content: FNV-1a, which stays the same from version to version.
fn id_of(raw: &[u8]) -> String {
    let hash = raw.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{:012x}", hash >> 16)
}

#[cfg(test)]
mod tests;
