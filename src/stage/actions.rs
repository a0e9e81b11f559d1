//! Actions for the web: started by a button, run in the background, told to everyone.
//!
//! Every press has one outcome that everybody sees: it begins (202, and an entry in the log), or it is refused (409,
//! with what runs and what to do). One action of a kind runs at a time. What happens to a press while another action
//! runs:
//!
//! | pressed \ runs | Deploy  | Remove  | Enqueue | Spike   | Purge   |
//! |----------------|---------|---------|---------|---------|---------|
//! | Deploy         | refused | refused | beside  | beside  | beside  |
//! | Remove         | stops   | refused | stops   | stops   | stops   |
//! | Enqueue        | beside  | refused | refused | beside  | beside  |
//! | Spike          | beside  | refused | beside  | refused | beside  |
//! | Purge          | beside  | refused | beside  | beside  | refused |
//!
//! *beside*: both run. Deploying what is deployed changes nothing, and a purge takes what waits at that moment, however
//! much a producer adds after it. *stops*: on stage a removal wins. It tells the other to stop, waits until it has
//! ended (its entry says that the demo is being removed, and how far it came), and begins then.
//!
//! Whatever runs can be cancelled, and ends [`STOP_LIMIT`] later at the latest, even in the middle of a request that
//! nobody answers. Nothing runs for ever: requests, rollouts, removals and purges have limits of their own, an
//! enqueueing lasts as long as its count and delay say.
//!
//! Every change of an action is sent whole to `publish`; counting progress is thinned so that a hundred thousand jobs
//! do not make a hundred thousand messages.

mod register;

use super::action::{Action, ActionKind, ActionState, Ending, Progress};
use super::dead_letters::LetterError;
use super::preflight::{self, Check, Ground, Place};
use super::{contested, demo, manifests, queue_name, spike};
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::cluster::apply::Conflicts;
use crate::config::Config;
use crate::queue::Queue;
use crate::queue::endpoint::Endpoint;
use crate::queue::enqueue::EnqueueRequest;
use register::{Begun, Register};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// How long an action that is told to stop may take to end in its own way.
const STOP_LIMIT: Duration = Duration::from_secs(3);
/// How long the queue may take to be found and to answer.
const FIND_LIMIT: Duration = Duration::from_secs(15);
/// How long a purge may take: it is one transaction, repeated while workers take jobs at that very moment.
const PURGE_LIMIT: Duration = Duration::from_secs(30);

/// What a button asks for, checked.
#[derive(Clone, Debug)]
pub enum Command {
    /// Deploy the demo.
    Deploy(Conflicts),
    /// Remove it.
    Remove,
    /// Put jobs on the queue.
    Enqueue(EnqueueRequest),
    /// The tour announcement.
    Spike(EnqueueRequest),
    /// Empty the queue.
    Purge,
}

impl Command {
    /// The kind of action it starts.
    #[must_use]
    pub fn kind(&self) -> ActionKind {
        match self {
            Self::Deploy(_) => ActionKind::Deploy,
            Self::Remove => ActionKind::Remove,
            Self::Enqueue(_) => ActionKind::Enqueue,
            Self::Spike(_) => ActionKind::Spike,
            Self::Purge => ActionKind::Purge,
        }
    }
}

/// Another action stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is still running", .0.title())]
pub struct Busy(pub ActionKind);

/// There is no such action to cancel: it has ended, or never was. `None` when any would have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", match .0 {
    Some(id) => format!("action {id} is not running"),
    None => "nothing is running".to_owned(),
})]
pub struct NotRunning(pub Option<u64>);

/// Starts and stops actions. Clones share what is running.
#[derive(Clone)]
pub struct Actions(Arc<Shared>);

struct Shared {
    cluster: Cluster,
    config: Config,
    clock: Clock,
    publish: mpsc::UnboundedSender<Action>,
    shutdown: CancellationToken,
    next_id: AtomicU64,
    register: Register,
    /// How the last deployment ended, for the page without scripts and for who takes over what it was in the way of.
    last_deployment: Mutex<Option<Action>>,
    tasks: TaskTracker,
}

