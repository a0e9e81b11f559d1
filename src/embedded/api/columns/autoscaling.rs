//! The columns of HorizontalPodAutoscalers, ScaledObjects and TriggerAuthentications.

use super::{Column, Printer, count, created, name, number, text, wide};
use serde_json::{Value, json};

pub(super) static HORIZONTAL_POD_AUTOSCALER: Printer = Printer {
    columns: &[
        text("Name"),
        text("Reference"),
        text("Targets"),
        text("MinPods"),
        text("MaxPods"),
        number("Replicas"),
        text("Age"),
    ],
    cells: |object, now| {
        let spec = &object["spec"];
        let target = &spec["scaleTargetRef"];
        let of_target = |field: &str| target[field].as_str().unwrap_or_default().to_owned();
        let min = spec["minReplicas"]
            .as_i64()
            .map_or_else(|| "<unset>".to_owned(), |min| min.to_string());
        vec![
            name(object),
            json!(format!("{}/{}", of_target("kind"), of_target("name"))),
            json!(targets(object)),
            json!(min),
            json!(count(&spec["maxReplicas"])),
            json!(count(&object["status"]["currentReplicas"])),
            created(object, now),
        ]
    },
};

/// Targets shown before `+ N more...`.
const TARGETS_SHOWN: usize = 2;

fn targets(object: &Value) -> String {
    let wanted = object["spec"]["metrics"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let current = &object["status"]["currentMetrics"];
    if wanted.is_empty() {
        return "<none>".to_owned();
    }
    let texts: Vec<String> = wanted
        .iter()
        .enumerate()
        .map(|(index, metric)| one_target(metric, &current[index]))
        .collect();
    if texts.len() > TARGETS_SHOWN {
        return format!(
            "{} + {} more...",
            texts[..TARGETS_SHOWN].join(", "),
            texts.len() - TARGETS_SHOWN
        );
    }
    texts.join(", ")
}

fn one_target(metric: &Value, current: &Value) -> String {
    let (source, prefix) = match metric["type"].as_str().unwrap_or_default() {
        "External" => ("external", String::new()),
        "Pods" => ("pods", String::new()),
        "Object" => ("object", String::new()),
        "Resource" => ("resource", resource_prefix(&metric["resource"])),
        "ContainerResource" => (
            "containerResource",
            resource_prefix(&metric["containerResource"]),
        ),
        _ => return "<unknown type>".to_owned(),
    };
    let (target, current) = (&metric[source]["target"], &current[source]["current"]);
    let pair = |field: &str, unit: &str, note: &str| {
        let show = |value: &Value| match value {
            Value::String(text) => format!("{text}{unit}"),
            Value::Number(number) => format!("{number}{unit}"),
            _ => "<unknown>".to_owned(),
        };
        format!(
            "{prefix}{}/{}{note}",
            show(&current[field]),
            show(&target[field])
        )
    };
    if !target["averageUtilization"].is_null() {
        pair("averageUtilization", "%", "")
    } else if !target["averageValue"].is_null() {
        pair(
            "averageValue",
            "",
            if source == "external" || source == "object" {
                " (avg)"
            } else {
                ""
            },
        )
    } else {
        pair("value", "", "")
    }
}

fn resource_prefix(resource: &Value) -> String {
    format!("{}: ", resource["name"].as_str().unwrap_or_default())
}

const fn whole(name: &'static str) -> Column {
    number(name)
}

/// The printer columns of KEDA's CRD. A field that is not set is a null cell, which prints as nothing.
pub(super) static SCALED_OBJECT: Printer = Printer {
    columns: &[
        text("Name"),
        text("ScaleTargetKind"),
        text("ScaleTargetName"),
        whole("Min"),
        whole("Max"),
        text("Ready"),
        text("Active"),
        text("Fallback"),
        text("Paused"),
        text("Triggers"),
        text("Authentications"),
        text("Age"),
    ],
    cells: |object, now| {
        let (spec, status) = (&object["spec"], &object["status"]);
        let condition = |kind: &str| {
            status["conditions"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|condition| condition["type"] == kind)
                .map_or(Value::Null, |condition| condition["status"].clone())
        };
        vec![
            name(object),
            status["scaleTargetKind"].clone(),
            spec["scaleTargetRef"]["name"].clone(),
            spec["minReplicaCount"].clone(),
            spec["maxReplicaCount"].clone(),
            condition("Ready"),
            condition("Active"),
            condition("Fallback"),
            condition("Paused"),
            status["triggersTypes"].clone(),
            status["authenticationsTypes"].clone(),
            created(object, now),
        ]
    },
};

/// The printer columns of KEDA's CRD, which has no age among them. Of a list upstream shows the first name too.
pub(super) static TRIGGER_AUTHENTICATION: Printer = Printer {
    columns: &[
        text("Name"),
        text("PodIdentity"),
        text("Secret"),
        text("Env"),
        text("VaultAddress"),
        wide("ScaledObjects"),
        wide("ScaledJobs"),
    ],
    cells: |object, _| {
        let (spec, status) = (&object["spec"], &object["status"]);
        vec![
            name(object),
            spec["podIdentity"]["provider"].clone(),
            spec["secretTargetRef"][0]["name"].clone(),
            spec["env"][0]["name"].clone(),
            spec["hashiCorpVault"]["address"].clone(),
            status["scaledobjects"].clone(),
            status["scaledjobs"].clone(),
        ]
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_show_what_is_and_what_is_wanted() {
        let metric = |target: Value| json!({"type": "External", "external": {"target": target}});
        let average = metric(json!({"type": "AverageValue", "averageValue": "100"}));
        let known = json!([{"external": {"current": {"averageValue": "40460m"}}}]);
        let show = |metrics: Value, current: Value| {
            targets(&json!({"spec": {"metrics": metrics}, "status": {"currentMetrics": current}}))
        };
        assert_eq!(show(json!([average]), known), "40460m/100 (avg)");
        assert_eq!(
            show(json!([average]), json!([{"type": ""}])),
            "<unknown>/100 (avg)"
        );
        let value = metric(json!({"type": "Value", "value": "5"}));
        let current = json!([{"external": {"current": {"value": "200"}}}]);
        assert_eq!(show(json!([value]), current), "200/5");
        assert_eq!(
            show(json!([average, average, average]), Value::Null),
            "<unknown>/100 (avg), <unknown>/100 (avg) + 1 more..."
        );
    }
}
