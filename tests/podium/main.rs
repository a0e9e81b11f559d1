//! The black-box tests: one module a capability.

mod broker;
mod kubectl;
mod kubernetes_api;
mod queue;
mod redis_server;
