//! KEDA's rules for a ScaledObject, as of KEDA 2.20: what it accepts, the HPA it makes, and when it acts itself.
//!
//! KEDA divides the work: between 1 and N the HPA scales, by the metric that KEDA serves; KEDA's own scale loop
//! ([`step`]) wakes the target from zero, lifts it to its minimum, and puts it to sleep again.
//!
//! A ScaledObject goes through here as follows: [`admission`] refuses or warns when it is applied; [`ScaledObject`]
//! is its checked form; [`check_sole_owner`] sees that nobody else scales its target; [`Redis`] is what one of its
//! triggers measures, [`Fallback`] what stands in for one that cannot be read; [`generated_hpa`] is the HPA it asks
//! for; [`step`] is one round of the scale loop; [`Condition`]s tell how it is.

mod admission;
mod condition;
mod fallback;
mod generate;
mod ownership;
mod pause;
mod redis_trigger;
mod resource_triggers;
mod scaled_object;
mod step;

pub use admission::{Neighbours, admission};
pub use condition::{
    Condition, ConditionKind, Status, apply as apply_conditions, hpa_active,
    initial as initial_conditions,
};
pub use fallback::{Fallback, FallbackBehavior, TargetSize, count_failures};
pub use generate::{OWNER_LABEL, generated_hpa};
pub use ownership::check_sole_owner;
pub use pause::Pauses;
pub use redis_trigger::{Redis, Tls, Topology, metric_name};
pub use scaled_object::{AuthenticationRef, MetricType, ScaledObject, TargetRef, Trigger};
pub use step::{Poll, Scaling, Step, step};

#[cfg(test)]
mod tests;
