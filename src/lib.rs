//! Podium: give a talk on event-driven autoscaling, and do it live.
//!
//! The map, top to bottom; `use` points downwards only, and `tests/podium/architecture.rs` holds that:
//!
//! - [`cli`], [`web`]: the doors. A command or a request goes in, one call of the domain answers it.
//! - [`stage`]: what the buttons do to the world. The only module that changes it.
//! - [`live`]: what the world does, as samples, milestones and frames for every browser.
//! - [`queue`], [`cluster`]: the two real protocols; the only importers of `redis` and of `kube`.
//! - [`deck`]: Markdown to slides. Knows no HTTP.
//! - [`autoscale`]: the scaling rules of KEDA and the HPA, pure: no clock, no I/O, no Kubernetes client.
//! - [`server`]: HTTP for strangers, every connection within limits. What `web` and the embedded API stand on.
//! - [`config`], [`clock`], [`backoff`]: settings, time, and pauses between attempts.
//! - [`embedded`]: a cluster and a Redis in a box, behind the same two protocols. Only `serve` starts it.
//!
//! Read `autoscale` for what is taught, `embedded::store` and `embedded::controllers` for how the box works, `live`
//! for how it reaches the room.

pub mod autoscale;
pub mod backoff;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod connection;
pub mod deck;
pub mod embedded;
pub mod live;
pub mod queue;
pub mod server;
pub mod stage;
pub mod web;
