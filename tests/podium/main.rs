//! Podium from the outside: the real binary, its real protocols. One module a capability; `talk` is the harness.

#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, and says where"
)]

mod architecture;
mod broker;
mod check;
mod clusters_page;
mod configuration;
mod connect;
mod control;
mod dead_letters;
mod decks;
mod deploy;
mod export;
mod fault_proxy;
mod faults;
mod hostile_bodies;
mod kube_runtime;
mod kubectl;
mod kubernetes_api;
mod manifests;
mod port_forward;
mod position;
mod preflight;
mod presenter;
mod qr;
mod queue;
mod rbac;
mod real_cluster;
mod redis_server;
mod redis_topologies;
mod reload;
mod scale_to_zero;
mod scaling;
mod security;
mod shutdown;
mod slides;
mod talk;
mod worker_cpu;
mod workloads;
