//! What the buttons do. The only module that changes the world.
//!
//! [`preflight`] looks at a place before anything is done there. Each action is a plain async function that takes a cluster or a queue and tells its progress: the CLI prints it, the
//! web shows it. [`actions`] runs them for the web: one of a kind at a time, recorded as [`action::Action`]s that every
//! browser sees.

pub mod action;
pub mod actions;
pub mod contested;
pub mod dead_letters;
pub mod demo;
pub mod dry_run;
pub mod existing_redis;
pub mod manifests;
mod namespace;
mod password;
mod placement;
pub mod preflight;
pub mod producer_job;
mod readiness;
pub mod spike;

use crate::cluster::view::Names;
use crate::queue::keys::QueueName;

/// The demo's names, as `manifests/queue-demo` has them, in `namespace`.
#[must_use]
pub fn names(namespace: &str) -> Names {
    Names {
        namespace: namespace.to_owned(),
        worker: "queue-worker".to_owned(),
        redis: "redis".to_owned(),
        scaled_object: "queue-worker".to_owned(),
    }
}

/// The Redis list that is the queue: `keda-demo-queue`, as the ScaledObject names it.
#[must_use]
pub fn queue_name() -> QueueName {
    QueueName::demo()
}
