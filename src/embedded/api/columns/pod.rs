//! The columns of a Pod. STATUS is a story told from phase, container states and deletion; the rules are those of
//! `printPod` in `pkg/printers/internalversion`.

use super::super::age::age;
use super::{Printer, count, created, name, or_none, text, wide};
use serde_json::{Value, json};

pub(super) static POD: Printer = Printer {
    columns: &[
        text("Name"),
        text("Ready"),
        text("Status"),
        text("Restarts"),
        text("Age"),
        wide("IP"),
        wide("Node"),
        wide("Nominated Node"),
        wide("Readiness Gates"),
    ],
    cells: |pod, now| {
        let total = pod["spec"]["containers"].as_array().map_or(0, Vec::len);
        let summary = summary(pod);
        vec![
            name(pod),
            json!(format!("{}/{total}", summary.ready)),
            json!(summary.status),
            json!(restarts(pod, now)),
            created(pod, now),
            or_none(pod["status"]["podIP"].as_str().unwrap_or_default()),
            or_none(pod["spec"]["nodeName"].as_str().unwrap_or_default()),
            json!("<none>"),
            json!("<none>"),
        ]
    },
};

struct Summary {
    ready: usize,
    status: String,
}

fn containers(pod: &Value) -> &[Value] {
    pod["status"]["containerStatuses"]
        .as_array()
        .map_or(&[], Vec::as_slice)
}

fn summary(pod: &Value) -> Summary {
    let status = &pod["status"];
    let phase = status["phase"].as_str().unwrap_or_default();
    let mut text = status["reason"].as_str().unwrap_or(phase).to_owned();
    let mut ready = 0;
    let mut running = false;
    // Backwards, so that the first container in trouble has the last word.
    for container in containers(pod).iter().rev() {
        let state = &container["state"];
        let terminated = &state["terminated"];
        if let Some(reason) = state["waiting"]["reason"]
            .as_str()
            .filter(|reason| !reason.is_empty())
        {
            reason.clone_into(&mut text);
        } else if let Some(reason) = terminated["reason"]
            .as_str()
            .filter(|reason| !reason.is_empty())
        {
            reason.clone_into(&mut text);
        } else if terminated.is_object() {
            text = match count(&terminated["signal"]) {
                0 => format!("ExitCode:{}", count(&terminated["exitCode"])),
                signal => format!("Signal:{signal}"),
            };
        } else if container["ready"] == true && state["running"].is_object() {
            running = true;
            ready += 1;
        }
    }
    if text == "Completed" && running {
        text = if is_ready(pod) { "Running" } else { "NotReady" }.to_owned();
    }
    let deleting = pod["metadata"]["deletionTimestamp"].is_string();
    if deleting && !matches!(phase, "Succeeded" | "Failed") {
        "Terminating".clone_into(&mut text);
    }
    Summary {
        ready,
        status: text,
    }
}

fn is_ready(pod: &Value) -> bool {
    pod["status"]["conditions"]
        .as_array()
        .is_some_and(|conditions| {
            conditions
                .iter()
                .any(|one| one["type"] == "Ready" && one["status"] == "True")
        })
}

fn restarts(pod: &Value, now: i64) -> String {
    let total: i64 = containers(pod)
        .iter()
        .map(|container| count(&container["restartCount"]))
        .sum();
    let last = containers(pod)
        .iter()
        .map(|container| &container["lastState"]["terminated"]["finishedAt"])
        .filter(|finished| finished.is_string())
        .max_by(|one, other| one.as_str().cmp(&other.as_str()));
    match last {
        Some(finished) if total > 0 => format!("{total} ({} ago)", age(finished, now)),
        _ => total.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pod: &Value, ready: usize, status: &str) {
        let summary = summary(pod);
        assert_eq!((summary.ready, summary.status.as_str()), (ready, status));
    }

    #[test]
    fn status_tells_what_the_pod_is_going_through() {
        let running = json!({"ready": true, "state": {"running": {}}});
        check(&json!({"status": {"phase": "Pending"}}), 0, "Pending");
        let waiting = json!({"state": {"waiting": {"reason": "ContainerCreating"}}});
        check(
            &json!({"status": {"phase": "Pending", "containerStatuses": [waiting]}}),
            0,
            "ContainerCreating",
        );
        check(
            &json!({"status": {"phase": "Running", "containerStatuses": [running]}}),
            1,
            "Running",
        );
        let deleted = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
        check(
            &json!({"metadata": deleted, "status": {"phase": "Running", "containerStatuses": [running]}}),
            1,
            "Terminating",
        );
        let done = json!({"state": {"terminated": {"reason": "Completed"}}});
        check(
            &json!({"metadata": deleted, "status": {"phase": "Succeeded", "containerStatuses": [done]}}),
            0,
            "Completed",
        );
        let killed = json!({"state": {"terminated": {"signal": 9, "exitCode": 137}}});
        check(
            &json!({"status": {"phase": "Running", "containerStatuses": [killed]}}),
            0,
            "Signal:9",
        );
    }
}
