//! What an HPA asks for: an `autoscaling/v2` spec, defaulted and checked, as typed values.
//!
//! The rules never look at JSON; they get a [`Spec`].

use super::defaults::defaulted;
use crate::autoscale::quantity::Quantity;
use serde::Deserialize;
use serde_json::Value;

/// A checked, defaulted HPA spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// `minReplicas`, at least 1.
    pub min: i32,
    /// `maxReplicas`.
    pub max: i32,
    /// The external metrics, in order.
    pub metrics: Vec<Metric>,
    /// `None` selects the algorithm for HPAs without a `behavior` block, which is a different one.
    pub behavior: Option<Behavior>,
}

/// One external metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The metric's name.
    pub name: String,
    /// The label selector as written; null when absent.
    pub selector: Value,
    /// What to keep it at.
    pub target: Target,
}

/// A metric's target, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// So much for each replica.
    AverageValue(i64),
    /// So much in all.
    Value(i64),
}

/// The `behavior` block.
#[derive(Clone, Debug, PartialEq)]
pub struct Behavior {
    /// `scaleUp`
    pub up: Rules,
    /// `scaleDown`
    pub down: Rules,
}

/// One direction of the `behavior` block.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// `stabilizationWindowSeconds`, in milliseconds.
    pub window_ms: i64,
    /// `selectPolicy`
    pub select: Select,
    /// `policies`, never empty.
    pub policies: Vec<Policy>,
    /// `tolerance` as a ratio; `None` means the controller's own.
    pub tolerance: Option<f64>,
}

/// Which policy wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Select {
    /// The one that allows the largest change.
    Max,
    /// The one that allows the smallest change.
    Min,
    /// None: no scaling in this direction.
    Disabled,
}

/// A limit on how fast to scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Pods, or percent of the replicas at the period's start.
    pub kind: PolicyKind,
    /// How many.
    pub value: i32,
    /// In how long: `periodSeconds`, in milliseconds.
    pub period_ms: i64,
}

/// What a policy's value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum PolicyKind {
    /// Replicas.
    Pods,
    /// Percent of the replicas there were.
    Percent,
}

/// Why a spec is refused; the text names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Not the shape of an HPA spec.
    #[error("{0}")]
    Shape(String),
    /// A field's value breaks a rule. The text is the API server's.
    #[error("{field}: Invalid value: {value}: {rule}")]
    Invalid {
        /// Path of the field.
        field: String,
        /// Its value, as JSON.
        value: String,
        /// The rule it breaks.
        rule: &'static str,
    },
}

