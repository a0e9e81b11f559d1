//! One poll of the scale loop: read the triggers, let the rules decide, carry it out, tell it.

use super::operator::Operator;
use super::reconcile::{hpa_key, target_key};
use crate::autoscale::Event;
use crate::autoscale::keda::{
    Condition, Poll, ScaledObject, Scaling, Step, apply_conditions, hpa_active, step,
};
use crate::embedded::controllers::keda::metrics::Reading;
use crate::embedded::controllers::scale;
use crate::embedded::store::Object;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::time::Duration;

impl Operator {
    /// Polls once and returns the time from this poll's start to the next one's.
    pub(super) async fn poll(&self, object: &Object) -> Duration {
        let scaled_object = match ScaledObject::from_json(object) {
            Ok(scaled_object) => scaled_object,
            Err(error) => {
                // The reconcile tells of it; here there is nothing to poll.
                tracing::debug!(%error, "a ScaledObject cannot be polled");
                return Duration::from_secs(30);
            }
        };
        match self.metrics.check(object).await {
            Ok(readings) => self.act(object, &scaled_object, &readings),
            // The scalers could not be built: the status stays as it was.
            Err(error) => self.tell(object, &Event::warning("KEDAScalerFailed", error)),
        }
        Duration::from_secs(scaled_object.polling_interval)
    }

    fn act(&self, object: &Object, scaled_object: &ScaledObject, readings: &[Reading]) {
        for error in readings.iter().filter_map(|reading| reading.error.as_ref()) {
            self.tell(object, &Event::warning("KEDAScalerFailed", error.as_str()));
        }
        let Ok(target) = target_key(scaled_object) else {
            return;
        };
        let Ok(current) = scale::read(&self.store, &target) else {
            // The target is gone; its ScaledObject waits for another.
            return;
        };
        let active = readings.iter().filter(|reading| reading.active);
        let poll = Poll {
            now_ms: self.store.clock().now_ms(),
            created_ms: moment(&object["metadata"]["creationTimestamp"]).unwrap_or(0),
            last_active_ms: moment(&object["status"]["lastActiveTime"]),
            replicas: current.spec,
            active: active.map(|reading| reading.metric.clone()).collect(),
            failed: readings.iter().any(|reading| reading.error.is_some()),
        };
        let step = step(scaled_object, &poll);
        let scaled = step.scaling.as_ref().is_none_or(|scaling| {
            let outcome = scale::write(&self.store, &target, scaling.to);
            self.tell_scaling(object, scaling, outcome)
        });
        self.write(scaled_object, readings, &step, step.was_active && scaled);
    }

    /// Tells how a scaling went, and whether it did.
    fn tell_scaling(
        &self,
        object: &Object,
        scaling: &Scaling,
        outcome: Result<(), String>,
    ) -> bool {
        match outcome {
            Ok(()) => {
                if let Some(event) = &scaling.success {
                    self.tell(object, event);
                }
                true
            }
            Err(error) => {
                if let Some(event) = &scaling.failure {
                    let message = format!("{}: {error}", event.message);
                    self.tell(object, &Event::warning(event.reason, message));
                }
                false
            }
        }
    }

    fn write(
        &self,
        scaled_object: &ScaledObject,
        readings: &[Reading],
        step: &Step,
        was_active: bool,
    ) {
        let now = self.store.timestamp();
        let health = self
            .store
            .get(&hpa_key(scaled_object))
            .and_then(|hpa| hpa_active(&hpa));
        let activity: Map<String, Value> = readings
            .iter()
            .map(|reading| (reading.metric.clone(), json!({"isActive": reading.active})))
            .collect();
        self.update_status(|status| {
            if was_active {
                status["lastActiveTime"] = json!(now);
            }
            status["triggersActivity"] = Value::Object(activity);
            let conditions = &mut status["conditions"];
            apply_conditions(conditions, &step.conditions);
            if scaled_object.fallback.is_none() {
                // With one, the readings have told already.
                apply_conditions(conditions, &[Condition::no_fallback()]);
            }
            apply_conditions(conditions, health.as_slice());
        });
    }
}

/// A time in an object, in milliseconds since the epoch.
fn moment(value: &Value) -> Option<i64> {
    let time: Timestamp = value.as_str()?.parse().ok()?;
    Some(time.as_millisecond())
}
