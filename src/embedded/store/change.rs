//! The change log, and a reader of it.

use super::{Key, Object, Store, StoreError};
use tokio::sync::watch;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It differs from `previous`.
    Modified,
    /// It is gone; `object` is its last state, under the version of its deletion.
    Deleted,
}

/// One entry of the log.
#[derive(Clone, Debug)]
pub struct Change {
    /// The resource version this change took.
    pub version: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// To which object.
    pub key: Key,
    /// Its state after the change (before it, for a deletion).
    pub object: Object,
    /// Its state before the change; `None` for an addition. Selectors need it: an object that stops matching is
    /// DELETED to the watcher.
    pub previous: Option<Object>,
}

/// A reader of the change log. It holds a position, not a buffer.
pub struct Watch {
    pub(super) store: Store,
    pub(super) cursor: u64,
    pub(super) latest: watch::Receiver<u64>,
}

impl Watch {
    /// The next change. Cancel-safe.
    ///
    /// # Errors
    /// [`StoreError::Expired`] when the reader was so slow that the log moved past it; list again and start over.
    pub async fn next(&mut self) -> Result<Change, StoreError> {
        loop {
            self.latest.borrow_and_update();
            if let Some(change) = self.try_next()? {
                return Ok(change);
            }
            if self.latest.changed().await.is_err() {
                // The sender lives in the store we hold, so this cannot happen; wait for ever rather than spin.
                std::future::pending::<()>().await;
            }
        }
    }

    /// The next change if there is one already.
    ///
    /// # Errors
    /// As [`Watch::next`].
    pub fn try_next(&mut self) -> Result<Option<Change>, StoreError> {
        let state = self.store.lock();
        if self.cursor < state.compacted {
            return Err(StoreError::Expired {
                requested: self.cursor,
                oldest: state.compacted,
            });
        }
        // Versions in the log are consecutive, so the position is arithmetic, not a search.
        let first = state.compacted.max(1) + 1;
        let index = usize::try_from((self.cursor + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        let change = state.log.get(index).cloned();
        if let Some(change) = &change {
            self.cursor = change.version;
        }
        Ok(change)
    }

    /// The version up to which this watch has seen everything.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.cursor
    }
}