impl Spec {
    /// Reads the `spec` of an HPA as a user wrote it, applies the API server's defaults and checks it.
    ///
    /// # Errors
    /// [`SpecError`], naming the field.
    pub fn from_json(spec: &Value) -> Result<Self, SpecError> {
        let raw: RawSpec = serde_json::from_value(defaulted(spec))
            .map_err(|error| SpecError::Shape(error.to_string()))?;
        at_least("spec.minReplicas", i64::from(raw.min_replicas), 1)?;
        at_least("spec.maxReplicas", i64::from(raw.max_replicas), 1)?;
        check(
            raw.max_replicas >= raw.min_replicas,
            "spec.maxReplicas",
            &raw.max_replicas,
            "must be greater than or equal to `minReplicas`",
        )?;
        let metrics = raw.metrics.iter().enumerate();
        let metrics = metrics.map(|(index, raw)| metric(index, raw));
        Ok(Self {
            min: raw.min_replicas,
            max: raw.max_replicas,
            metrics: metrics.collect::<Result<_, _>>()?,
            behavior: raw.behavior.map(behavior).transpose()?,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSpec {
    min_replicas: i32,
    max_replicas: i32,
    #[serde(default)]
    metrics: Vec<RawMetric>,
    behavior: Option<RawBehavior>,
}

#[derive(Deserialize)]
struct RawMetric {
    external: Option<RawExternal>,
}

#[derive(Deserialize)]
struct RawExternal {
    metric: RawIdentifier,
    target: RawTarget,
}

#[derive(Deserialize)]
struct RawIdentifier {
    name: String,
    #[serde(default)]
    selector: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTarget {
    average_value: Option<Value>,
    value: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBehavior {
    scale_up: RawRules,
    scale_down: RawRules,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawRules {
    stabilization_window_seconds: Option<i32>,
    select_policy: Select,
    policies: Vec<RawPolicy>,
    tolerance: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPolicy {
    #[serde(rename = "type")]
    kind: PolicyKind,
    value: i32,
    period_seconds: i32,
}

fn metric(index: usize, raw: &RawMetric) -> Result<Metric, SpecError> {
    let field = format!("spec.metrics[{index}].external");
    let Some(external) = &raw.external else {
        // Resource, pods and object metrics need a metrics server, which neither KEDA's Redis trigger nor the
        // embedded cluster has.
        return Err(SpecError::Shape(format!(
            "{field}: only external metrics are supported"
        )));
    };
    let target = match (&external.target.average_value, &external.target.value) {
        (Some(value), _) => {
            Target::AverageValue(positive(&format!("{field}.target.averageValue"), value)?)
        }
        (None, Some(value)) => Target::Value(positive(&format!("{field}.target.value"), value)?),
        (None, None) => {
            return Err(SpecError::Shape(format!(
                "{field}.target: Required value: must set either a target value for metric or a per-pod target"
            )));
        }
    };
    Ok(Metric {
        name: external.metric.name.clone(),
        selector: external.metric.selector.clone(),
        target,
    })
}

fn behavior(raw: RawBehavior) -> Result<Behavior, SpecError> {
    Ok(Behavior {
        up: rules("spec.behavior.scaleUp", raw.scale_up)?,
        down: rules("spec.behavior.scaleDown", raw.scale_down)?,
    })
}

fn rules(field: &str, raw: RawRules) -> Result<Rules, SpecError> {
    // Absent only for scaleDown, where it means the controller's own window.
    let window = raw
        .stabilization_window_seconds
        .map_or(super::DOWNSCALE_STABILIZATION_MS / 1_000, i64::from);
    let window_field = format!("{field}.stabilizationWindowSeconds");
    at_least(&window_field, window, 0)?;
    at_most(&window_field, window, 3_600)?;
    check(
        !raw.policies.is_empty(),
        &format!("{field}.policies"),
        &"[]",
        "must specify at least one Policy",
    )?;
    let tolerance = raw.tolerance.map(|value| {
        let quantity = quantity(&format!("{field}.tolerance"), &value)?;
        let ratio = quantity.approximate();
        check(
            ratio >= 0.0,
            &format!("{field}.tolerance"),
            &value,
            "must be greater or equal to zero",
        )?;
        Ok(ratio)
    });
    let policies = raw.policies.into_iter().enumerate();
    let policies = policies.map(|(index, raw)| policy(&format!("{field}.policies[{index}]"), &raw));
    Ok(Rules {
        window_ms: window * 1_000,
        select: raw.select_policy,
        policies: policies.collect::<Result<_, _>>()?,
        tolerance: tolerance.transpose()?,
    })
}

fn policy(field: &str, raw: &RawPolicy) -> Result<Policy, SpecError> {
    at_least(&format!("{field}.value"), i64::from(raw.value), 1)?;
    let period = i64::from(raw.period_seconds);
    at_least(&format!("{field}.periodSeconds"), period, 1)?;
    at_most(&format!("{field}.periodSeconds"), period, 1_800)?;
    Ok(Policy {
        kind: raw.kind,
        value: raw.value,
        period_ms: period * 1_000,
    })
}

fn quantity(field: &str, value: &Value) -> Result<Quantity, SpecError> {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    text.parse()
        .map_err(|error| SpecError::Shape(format!("{field}: {error}")))
}

fn positive(field: &str, value: &Value) -> Result<i64, SpecError> {
    let milli = quantity(field, value)?.milli();
    check(milli > 0, field, value, "must be positive")?;
    Ok(milli)
}

fn at_least(field: &str, value: i64, floor: i64) -> Result<(), SpecError> {
    let rule = if floor == 0 {
        "must be greater than or equal to zero"
    } else {
        "must be greater than zero"
    };
    check(value >= floor, field, &value, rule)
}

fn at_most(field: &str, value: i64, ceiling: i64) -> Result<(), SpecError> {
    let rule = if ceiling == 3_600 {
        "must be less than or equal to 3600"
    } else {
        "must be less than or equal to 1800"
    };
    check(value <= ceiling, field, &value, rule)
}

fn check(
    holds: bool,
    field: &str,
    value: &dyn ToString,
    rule: &'static str,
) -> Result<(), SpecError> {
    if holds {
        return Ok(());
    }
    Err(SpecError::Invalid {
        field: field.to_owned(),
        value: value.to_string(),
        rule,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_empty_behavior_gets_every_default_and_an_absent_one_none() {
        let spec = Spec::from_json(&json!({"maxReplicas": 5, "behavior": {}})).unwrap();
        let behavior = spec.behavior.unwrap();
        assert_eq!(behavior.up.window_ms, 0);
        assert_eq!(behavior.up.policies.len(), 2);
        assert_eq!(behavior.down.window_ms, 300_000);
        assert_eq!(behavior.down.policies.len(), 1);
        assert_eq!(spec.min, 1);
        let spec = Spec::from_json(&json!({"maxReplicas": 5})).unwrap();
        assert_eq!(spec.behavior, None);
    }

    #[test]
    fn given_policies_replace_the_defaults() {
        let spec = json!({"maxReplicas": 48, "behavior": {"scaleUp": {
            "policies": [{"type": "Pods", "value": 24, "periodSeconds": 15}]}}});
        let up = Spec::from_json(&spec).unwrap().behavior.unwrap().up;
        assert_eq!(up.policies.len(), 1);
        assert_eq!(up.policies[0].value, 24);
    }

    #[test]
    fn a_spec_that_breaks_a_rule_names_the_field() {
        let target = |value: &str| {
            json!({"maxReplicas": 2, "metrics": [{"type": "External", "external": {
                "metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": value}}}]})
        };
        assert!(Spec::from_json(&target("5")).is_ok());
        let error = Spec::from_json(&target("0")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "spec.metrics[0].external.target.averageValue: Invalid value: \"0\": must be positive"
        );
        assert!(Spec::from_json(&json!({"maxReplicas": 1, "minReplicas": 2})).is_err());
        assert!(
            Spec::from_json(&json!({"maxReplicas": 1, "behavior": {"scaleUp": {"policies": []}}}))
                .is_err()
        );
        assert!(Spec::from_json(&json!("text")).is_err());
    }
}
