//! The columns of Deployments, ReplicaSets and Jobs.

use super::super::age;
use super::super::scale::selector;
use super::{Printer, count, created, name, number, of_containers, or_none, text, wide};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

pub(super) static DEPLOYMENT: Printer = Printer {
    columns: &[
        text("Name"),
        text("Ready"),
        number("Up-to-date"),
        number("Available"),
        text("Age"),
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ],
    cells: |object, now| {
        let status = &object["status"];
        let ready = format!(
            "{}/{}",
            count(&status["readyReplicas"]),
            count(&object["spec"]["replicas"])
        );
        let mut cells = vec![
            name(object),
            json!(ready),
            json!(count(&status["updatedReplicas"])),
            json!(count(&status["availableReplicas"])),
            created(object, now),
        ];
        cells.extend(template(&object["spec"]));
        cells
    },
};

pub(super) static REPLICA_SET: Printer = Printer {
    columns: &[
        text("Name"),
        number("Desired"),
        number("Current"),
        number("Ready"),
        text("Age"),
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ],
    cells: |object, now| {
        let mut cells = vec![
            name(object),
            json!(count(&object["spec"]["replicas"])),
            json!(count(&object["status"]["replicas"])),
            json!(count(&object["status"]["readyReplicas"])),
            created(object, now),
        ];
        cells.extend(template(&object["spec"]));
        cells
    },
};

pub(super) static JOB: Printer = Printer {
    columns: &[
        text("Name"),
        text("Status"),
        text("Completions"),
        text("Duration"),
        text("Age"),
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ],
    cells: |object, now| {
        let status = &object["status"];
        let done = format!(
            "{}/{}",
            count(&status["succeeded"]),
            count(&object["spec"]["completions"])
        );
        let mut cells = vec![
            name(object),
            json!(job_status(object)),
            json!(done),
            json!(job_duration(status, now)),
            created(object, now),
        ];
        cells.extend(template(&object["spec"]));
        cells
    },
};

fn template(spec: &Value) -> [Value; 3] {
    let pod = &spec["template"]["spec"];
    [
        of_containers(pod, "name"),
        of_containers(pod, "image"),
        or_none(&selector(&spec["selector"])),
    ]
}

fn job_status(job: &Value) -> &'static str {
    let holds = |kind: &str| {
        job["status"]["conditions"]
            .as_array()
            .is_some_and(|conditions| {
                conditions
                    .iter()
                    .any(|one| one["type"] == kind && one["status"] == "True")
            })
    };
    if holds("Complete") {
        "Complete"
    } else if holds("Failed") {
        "Failed"
    } else if job["metadata"]["deletionTimestamp"].is_string() {
        "Terminating"
    } else if holds("Suspended") {
        "Suspended"
    } else {
        "Running"
    }
}

fn job_duration(status: &Value, now: i64) -> String {
    let at = |field: &str| {
        status[field]
            .as_str()
            .and_then(|text| text.parse::<Timestamp>().ok())
    };
    at("startTime").map_or_else(String::new, |start| {
        let end = at("completionTime").map_or(now, Timestamp::as_millisecond);
        age::duration((end - start.as_millisecond()) / 1_000)
    })
}
