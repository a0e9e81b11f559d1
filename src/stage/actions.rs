//! Actions for the web: started by a button, run in the background, told to everyone.
//!
//! One action of a kind at a time, and never a deployment and a removal together: pressing twice is answered with what
//! is running, not done twice. Every change of an action is sent whole to `publish`; counting progress is thinned so
//! that a hundred thousand jobs do not make a hundred thousand messages.

use super::action::{Action, ActionKind, Progress};
use super::dead_letters::LetterError;
use super::{demo, manifests, names, queue_name, spike};
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::config::RedisUrl;
use crate::queue::Queue;
use crate::queue::enqueue::EnqueueRequest;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// At most one message per this many ms while counting.
const COUNT_EVERY_MS: i64 = 100;

/// What a button asks for, checked.
#[derive(Clone, Debug)]
pub enum Command {
    /// Deploy the demo.
    Deploy,
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
            Self::Deploy => ActionKind::Deploy,
            Self::Remove => ActionKind::Remove,
            Self::Enqueue(_) => ActionKind::Enqueue,
            Self::Spike(_) => ActionKind::Spike,
            Self::Purge => ActionKind::Purge,
        }
    }
}

/// Another action stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is still running; wait until it is done", .0.title())]
pub struct Busy(pub ActionKind);

/// Starts actions. Clones share what is running.
#[derive(Clone)]
pub struct Actions(Arc<Shared>);

struct Shared {
    cluster: Cluster,
    redis: Option<RedisUrl>,
    manifests: Option<PathBuf>,
    clock: Clock,
    publish: mpsc::UnboundedSender<Action>,
    shutdown: CancellationToken,
    next_id: AtomicU64,
    running: Mutex<HashMap<ActionKind, Action>>,
}

impl Actions {
    /// Actions on `cluster`, and on `redis` when given (else on the demo's own). Every state of every action goes to
    /// `publish`; `shutdown` stops a producer between two batches.
    #[must_use]
    pub fn new(
        cluster: Cluster,
        redis: Option<RedisUrl>,
        manifests: Option<PathBuf>,
        clock: Clock,
        publish: mpsc::UnboundedSender<Action>,
        shutdown: CancellationToken,
    ) -> Self {
        Self(Arc::new(Shared {
            cluster,
            redis,
            manifests,
            clock,
            publish,
            shutdown,
            next_id: AtomicU64::new(1),
            running: Mutex::new(HashMap::new()),
        }))
    }

    /// Starts what `command` asks for and returns it as it begins.
    ///
    /// # Errors
    /// [`Busy`] when an action stands in the way.
    pub fn start(&self, command: Command) -> Result<Action, Busy> {
        let kind = command.kind();
        let action = {
            let mut running = self.running();
            if let Some(other) = in_the_way(kind)
                .iter()
                .find(|other| running.contains_key(other))
            {
                return Err(Busy(*other));
            }
            let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
            let action = Action::begin(id, kind, &self.0.clock);
            running.insert(kind, action.clone());
            action
        };
        self.publish(&action);
        let this = self.clone();
        tokio::spawn(async move {
            let result = this.run(command).await;
            this.finish(kind, result);
        });
        Ok(action)
    }

    async fn run(&self, command: Command) -> Result<String, String> {
        let kind = command.kind();
        let progress = |progress| self.progress(kind, progress);
        match command {
            Command::Deploy => {
                let manifests = self.manifests()?;
                let deployed = demo::deploy(
                    &self.0.cluster,
                    manifests,
                    demo::Password::suiting(self.0.redis.as_ref()),
                    progress,
                )
                .await;
                deployed
                    .map(|()| "the queue demo is ready".to_owned())
                    .map_err(|error| error.to_string())
            }
            Command::Remove => {
                let manifests = self.manifests()?;
                let removed = demo::remove(&self.0.cluster, &manifests, progress).await;
                removed
                    .map(|()| "the queue demo is gone".to_owned())
                    .map_err(|error| error.to_string())
            }
            Command::Enqueue(request) | Command::Spike(request) => {
                let queue = self.queue().await?;
                spike::enqueue(&queue, &request, &self.0.shutdown, progress)
                    .await
                    .map_err(|error| error.to_string())
            }
            Command::Purge => {
                let queue = self.queue().await?;
                spike::purge(&queue)
                    .await
                    .map_err(|error| error.to_string())
            }
        }
    }

    fn manifests(&self) -> Result<Vec<crate::cluster::apply::Manifest>, String> {
        manifests::load(self.0.manifests.as_deref(), self.0.redis.as_ref())
            .map_err(|error| error.to_string())
    }

    async fn queue(&self) -> Result<Queue, String> {
        let url = match &self.0.redis {
            Some(url) => url.reveal().to_owned(),
            None => self
                .0
                .cluster
                .redis_url(&names().namespace)
                .await
                .map_err(|error| error.to_string())?,
        };
        Queue::connect(&url, &queue_name())
            .await
            .map_err(|error| error.to_string())
    }

    /// The queue, for what is answered at once and is no action.
    ///
    /// # Errors
    /// [`LetterError::NoQueue`] when it is not to be found or does not answer.
    pub async fn queue_at_once(&self) -> Result<Queue, LetterError> {
        self.queue().await.map_err(LetterError::NoQueue)
    }

    fn progress(&self, kind: ActionKind, progress: Progress) {
        let now = self.0.clock.now_ms();
        let mut running = self.running();
        let Some(action) = running.get_mut(&kind) else {
            return;
        };
        let (counting, complete) = match &progress {
            Progress::Count { done, total } => (true, done == total),
            Progress::Step(_) => (false, false),
        };
        action.progress(progress);
        let due = now - action.told >= COUNT_EVERY_MS;
        if !counting || complete || due {
            action.told = now;
            let action = action.clone();
            drop(running);
            self.publish(&action);
        }
    }

    fn finish(&self, kind: ActionKind, result: Result<String, String>) {
        let finished = self.running().remove(&kind);
        if let Some(mut action) = finished {
            action.end(result, &self.0.clock);
            self.publish(&action);
        }
    }

    fn publish(&self, action: &Action) {
        // The receiver lives as long as the server; during shutdown nobody listens, and nobody needs to.
        let _ = self.0.publish.send(action.clone());
    }

    fn running(&self) -> MutexGuard<'_, HashMap<ActionKind, Action>> {
        // Nothing panics between lock and unlock, and each change is a whole one.
        self.0
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What must not be running when an action of this kind begins.
fn in_the_way(kind: ActionKind) -> &'static [ActionKind] {
    match kind {
        ActionKind::Deploy | ActionKind::Remove => &[ActionKind::Deploy, ActionKind::Remove],
        ActionKind::Enqueue => &[ActionKind::Enqueue, ActionKind::Remove],
        ActionKind::Spike => &[ActionKind::Spike, ActionKind::Remove],
        ActionKind::Purge => &[ActionKind::Purge, ActionKind::Remove],
    }
}
