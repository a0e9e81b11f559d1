//! What must hold when something breaks, or when two things happen at once.

mod stage;
