//! One HPA's sync against the store: read the scale and the metrics, let the rules decide, carry it out, tell it.

use crate::autoscale::hpa::{
    self, Decision, Memory, Metric, Observation, Pods, Spec, updated_status,
};
use crate::autoscale::keda::OWNER_LABEL;
use crate::embedded::controllers::keda::ExternalMetrics;
use crate::embedded::controllers::scale::{self, Scale};
use crate::embedded::store::{Key, Store, uid};
use serde_json::Value;

const COMPONENT: &str = "horizontal-pod-autoscaler";

/// One HPA and what the controller remembers of it.
pub(super) struct Syncer {
    store: Store,
    metrics: ExternalMetrics,
    key: Key,
    uid: String,
    memory: Memory,
}

impl Syncer {
    pub(super) fn new(store: Store, metrics: ExternalMetrics, key: Key, uid: String) -> Self {
        Self {
            store,
            metrics,
            key,
            uid,
            memory: Memory::default(),
        }
    }

    /// One sync; nothing when the HPA is gone or is no longer the same one.
    pub(super) async fn sync(&mut self) {
        let Some(object) = self
            .store
            .get(&self.key)
            .filter(|object| uid(object) == self.uid)
        else {
            return;
        };
        let spec = match Spec::from_json(&object["spec"]) {
            Ok(spec) => spec,
            Err(error) => {
                // The API refuses such a spec, so this one came in another way. It cannot be followed.
                tracing::warn!(hpa = %self.key.name, %error, "an HPA's spec is not valid");
                return;
            }
        };
        let reference = &object["spec"]["scaleTargetRef"];
        let text = |field: &str| reference[field].as_str().unwrap_or_default();
        let target = scale::target(
            &self.key.namespace,
            text("apiVersion"),
            text("kind"),
            text("name"),
        );
        let found = target.and_then(|target| Ok((scale::read(&self.store, &target)?, target)));
        let (seen_spec, decision) = match found {
            Ok((scale, target)) => (Some(&spec), self.decide(&spec, scale, &target).await),
            Err(cause) => {
                let current = object["status"]["currentReplicas"].as_i64().unwrap_or(0);
                let current = i32::try_from(current).unwrap_or(0);
                (None, hpa::scale_unknown(current, &cause))
            }
        };
        self.publish(&object, seen_spec, &decision);
    }

    async fn decide(&mut self, spec: &Spec, scale: Scale, target: &Key) -> Decision {
        let metrics = if spec.reads_metrics(scale.spec) {
            self.read_metrics(spec).await
        } else {
            Vec::new()
        };
        let (matching, ready) = scale::pods(&self.store, target);
        let now_ms = self.store.clock().now_ms();
        let observation = Observation {
            now_ms,
            namespace: &self.key.namespace,
            spec_replicas: scale.spec,
            status_replicas: scale.status,
            pods: Pods { matching, ready },
            metrics,
        };
        let mut decision = hpa::sync(spec, &mut self.memory, &observation);
        if let Some(rescale) = &decision.rescale {
            let outcome = scale::write(&self.store, target, rescale.to);
            hpa::rescaled(spec, &mut self.memory, now_ms, &mut decision, outcome);
        }
        decision
    }

    async fn read_metrics(&self, spec: &Spec) -> Vec<Result<i64, String>> {
        let mut values = Vec::with_capacity(spec.metrics.len());
        for Metric { name, selector, .. } in &spec.metrics {
            let owner = selector["matchLabels"][OWNER_LABEL]
                .as_str()
                .unwrap_or_default();
            let value = self.metrics.value(&self.key.namespace, name, owner).await;
            values.push(value.map_err(|message| {
                format!("unable to fetch metrics from external metrics API: {message}")
            }));
        }
        values
    }

    /// Events first, as upstream emits them before it writes the status.
    fn publish(&self, object: &Value, spec: Option<&Spec>, decision: &Decision) {
        for event in &decision.events {
            scale::tell(&self.store, COMPONENT, object, event);
        }
        let now = self.store.timestamp();
        // The HPA may have been deleted meanwhile: then there is no status to write.
        let _ = self.store.modify(&self.key, None, |current| {
            if uid(current) == self.uid {
                current["status"] = updated_status(&current["status"], spec, decision, &now);
            }
            Ok(())
        });
    }
}
