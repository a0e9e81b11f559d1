//! The world as the room sees it: samples, milestones and frames.
//!
//! ```text
//! queue.stats ─┐
//! cluster view ┼─▶ observer ─▶ Sample ─▶ timeline ─┬─▶ story ─▶ milestones, phase
//! metrics API ─┘                                  ├─▶ hub ─▶ one encoded frame ─▶ every browser
//!                                                  └─▶ run ─▶ the last runs, on disk
//! stage actions ──────────────────────────────────────▶ hub
//! the speaker's moves ─▶ position (rules) ─▶ room ──────▶ hub
//! ```
//!
//! The observer samples five times a second while something moves and once a second at rest. A source that fails makes
//! its own numbers `null` at once, with the reason in the `health` frame; an old number is never shown as a new one.

pub mod cpu;
pub mod hub;
pub mod ink;
pub mod keda_clock;
pub mod lag;
pub mod observer;
pub mod outage;
pub mod position;
pub mod rates;
pub mod room;
pub mod run;
pub mod sample;
pub mod source;
pub mod story;
pub mod timeline;
