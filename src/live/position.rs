//! Where the talk is and who drives it: the rules, without a clock, a lock or a network.
//!
//! A [`Position`] is absolute and whole: whoever has the newest one knows everything, so a lost or doubled message can
//! do no harm. One window drives at a time; another one's move is refused while the driver is there, unless it asks
//! for the wheel in so many words. `now` is always the caller's, in ms since the epoch.

use serde::{Deserialize, Serialize};

/// What covers the room's screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blank {
    /// Nothing to see.
    Black,
    /// Nothing to see, and light to find the door by.
    White,
}

/// What kind of page a window of the speaker shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The deck itself, as the room sees it.
    Stage,
    /// The speaker view.
    Presenter,
    /// The speaker's phone.
    Remote,
}

/// A window of the speaker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Driver {
    /// The id that the window gave itself.
    pub window: String,
    /// What it shows.
    pub kind: Kind,
}

/// The clock of the talk: what it carries from before, and since when it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TalkClock {
    /// Since when it runs, ms since the epoch; `None` while it stands.
    pub running_since: Option<i64>,
    /// What had elapsed before that, ms.
    pub carried_ms: i64,
}

/// What is done to the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockDeed {
    /// Runs on from where it stands.
    Start,
    /// Stands.
    Pause,
    /// Stands at zero.
    Reset,
}

impl TalkClock {
    /// The clock after a deed.
    #[must_use]
    pub fn after(self, deed: ClockDeed, now: i64) -> Self {
        match (deed, self.running_since) {
            (ClockDeed::Reset, _) => Self::default(),
            (ClockDeed::Start, None) => Self {
                running_since: Some(now),
                ..self
            },
            (ClockDeed::Pause, Some(since)) => Self {
                running_since: None,
                carried_ms: self.carried_ms + (now - since).max(0),
            },
            (ClockDeed::Start, Some(_)) | (ClockDeed::Pause, None) => self,
        }
    }

    fn is_untouched(self) -> bool {
        self == Self::default()
    }
}

/// Where the talk is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Position {
    /// Rises with every change.
    pub seq: u64,
    /// The step: `8`, `9.2`.
    pub address: String,
    /// How many of the step's fragments are revealed.
    pub click: u16,
    /// What covers the room's screens, if anything does.
    pub blank: Option<Blank>,
    /// Whether the room sees the QR code.
    pub qr: bool,
    /// Who drives; nobody before the first move.
    pub driver: Option<Driver>,
    /// The clock of the talk.
    pub clock: TalkClock,
}

/// What a window wants changed; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The step to go to; its fragments start unrevealed unless `click` says otherwise.
    pub address: Option<String>,
    /// How many fragments to reveal.
    pub click: Option<u16>,
    /// `Some(None)` uncovers.
    pub blank: Option<Option<Blank>>,
    /// Whether to show the QR code.
    pub qr: Option<bool>,
}

/// How a window asks for the wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Not if somebody else drives.
    Polite,
    /// Whoever drives: the speaker said so, or the driver's window is gone.
    Firm,
}

/// Another window drives.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another window drives: {}", self.0.window)]
pub struct Refused(pub Driver);

impl Position {
    /// The start of the talk, at the deck's first step.
    #[must_use]
    pub fn start(seq: u64, first: &str) -> Self {
        Self {
            seq,
            address: first.to_owned(),
            click: 0,
            blank: None,
            qr: false,
            driver: None,
            clock: TalkClock::default(),
        }
    }

    /// The position after `by` made a change. `first` is the deck's first step: leaving it starts an untouched clock.
    /// A real move takes whatever covers the slide away, so that a speaker who forgot the blackout is not lost.
    ///
    /// # Errors
    /// [`Refused`] when another window drives and the claim is polite.
    pub fn moved(
        &self,
        by: &Driver,
        change: &Change,
        claim: Claim,
        first: &str,
        now: i64,
    ) -> Result<Self, Refused> {
        match &self.driver {
            Some(driver) if driver.window != by.window && claim == Claim::Polite => {
                return Err(Refused(driver.clone()));
            }
            _ => {}
        }
        let mut next = self.clone();
        next.driver = Some(by.clone());
        if let Some(address) = &change.address
            && *address != self.address
        {
            next.address.clone_from(address);
            next.click = 0;
        }
        next.click = change.click.unwrap_or(next.click);
        let has_moved = next.address != self.address || next.click != self.click;
        if has_moved {
            next.blank = None;
            next.qr = false;
        }
        next.blank = change.blank.unwrap_or(next.blank);
        next.qr = change.qr.unwrap_or(next.qr);
        if self.address == first && next.address != first && self.clock.is_untouched() {
            next.clock = next.clock.after(ClockDeed::Start, now);
        }
        Ok(next.numbered_after(self))
    }

