//! A ScaledObject's reconcile: from what was applied to a checked object, an HPA and a running scale loop.
//!
//! The order is KEDA's: finalizer, conditions, pause, label, target, checks, scalers, HPA, loop, Ready. The first step
//! that fails is told in `Ready` and tried again later; nothing after it happens.

use super::operator::Operator;
use crate::autoscale::Event;
use crate::autoscale::keda::{Condition, OWNER_LABEL, ScaledObject, apply_conditions};
use crate::embedded::controllers::scale;
use crate::embedded::store::{HORIZONTAL_POD_AUTOSCALERS, Key, Object};
use serde_json::{Value, json};

const FINALIZER: &str = "finalizer.keda.sh";

const BAD_TARGET: &str = "ScaledObject doesn't have correct scaleTargetRef specification";
const BAD_BOUNDS: &str =
    "ScaledObject doesn't have correct Idle/Min/Max Replica Counts specification";
const BAD_TRIGGERS: &str = "ScaledObject doesn't have correct triggers specification";
const NO_HPA: &str = "failed to ensure HPA is correctly created for ScaledObject";

/// Which step failed, and how.
type Failure = (&'static str, String);

impl Operator {
    /// Brings the world in line with the ScaledObject. `edited` says that its specification is news.
    ///
    /// # Errors
    /// The step that failed and its error.
    pub(super) async fn reconcile(&mut self, object: &Object, edited: bool) -> Result<(), Failure> {
        self.ensure_metadata()
            .map_err(|error| ("failed to update ScaledObject", error))?;
        let scaled_object = ScaledObject::from_json(object).map_err(|error| (BAD_TARGET, error))?;
        if scaled_object.pauses.all {
            return self
                .pause(object, &scaled_object)
                .map_err(|error| (BAD_TARGET, error));
        }
        self.tell_paused(object, &scaled_object);
        self.ensure_target(&scaled_object)
            .map_err(|error| (BAD_TARGET, error))?;
        self.check_owner(object, &scaled_object)
            .map_err(|error| (BAD_TARGET, error))?;
        scaled_object
            .check_bounds()
            .map_err(|error| (BAD_BOUNDS, error))?;
        scaled_object
            .check_triggers()
            .map_err(|error| (BAD_TRIGGERS, error))?;
        let redis = self
            .metrics
            .build(object)
            .await
            .map_err(|error| (NO_HPA, error))?;
        // What was applied may carry labels and annotations that the steps above added: read it again.
        let current = self
            .object()
            .ok_or((NO_HPA, "the ScaledObject is gone".to_owned()))?;
        let created = self
            .ensure_hpa(&current, &scaled_object, &redis)
            .map_err(|error| (NO_HPA, error))?;
        let built = edited || !self.loop_runs();
        if built {
            for trigger in &scaled_object.triggers {
                let message = format!("Scaler {} is built", trigger.kind);
                self.tell(object, &Event::normal("KEDAScalersStarted", message));
            }
        }
        if built || created {
            self.start_loop(object);
        }
        self.ready(&current);
        Ok(())
    }

    /// Finalizer, initial conditions and the label by which the metrics adapter finds the ScaledObject.
    fn ensure_metadata(&self) -> Result<(), String> {
        let name = self.key.name.clone();
        self.store
            .modify(&self.key, None, |object| {
                let finalizers = &mut object["metadata"]["finalizers"];
                if finalizers.is_null() {
                    *finalizers = json!([]);
                }
                if let Some(finalizers) = finalizers.as_array_mut()
                    && !finalizers.iter().any(|entry| entry == FINALIZER)
                {
                    finalizers.push(json!(FINALIZER));
                }
                let labels = &mut object["metadata"]["labels"];
                if !labels.is_object() {
                    *labels = json!({});
                }
                labels[OWNER_LABEL] = json!(name);
                Ok(())
            })
            .map_err(|error| error.to_string())?;
        self.update_status(|status| apply_conditions(&mut status["conditions"], &[]));
        Ok(())
    }

    fn ensure_target(&self, scaled_object: &ScaledObject) -> Result<(), String> {
        let target = &scaled_object.target;
        let key = target_key(scaled_object)?;
        let scale = scale::read(&self.store, &key)?;
        let (group, version) = target
            .api_version
            .split_once('/')
            .unwrap_or(("", &target.api_version));
        self.update_status(|status| {
            status["scaleTargetKind"] = json!(scaled_object.target_kind());
            status["scaleTargetGVKR"] = json!({
                "group": group, "version": version, "kind": target.kind, "resource": key.resource.plural,
            });
            if status["originalReplicaCount"].is_null() {
                status["originalReplicaCount"] = json!(scale.spec);
            }
            status["triggersTypes"] = json!(scaled_object.trigger_types());
            status["authenticationsTypes"] = json!(scaled_object.authentication_types());
        });
        Ok(())
    }

    fn ready(&self, object: &Value) {
        if !is_true(object, "Ready") {
            self.tell(
                object,
                &Event::normal("ScaledObjectReady", "ScaledObject is ready for scaling"),
            );
        }
        self.update_status(|status| {
            apply_conditions(&mut status["conditions"], &[Condition::ready()]);
        });
    }

    /// Tells in the status and in an event that `step` failed.
    pub(super) fn check_failed(&self, step: &'static str, error: &str) {
        let Some(object) = self.object() else {
            return;
        };
        let conditions = Condition::check_failed(step, error);
        let event = Event::warning("ScaledObjectCheckFailed", conditions[0].message.as_str());
        self.tell(&object, &event);
        self.update_status(|status| apply_conditions(&mut status["conditions"], &conditions));
    }

    /// The last step of a ScaledObject in deletion. The HPA goes by its owner reference.
    pub(super) fn finalize(&self, object: &Value) {
        self.restore(object);
        self.tell(
            object,
            &Event::warning("ScaledObjectDeleted", "ScaledObject was deleted"),
        );
        // Gone already is as good.
        let _ = self.store.modify(&self.key, None, |object| {
            if let Some(finalizers) = object["metadata"]["finalizers"].as_array_mut() {
                finalizers.retain(|entry| entry != FINALIZER);
            }
            Ok(())
        });
    }

    fn restore(&self, object: &Value) {
        let original = object["status"]["originalReplicaCount"].as_i64();
        let original = original.and_then(|count| i32::try_from(count).ok());
        if let Ok(scaled_object) = ScaledObject::from_json(object)
            && scaled_object.restore_original
            && let Some(original) = original
            && let Ok(target) = target_key(&scaled_object)
            && let Err(error) = scale::write(&self.store, &target, original)
        {
            tracing::debug!(%error, "the target's original replicas could not be restored");
        }
    }
}

/// The key of the workload a ScaledObject scales.
pub(super) fn target_key(scaled_object: &ScaledObject) -> Result<Key, String> {
    let target = &scaled_object.target;
    scale::target(
        &scaled_object.namespace,
        &target.api_version,
        &target.kind,
        &target.name,
    )
}

/// The key of a ScaledObject's HPA.
pub(super) fn hpa_key(scaled_object: &ScaledObject) -> Key {
    Key::new(
        HORIZONTAL_POD_AUTOSCALERS,
        &scaled_object.namespace,
        &scaled_object.hpa_name,
    )
}

/// Whether the condition `kind` of `object` is true.
pub(super) fn is_true(object: &Value, kind: &str) -> bool {
    let conditions = object["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten();
    conditions
        .into_iter()
        .any(|entry| entry["type"] == kind && entry["status"] == "True")
}
