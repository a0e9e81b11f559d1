//! A ScaledObject's conditions. They have no `lastTransitionTime`, unlike those of Kubernetes' own kinds.

use serde_json::{Value, json};

/// A condition's type, in the order in which the status lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionKind {
    /// `Ready`: whether the ScaledObject is right and its triggers work.
    Ready,
    /// `Active`: whether a trigger asks for replicas.
    Active,
    /// `Fallback`: whether a broken trigger is being stood in for.
    Fallback,
    /// `Paused`: whether an annotation holds it.
    Paused,
    /// `HPAActive`: how its HPA is.
    HpaActive,
}

impl ConditionKind {
    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Active => "Active",
            Self::Fallback => "Fallback",
            Self::Paused => "Paused",
            Self::HpaActive => "HPAActive",
        }
    }
}

/// A condition's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `True`
    True,
    /// `False`
    False,
    /// `Unknown`
    Unknown,
}

impl Status {
    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// One condition to set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Which one.
    pub kind: ConditionKind,
    /// Its status.
    pub status: Status,
    /// CamelCase reason.
    pub reason: String,
    /// KEDA's text.
    pub message: String,
}

impl Condition {
    fn new(
        kind: ConditionKind,
        status: Status,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            status,
            reason: reason.into(),
            message: message.into(),
        }
    }

    /// Ready: everything is in order.
    #[must_use]
    pub fn ready() -> Self {
        Self::new(
            ConditionKind::Ready,
            Status::True,
            "ScaledObjectReady",
            "ScaledObject is defined correctly and is ready for scaling",
        )
    }

    /// Not ready, and nobody knows whether active: `step` of the reconcile failed with `error`.
    #[must_use]
    pub fn check_failed(step: &str, error: &str) -> [Self; 2] {
        [
            Self::new(
                ConditionKind::Ready,
                Status::False,
                "ScaledObjectCheckFailed",
                format!("{step}: {error}"),
            ),
            Self::new(
                ConditionKind::Active,
                Status::Unknown,
                "UnknownState",
                "ScaledObject check failed",
            ),
        ]
    }

    pub(super) fn trigger_error() -> Self {
        Self::new(
            ConditionKind::Ready,
            Status::False,
            "TriggerError",
            "Triggers defined in ScaledObject are not working correctly",
        )
    }

    pub(super) fn partial_trigger_error() -> Self {
        Self::new(
            ConditionKind::Ready,
            Status::Unknown,
            "PartialTriggerError",
            "Some triggers defined in ScaledObject are not working correctly",
        )
    }

    pub(super) fn active(forced: bool) -> Self {
        let cause = if forced {
            "activation is being forced by annotation"
        } else {
            "triggers are active"
        };
        Self::new(
            ConditionKind::Active,
            Status::True,
            "ScalerActive",
            format!("Scaling is performed because {cause}"),
        )
    }

    pub(super) fn not_active() -> Self {
        Self::new(
            ConditionKind::Active,
            Status::False,
            "ScalerNotActive",
            "Scaling is not performed because triggers are not active",
        )
    }

    pub(super) fn cooldown() -> Self {
        Self::new(
            ConditionKind::Active,
            Status::False,
            "ScalerCooldown",
            "Scaler cooling down because triggers are not active",
        )
    }

    /// No trigger is being stood in for.
    #[must_use]
    pub fn no_fallback() -> Self {
        Self::new(
            ConditionKind::Fallback,
            Status::False,
            "NoFallbackFound",
            "No fallbacks are active on this scaled object",
        )
    }

    /// A trigger is being stood in for.
    #[must_use]
    pub fn fallback_exists() -> Self {
        Self::new(
            ConditionKind::Fallback,
            Status::True,
            "FallbackExists",
            "At least one trigger is falling back on this scaled object",
        )
    }

    /// An annotation holds it.
    #[must_use]
    pub fn paused() -> Self {
        Self::new(
            ConditionKind::Paused,
            Status::True,
            "ScaledObjectPaused",
            "ScaledObject is paused",
        )
    }

    /// The annotation is gone.
    #[must_use]
    pub fn unpaused() -> Self {
        Self::new(
            ConditionKind::Paused,
            Status::False,
            "ScaledObjectUnpaused",
            "pause annotation removed for ScaledObject",
        )
    }
}

/// How the HPA is, as its ScaledObject tells it: from the HPA's `ScalingActive` condition, once there is one.
#[must_use]
pub fn hpa_active(hpa: &Value) -> Option<Condition> {
    let conditions = hpa["status"]["conditions"].as_array()?;
    let scaling = conditions
        .iter()
        .find(|entry| entry["type"] == "ScalingActive")?;
    let reason = scaling["reason"].as_str().unwrap_or_default();
    let message = scaling["message"].as_str().unwrap_or_default();
    let kind = ConditionKind::HpaActive;
    Some(if scaling["status"] == "True" {
        Condition::new(kind, Status::True, "HPAActive", "HPA is actively scaling")
    } else if reason == "ScalingDisabled" {
        // At zero replicas the HPA stands still by design, so this is health, not illness.
        Condition::new(kind, Status::True, reason, message)
    } else {
        let message = format!("HPA is not actively scaling: {message}");
        Condition::new(kind, Status::False, reason, message)
    })
}

/// The conditions of a new ScaledObject.
#[must_use]
pub fn initial() -> Value {
    let entry =
        |kind: ConditionKind, status: Status| json!({"type": kind.name(), "status": status.name()});
    json!([
        entry(ConditionKind::Ready, Status::Unknown),
        entry(ConditionKind::Active, Status::Unknown),
        entry(ConditionKind::Fallback, Status::Unknown),
        entry(ConditionKind::Paused, Status::False),
    ])
}

/// Sets `changes` in `conditions` (the array in the status), in order.
pub fn apply(conditions: &mut Value, changes: &[Condition]) {
    if conditions.as_array().is_none_or(Vec::is_empty) {
        *conditions = initial();
    }
    let Some(entries) = conditions.as_array_mut() else {
        return;
    };
    for change in changes {
        let entry = json!({
            "type": change.kind.name(),
            "status": change.status.name(),
            "reason": change.reason,
            "message": change.message,
        });
        match entries
            .iter_mut()
            .find(|entry| entry["type"] == change.kind.name())
        {
            Some(present) => *present = entry,
            None => entries.push(entry),
        }
    }
}