    /// The position after a deed to its clock.
    #[must_use]
    pub fn timed(&self, deed: ClockDeed, now: i64) -> Self {
        let next = Self {
            clock: self.clock.after(deed, now),
            ..self.clone()
        };
        next.numbered_after(self)
    }

    /// What changed nothing keeps its number, and so is not told again.
    fn numbered_after(mut self, before: &Self) -> Self {
        if self != *before {
            self.seq += 1;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(name: &str) -> Driver {
        Driver {
            window: name.to_owned(),
            kind: Kind::Stage,
        }
    }

    fn to(address: &str) -> Change {
        Change {
            address: Some(address.to_owned()),
            ..Change::default()
        }
    }

    fn go(position: &Position, by: &str, change: &Change, claim: Claim) -> Position {
        position
            .moved(&window(by), change, claim, "1", 10_000)
            .expect("this move is allowed")
    }

    #[test]
    fn the_first_window_that_moves_drives_and_others_are_refused() {
        let start = Position::start(7, "1");
        let moved = go(&start, "a", &to("2"), Claim::Polite);
        assert_eq!((moved.seq, moved.address.as_str()), (8, "2"));
        let refused = moved.moved(&window("b"), &to("3"), Claim::Polite, "1", 0);
        assert_eq!(refused, Err(Refused(window("a"))));
        let taken = go(&moved, "b", &to("3"), Claim::Firm);
        assert_eq!(taken.driver, Some(window("b")));
    }

    #[test]
    fn what_changes_nothing_keeps_its_number() {
        let moved = go(&Position::start(1, "1"), "a", &to("2"), Claim::Polite);
        assert_eq!(go(&moved, "a", &to("2"), Claim::Polite), moved);
    }

    #[test]
    fn a_new_step_starts_with_nothing_revealed_and_the_same_step_keeps_its_clicks() {
        let click = Change {
            click: Some(2),
            ..Change::default()
        };
        let clicked = go(&Position::start(1, "1"), "a", &click, Claim::Polite);
        assert_eq!(clicked.click, 2);
        assert_eq!(go(&clicked, "a", &to("1"), Claim::Polite).click, 2);
        assert_eq!(go(&clicked, "a", &to("2"), Claim::Polite).click, 0);
    }

    #[test]
    fn a_move_uncovers_the_room_and_a_covering_is_no_move() {
        let cover = Change {
            blank: Some(Some(Blank::Black)),
            qr: Some(true),
            ..Change::default()
        };
        let covered = go(&Position::start(1, "1"), "a", &cover, Claim::Polite);
        assert_eq!((covered.blank, covered.qr), (Some(Blank::Black), true));
        let moved = go(&covered, "a", &to("2"), Claim::Polite);
        assert_eq!((moved.blank, moved.qr), (None, false));
        let uncover = Change {
            blank: Some(None),
            ..Change::default()
        };
        let uncovered = go(&covered, "a", &uncover, Claim::Polite);
        assert_eq!((uncovered.blank, uncovered.qr), (None, true));
    }

    #[test]
    fn leaving_the_first_step_starts_the_clock_once() {
        let moved = go(&Position::start(1, "1"), "a", &to("2"), Claim::Polite);
        assert_eq!(moved.clock.running_since, Some(10_000));
        let paused = moved.timed(ClockDeed::Pause, 12_000);
        assert_eq!(paused.clock.carried_ms, 2_000);
        let home = go(&paused, "a", &to("1"), Claim::Polite);
        let again = go(&home, "a", &to("2"), Claim::Polite);
        assert_eq!(
            again.clock, paused.clock,
            "a paused clock is the speaker's choice"
        );
        assert_eq!(
            again.timed(ClockDeed::Reset, 13_000).clock,
            TalkClock::default()
        );
    }

    #[test]
    fn a_running_clock_is_not_started_again() {
        let running = TalkClock::default().after(ClockDeed::Start, 1_000);
        assert_eq!(running.after(ClockDeed::Start, 5_000), running);
    }

    #[test]
    fn it_reads_as_the_pages_expect() {
        let moved = go(&Position::start(1, "1"), "w-1", &to("9.2"), Claim::Polite);
        assert_eq!(
            serde_json::json!(moved),
            serde_json::json!({
                "seq": 2, "address": "9.2", "click": 0, "blank": null, "qr": false,
                "driver": {"window": "w-1", "kind": "stage"},
                "clock": {"running_since": 10_000, "carried_ms": 0},
            })
        );
    }
}
