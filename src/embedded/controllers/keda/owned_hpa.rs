//! The HPA of a ScaledObject: made, kept as it was made, and nobody else's target in it.

use super::operator::Operator;
use super::reconcile::hpa_key;
use crate::autoscale::hpa::{Spec, defaulted};
use crate::autoscale::keda::{Redis, ScaledObject, check_sole_owner, generated_hpa};
use crate::embedded::store::{
    HORIZONTAL_POD_AUTOSCALERS, Key, NAMESPACES, StoreError, is_deleting,
};
use serde_json::{Value, json};

impl Operator {
    /// Creates the HPA or puts a changed one back. `true` when it is new.
    pub(super) fn ensure_hpa(
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
        self.check_owner(object, scaled_object)?;
        self.drop_renamed(object, scaled_object);
        let key = hpa_key(scaled_object);
        let created = if self.store.get(&key).is_none() {
            self.refuse_in_terminating_namespace(scaled_object)?;
            // The API server's zero values, until the HPA controller has looked.
            wanted["status"] = json!({"currentMetrics": null, "desiredReplicas": 0});
            let created = self.store.create(HORIZONTAL_POD_AUTOSCALERS, wanted);
            created.map_err(|error| error.to_string())?;
            true
        } else {
            self.put_back(&key, &wanted)
                .map_err(|error| error.to_string())?;
            false
        };
        self.tell_metrics(scaled_object, redis);
        Ok(created)
    }

    /// Which HPA and which metrics there are. The health of metrics that are no longer there is forgotten.
    fn tell_metrics(&self, scaled_object: &ScaledObject, redis: &[Redis]) {
        let names = redis.iter().enumerate();
        let names: Vec<String> = names
            .map(|(index, redis)| redis.metric_name(index))
            .collect();
        self.update_status(|status| {
            status["hpaName"] = json!(scaled_object.hpa_name);
            status["externalMetricNames"] = json!(names);
            if scaled_object.fallback.is_none()
                && let Some(status) = status.as_object_mut()
            {
                status.remove("health");
            } else if let Some(health) = status["health"].as_object_mut() {
                health.retain(|metric, _| names.contains(metric));
            }
        });
    }

    /// Whether the target is this ScaledObject's alone.
    ///
    /// # Errors
    /// KEDA's message.
    pub(super) fn check_owner(
        &self,
        object: &Value,
        scaled_object: &ScaledObject,
    ) -> Result<(), String> {
        let (hpas, _) = self
            .store
            .list(HORIZONTAL_POD_AUTOSCALERS, Some(&self.key.namespace));
        check_sole_owner(object, scaled_object, hpas.iter().map(|hpa| &**hpa))
    }

    /// Deletes the HPA of before, when the specification asks for another name.
    fn drop_renamed(&self, object: &Value, scaled_object: &ScaledObject) {
        let before = object["status"]["hpaName"].as_str().unwrap_or_default();
        if !before.is_empty() && before != scaled_object.hpa_name {
            let key = Key::new(HORIZONTAL_POD_AUTOSCALERS, &self.key.namespace, before);
            // A person may have deleted it.
            let _ = self.store.delete(&key, None, 0);
        }
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
}
