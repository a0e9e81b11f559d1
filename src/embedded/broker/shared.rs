//! What all connections share: the data, the waiting room, the list of clients, behind one lock.
//!
//! The lock is a std `Mutex`, never held over an await. Redis runs one command at a time on one thread and promises
//! that; one lock is the same promise, makes transactions and the serving of blocked clients trivially atomic, and at
//! the pace of a demo (hundreds of thousands of commands a second) is never what one waits for. Commands do no I/O,
//! so it is held for microseconds.

use super::blocking::WaitingRoom;
use super::keyspace::{ClientId, Keyspaces};
use crate::clock::Clock;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// A connected client, as `CLIENT LIST` shows it.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) address: String,
    pub(super) name: String,
    pub(super) connected_ms: i64,
    /// Lower case.
    pub(super) last_command: &'static str,
    pub(super) last_command_ms: i64,
}

/// Everything under the lock.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) keyspaces: Keyspaces,
    pub(super) room: WaitingRoom,
    pub(super) clients: BTreeMap<ClientId, Client>,
    pub(super) connections: u64,
    pub(super) commands: u64,
}

/// The broker itself.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) password: Option<String>,
    pub(super) clock: Clock,
    pub(super) started_ms: i64,
    pub(super) port: u16,
    /// Cancelled by the command `SHUTDOWN`.
    pub(super) stop: CancellationToken,
}

impl Shared {
    pub(super) fn new(password: Option<String>, clock: Clock, port: u16) -> Self {
        Self {
            state: Mutex::default(),
            password,
            started_ms: clock.now_ms(),
            clock,
            port,
            stop: CancellationToken::new(),
        }
    }

    /// The state, with everything expired up to now removed.
    ///
    /// A panic in a command would poison the lock; the data is still whole between commands, and serving on is better
    /// than a broker that answers nobody.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.keyspaces.advance(self.clock.now_ms());
        state
    }
}
