//! The rules on a HorizontalPodAutoscaler.

use crate::embedded::api::error::Cause;
use serde_json::{Value, json};

/// Checks the specification.
pub(super) fn check(spec: &Value, causes: &mut Vec<Cause>) {
    let max = spec["maxReplicas"].as_i64().unwrap_or(0);
    let min = spec["minReplicas"].as_i64().unwrap_or(1);
    if min < 1 {
        causes.push(Cause::invalid(
            "spec.minReplicas",
            &spec["minReplicas"],
            "must be greater than or equal to 1",
        ));
    }
    if max < 1 {
        causes.push(Cause::invalid(
            "spec.maxReplicas",
            &json!(max),
            "must be greater than 0",
        ));
    }
    if max < min {
        causes.push(Cause::invalid(
            "spec.maxReplicas",
            &spec["maxReplicas"],
            "must be greater than or equal to `minReplicas`",
        ));
    }
    let target = &spec["scaleTargetRef"];
    for field in ["kind", "name"] {
        if target[field].as_str().unwrap_or_default().is_empty() {
            causes.push(Cause::required(&format!("spec.scaleTargetRef.{field}"), ""));
        }
    }
    let version = target["apiVersion"].as_str().unwrap_or_default();
    if !version.contains('/') {
        causes.push(Cause::invalid(
            "spec.scaleTargetRef.apiVersion",
            &json!(version),
            "apiVersion must specify API group",
        ));
    }
    behavior(&spec["behavior"], causes);
}

fn behavior(behavior: &Value, causes: &mut Vec<Cause>) {
    for direction in ["scaleUp", "scaleDown"] {
        let rules = &behavior[direction];
        let path = format!("spec.behavior.{direction}");
        if rules["stabilizationWindowSeconds"]
            .as_i64()
            .is_some_and(|window| !(0..=3_600).contains(&window))
        {
            causes.push(Cause::invalid(
                &format!("{path}.stabilizationWindowSeconds"),
                &rules["stabilizationWindowSeconds"],
                "must be between 0 and 3600",
            ));
        }
        for (index, policy) in rules["policies"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            for (field, most) in [("value", i64::from(i32::MAX)), ("periodSeconds", 1_800)] {
                let number = policy[field].as_i64().unwrap_or(0);
                let path = format!("{path}.policies[{index}].{field}");
                if number <= 0 {
                    causes.push(Cause::invalid(
                        &path,
                        &policy[field],
                        "must be greater than zero",
                    ));
                } else if number > most {
                    causes.push(Cause::invalid(
                        &path,
                        &policy[field],
                        &format!("must be less than or equal to {most}"),
                    ));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::embedded::api::admission::refuses;
    use serde_json::json;

    #[test]
    fn an_autoscalers_broken_rules_are_all_named() {
        let object = json!({"metadata": {"name": "bad"}, "spec": {
            "minReplicas": 5, "maxReplicas": 2, "scaleTargetRef": {"kind": "Deployment", "name": "x"},
        }});
        refuses(
            "autoscaling",
            "v2",
            "horizontalpodautoscalers",
            &object,
            "HorizontalPodAutoscaler.autoscaling \"bad\" is invalid: [spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`, spec.scaleTargetRef.apiVersion: Invalid value: \"\": apiVersion must specify API group]",
        );
    }
}
