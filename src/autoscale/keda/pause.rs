//! The annotations `autoscaling.keda.sh/…` by which a person holds a ScaledObject back, or forces it awake.

use serde_json::Value;

/// What the annotations ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pauses {
    /// `paused` or `paused-replicas`: the loop stops and the HPA goes.
    pub all: bool,
    /// `paused-replicas: "N"`: the target is set to N meanwhile.
    pub replicas: Option<i32>,
    /// `paused-scale-in`: nothing is taken away.
    pub scale_in: bool,
    /// `paused-scale-out`: nothing is added.
    pub scale_out: bool,
    /// `force-activation`: counts as active whatever the triggers say.
    pub force_activation: bool,
}

impl Pauses {
    /// Reads `metadata.annotations` (null when there are none).
    #[must_use]
    pub fn of(annotations: &Value) -> Self {
        let value = |name: &str| annotations[format!("autoscaling.keda.sh/{name}")].as_str();
        // KEDA takes anything that is not a boolean for true: who writes `paused: "yes"` means it.
        let set = |name: &str| value(name).is_some_and(|text| !is_false(text));
        let replicas = value("paused-replicas").and_then(|text| text.parse().ok());
        Self {
            all: set("paused") || value("paused-replicas").is_some(),
            replicas,
            scale_in: set("paused-scale-in"),
            scale_out: set("paused-scale-out"),
            force_activation: set("force-activation"),
        }
    }
}

impl Pauses {
    /// Whether anything is held back: what the `Paused` condition tells.
    #[must_use]
    pub fn any(self) -> bool {
        self.all || self.scale_in || self.scale_out
    }
}

/// The spellings of false that Go's `strconv.ParseBool` knows.
fn is_false(text: &str) -> bool {
    matches!(text, "0" | "f" | "F" | "false" | "FALSE" | "False")
}
