//! A ScaledObject (`keda.sh/v1alpha1`) as typed values, with KEDA's defaults applied.
//!
//! The custom resource stores no defaults: an unset field stays absent in the object and blank in `kubectl get`, and
//! its default is applied here, at use.

use super::fallback::Fallback;
use super::pause::Pauses;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// `pollingInterval` when unset, in seconds.
const POLLING_INTERVAL: u64 = 30;

/// `cooldownPeriod` when unset, in seconds.
const COOLDOWN_PERIOD: u64 = 300;

/// `maxReplicaCount` when unset.
const MAX_REPLICAS: i32 = 100;

/// A ScaledObject's specification.
#[derive(Clone, Debug)]
pub struct ScaledObject {
    /// `metadata.namespace`
    pub namespace: String,
    /// `metadata.name`
    pub name: String,
    /// What it scales.
    pub target: TargetRef,
    /// Seconds between two polls.
    pub polling_interval: u64,
    /// Seconds from the last active poll to zero.
    pub cooldown_period: u64,
    /// Seconds from creation to zero, if it was never active.
    pub initial_cooldown_period: u64,
    /// Replicas while inactive, when that is to differ from zero or the minimum.
    pub idle_replicas: Option<i32>,
    /// `minReplicaCount` as written.
    pub min_replicas: Option<i32>,
    /// `maxReplicaCount`, or 100.
    pub max_replicas: i32,
    /// `advanced.restoreToOriginalReplicaCount`
    pub restore_original: bool,
    /// The name of its HPA.
    pub hpa_name: String,
    /// The HPA's `behavior`, word for word; null when absent.
    pub behavior: Value,
    /// What stands in for a trigger that cannot be read.
    pub fallback: Option<Fallback>,
    /// The triggers, in order.
    pub triggers: Vec<Trigger>,
    /// What its annotations hold back or force.
    pub pauses: Pauses,
}

/// The workload a ScaledObject scales.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetRef {
    /// `apps/v1` unless written.
    pub api_version: String,
    /// `Deployment` unless written.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The container whose environment a trigger may read; the first when unset.
    pub container: Option<String>,
}

/// One trigger as written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trigger {
    /// The scaler, such as `redis`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The trigger's own name.
    #[serde(default)]
    pub name: String,
    /// The scaler's settings.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// How the HPA compares: for each replica, or in all.
    #[serde(default)]
    pub metric_type: MetricType,
    /// Whether the HPA is served the last poll's value.
    #[serde(default)]
    pub use_cached_metrics: bool,
    /// Where else the scaler's settings are.
    pub authentication_ref: Option<AuthenticationRef>,
}

/// A trigger's `authenticationRef`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AuthenticationRef {
    /// The TriggerAuthentication.
    pub name: String,
    /// Its kind, when it is not a `TriggerAuthentication`.
    pub kind: Option<String>,
}

