//! A Kubernetes cluster with KEDA, and a Redis, in a box.

pub mod api;
pub mod broker;
pub mod controllers;
pub mod events;
pub mod kubelet;
pub mod logs;
pub mod proxy;
pub mod store;
