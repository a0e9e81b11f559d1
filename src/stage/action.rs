//! An action: something a button set off, with its progress, as the pages show it.

use crate::clock::Clock;
use serde::Serialize;

/// What an action does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// Deploy the queue demo.
    Deploy,
    /// Remove it.
    Remove,
    /// Put jobs on the queue.
    Enqueue,
    /// The tour announcement.
    Spike,
    /// Empty the queue.
    Purge,
}

impl ActionKind {
    /// What the log calls it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Deploy => "Deploy queue demo",
            Self::Remove => "Remove queue demo",
            Self::Enqueue => "Enqueue",
            Self::Spike => "Tour announcement",
            Self::Purge => "Purge queue",
        }
    }
}

/// Where an action stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionState {
    /// It is running.
    Running,
    /// It did what it says.
    Done,
    /// It did not; `message` says why.
    Failed,
}

/// One line of an action's progress: an object and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The object: `deployment/redis`.
    pub name: String,
    /// `waiting`, `running`, `created`, `configured`, `unchanged`, `deleted`, `absent`, `done` or `failed`.
    pub state: &'static str,
    /// More: `1/1 ready`, or why it failed.
    pub detail: String,
}

/// How an action goes, told by the function that does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A step begins, goes on or ends; replaces the step of the same name.
    Step(Step),
    /// So many of so many are done.
    Count {
        /// Done so far.
        done: u64,
        /// In all.
        total: u64,
    },
}

impl Progress {
    /// A step in a state, without more to say.
    #[must_use]
    pub fn step(name: &str, state: &'static str) -> Self {
        Self::detailed(name, state, String::new())
    }

    /// A step in a state, with a detail.
    #[must_use]
    pub fn detailed(name: &str, state: &'static str, detail: String) -> Self {
        Self::Step(Step {
            name: name.to_owned(),
            state,
            detail,
        })
    }
}

/// An action as the pages show it; times in ms since the epoch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Action {
    /// Consecutive.
    pub id: u64,
    /// What it does.
    pub kind: ActionKind,
    /// Where it stands.
    pub state: ActionState,
    /// When it began.
    pub started: i64,
    /// When it ended.
    pub ended: Option<i64>,
    /// What the log calls it.
    pub title: String,
    /// The result, or why it failed.
    pub message: String,
    /// What to do about a failure.
    pub remedy: String,
    /// So many are done.
    pub done: u64,
    /// In all; 0 when it does not count.
    pub total: u64,
    /// Object by object.
    pub steps: Vec<Step>,
    /// When its progress was last published.
    #[serde(skip)]
    pub told: i64,
}

impl Action {
    /// An action that begins now.
    #[must_use]
    pub fn begin(id: u64, kind: ActionKind, clock: &Clock) -> Self {
        Self {
            id,
            kind,
            state: ActionState::Running,
            started: clock.now_ms(),
            ended: None,
            title: kind.title().to_owned(),
            message: String::new(),
            remedy: String::new(),
            done: 0,
            total: 0,
            steps: Vec::new(),
            told: 0,
        }
    }

    /// Takes in what its function told.
    pub fn progress(&mut self, progress: Progress) {
        match progress {
            Progress::Step(step) => {
                match self.steps.iter_mut().find(|known| known.name == step.name) {
                    Some(known) => *known = step,
                    None => self.steps.push(step),
                }
            }
            Progress::Count { done, total } => {
                self.done = done;
                self.total = total;
            }
        }
    }

    /// Ends it. An error's text may carry its remedy after a semicolon or a colon-and-blank; it is shown as one.
    pub fn end(&mut self, result: Result<String, String>, clock: &Clock) {
        self.ended = Some(clock.now_ms());
        match result {
            Ok(message) => {
                self.state = ActionState::Done;
                self.message = message;
            }
            Err(text) => {
                self.state = ActionState::Failed;
                let (message, remedy) = text.rsplit_once("; ").unwrap_or((&text, ""));
                self.message = message.to_owned();
                self.remedy = remedy.to_owned();
                for step in self.steps.iter_mut().filter(|step| step.state == "running") {
                    step.state = "failed";
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_told_again_replaces_itself() {
        let mut action = Action::begin(1, ActionKind::Deploy, &Clock::wall());
        action.progress(Progress::step("secret/redis", "running"));
        action.progress(Progress::step("secret/redis", "created"));
        assert_eq!(action.steps.len(), 1);
        assert_eq!(action.steps[0].state, "created");
    }

    #[test]
    fn a_failure_keeps_its_remedy_apart_and_fails_the_step_in_hand() {
        let mut action = Action::begin(1, ActionKind::Deploy, &Clock::wall());
        action.progress(Progress::step("secret/redis", "running"));
        action.end(
            Err("no permission; ask for the role `podium`".to_owned()),
            &Clock::wall(),
        );
        assert_eq!(
            (action.message.as_str(), action.remedy.as_str()),
            ("no permission", "ask for the role `podium`")
        );
        assert_eq!(action.steps[0].state, "failed");
    }
}
