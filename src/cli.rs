//! (being written)

pub mod conformance;
