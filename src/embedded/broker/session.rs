//! One client's standing with the broker: who it is, what it selected, what it has queued and watches.
//!
//! A session turns a request into a [`Step`]. It does no I/O, so that a whole conversation can be tested without a
//! socket; `connection` carries the steps out.

use super::command::{Command, CommandError, Outcome, Run};
use super::keyspace::{ClientId, Slot};
use super::limits::{Limits, QUEUED_BYTES, QUEUED_COMMANDS};
use super::reply::{Protocol, Reply};
use super::request::Request;
use super::server_info;
use super::shared::{Shared, State};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// What a request leads to.
#[derive(Debug)]
pub(super) enum Step {
    Reply(Reply),
    /// Nothing there yet: the reply comes through the channel, or is a nil array once `wait` has passed.
    Wait {
        reply: oneshot::Receiver<Reply>,
        wait: Option<Duration>,
    },
    /// The last reply of the connection.
    Close(Reply),
    /// The broker stops, without a reply, as Redis does it.
    Shutdown,
}

/// Commands queued since `MULTI`.
#[derive(Debug, Default)]
struct Transaction {
    queued: Vec<(Command, Request)>,
    bytes: usize,
    refused: bool,
}

/// One client's standing.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: ClientId,
    pub(super) shared: Arc<Shared>,
    pub(super) protocol: Protocol,
    pub(super) authenticated: bool,
    pub(super) index: usize,
    transaction: Option<Transaction>,
    watched: Vec<Slot>,
}

impl Session {
    pub(super) fn new(id: ClientId, shared: Arc<Shared>) -> Self {
        Self {
            id,
            protocol: Protocol::default(),
            authenticated: shared.password.is_none(),
            shared,
            index: 0,
            transaction: None,
            watched: Vec::new(),
        }
    }

    /// What this client may send.
    pub(super) fn limits(&self) -> Limits {
        if self.authenticated {
            Limits::FULL
        } else {
            Limits::BEFORE_AUTH
        }
    }

    /// Carries out one request.
    pub(super) fn handle(&mut self, request: Request) -> Step {
        if is_http(&request) {
            return Step::Close(Reply::Error("ERR this is Redis, not HTTP".into()));
        }
        let command = match Command::find(&request) {
            Ok(command) => command,
            Err(error) => return self.refuse(error),
        };
        if !self.authenticated && !matches!(command.name, "auth" | "hello" | "quit" | "reset") {
            return self.refuse(CommandError::Text("NOAUTH Authentication required."));
        }
        match (command.name, request.get(1)) {
            ("quit", _) => return Step::Close(Reply::OK),
            ("shutdown", _) => return Step::Shutdown,
            ("reset", _) => return self.reset(),
            ("exec", _) => return self.exec(),
            ("discard", _) => return Step::Reply(self.discard()),
            ("multi", _) => return Step::Reply(self.multi()),
            ("watch", _) => return Step::Reply(self.watch(&request[1..])),
            _ => {}
        }
        if let Some(transaction) = &mut self.transaction {
            return Step::Reply(transaction.queue(command, request));
        }
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        self.note(&mut state, command);
        let step = self.run(&mut state, command, &request[1..]);
        let State {
            keyspaces, room, ..
        } = &mut *state;
        room.serve(keyspaces);
        step
    }

    /// Ends the session: nothing of it stays in the shared state.
    pub(super) fn end(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        state.room.leave(self.id);
        state.clients.remove(&self.id);
        self.unwatch(&mut state);
    }

    fn note(&self, state: &mut State, command: Command) {
        state.commands += 1;
        let now_ms = state.keyspaces.now_ms();
        if let Some(client) = state.clients.get_mut(&self.id) {
            client.last_command = command.name;
            client.last_command_ms = now_ms;
        }
    }

    fn run(&mut self, state: &mut State, command: Command, args: &[Bytes]) -> Step {
        match command.run {
            Run::Blocking(wish) => self.block(state, wish(args)),
            _ => Step::Reply(self.run_now(state, command, args)),
        }
    }

    /// As inside a transaction: what would wait finds nothing at once.
    fn run_now(&mut self, state: &mut State, command: Command, args: &[Bytes]) -> Reply {
        let outcome = match command.run {
            Run::Data(run) => run(&mut state.keyspaces.view(self.index), args),
            Run::Session => server_info::run(self, state, command.name, args),
            Run::Blocking(wish) => wish(args).and_then(|wish| {
                let found = wish.attempt(&mut state.keyspaces.view(self.index))?;
                Ok(found.unwrap_or_else(|| wish.nothing_at_once()))
            }),
        };
        outcome.unwrap_or_else(Reply::from)
    }

