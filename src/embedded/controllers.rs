//! The controllers of the embedded cluster: each watches the store and moves the world one step closer to what it says.

pub mod hpa;
pub mod keda;
mod per_object;
mod scale;
pub mod workloads;

#[cfg(test)]
mod model;
