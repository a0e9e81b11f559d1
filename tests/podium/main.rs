//! The black-box tests: one module a capability.

mod broker;
mod queue;
mod redis_server;