impl Actions {
    /// Actions on `cluster`, with the demo that `config` describes. Every state of every action goes to `publish`;
    /// `shutdown` stops whatever runs.
    #[must_use]
    pub fn new(
        cluster: Cluster,
        config: Config,
        clock: Clock,
        publish: mpsc::UnboundedSender<Action>,
        shutdown: CancellationToken,
    ) -> Self {
        Self(Arc::new(Shared {
            cluster,
            config,
            clock,
            publish,
            shutdown,
            next_id: AtomicU64::new(1),
            register: Register::default(),
            last_deployment: Mutex::default(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Starts what `command` asks for and returns it as it begins.
    ///
    /// # Errors
    /// [`Busy`] when an action stands in the way.
    pub fn start(&self, command: Command) -> Result<Action, Busy> {
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let action = Action::begin(id, command.kind(), &self.0.clock);
        let begun = self
            .0
            .register
            .begin(action, self.0.shutdown.child_token())?;
        let action = begun.action.clone();
        self.publish(&action);
        let this = self.clone();
        self.0.tasks.spawn(async move {
            let kind = begun.action.kind;
            let result = this.run_until_stopped(command, begun).await;
            this.finish(kind, result);
        });
        Ok(action)
    }

    /// Tells the action of this number to stop, or all that run. Answers them as they are; their end is published.
    ///
    /// # Errors
    /// [`NotRunning`] when there is nothing to stop.
    pub fn cancel(&self, id: Option<u64>) -> Result<Vec<Action>, NotRunning> {
        self.0.register.stop(id)
    }

    /// What runs now, oldest first.
    #[must_use]
    pub fn running(&self) -> Vec<Action> {
        self.0.register.all()
    }

    /// How the last deployment of this server ended; none when there was none, or one runs.
    #[must_use]
    pub fn last_deployment(&self) -> Option<Action> {
        let running = self.running();
        let deploying = running
            .iter()
            .any(|action| action.kind == ActionKind::Deploy);
        self.last().clone().filter(|_| !deploying)
    }

    fn last(&self) -> MutexGuard<'_, Option<Action>> {
        // It is replaced as a whole.
        let last = self.0.last_deployment.lock();
        last.unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nothing runs. For the shutdown: an action that starts meanwhile is stopped as it begins.
    pub async fn ended(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Runs to its end, or to [`STOP_LIMIT`] after it was told to stop. In a task of its own, so that a panic, which
    /// would be a defect of ours, ends the action as failed instead of blocking its button for the rest of the talk.
    async fn run_until_stopped(&self, command: Command, begun: Begun) -> Result<Ending, String> {
        let (this, stop) = (self.clone(), begun.stop.clone());
        let work = tokio::spawn(async move { this.run(command, begun).await });
        let work = AbortOnDropHandle::new(work);
        let cut_off = async {
            stop.cancelled().await;
            sleep(STOP_LIMIT).await;
        };
        tokio::select! {
            result = work => result.unwrap_or_else(|error| {
                tracing::error!(%error, "an action came to an end that nobody foresaw");
                Err("it broke off; look at the terminal where podium runs, then press again".to_owned())
            }),
            () = cut_off => Ok(Ending::Stopped(
                "cut off in the middle of a request that was not answered".to_owned(),
            )),
        }
    }

    async fn run(&self, command: Command, begun: Begun) -> Result<Ending, String> {
        let kind = command.kind();
        let progress = |progress| self.progress(kind, progress);
        match command {
            Command::Deploy(conflicts) => {
                let password = demo::Password::suiting(self.0.config.redis.as_ref());
                let (cluster, manifests) = (&self.0.cluster, self.manifests()?);
                contested::deploy(
                    cluster,
                    manifests,
                    password,
                    &conflicts,
                    &begun.stop,
                    progress,
                )
                .await
                .map_err(|error| error.to_string())
            }
            Command::Remove => {
                self.until_ended(kind, &begun).await;
                let manifests = self.manifests()?;
                demo::remove(&self.0.cluster, &manifests, &begun.stop, progress)
                    .await
                    .map_err(|error| error.to_string())
            }
            Command::Enqueue(request) | Command::Spike(request) => {
                let Some(queue) = self.queue(&begun.stop).await? else {
                    return Ok(Ending::Stopped("no job was enqueued".to_owned()));
                };
                spike::enqueue(&queue, &request, &begun.stop, progress)
                    .await
                    .map_err(|error| error.to_string())
            }
            Command::Purge => self.purge(&begun.stop).await,
        }
    }

    /// Waits for what was told to stop, which each does within [`STOP_LIMIT`].
    async fn until_ended(&self, kind: ActionKind, begun: &Begun) {
        for (other, ended) in &begun.before {
            let name = format!("stop “{}”", other.title());
            self.progress(kind, Progress::step(&name, "running"));
            ended.cancelled().await;
            self.progress(kind, Progress::step(&name, "done"));
        }
    }

    async fn purge(&self, stop: &CancellationToken) -> Result<Ending, String> {
        let Some(queue) = self.queue(stop).await? else {
            return Ok(Ending::Stopped("nothing was purged".to_owned()));
        };
        match timeout(PURGE_LIMIT, spike::purge(&queue)).await {
            Ok(purged) => purged.map_err(|error| error.to_string()),
            Err(_) => Err(format!(
                "the queue did not hold still for {} s; press again",
                PURGE_LIMIT.as_secs()
            )),
        }
    }

    fn manifests(&self) -> Result<Vec<crate::cluster::apply::Manifest>, String> {
        manifests::load(&self.0.config).map_err(|error| error.to_string())
    }

    /// The queue; `None` when told to stop before it was found.
    async fn queue(&self, stop: &CancellationToken) -> Result<Option<Queue>, String> {
        let find = async {
            let endpoint = match &self.0.config.redis {
                Some(redis) => Endpoint::from(redis),
                None => {
                    let url = self.0.cluster.redis_url(self.0.config.namespace()).await;
                    Endpoint::from(&url.map_err(|error| error.to_string())?)
                }
            };
            Queue::connect(endpoint, &queue_name())
                .await
                .map_err(|error| error.to_string())
        };
        tokio::select! {
            found = timeout(FIND_LIMIT, find) => match found {
                Ok(found) => found.map(Some),
                Err(_) => Err(format!(
                    "the queue was not found within {} s; look at the lights of cluster and redis",
                    FIND_LIMIT.as_secs()
                )),
            },
            () = stop.cancelled() => Ok(None),
        }
    }

    /// The queue, for what is answered at once and is no action.
    ///
    /// # Errors
    /// [`LetterError::NoQueue`] when it is not to be found or does not answer.
    pub async fn queue_at_once(&self) -> Result<Queue, LetterError> {
        let found = self.queue(&self.0.shutdown).await;
        let found = found.and_then(|queue| queue.ok_or_else(|| "the server stops".to_owned()));
        found.map_err(LetterError::NoQueue)
    }

    /// Looks at the place where Deploy would deploy, telling `told` of each check and its place as it is answered.
    pub async fn preflight(&self, told: impl FnMut(Place, &Check) + Send) -> Vec<Check> {
        let manifests = match self.manifests() {
            Ok(manifests) => manifests,
            Err(problem) => return vec![preflight::no_manifests(&problem)],
        };
        let ground = Ground {
            cluster: &self.0.cluster,
            manifests: &manifests,
            redis: self.0.config.redis.as_ref(),
            namespace: self.0.config.namespace(),
        };
        preflight::run(ground, told).await
    }

    fn progress(&self, kind: ActionKind, progress: Progress) {
        let now = self.0.clock.now_ms();
        if let Some(action) = self.0.register.progress(kind, progress, now) {
            self.publish(&action);
        }
    }

    fn finish(&self, kind: ActionKind, result: Result<Ending, String>) {
        let shutdown = self.0.shutdown.is_cancelled();
        let ended = self.0.register.end(kind, result, shutdown, &self.0.clock);
        let Some((action, ended)) = ended else { return };
        if shutdown && action.state == ActionState::Cancelled {
            // The pages are going too: the terminal is where it can still be read.
            let (title, message, remedy) = (&action.title, &action.message, &action.remedy);
            tracing::warn!("{title} was {message}. {remedy}");
        }
        match kind {
            ActionKind::Deploy => *self.last() = Some(action.clone()),
            // Nothing is in the way of what is gone.
            ActionKind::Remove => *self.last() = None,
            _ => {}
        }
        self.publish(&action);
        ended.cancel();
    }

    fn publish(&self, action: &Action) {
        // The receiver lives as long as the server; during shutdown nobody listens, and nobody needs to.
        let _ = self.0.publish.send(action.clone());
    }
}
