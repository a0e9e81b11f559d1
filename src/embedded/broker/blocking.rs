//! Clients that wait for an element of a list.
//!
//! Whoever pushes serves the waiting: once a command (or a whole transaction) is done, the lists that grew are gone
//! through and their oldest waiting client gets the first element, as Redis does it. So the order is first come, first
//! served per key, and an element is never offered to two. The waiting client only holds the receiving end of a
//! one-shot channel. All of this happens under the broker's lock, which is what makes giving up safe: a client that
//! takes itself out of the room either was not served, or finds its reply already in the channel.

use super::command::CommandError;
use super::command::lists::End;
use super::keyspace::{ClientId, Keyspaces, Slot, View};
use super::reply::Reply;
use super::value::List;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tokio::sync::oneshot;

/// What to do with the first list that has an element.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Pop(End),
    Move {
        from: End,
        to: End,
        destination: Bytes,
    },
}

/// A blocking command, checked.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    /// Looked at in this order.
    pub(super) keys: Vec<Bytes>,
    pub(super) action: Action,
    /// `None` waits for ever.
    pub(super) wait: Option<Duration>,
}

impl Wish {
    /// Carries the wish out if one of its lists has an element now.
    pub(super) fn attempt(&self, view: &mut View<'_>) -> Result<Option<Reply>, CommandError> {
        for key in &self.keys {
            if let Some(reply) = self.action.attempt(view, key)? {
                return Ok(Some(reply));
            }
        }
        Ok(None)
    }

    /// What a command inside a transaction, which never waits, gets from empty lists.
    pub(super) fn nothing_at_once(&self) -> Reply {
        match self.action {
            Action::Pop(_) => Reply::NilArray,
            Action::Move { .. } => Reply::Nil,
        }
    }
}

impl Action {
    /// Acts on the list at `key`; `None` when there is no such list.
    pub(super) fn attempt(
        &self,
        view: &mut View<'_>,
        key: &Bytes,
    ) -> Result<Option<Reply>, CommandError> {
        if view.find::<List>(key)?.is_none() {
            return Ok(None);
        }
        let (Self::Pop(from) | Self::Move { from, .. }) = self;
        if let Self::Move { destination, .. } = self {
            // Before anything is taken, or a wrong destination would lose the element.
            view.find::<List>(destination)?;
        }
        let taken = view.find_mut::<List>(key)?.and_then(|list| from.take(list));
        let Some(element) = taken else {
            return Ok(None);
        };
        Ok(Some(match self {
            Self::Pop(_) => {
                view.changed(key);
                Reply::bulks([key.clone(), element])
            }
            Self::Move {
                to, destination, ..
            } => {
                to.add(view.entry(destination)?, element.clone());
                view.changed(key);
                view.grew(destination);
                Reply::Bulk(element)
            }
        }))
    }
}

#[derive(Debug)]
struct Waiting {
    index: usize,
    wish: Wish,
    reply: oneshot::Sender<Reply>,
}

/// Everybody who waits.
#[derive(Debug, Default)]
pub(super) struct WaitingRoom {
    waiting: HashMap<ClientId, Waiting>,
    queues: HashMap<Slot, VecDeque<ClientId>>,
}

impl WaitingRoom {
    /// Lets `client` wait; its reply arrives through the receiver.
    pub(super) fn enter(
        &mut self,
        client: ClientId,
        index: usize,
        wish: Wish,
    ) -> oneshot::Receiver<Reply> {
        let (reply, receiver) = oneshot::channel();
        for key in &wish.keys {
            let queue = self.queues.entry((index, key.clone())).or_default();
            // `BLPOP a a 0` names a key twice; the client stands in its queue once.
            if queue.back() != Some(&client) {
                queue.push_back(client);
            }
        }
        let waiting = Waiting { index, wish, reply };
        self.waiting.insert(client, waiting);
        receiver
    }

    /// Takes `client` out; false when it was served before.
    pub(super) fn leave(&mut self, client: ClientId) -> bool {
        self.take(client).is_some()
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Ends the wait of `client` with what it would get at its timeout; false when it does not wait.
    pub(super) fn unblock(&mut self, client: ClientId) -> bool {
        let Some(waiting) = self.take(client) else {
            return false;
        };
        waiting.reply.send(Reply::NilArray).is_ok()
    }

    /// Gives what grew to those who wait for it, oldest first.
    pub(super) fn serve(&mut self, keyspaces: &mut Keyspaces) {
        // A served move may make another list grow, which joins the end of the same line.
        while let Some(slot) = keyspaces.grown.pop_front() {
            while let Some(client) = self.first_at(&slot) {
                let Some(waiting) = self.waiting.get(&client) else {
                    break;
                };
                let action = waiting.wish.action.clone();
                let reply = match action.attempt(&mut keyspaces.view(slot.0), &slot.1) {
                    Ok(Some(reply)) => reply,
                    // A value of another kind at the key is no concern of those who wait for a list there.
                    Ok(None) => break,
                    Err(_) if !is_list(keyspaces, &slot) => break,
                    Err(error) => error.into(),
                };
                if let Some(waiting) = self.take(client) {
                    // A receiver is dropped only after `leave`, so the reply is always taken.
                    let _ = waiting.reply.send(reply);
                }
            }
        }
    }

    fn first_at(&self, slot: &Slot) -> Option<ClientId> {
        self.queues.get(slot)?.front().copied()
    }

    fn take(&mut self, client: ClientId) -> Option<Waiting> {
        let waiting = self.waiting.remove(&client)?;
        for key in &waiting.wish.keys {
            let slot = (waiting.index, key.clone());
            if let Some(queue) = self.queues.get_mut(&slot) {
                queue.retain(|other| *other != client);
                if queue.is_empty() {
                    self.queues.remove(&slot);
                }
            }
        }
        Some(waiting)
    }
}

fn is_list(keyspaces: &mut Keyspaces, slot: &Slot) -> bool {
    matches!(keyspaces.view(slot.0).find::<List>(&slot.1), Ok(Some(_)))
}
