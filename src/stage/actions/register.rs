//! What runs now: the table that says whether an action may begin, and remembers how to stop it.
//!
//! Everything about it is decided under one lock, so that two presses at the same moment are put in an order: the
//! second sees what the first began. The lock is std's: it guards operations on a map of five, never an await.

use super::{Busy, NotRunning};
use crate::clock::Clock;
use crate::stage::action::{Action, ActionKind, Ending, Progress, Stop};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// At most one message per this many ms while counting.
const COUNT_EVERY_MS: i64 = 100;

/// What becomes of a press while another action runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Both run.
    Beside,
    /// The press is refused.
    Refused,
    /// What runs is stopped, then the press is done.
    Stops,
}

/// The matrix in the documentation of [`super`].
pub(super) fn rule(pressed: ActionKind, running: ActionKind) -> Rule {
    match (pressed, running) {
        (_, ActionKind::Remove) => Rule::Refused,
        (ActionKind::Remove, _) => Rule::Stops,
        (pressed, running) if pressed == running => Rule::Refused,
        _ => Rule::Beside,
    }
}

/// An action that runs.
struct Entry {
    action: Action,
    /// Fires to stop it.
    stop: CancellationToken,
    /// Who fired it.
    stopped_by: Option<Stop>,
    /// Fires when it has ended.
    ended: CancellationToken,
    /// When its progress was last published, ms since the epoch.
    told: i64,
}

/// An action that may begin.
pub(super) struct Begun {
    /// As it begins.
    pub(super) action: Action,
    /// Fires when it shall stop.
    pub(super) stop: CancellationToken,
    /// What was told to stop for it, each with what fires at its end.
    pub(super) before: Vec<(ActionKind, CancellationToken)>,
}

/// The actions that run, at most one of a kind.
#[derive(Default)]
pub(super) struct Register(Mutex<HashMap<ActionKind, Entry>>);

impl Register {
    /// Enters an action, and stops what must make room for it; `stop` is what will tell it to stop.
    pub(super) fn begin(&self, action: Action, stop: CancellationToken) -> Result<Begun, Busy> {
        let mut running = self.lock();
        let refused = running
            .keys()
            .find(|other| rule(action.kind, **other) == Rule::Refused);
        if let Some(other) = refused {
            return Err(Busy(*other));
        }
        let mut before = Vec::new();
        for (kind, entry) in running.iter_mut() {
            if rule(action.kind, *kind) == Rule::Stops {
                entry.stop(Stop::Removal);
                before.push((*kind, entry.ended.clone()));
            }
        }
        let entry = Entry {
            action: action.clone(),
            stop: stop.clone(),
            stopped_by: None,
            ended: CancellationToken::new(),
            told: 0,
        };
        running.insert(action.kind, entry);
        Ok(Begun {
            action,
            stop,
            before,
        })
    }

    /// Takes in progress; answers the action when it is time to tell.
    pub(super) fn progress(
        &self,
        kind: ActionKind,
        progress: Progress,
        now: i64,
    ) -> Option<Action> {
        let mut running = self.lock();
        let entry = running.get_mut(&kind)?;
        // That none is done yet does not count as told: the first must not be thinned away, the second may be an hour off.
        let begins = matches!(progress, Progress::Count { done: 0, .. });
        let due = match &progress {
            // A clock that was set back makes a negative time: told too early is better than not for an hour.
            Progress::Count { done, total } => {
                done == total || !(0..COUNT_EVERY_MS).contains(&(now - entry.told))
            }
            Progress::Step(_) | Progress::Contested(_) | Progress::TakenOver(_) => true,
        };
        entry.action.progress(progress);
        if due && !begins {
            entry.told = now;
        }
        due.then(|| entry.action.clone())
    }

    /// Tells the action of this number to stop, or all of them.
    pub(super) fn stop(&self, id: Option<u64>) -> Result<Vec<Action>, NotRunning> {
        let mut told = Vec::new();
        for entry in self.lock().values_mut() {
            if id.is_none_or(|id| id == entry.action.id) {
                entry.stop(Stop::Speaker);
                told.push(entry.action.clone());
            }
        }
        if told.is_empty() {
            return Err(NotRunning(id));
        }
        told.sort_by_key(|action| action.id);
        Ok(told)
    }

