//! Frames to every browser: each encoded once, shared by all.
//!
//! The hub keeps the current picture (history, milestones, actions, health, pods, deployment) and a broadcast ring of
//! encoded frames. A browser gets the frames it missed, if the ring still has them, or one fresh snapshot; then what
//! comes. The ring holds a fixed number of shared frames, so a slow reader holds nothing: when the ring has moved past
//! it, it skips to a snapshot. The snapshot is encoded at most every two seconds while only samples come, however many
//! browsers connect: between, a browser gets the last one and the samples since. So readers that take a snapshot and then
//! stall, however many, hold few different ones.
//!
//! The pointer's frames are the exception: they have no id and are in no ring, for nobody wants to see where it was.
//!
//! The lock is std's: it guards map and vector operations and one JSON encoding, never an await.

use super::lag::LagMeter;
use super::position::Position;
use super::sample::Sample;
use super::story::Milestone;
use super::timeline::Timeline;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::Instant;

/// Frames kept for slow or reconnecting readers: about fifty seconds at five samples a second.
const RING: usize = 256;

/// How long a snapshot serves newcomers, unless something other than a sample happens.
const SNAPSHOT_FOR: Duration = Duration::from_secs(2);

/// Actions kept for the log of a page that connects.
const ACTIONS_KEPT: usize = 20;

/// One server-sent event, ready for the wire.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its id; consecutive. A frame that is not kept has that of the frame before it.
    pub id: u64,
    /// `id:` (if the frame is kept), `event:` and `data:` lines.
    pub bytes: Bytes,
    /// When it was made, to tell how long it waited for a reader.
    pub made: Instant,
}

/// The health of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceHealth {
    /// `cluster`, `redis` or `metrics`.
    pub name: &'static str,
    /// Whether its numbers are current.
    pub ok: bool,
    /// Whether they should be: a demo that is not deployed has no queue, and that is no fault.
    pub due: bool,
    /// Why not; empty when they are.
    pub reason: String,
    /// Since when, ms since the epoch.
    pub since: i64,
}

/// The connection of everything that happens to everyone who watches. Clones share it.
#[derive(Clone)]
pub struct Hub(Arc<Shared>);

struct Shared {
    picture: Mutex<Picture>,
    frames: broadcast::Sender<Frame>,
    viewers: AtomicU64,
    lag: Mutex<LagMeter>,
}

#[derive(Default)]
struct Picture {
    next_id: u64,
    ring: VecDeque<Frame>,
    timeline: Timeline,
    milestones: VecDeque<Milestone>,
    actions: VecDeque<Value>,
    pods: Value,
    health: Value,
    deployment: Value,
    position: Value,
    ink: Map<String, Value>,
    deck_version: String,
    snapshot: Option<Frame>,
}

/// What a browser's stream starts with, and what follows.
pub struct Subscription {
    /// Frames to send at once.
    pub first: Vec<Frame>,
    /// Frames as they come.
    pub then: broadcast::Receiver<Frame>,
}

/// A browser of the audience; dropping it ends that.
pub struct Viewer(Arc<Shared>);

