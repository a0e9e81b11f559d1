//! One round of the scale loop: what a poll found, and what KEDA does about it.
//!
//! KEDA itself only crosses the floor: from zero (or idle) to the minimum when a trigger is active, back when none was
//! for the cooldown period, and up to the minimum whenever the target is below it. Everything between is the HPA's.
//! A broken trigger never scales anything, unless the ScaledObject has a fallback, and that to zero.

use super::condition::Condition;
use super::scaled_object::ScaledObject;
use crate::autoscale::Event;

/// What a poll found.
#[derive(Clone, Debug)]
pub struct Poll {
    /// Now, in milliseconds since the epoch.
    pub now_ms: i64,
    /// When the ScaledObject was created, in milliseconds since the epoch.
    pub created_ms: i64,
    /// `status.lastActiveTime`, in milliseconds since the epoch.
    pub last_active_ms: Option<i64>,
    /// The target's `spec.replicas`.
    pub replicas: i32,
    /// The metrics of the triggers that are active; one that is being stood in for is.
    pub active: Vec<String>,
    /// Whether a trigger could not be read, stood in for or not.
    pub failed: bool,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// A change of the target's replicas to carry out.
    pub scaling: Option<Scaling>,
    /// Whether `status.lastActiveTime` becomes now. With a scaling: only if that succeeds.
    pub was_active: bool,
    /// Conditions to set, in order.
    pub conditions: Vec<Condition>,
}

/// A change of the target's replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scaling {
    /// The replicas to set.
    pub to: i32,
    /// What to tell when it succeeds; lifting to the minimum is silent.
    pub success: Option<Event>,
    /// What to tell when it fails; the error's text is appended by the caller.
    pub failure: Option<Event>,
}

/// Decides what a poll of `object` leads to.
#[must_use]
pub fn step(object: &ScaledObject, poll: &Poll) -> Step {
    let mut step = Step {
        conditions: vec![Condition::ready()],
        ..Step::default()
    };
    if object.pauses.all {
        step.conditions.push(Condition::paused());
        return step;
    }
    let forced = object.pauses.force_activation;
    if forced || !poll.active.is_empty() {
        step.conditions
            .push(Condition::active(poll.active.is_empty()));
        wake(object, poll, &mut step);
    } else {
        step.conditions.push(Condition::not_active());
        rest(object, poll, &mut step);
    }
    step
}

fn wake(object: &ScaledObject, poll: &Poll, step: &mut Step) {
    let asleep = object.idle_replicas.is_some() && poll.replicas < object.min();
    if asleep || poll.replicas == 0 {
        if object.pauses.scale_out {
            return;
        }
        let to = object.min().max(1);
        let cause = if poll.active.is_empty() {
            ", caused by forced activation annotation".to_owned()
        } else {
            format!(", triggered by {}", poll.active.join(";"))
        };
        let change = change(object, poll.replicas, to);
        step.was_active = true;
        step.scaling = Some(Scaling {
            to,
            success: Some(Event::normal(
                "KEDAScaleTargetActivated",
                format!("Scaled {change}{cause}"),
            )),
            failure: Some(Event::warning(
                "KEDAScaleTargetActivationFailed",
                format!("Failed to scale {change}"),
            )),
        });
    } else if poll.failed {
        // Not counted as active: a trigger that may be idle for long must not be kept awake by a broken sibling.
        step.conditions.push(Condition::partial_trigger_error());
    } else {
        step.was_active = true;
    }
}

fn rest(object: &ScaledObject, poll: &Poll, step: &mut Step) {
    let floor = object.idle_replicas.unwrap_or(0);
    let awake = match object.idle_replicas {
        Some(idle) => poll.replicas > idle,
        None => poll.replicas > 0 && object.min() == 0,
    };
    // A fallback to none lets a broken trigger go to sleep like an idle one; one to some keeps what there is.
    let falls_back_to = object.fallback.map(|fallback| fallback.replicas);
    if poll.failed && falls_back_to.is_some_and(|replicas| replicas != 0) {
        return;
    }
    if poll.failed && falls_back_to.is_none() {
        step.conditions.push(Condition::trigger_error());
    } else if awake {
        if object.pauses.scale_in {
            return;
        }
        if is_due(object, poll) {
            step.scaling = Some(deactivation(object, poll.replicas, floor));
        } else {
            step.conditions.push(Condition::cooldown());
        }
    } else if object.idle_replicas.is_none() && poll.replicas < object.min() {
        step.scaling = Some(Scaling {
            to: object.min(),
            success: None,
            failure: None,
        });
    }
}

/// Whether the cooldown is over; strictly, so that a poll at the very moment still waits.
fn is_due(object: &ScaledObject, poll: &Poll) -> bool {
    let (since, seconds) = match poll.last_active_ms {
        Some(active) => (active, object.cooldown_period),
        None => (poll.created_ms, object.initial_cooldown_period),
    };
    let wait = i64::try_from(seconds)
        .unwrap_or(i64::MAX)
        .saturating_mul(1_000);
    since.saturating_add(wait) < poll.now_ms
}

fn deactivation(object: &ScaledObject, from: i32, to: i32) -> Scaling {
    let change = change(object, from, to);
    Scaling {
        to,
        success: Some(Event::normal(
            "KEDAScaleTargetDeactivated",
            format!("Deactivated {change}"),
        )),
        failure: Some(Event::warning(
            "KEDAScaleTargetDeactivationFailed",
            format!("Failed to deactivate {change}"),
        )),
    }
}

fn change(object: &ScaledObject, from: i32, to: i32) -> String {
    format!(
        "{} {}/{} from {from} to {to}",
        object.target_kind(),
        object.namespace,
        object.target.name
    )
}
