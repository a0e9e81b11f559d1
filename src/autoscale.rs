//! The scaling rules of KEDA and of the HPA controller, as pure functions: state and observation in, decision out.
//!
//! No clock, no I/O and no Kubernetes client here: time is an argument, so that a recorded series can be replayed and
//! a proptest can run a day of syncs in a millisecond.

pub mod hpa;
pub mod keda;
pub mod quantity;