    /// Takes an action out and answers how it ended. `shutdown` says whether the server goes.
    pub(super) fn end(
        &self,
        kind: ActionKind,
        result: Result<Ending, String>,
        shutdown: bool,
        clock: &Clock,
    ) -> Option<(Action, CancellationToken)> {
        let mut entry = self.lock().remove(&kind)?;
        let by = entry.stopped_by.or(shutdown.then_some(Stop::Shutdown));
        entry.action.end(result, by, clock);
        Some((entry.action, entry.ended))
    }

    /// What runs, oldest first.
    pub(super) fn all(&self) -> Vec<Action> {
        let mut all: Vec<_> = self
            .lock()
            .values()
            .map(|entry| entry.action.clone())
            .collect();
        all.sort_by_key(|action| action.id);
        all
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ActionKind, Entry>> {
        // Nothing panics between lock and unlock, and each change is a whole one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// The first who stops it is the one who is told of.
    fn stop(&mut self, by: Stop) {
        self.stopped_by.get_or_insert(by);
        self.stop.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ActionKind::{Deploy, Enqueue, Purge, Remove, Spike};

    fn begin(register: &Register, id: u64, kind: ActionKind) -> Result<Begun, Busy> {
        let action = Action::begin(id, kind, &Clock::wall());
        register.begin(action, CancellationToken::new())
    }

    #[test]
    fn the_matrix_is_as_documented() {
        let kinds = [Deploy, Remove, Enqueue, Spike, Purge];
        let told = |pressed| {
            kinds.map(|running| match rule(pressed, running) {
                Rule::Beside => '+',
                Rule::Refused => '-',
                Rule::Stops => '!',
            })
        };
        assert_eq!(told(Deploy), ['-', '-', '+', '+', '+']);
        assert_eq!(told(Remove), ['!', '-', '!', '!', '!']);
        assert_eq!(told(Enqueue), ['+', '-', '-', '+', '+']);
        assert_eq!(told(Spike), ['+', '-', '+', '-', '+']);
        assert_eq!(told(Purge), ['+', '-', '+', '+', '-']);
    }

    #[test]
    fn a_removal_stops_what_runs_and_knows_when_it_has_ended() {
        let register = Register::default();
        let spike = begin(&register, 1, Spike).unwrap();
        let removal = begin(&register, 2, Remove).unwrap();
        assert!(spike.stop.is_cancelled());
        let (kind, ended) = removal.before.first().cloned().unwrap();
        assert_eq!((kind, ended.is_cancelled()), (Spike, false));
        let stopped = Ok(Ending::Stopped("3 of 9 jobs enqueued".to_owned()));
        let (action, _) = register.end(Spike, stopped, false, &Clock::wall()).unwrap();
        assert!(action.message.contains("being removed"), "{action:?}");
        assert!(begin(&register, 3, Spike).is_err_and(|busy| busy == Busy(Remove)));
    }

    #[test]
    fn what_has_ended_cannot_be_cancelled() {
        let register = Register::default();
        assert!(register.stop(None).is_err());
        let deploy = begin(&register, 7, Deploy).unwrap();
        assert!(register.stop(Some(6)).is_err());
        assert_eq!(register.stop(Some(7)).unwrap().len(), 1);
        assert!(deploy.stop.is_cancelled());
    }

    #[test]
    fn counting_is_thinned_but_its_end_is_told() {
        let register = Register::default();
        begin(&register, 1, Spike).unwrap();
        let count = |done, now| {
            let progress = Progress::Count { done, total: 9 };
            register.progress(Spike, progress, now).is_some()
        };
        assert!(count(0, 999));
        assert!(count(1, 1_000));
        assert!(!count(2, 1_050));
        assert!(count(3, 1_100));
        assert!(count(9, 1_101));
    }
}