    fn block(&self, state: &mut State, wish: Result<super::blocking::Wish, CommandError>) -> Step {
        let wish = match wish {
            Ok(wish) => wish,
            Err(error) => return Step::Reply(error.into()),
        };
        match wish.attempt(&mut state.keyspaces.view(self.index)) {
            Ok(Some(reply)) => Step::Reply(reply),
            Ok(None) => Step::Wait {
                wait: wish.wait,
                reply: state.room.enter(self.id, self.index, wish),
            },
            Err(error) => Step::Reply(error.into()),
        }
    }

    /// A request refused before it runs also spoils the transaction it belongs to.
    fn refuse(&mut self, error: CommandError) -> Step {
        if let Some(transaction) = &mut self.transaction {
            transaction.refused = true;
        }
        Step::Reply(error.into())
    }

    fn multi(&mut self) -> Reply {
        if self.transaction.is_some() {
            return Reply::Error("ERR MULTI calls can not be nested".into());
        }
        self.transaction = Some(Transaction::default());
        Reply::OK
    }

    fn discard(&mut self) -> Reply {
        if self.transaction.take().is_none() {
            return Reply::Error("ERR DISCARD without MULTI".into());
        }
        let shared = Arc::clone(&self.shared);
        self.unwatch(&mut shared.lock());
        Reply::OK
    }

    fn watch(&mut self, keys: &[Bytes]) -> Reply {
        if self.transaction.is_some() {
            return Reply::Error("ERR WATCH inside MULTI is not allowed".into());
        }
        let mut state = self.shared.lock();
        for key in keys {
            let slot = (self.index, key.clone());
            if !self.watched.contains(&slot) {
                state.keyspaces.watch(self.id, slot.clone());
                self.watched.push(slot);
            }
        }
        Reply::OK
    }

    /// Forgets the watches; true when a watched key changed meanwhile.
    pub(super) fn unwatch(&mut self, state: &mut State) -> bool {
        let watched = std::mem::take(&mut self.watched);
        state.keyspaces.unwatch(self.id, &watched)
    }

    fn exec(&mut self) -> Step {
        let Some(transaction) = self.transaction.take() else {
            return Step::Reply(Reply::Error("ERR EXEC without MULTI".into()));
        };
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        let broken = self.unwatch(&mut state);
        if transaction.refused {
            return Step::Reply(Reply::Error(
                "EXECABORT Transaction discarded because of previous errors.".into(),
            ));
        }
        if broken {
            return Step::Reply(Reply::NilArray);
        }
        let mut replies = Vec::with_capacity(transaction.queued.len());
        for (command, request) in transaction.queued {
            self.note(&mut state, command);
            replies.push(self.run_now(&mut state, command, &request[1..]));
        }
        // Only now: to those who wait, a transaction is one step.
        let State {
            keyspaces, room, ..
        } = &mut *state;
        room.serve(keyspaces);
        Step::Reply(Reply::Array(replies))
    }

    fn reset(&mut self) -> Step {
        let shared = Arc::clone(&self.shared);
        self.transaction = None;
        self.unwatch(&mut shared.lock());
        self.protocol = Protocol::default();
        self.index = 0;
        self.authenticated = shared.password.is_none();
        Step::Reply(Reply::Status("RESET"))
    }

    /// Checks a password, in time that does not depend on how much of it is right.
    pub(super) fn log_in(&mut self, user: &[u8], password: &[u8]) -> Outcome {
        use subtle::ConstantTimeEq;
        let right = match &self.shared.password {
            Some(expected) => bool::from(expected.as_bytes().ct_eq(password)),
            // Redis's default user without a password lets everyone in.
            None => true,
        };
        if user != b"default" || !right {
            return Err(CommandError::Text(
                "WRONGPASS invalid username-password pair or user is disabled.",
            ));
        }
        self.authenticated = true;
        Ok(Reply::OK)
    }
}

/// A browser that some page made talk to this port: its headers must not be tried as commands one by one.
fn is_http(request: &[Bytes]) -> bool {
    request.first().is_some_and(|word| {
        word.eq_ignore_ascii_case(b"post") || word.eq_ignore_ascii_case(b"host:")
    })
}

impl Transaction {
    fn queue(&mut self, command: Command, request: Request) -> Reply {
        self.bytes += request.iter().map(Bytes::len).sum::<usize>();
        if self.bytes > QUEUED_BYTES || self.queued.len() >= QUEUED_COMMANDS {
            self.queued.clear();
            self.refused = true;
            return Reply::Error("ERR transaction is too large".into());
        }
        self.queued.push((command, request));
        Reply::Status("QUEUED")
    }
}