/// A trigger's `metricType`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum MetricType {
    /// For each replica.
    #[default]
    AverageValue,
    /// In all.
    Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    scale_target_ref: RawTarget,
    polling_interval: Option<u64>,
    cooldown_period: Option<u64>,
    initial_cooldown_period: Option<u64>,
    idle_replica_count: Option<i32>,
    min_replica_count: Option<i32>,
    max_replica_count: Option<i32>,
    #[serde(default)]
    advanced: RawAdvanced,
    fallback: Option<Fallback>,
    #[serde(default)]
    triggers: Vec<Trigger>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTarget {
    name: String,
    api_version: Option<String>,
    kind: Option<String>,
    env_source_container_name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawAdvanced {
    #[serde(default)]
    restore_to_original_replica_count: bool,
    #[serde(default)]
    horizontal_pod_autoscaler_config: RawHpaConfig,
}

#[derive(Default, Deserialize)]
struct RawHpaConfig {
    name: Option<String>,
    #[serde(default)]
    behavior: Value,
}

impl ScaledObject {
    /// Reads a ScaledObject as the API stores it.
    ///
    /// # Errors
    /// What is wrong with its shape, naming the field. The rules that span fields are those of
    /// [`ScaledObject::check_bounds`] and [`ScaledObject::check_triggers`].
    pub fn from_json(object: &Value) -> Result<Self, String> {
        let raw = Raw::deserialize(&object["spec"]).map_err(|error| format!("spec: {error}"))?;
        let name = text(&object["metadata"]["name"]);
        let hpa = raw.advanced.horizontal_pod_autoscaler_config;
        let target = raw.scale_target_ref;
        Ok(Self {
            namespace: text(&object["metadata"]["namespace"]),
            hpa_name: hpa
                .name
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| format!("keda-hpa-{name}")),
            name,
            target: TargetRef {
                api_version: target.api_version.unwrap_or_else(|| "apps/v1".to_owned()),
                kind: target.kind.unwrap_or_else(|| "Deployment".to_owned()),
                name: target.name,
                container: target
                    .env_source_container_name
                    .filter(|name| !name.is_empty()),
            },
            polling_interval: raw.polling_interval.unwrap_or(POLLING_INTERVAL),
            cooldown_period: raw.cooldown_period.unwrap_or(COOLDOWN_PERIOD),
            initial_cooldown_period: raw.initial_cooldown_period.unwrap_or(0),
            idle_replicas: raw.idle_replica_count,
            min_replicas: raw.min_replica_count,
            max_replicas: raw.max_replica_count.unwrap_or(MAX_REPLICAS),
            restore_original: raw.advanced.restore_to_original_replica_count,
            behavior: hpa.behavior,
            fallback: raw.fallback,
            triggers: raw.triggers,
            pauses: Pauses::of(&object["metadata"]["annotations"]),
        })
    }

    /// The scale loop's minimum: `minReplicaCount`, or 0.
    #[must_use]
    pub fn min(&self) -> i32 {
        self.min_replicas.unwrap_or(0)
    }

    /// The HPA's minimum, which cannot be 0.
    #[must_use]
    pub fn hpa_min(&self) -> i32 {
        self.min().max(1)
    }

    /// The target as KEDA writes it: `apps/v1.Deployment`.
    #[must_use]
    pub fn target_kind(&self) -> String {
        format!("{}.{}", self.target.api_version, self.target.kind)
    }

    /// The types of its triggers, each once: `status.triggersTypes`.
    #[must_use]
    pub fn trigger_types(&self) -> String {
        each_once(self.triggers.iter().map(|trigger| trigger.kind.as_str()))
    }

    /// The names of its triggers' authentications, each once: `status.authenticationsTypes`.
    #[must_use]
    pub fn authentication_types(&self) -> String {
        let references = self.triggers.iter();
        let references = references.filter_map(|trigger| trigger.authentication_ref.as_ref());
        each_once(references.map(|reference| reference.name.as_str()))
    }

    /// The rules on replica counts, which the operator checks again at every reconcile.
    ///
    /// # Errors
    /// KEDA's message.
    pub fn check_bounds(&self) -> Result<(), String> {
        // A written 0 counts as 1 here, as upstream has it, since the check uses the HPA's minimum.
        let min = self.min_replicas.map_or(0, |min| min.max(1));
        let max = self.max_replicas;
        if min > max {
            return Err(format!(
                "MinReplicaCount={min} must be less than MaxReplicaCount={max}"
            ));
        }
        match self.idle_replicas {
            Some(idle) if idle >= min => Err(format!(
                "IdleReplicaCount={idle} must be less than MinReplicaCount={min}"
            )),
            _ => Ok(()),
        }
    }

    /// The rules on triggers, which the operator checks again at every reconcile.
    ///
    /// # Errors
    /// KEDA's message.
    pub fn check_triggers(&self) -> Result<(), String> {
        if self.triggers.is_empty() {
            return Err("no triggers defined in the ScaledObject/ScaledJob".to_owned());
        }
        let mut names = BTreeSet::new();
        for trigger in &self.triggers {
            if trigger.use_cached_metrics
                && matches!(trigger.kind.as_str(), "cpu" | "memory" | "cron")
            {
                return Err(format!(
                    "property \"useCachedMetrics\" is not supported for \"{}\" scaler",
                    trigger.kind
                ));
            }
            if !trigger.name.is_empty() && !names.insert(&trigger.name) {
                return Err(format!(
                    "triggerName \"{}\" is defined multiple times in the ScaledObject/ScaledJob, but it must be unique",
                    trigger.name
                ));
            }
        }
        Ok(())
    }
}

fn each_once<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut once: Vec<&str> = Vec::new();
    for name in names {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    once.join(",")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
