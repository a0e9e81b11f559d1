//! The API server's defaults for an `autoscaling/v2` spec, on the JSON itself: the server stores the defaulted spec, and
//! `kubectl get -o yaml` shows it.

use serde_json::{Value, json};

/// A spec with the API server's defaults filled in. An absent `behavior` stays absent; a present one, even `{}`, is
/// filled field by field; `scaleDown`'s window stays absent and is 300 s at use.
#[must_use]
pub fn defaulted(spec: &Value) -> Value {
    let mut spec = spec.clone();
    if !spec.is_object() {
        // Not a spec at all; reading it will say so.
        return spec;
    }
    if spec["minReplicas"].is_null() {
        spec["minReplicas"] = json!(1);
    }
    if spec["behavior"].is_object() {
        let behavior = &mut spec["behavior"];
        fill(
            &mut behavior["scaleUp"],
            "stabilizationWindowSeconds",
            || json!(0),
        );
        fill(&mut behavior["scaleUp"], "policies", || {
            json!([
                {"type": "Pods", "value": 4, "periodSeconds": 15},
                {"type": "Percent", "value": 100, "periodSeconds": 15},
            ])
        });
        fill(
            &mut behavior["scaleDown"],
            "policies",
            || json!([{"type": "Percent", "value": 100, "periodSeconds": 15}]),
        );
        for direction in ["scaleUp", "scaleDown"] {
            fill(&mut behavior[direction], "selectPolicy", || json!("Max"));
        }
    }
    spec
}

fn fill(rules: &mut Value, field: &str, default: impl FnOnce() -> Value) {
    if (rules.is_null() || rules.is_object()) && rules[field].is_null() {
        rules[field] = default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_stays_and_what_is_absent_is_filled() {
        let written = json!({"maxReplicas": 5, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 30}}});
        let all = defaulted(&written);
        assert_eq!(all["minReplicas"], 1);
        assert_eq!(
            all["behavior"]["scaleDown"]["stabilizationWindowSeconds"],
            30
        );
        assert_eq!(all["behavior"]["scaleDown"]["selectPolicy"], "Max");
        assert_eq!(
            all["behavior"]["scaleUp"]["policies"]
                .as_array()
                .unwrap()
                .len(),
            2
        );
        assert_eq!(defaulted(&all), all, "defaulting twice changes nothing");
    }

    #[test]
    fn an_absent_behavior_stays_absent_and_an_odd_shape_is_left_alone() {
        assert!(defaulted(&json!({"maxReplicas": 5}))["behavior"].is_null());
        for odd in [
            json!(null),
            json!("x"),
            json!({"behavior": {"scaleUp": "x"}}),
        ] {
            let _ = defaulted(&odd);
        }
    }
}
