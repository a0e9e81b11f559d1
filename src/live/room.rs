//! The room: the one position of the talk, the speaker's windows that are there, and what is drawn on the slides.
//!
//! The rules are in [`super::position`]; this is their owner. Every accepted change goes out through the hub while the
//! room's lock is held, so that all pages see changes in the order in which they were made. The lock is std's: nothing
//! under it waits.

use super::hub::Hub;
use super::ink::{Full, Ink, Point};
use super::position::{Change, Claim, ClockDeed, Driver, Position, Refused};
use crate::clock::Clock;
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Clones share the room.
#[derive(Clone)]
pub struct Room(Arc<Shared>);

struct Shared {
    hub: Hub,
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    position: Position,
    /// How many streams each of the speaker's windows has open. Two for a moment, when a window reconnects.
    windows: HashMap<String, usize>,
    ink: Ink,
}

/// A refused change, with the position that stands.
#[derive(Debug)]
pub struct Conflict {
    /// Who drives.
    pub refused: Refused,
    /// The position that stands.
    pub position: Position,
}

/// A window of the speaker that is there; dropping it ends that.
pub struct Presence {
    room: Room,
    window: String,
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut state = self.room.lock();
        if let Some(streams) = state.windows.get_mut(&self.window) {
            *streams -= 1;
            if *streams == 0 {
                state.windows.remove(&self.window);
            }
        }
    }
}

impl Room {
    /// A room before the talk, at the deck's first step.
    #[must_use]
    pub fn new(hub: Hub, clock: Clock, first: &str) -> Self {
        let seq = u64::try_from(clock.now_ms()).unwrap_or_default();
        let position = Position::start(seq, first);
        hub.position(&position);
        Self(Arc::new(Shared {
            hub,
            clock,
            state: Mutex::new(State {
                position,
                windows: HashMap::new(),
                ink: Ink::default(),
            }),
        }))
    }

    /// Where the talk is.
    #[must_use]
    pub fn position(&self) -> Position {
        self.lock().position.clone()
    }

    /// Notes that a window of the speaker is there, for as long as the answer lives.
    #[must_use]
    pub fn enter(&self, window: String) -> Presence {
        *self.lock().windows.entry(window.clone()).or_default() += 1;
        Presence {
            room: self.clone(),
            window,
        }
    }

    /// Makes a change and tells everyone. A driver whose window is gone is asked no more: then a polite claim is
    /// enough. `first` is the deck's first step.
    ///
    /// # Errors
    /// [`Conflict`] when another window drives.
    pub fn change(
        &self,
        by: &Driver,
        change: &Change,
        claim: Claim,
        first: &str,
    ) -> Result<Position, Box<Conflict>> {
        let mut state = self.lock();
        let claim = if state.driver_is_here() {
            claim
        } else {
            Claim::Firm
        };
        let moved = state
            .position
            .moved(by, change, claim, first, self.0.clock.now_ms())
            .map_err(|refused| {
                Box::new(Conflict {
                    refused,
                    position: state.position.clone(),
                })
            })?;
        Ok(self.publish(&mut state, moved))
    }

    /// Starts, pauses or resets the clock of the talk.
    pub fn time(&self, deed: ClockDeed) -> Position {
        let mut state = self.lock();
        let timed = state.position.timed(deed, self.0.clock.now_ms());
        self.publish(&mut state, timed)
    }

    /// Shows the pointer at a place of a step, or nowhere. Seen by who watches now and kept by nobody.
    pub fn point(&self, at: Option<(&str, Point)>) {
        let pointer = match at {
            Some((address, (x, y))) => json!({"address": address, "x": x, "y": y}),
            None => json!({"off": true}),
        };
        self.0.hub.pointer(&pointer);
    }

