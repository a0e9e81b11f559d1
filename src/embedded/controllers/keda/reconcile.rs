//! A ScaledObject's reconcile: from what was applied to a checked object, an HPA and a running scale loop.
//!
//! The order is KEDA's: finalizer, conditions, pause, label, target, checks, scalers, HPA, loop, Ready. The first step
//! that fails is told in `Ready` and tried again later; nothing after it happens.

use super::operator::Operator;
use crate::autoscale::Event;
use crate::autoscale::hpa::{Spec, defaulted};
use crate::autoscale::keda::{
    Condition, OWNER_LABEL, Redis, ScaledObject, apply_conditions, generated_hpa,
};
use crate::embedded::controllers::scale;
use crate::embedded::store::{
    HORIZONTAL_POD_AUTOSCALERS, Key, NAMESPACES, Object, StoreError, is_deleting,
};
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
    /// Brings the world in line with the ScaledObject. `edited` says that its spec or its annotations are news.
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
        self.unpause(object);
        self.ensure_target(&scaled_object)
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
        if created || edited || !self.loop_runs() {
            self.tell(
                object,
                &Event::normal("KEDAScalersStarted", "Scaler redis is built"),
            );
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
        let kinds: Vec<&str> = scaled_object
            .triggers
            .iter()
            .map(|trigger| trigger.kind.as_str())
            .collect();
        self.update_status(|status| {
            status["scaleTargetKind"] = json!(scaled_object.target_kind());
            status["scaleTargetGVKR"] = json!({
                "group": group, "version": version, "kind": target.kind, "resource": key.resource.plural,
            });
            if status["originalReplicaCount"].is_null() {
                status["originalReplicaCount"] = json!(scale.spec);
            }
            status["triggersTypes"] = json!(kinds.join(","));
            status["authenticationsTypes"] = json!("");
        });
        Ok(())
    }

    /// Creates the HPA or puts a changed one back. `true` when it is new.
    fn ensure_hpa(
        &self,
        object: &Value,
        scaled_object: &ScaledObject,
        redis: &[Redis],
    ) -> Result<bool, String> {
        let mut wanted = generated_hpa(object, scaled_object, redis);
        // Here we are the API server too: it refuses a bad spec and fills in defaults.
        Spec::from_json(&wanted["spec"]).map_err(|error| {
            format!(
                "HorizontalPodAutoscaler.autoscaling \"{}\" is invalid: {error}",
                scaled_object.hpa_name
            )
        })?;
        wanted["spec"] = defaulted(&wanted["spec"]);
        let key = hpa_key(scaled_object);
        let created = if self.store.get(&key).is_none() {
            self.refuse_in_terminating_namespace(scaled_object)?;
            let created = self.store.create(HORIZONTAL_POD_AUTOSCALERS, wanted);
            created.map_err(|error| error.to_string())?;
            true
        } else {
            self.put_back(&key, &wanted)
                .map_err(|error| error.to_string())?;
            false
        };
        let names: Vec<String> = redis
            .iter()
            .enumerate()
            .map(|(index, redis)| redis.metric_name(index))
            .collect();
        self.update_status(|status| {
            status["hpaName"] = json!(scaled_object.hpa_name);
            status["externalMetricNames"] = json!(names);
        });
        Ok(created)
    }

    /// The API server admits nothing new into a namespace that goes; without this an HPA deleted with its namespace would
    /// be made again for as long as its ScaledObject is there.
    fn refuse_in_terminating_namespace(&self, scaled_object: &ScaledObject) -> Result<(), String> {
        let namespace = &scaled_object.namespace;
        let terminating = self.store.get(&Key::new(NAMESPACES, "", namespace));
        if terminating.is_none_or(|object| !is_deleting(&object)) {
            return Ok(());
        }
        Err(format!(
            "horizontalpodautoscalers.autoscaling \"{}\" is forbidden: unable to create new content in namespace {namespace} because it is being terminated",
            scaled_object.hpa_name
        ))
    }

    fn put_back(&self, key: &Key, wanted: &Value) -> Result<(), StoreError> {
        self.store.modify(key, None, |hpa| {
            hpa["spec"] = wanted["spec"].clone();
            for field in ["labels", "annotations", "ownerReferences"] {
                if !wanted["metadata"][field].is_null() {
                    hpa["metadata"][field] = wanted["metadata"][field].clone();
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Whether somebody changed or deleted the HPA. Its spec counts, and the labels and annotations KEDA gave it.
    pub(super) fn hpa_drifted(&self, object: &Value) -> bool {
        let Ok(scaled_object) = ScaledObject::from_json(object) else {
            return false;
        };
        let Some(redis) = self.metrics.built(object) else {
            return false;
        };
        let Some(hpa) = self.store.get(&hpa_key(&scaled_object)) else {
            return true;
        };
        let wanted = generated_hpa(object, &scaled_object, &redis);
        let differs = |field: &str| {
            !wanted["metadata"][field].is_null()
                && hpa["metadata"][field] != wanted["metadata"][field]
        };
        hpa["spec"] != defaulted(&wanted["spec"]) || differs("labels") || differs("annotations")
    }

    fn pause(&mut self, object: &Object, scaled_object: &ScaledObject) -> Result<(), String> {
        self.stop_loop(object);
        // It may never have had one.
        let _ = self.store.delete(&hpa_key(scaled_object), None, 0);
        let replicas = scaled_object.pauses.replicas;
        if let Some(replicas) = replicas {
            scale::write(&self.store, &target_key(scaled_object)?, replicas)?;
        }
        if !is_true(object, "Paused") {
            self.tell(
                object,
                &Event::normal("ScaledObjectPaused", "ScaledObject is paused"),
            );
        }
        self.update_status(|status| {
            if let Some(replicas) = replicas {
                status["pausedReplicaCount"] = json!(replicas);
            }
            apply_conditions(&mut status["conditions"], &[Condition::paused()]);
        });
        Ok(())
    }

    fn unpause(&self, object: &Object) {
        if !is_true(object, "Paused") {
            return;
        }
        let condition = Condition::unpaused();
        self.tell(
            object,
            &Event::normal("ScaledObjectUnpaused", condition.message.as_str()),
        );
        self.update_status(|status| {
            if let Some(status) = status.as_object_mut() {
                status.remove("pausedReplicaCount");
            }
            apply_conditions(&mut status["conditions"], &[condition]);
        });
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
    pub(super) fn check_failed(&mut self, step: &'static str, error: &str) {
        let Some(object) = self.object() else {
            return;
        };
        let conditions = Condition::check_failed(step, error);
        let event = Event::warning("ScaledObjectCheckFailed", conditions[0].message.as_str());
        self.tell_once(&object, &event);
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

fn is_true(object: &Value, kind: &str) -> bool {
    let conditions = object["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten();
    conditions
        .into_iter()
        .any(|entry| entry["type"] == kind && entry["status"] == "True")
}
