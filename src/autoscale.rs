//! The scaling rules of KEDA and of the HPA controller, as pure functions: state and observation in, decision out.
//!
//! No clock, no I/O and no Kubernetes client here: time is an argument, so that a recorded series can be replayed and
//! a proptest can run a day of syncs in a millisecond.

pub mod hpa;
pub mod keda;
pub mod quantity;

/// How serious an [`Event`] is: the API's `type` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// `Normal`
    Normal,
    /// `Warning`
    Warning,
}

/// An event that a rule wants told about its object. The controller records it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `Normal` or `Warning`.
    pub severity: Severity,
    /// CamelCase reason, as upstream spells it.
    pub reason: &'static str,
    /// Upstream's text.
    pub message: String,
}

impl Event {
    /// A `Normal` event.
    #[must_use]
    pub fn normal(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Normal,
            reason,
            message: message.into(),
        }
    }

    /// A `Warning` event.
    #[must_use]
    pub fn warning(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            reason,
            message: message.into(),
        }
    }
}