    /// Adds a stroke to a step, or to what is drawn there under its name.
    ///
    /// # Errors
    /// [`Full`].
    pub fn draw(
        &self,
        address: &str,
        name: Option<String>,
        points: Vec<Point>,
    ) -> Result<(), Full> {
        let mut state = self.lock();
        state.ink.draw(address, name, points)?;
        self.tell_ink(&state, address);
        Ok(())
    }

    /// Takes a step's last stroke away.
    pub fn undo(&self, address: &str) {
        let mut state = self.lock();
        if state.ink.undo(address) {
            self.tell_ink(&state, address);
        }
    }

    /// Wipes a step, or every step.
    pub fn wipe(&self, address: Option<&str>) {
        let mut state = self.lock();
        for address in state.ink.wipe(address) {
            self.tell_ink(&state, &address);
        }
    }

    fn tell_ink(&self, state: &State, address: &str) {
        self.0.hub.ink(address, &json!(state.ink.strokes(address)));
    }

    fn publish(&self, state: &mut State, next: Position) -> Position {
        if next != state.position {
            state.position = next;
            self.0.hub.position(&state.position);
        }
        state.position.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn driver_is_here(&self) -> bool {
        let driver = self.position.driver.as_ref();
        driver.is_some_and(|driver| self.windows.contains_key(&driver.window))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::position::Kind;

    fn room() -> Room {
        Room::new(Hub::new(1), Clock::wall(), "1")
    }

    fn go(room: &Room, window: &str, address: &str) -> Result<Position, Box<Conflict>> {
        let by = Driver {
            window: window.to_owned(),
            kind: Kind::Stage,
        };
        let change = Change {
            address: Some(address.to_owned()),
            ..Change::default()
        };
        room.change(&by, &change, Claim::Polite, "1")
    }

    #[test]
    fn a_driver_that_left_is_not_asked() {
        let room = room();
        let here = room.enter("a".to_owned());
        let again = room.enter("a".to_owned());
        go(&room, "a", "2").unwrap();
        drop(here);
        let conflict = go(&room, "b", "3").unwrap_err();
        assert_eq!(conflict.position.address, "2");
        drop(again);
        assert_eq!(go(&room, "b", "3").unwrap().address, "3");
    }

    #[tokio::test]
    async fn every_change_is_told_and_a_newcomer_finds_it_in_the_snapshot() {
        let room = room();
        let mut watching = room.0.hub.subscribe(None);
        go(&room, "a", "2").unwrap();
        room.draw("2", None, vec![(0.1, 0.2), (0.3, 0.4)]).unwrap();
        room.point(Some(("2", (0.5, 0.5))));
        let mut told = Vec::new();
        for _ in 0..3 {
            let frame = watching.then.recv().await.unwrap();
            told.push(String::from_utf8(frame.bytes.to_vec()).unwrap());
        }
        assert!(told[0].contains("event: position") && told[0].contains("\"address\":\"2\""));
        assert!(told[1].contains("event: ink") && told[1].contains("[[[0.1,0.2],[0.3,0.4]]]"));
        assert!(told[2].contains("event: pointer") && !told[2].contains("id:"));
        let snapshot = room.0.hub.subscribe(None).first.remove(0);
        let snapshot = String::from_utf8(snapshot.bytes.to_vec()).unwrap();
        assert!(snapshot.contains("\"ink\":{\"2\":"), "{snapshot}");
        assert!(snapshot.contains("\"click\":0") && !snapshot.contains("pointer"));
    }

    #[test]
    fn wiping_every_step_leaves_nothing_in_the_snapshot() {
        let room = room();
        room.draw("2", None, vec![(0.0, 0.0)]).unwrap();
        room.draw("3", None, vec![(0.0, 0.0)]).unwrap();
        room.wipe(None);
        let snapshot = room.0.hub.subscribe(None).first.remove(0);
        let snapshot = String::from_utf8(snapshot.bytes.to_vec()).unwrap();
        assert!(snapshot.contains("\"ink\":{}"), "{snapshot}");
    }
}
