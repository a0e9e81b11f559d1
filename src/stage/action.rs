//! An action: something a button set off, with its progress, as the pages show it.

use crate::clock::Clock;
use crate::cluster::FieldConflict;
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
    /// It was stopped before its end; `message` says by whom, and what it had done until then.
    Cancelled,
}

/// How an action's function came to its end, when nothing went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It did all of it; the sentence for the log.
    Done(String),
    /// It was told to stop before; what it had done until then.
    Stopped(String),
}

/// Who stopped an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The speaker pressed Cancel.
    Speaker,
    /// The demo that it worked on is being removed.
    Removal,
    /// The server goes.
    Shutdown,
}

impl Stop {
    fn words(self) -> &'static str {
        match self {
            Self::Speaker => "cancelled",
            Self::Removal => "cancelled: the demo is being removed",
            Self::Shutdown => "interrupted: the server was stopped",
        }
    }
}

/// One line of an action's progress: an object and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The object: `deployment/redis`.
    pub name: String,
    /// `waiting`, `running`, `created`, `configured`, `unchanged`, `deleted`, `absent`, `done`, `stopped`
    /// or `failed`.
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
    /// Fields of others are in the way: all of them, as far as that can be found out.
    Contested(Vec<FieldConflict>),
    /// Fields of others were taken over.
    TakenOver(Vec<FieldConflict>),
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
    /// The fields of others that it failed for.
    pub contested: Vec<FieldConflict>,
    /// The fields that it took from others, with the values they had.
    pub taken_over: Vec<FieldConflict>,
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
            contested: Vec::new(),
            taken_over: Vec::new(),
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
            Progress::Contested(fields) => self.contested = fields,
            Progress::TakenOver(fields) => self.taken_over.extend(fields),
        }
    }

    /// Ends it; `stop` is who told it to, if anybody did. An error's text may carry its remedy after a semicolon; it is
    /// shown as one. Whatever goes wrong while the server goes is an interruption, not a failure of its own.
    pub fn end(&mut self, result: Result<Ending, String>, stop: Option<Stop>, clock: &Clock) {
        self.ended = Some(clock.now_ms());
        match (result, stop) {
            (Ok(Ending::Done(message)), _) => {
                self.state = ActionState::Done;
                self.message = message;
            }
            (Ok(Ending::Stopped(told)), stop) => {
                self.stopped(&told, stop.unwrap_or(Stop::Speaker));
            }
            (Err(told), Some(Stop::Shutdown)) => self.stopped(&told, Stop::Shutdown),
            (Err(text), _) => {
                self.state = ActionState::Failed;
                let (message, remedy) = text.rsplit_once("; ").unwrap_or((&text, ""));
                self.message = message.to_owned();
                self.remedy = remedy.to_owned();
                self.mark_unfinished("failed");
            }
        }
    }

    fn stopped(&mut self, told: &str, stop: Stop) {
        self.state = ActionState::Cancelled;
        self.message = format!("{}; {told}", stop.words());
        self.remedy = match (self.kind, stop) {
            (_, Stop::Removal) => "",
            (ActionKind::Deploy, _) => "Deploy again to complete it, or remove the demo.",
            (ActionKind::Remove, _) => "Remove again to take away the rest.",
            _ => "",
        }
        .to_owned();
        self.mark_unfinished("stopped");
    }

    fn mark_unfinished(&mut self, word: &'static str) {
        for step in self.steps.iter_mut().filter(|step| step.state == "running") {
            step.state = word;
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
            None,
            &Clock::wall(),
        );
        assert_eq!(
            (action.message.as_str(), action.remedy.as_str()),
            ("no permission", "ask for the role `podium`")
        );
        assert_eq!(action.steps[0].state, "failed");
    }

    #[test]
    fn what_is_stopped_says_by_whom_and_how_far_it_came() {
        let mut action = Action::begin(1, ActionKind::Deploy, &Clock::wall());
        action.progress(Progress::step("redis ready", "running"));
        let ending = Ok(Ending::Stopped("9 of 9 objects applied".to_owned()));
        action.end(ending, Some(Stop::Removal), &Clock::wall());
        assert_eq!(action.state, ActionState::Cancelled);
        assert_eq!(
            action.message,
            "cancelled: the demo is being removed; 9 of 9 objects applied"
        );
        assert_eq!(action.steps[0].state, "stopped");
    }

    #[test]
    fn an_error_while_the_server_goes_is_an_interruption() {
        let mut action = Action::begin(1, ActionKind::Deploy, &Clock::wall());
        let lost = Err("connection refused".to_owned());
        action.end(lost, Some(Stop::Shutdown), &Clock::wall());
        assert_eq!(action.state, ActionState::Cancelled);
        assert!(action.remedy.contains("Deploy again"), "{}", action.remedy);
    }
}
