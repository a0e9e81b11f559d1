//! Emptying the queue. What is in hand is finished; what waits is gone, and counted as purged.

use super::{Queue, QueueError, RESPONSE_TIMEOUT};

/// How often to look again when workers take jobs between looking and acting. Each try is two round trips, and a few
/// hundred changes a second rarely hit one.
const TRIES: u32 = 200;

/// Removes all jobs that wait; answers how many.
///
/// # Errors
/// When Redis does not answer, or the list never keeps still.
pub async fn purge(queue: &Queue) -> Result<u64, QueueError> {
    let keys = queue.keys();
    let mut connection = queue.dedicated(RESPONSE_TIMEOUT).await?;
    for _ in 0..TRIES {
        let mut look = redis::pipe();
        look.cmd("WATCH").arg(&keys.list).ignore();
        look.cmd("LLEN").arg(&keys.list);
        let (depth,): (u64,) = look
            .query_async(&mut connection)
            .await
            .map_err(|error| queue.failed(&error))?;
        if depth == 0 {
            return Ok(0);
        }
        let mut act = redis::pipe();
        act.atomic();
        act.cmd("DEL").arg(&keys.list);
        act.cmd("HINCRBY")
            .arg(&keys.stats)
            .arg("purged")
            .arg(depth)
            .ignore();
        let done: Option<(u64,)> = act
            .query_async(&mut connection)
            .await
            .map_err(|error| queue.failed(&error))?;
        if done.is_some() {
            return Ok(depth);
        }
    }
    Err(queue.busy())
}
