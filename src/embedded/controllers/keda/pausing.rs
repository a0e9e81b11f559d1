//! The annotations that hold a ScaledObject back.
//!
//! A whole pause stops the scale loop and takes the HPA away, and with it everything the HPA remembers. A pause of one
//! direction keeps both: the HPA has that direction disabled, and KEDA leaves out its own step in it.

use super::operator::Operator;
use super::reconcile::{hpa_key, is_true, target_key};
use crate::autoscale::Event;
use crate::autoscale::keda::{Condition, ScaledObject, apply_conditions};
use crate::embedded::controllers::scale;
use crate::embedded::store::Object;
use serde_json::json;

impl Operator {
    /// Stops everything, and sets the target to the size that the annotation gives, if it does.
    ///
    /// # Errors
    /// When the target cannot be set.
    pub(super) fn pause(
        &mut self,
        object: &Object,
        scaled_object: &ScaledObject,
    ) -> Result<(), String> {
        self.stop_loop(object);
        self.forget_scalers();
        // It may never have had one.
        let _ = self.store.delete(&hpa_key(scaled_object), None, 0);
        let replicas = scaled_object.pauses.replicas;
        if let Some(replicas) = replicas {
            scale::write(&self.store, &target_key(scaled_object)?, replicas)?;
        }
        self.tell_paused(object, scaled_object);
        Ok(())
    }

    /// Tells whether anything is held back, when that is news.
    pub(super) fn tell_paused(&self, object: &Object, scaled_object: &ScaledObject) {
        let (held, was_held) = (scaled_object.pauses.any(), is_true(object, "Paused"));
        let condition = if held {
            Condition::paused()
        } else {
            Condition::unpaused()
        };
        if held != was_held {
            let reason = if held {
                "ScaledObjectPaused"
            } else {
                "ScaledObjectUnpaused"
            };
            self.tell(object, &Event::normal(reason, condition.message.as_str()));
        }
        let replicas = scaled_object.pauses.replicas;
        self.update_status(|status| {
            match replicas {
                Some(replicas) => status["pausedReplicaCount"] = json!(replicas),
                None => drop(
                    status
                        .as_object_mut()
                        .and_then(|status| status.remove("pausedReplicaCount")),
                ),
            }
            if held || was_held {
                apply_conditions(&mut status["conditions"], &[condition]);
            }
        });
    }
}
