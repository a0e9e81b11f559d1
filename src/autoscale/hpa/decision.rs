//! What one sync of the HPA decides, and how it is told: conditions, events and `status.currentMetrics`.

use crate::autoscale::Event;
use crate::autoscale::quantity::Quantity;

/// A condition's type, in the order in which conditions first appear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionKind {
    /// `AbleToScale`: whether the target's scale can be read and written.
    AbleToScale,
    /// `ScalingActive`: whether the metrics tell how many replicas are wanted.
    ScalingActive,
    /// `ScalingLimited`: whether a limit changed what was wanted.
    ScalingLimited,
}

impl ConditionKind {
    /// The API's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AbleToScale => "AbleToScale",
            Self::ScalingActive => "ScalingActive",
            Self::ScalingLimited => "ScalingLimited",
        }
    }
}

/// A condition as a sync sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Which one.
    pub kind: ConditionKind,
    /// `True` or `False`; the HPA controller never sets `Unknown`.
    pub status: bool,
    /// CamelCase reason.
    pub reason: &'static str,
    /// Upstream's text.
    pub message: String,
}

/// A change of the target's replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rescale {
    /// The replicas to set.
    pub to: i32,
    /// Why, as the event says it.
    pub reason: String,
}

/// What a metric was found to be: one entry of `status.currentMetrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Current {
    /// So many thousandths for each replica.
    AverageValue(i64),
    /// So many thousandths in all.
    Value(i64),
    /// It could not be read.
    Failed,
}

impl Current {
    /// The value as kubectl shows it; `None` when the metric could not be read.
    #[must_use]
    pub fn text(self) -> Option<String> {
        match self {
            Self::AverageValue(milli) | Self::Value(milli) => {
                Some(Quantity::from_milli(milli).to_string())
            }
            Self::Failed => None,
        }
    }
}

/// What one sync decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The target's `spec.replicas` before this sync: what the status shows as `currentReplicas`.
    pub current_replicas: i32,
    /// What the status shows as `desiredReplicas`; `None` leaves it as it is (the metrics failed).
    pub desired_replicas: Option<i32>,
    /// The change to carry out, if any. Report its outcome to [`super::rescaled`].
    pub rescale: Option<Rescale>,
    /// Whether a rescale was carried out: the status gets a new `lastScaleTime`.
    pub scaled: bool,
    /// `status.currentMetrics`, in the order of the spec's metrics; empty when none was looked at.
    pub metrics: Vec<Current>,
    /// Conditions in the order in which they were set; the last of a kind is the one that stays.
    pub conditions: Vec<Condition>,
    /// Events in the order in which they are emitted.
    pub events: Vec<Event>,
}

impl Decision {
    pub(super) fn new(current_replicas: i32) -> Self {
        Self {
            current_replicas,
            desired_replicas: Some(current_replicas),
            rescale: None,
            scaled: false,
            metrics: Vec::new(),
            conditions: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(super) fn set(
        &mut self,
        kind: ConditionKind,
        status: bool,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        self.conditions.push(Condition {
            kind,
            status,
            reason,
            message: message.into(),
        });
    }
}
