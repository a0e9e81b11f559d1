//! What must hold when something breaks, broken on purpose, or when two things happen at once: processes killed,
//! servers restarted, connections cut and stalled, answers that lie, two speakers pressing.

mod live;
mod queue;
pub(crate) mod stage;