impl Drop for Viewer {
    fn drop(&mut self) {
        self.0.viewers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Viewer {
    /// Notes that the viewer's stream takes a frame now.
    pub fn took(&self, frame: &Frame) {
        let now = Instant::now();
        let mut meter = self.0.lag.lock().unwrap_or_else(PoisonError::into_inner);
        meter.record(now.duration_since(frame.made), now);
    }
}

impl Hub {
    /// A hub whose frames are numbered from `first_id`. Give it the time (ms): then ids go on rising when the server
    /// is started again, and a browser that comes back is not mistaken for one that missed nothing.
    #[must_use]
    pub fn new(first_id: u64) -> Self {
        Self(Arc::new(Shared {
            picture: Mutex::new(Picture {
                next_id: first_id,
                ..Picture::default()
            }),
            frames: broadcast::channel(RING).0,
            viewers: AtomicU64::new(0),
            lag: Mutex::default(),
        }))
    }

    /// Counts a browser of the audience for as long as the answer lives.
    #[must_use]
    pub fn watch(&self) -> Viewer {
        self.0.viewers.fetch_add(1, Ordering::Relaxed);
        Viewer(Arc::clone(&self.0))
    }

    /// How many browsers of the audience watch now.
    #[must_use]
    pub fn viewers(&self) -> u64 {
        self.0.viewers.load(Ordering::Relaxed)
    }

    /// How long frames waited lately until a viewer's stream took them: p95, ms. `None` when nobody watches.
    #[must_use]
    pub fn lag(&self) -> Option<u64> {
        let mut meter = self.0.lag.lock().unwrap_or_else(PoisonError::into_inner);
        meter.p95(Instant::now()).filter(|_| self.viewers() > 0)
    }

    /// Publishes a sample.
    pub fn sample(&self, sample: Sample) {
        let mut picture = self.lock();
        let data = json!(sample);
        picture.timeline.push(sample);
        self.send(&mut picture, "sample", &data);
    }

    /// Moves the history by so many ms, since the clock that dated it was set, and gives everyone the moved one.
    pub fn shift(&self, by: i64) {
        let mut picture = self.lock();
        picture.timeline.shift(by);
        for milestone in &mut picture.milestones {
            milestone.t += by;
        }
        let data = picture.whole();
        self.send(&mut picture, "snapshot", &data);
    }

    /// Publishes a milestone.
    pub fn milestone(&self, milestone: Milestone) {
        let mut picture = self.lock();
        let data = json!(milestone);
        picture.milestones.push_back(milestone);
        if picture.milestones.len() > 100 {
            picture.milestones.pop_front();
        }
        self.send(&mut picture, "milestone", &data);
    }

    /// Publishes the state of an action: `action` is the whole of it, and replaces what was known under its `id`.
    pub fn action(&self, action: &Value) {
        let mut picture = self.lock();
        match picture
            .actions
            .iter_mut()
            .find(|known| known["id"] == action["id"])
        {
            Some(known) => *known = action.clone(),
            None => picture.actions.push_back(action.clone()),
        }
        if picture.actions.len() > ACTIONS_KEPT {
            // One that runs for an hour is old, and must still be there for a page that connects.
            let oldest = picture
                .actions
                .iter()
                .position(|old| old["state"] != "running");
            picture.actions.remove(oldest.unwrap_or(0));
        }
        self.send(&mut picture, "action", action);
    }

    /// Publishes the worker pods, if they differ; null while they are not known.
    pub fn pods(&self, pods: Value) {
        let mut picture = self.lock();
        if picture.pods != pods {
            let data = json!({"pods": pods});
            picture.pods = pods;
            self.send(&mut picture, "pods", &data);
        }
    }

    /// Publishes the sources' health, if it differs.
    pub fn health(&self, sources: &[SourceHealth]) {
        let mut picture = self.lock();
        let health = json!(sources);
        if picture.health != health {
            let data = json!({"sources": health});
            picture.health = health;
            self.send(&mut picture, "health", &data);
        }
    }

    /// Publishes the state of the deployment, if it differs.
    pub fn deployment(&self, deployment: &Value) {
        let mut picture = self.lock();
        if picture.deployment != *deployment {
            picture.deployment = deployment.clone();
            self.send(&mut picture, "deployment", deployment);
        }
    }

    /// Tells that the deck is now this version, if it is another.
    pub fn deck(&self, version: &str) {
        let mut picture = self.lock();
        if picture.deck_version != version {
            version.clone_into(&mut picture.deck_version);
            self.send(&mut picture, "deck", &json!({"version": version}));
        }
    }

    /// Publishes where the talk is.
    pub fn position(&self, position: &Position) {
        let mut picture = self.lock();
        let data = json!(position);
        self.send(&mut picture, "position", &data);
        picture.position = data;
    }

    /// Publishes all that is drawn on a step; nothing wipes it.
    pub fn ink(&self, address: &str, strokes: &Value) {
        let mut picture = self.lock();
        if strokes.as_array().is_some_and(Vec::is_empty) {
            picture.ink.remove(address);
        } else {
            picture.ink.insert(address.to_owned(), strokes.clone());
        }
        let data = json!({"address": address, "strokes": strokes});
        self.send(&mut picture, "ink", &data);
    }

    /// Publishes where the pointer is, to who watches now.
    pub fn pointer(&self, pointer: &Value) {
        let picture = self.lock();
        let _ = self.0.frames.send(Frame {
            id: picture.next_id.saturating_sub(1),
            bytes: Bytes::from(format!("event: pointer\ndata: {pointer}\n\n")),
            made: Instant::now(),
        });
    }

    /// Lets a browser read. `last_seen` is the `Last-Event-ID` of a browser that comes back; without it, or when it is
    /// too long ago, there is a snapshot first.
    #[must_use]
    pub fn subscribe(&self, last_seen: Option<u64>) -> Subscription {
        let mut picture = self.lock();
        // Subscribed under the lock: no frame can fall between the first ones and the stream.
        let then = self.0.frames.subscribe();
        let missed = last_seen.and_then(|last| picture.since(last));
        let first = missed.unwrap_or_else(|| picture.snapshot());
        Subscription { first, then }
    }

    fn send(&self, picture: &mut Picture, event: &str, data: &Value) {
        if event != "sample" {
            picture.snapshot = None;
        }
        let frame = encode(picture.next_id, event, data);
        picture.next_id += 1;
        picture.ring.push_back(frame.clone());
        if picture.ring.len() > RING {
            picture.ring.pop_front();
        }
        // No receiver is no error: nobody watches yet.
        let _ = self.0.frames.send(frame);
    }

    fn lock(&self) -> MutexGuard<'_, Picture> {
        self.0
            .picture
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Picture {
    /// All that a page shows.
    fn whole(&self) -> Value {
        json!({
            "t": self.timeline.latest().map(|latest| latest.t),
            "samples": self.timeline.columns(),
            "sample": self.timeline.latest(),
            "pods": self.pods,
            "milestones": self.milestones,
            "actions": self.actions,
            "health": if self.health.is_null() { json!([]) } else { self.health.clone() },
            "deployment": self.deployment,
            "position": self.position,
            "ink": self.ink,
            "deck_version": self.deck_version,
        })
    }

    /// A snapshot, and the frames since.
    fn snapshot(&mut self) -> Vec<Frame> {
        let recent = self
            .snapshot
            .clone()
            .filter(|snapshot| snapshot.made.elapsed() < SNAPSHOT_FOR);
        if let Some(snapshot) = recent
            && let Some(since) = self.since(snapshot.id)
        {
            return [vec![snapshot], since].concat();
        }
        let snapshot = encode(self.next_id.saturating_sub(1), "snapshot", &self.whole());
        self.snapshot = Some(snapshot.clone());
        vec![snapshot]
    }

    /// The frames after `last`, if the ring still has all of them. An id from another run of the server is no help.
    fn since(&self, last: u64) -> Option<Vec<Frame>> {
        let oldest = self.ring.front()?.id;
        // The id is the browser's word: it may be any number.
        let known = last < self.next_id && last + 1 >= oldest;
        known.then(|| {
            self.ring
                .iter()
                .filter(|frame| frame.id > last)
                .cloned()
                .collect()
        })
    }
}

fn encode(id: u64, event: &str, data: &Value) -> Frame {
    // JSON has no raw line breaks, so one `data:` line is enough.
    Frame {
        id,
        bytes: Bytes::from(format!("id: {id}\nevent: {event}\ndata: {data}\n\n")),
        made: Instant::now(),
    }
}

#[cfg(test)]
mod tests;
