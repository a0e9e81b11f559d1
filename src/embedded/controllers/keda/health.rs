//! The health of a ScaledObject's metrics, and what stands in for those that cannot be read.
//!
//! Every read counts: those of the scale loop and those that the HPA asks for.

use super::metrics::Reading;
use super::{event, reconcile};
use crate::autoscale::Event;
use crate::autoscale::keda::{
    Condition, ScaledObject, TargetSize, apply_conditions, count_failures,
};
use crate::embedded::controllers::scale;
use crate::embedded::store::{Key, SCALED_OBJECTS, Store, uid};
use serde_json::{Value, json};

/// Counts `readings` of the ScaledObject stored as `object` in its status, and gives those that failed too often their
/// fallback: a value to serve, and a trigger that is active. Without a `spec.fallback` nothing is counted.
pub(super) fn stand_in(
    store: &Store,
    object: &Value,
    scaled_object: &ScaledObject,
    readings: &mut [Reading],
) {
    let Some(fallback) = scaled_object.fallback else {
        return;
    };
    let size = size(store, scaled_object);
    let mut turned = None;
    let key = Key::of(SCALED_OBJECTS, object);
    // Gone in the meantime: then nobody is told, and what was read is served as it is.
    let _ = store.modify(&key, None, |stored| {
        if uid(stored) != uid(object) {
            return Ok(());
        }
        let was = is_falling_back(stored);
        if !stored["status"].is_object() {
            stored["status"] = json!({});
        }
        let status = &mut stored["status"];
        let health = &mut status["health"];
        for reading in readings.iter_mut() {
            let failures = count_failures(health, &reading.metric, reading.value.is_err());
            if reading.value.is_err() && fallback.engages(failures) {
                let value = fallback.value(reading.target, reading.metric_type, size);
                if let Some(value) = value {
                    reading.value = Ok(value);
                    reading.active = true;
                }
            }
        }
        let now = fallback.is_active(health);
        turned = (was != now).then_some(now);
        let condition = if now {
            Condition::fallback_exists()
        } else {
            Condition::no_fallback()
        };
        apply_conditions(&mut status["conditions"], &[condition]);
        Ok(())
    });
    if let Some(active) = turned {
        event::tell(store, object, &turn(active));
    }
}

fn turn(active: bool) -> Event {
    if active {
        Event::normal(
            "ScaledObjectFallbackActivated",
            "ScaledObject fallback is active",
        )
    } else {
        Event::normal(
            "ScaledObjectFallbackDeactivated",
            "ScaledObject fallback is no longer active",
        )
    }
}

fn size(store: &Store, scaled_object: &ScaledObject) -> TargetSize {
    let key = reconcile::target_key(scaled_object);
    let size = key.and_then(|key| {
        Ok(TargetSize {
            replicas: scale::read(store, &key)?.spec,
            ready: scale::pods(store, &key).1,
        })
    });
    // A target that is gone has no replicas, and a fallback for it scales nothing.
    size.unwrap_or(TargetSize {
        replicas: 0,
        ready: 0,
    })
}

fn is_falling_back(object: &Value) -> bool {
    reconcile::is_true(object, "Fallback")
}
