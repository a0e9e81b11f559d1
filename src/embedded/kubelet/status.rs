//! A pod's status as the kubelet reports it: from what its containers are doing to phase, conditions and container
//! statuses. Pure.

use super::POD_IP;
use crate::embedded::store;
use serde_json::{Value, json};

/// What a container is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not running, and why.
    Waiting { reason: String, message: String },
    /// Running since, and whether it is ready.
    Running { since: String, ready: bool },
    /// Ended.
    Terminated(Termination),
}

/// How one run of a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Termination {
    pub(super) exit_code: i32,
    pub(super) started: String,
    pub(super) finished: String,
    pub(super) container_id: String,
}

/// A container as its task reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) state: State,
    /// The run before the current one.
    pub(super) last: Option<Termination>,
    pub(super) restarts: u32,
    /// Identifies the current run; empty before the first.
    pub(super) container_id: String,
}

impl Report {
    /// Before the first start.
    pub(super) fn creating() -> Self {
        Self {
            state: State::Waiting {
                reason: "ContainerCreating".to_owned(),
                message: String::new(),
            },
            last: None,
            restarts: 0,
            container_id: String::new(),
        }
    }

    fn is_ready(&self) -> bool {
        matches!(self.state, State::Running { ready: true, .. })
    }

    /// Whether it runs or ran; a pod is Pending until all its containers have.
    fn has_started(&self) -> bool {
        self.last.is_some() || !matches!(self.state, State::Waiting { .. })
    }
}

/// A pod's situation.
pub(super) struct Situation<'a> {
    /// One a container, in the order of the spec.
    pub(super) reports: &'a [Report],
    /// When the kubelet took the pod on.
    pub(super) started: &'a str,
    /// Whether the pod has its address, which it gets with its first process.
    pub(super) has_address: bool,
    /// Whether every container has ended for good.
    pub(super) finished: bool,
    /// Now, as the API writes it.
    pub(super) now: &'a str,
}

/// The whole `status` of `pod`.
pub(super) fn compose(pod: &Value, situation: &Situation<'_>) -> Value {
    let mut status = json!({
        "phase": phase(situation),
        "observedGeneration": pod["metadata"]["generation"],
        "conditions": conditions(pod, situation),
        "hostIP": POD_IP,
        "hostIPs": [{"ip": POD_IP}],
        "startTime": situation.started,
        "containerStatuses": container_statuses(pod, situation.reports),
        "qosClass": pod["status"]["qosClass"],
    });
    if situation.has_address {
        status["podIP"] = json!(POD_IP);
        status["podIPs"] = json!([{"ip": POD_IP}]);
    }
    status
}

fn phase(situation: &Situation<'_>) -> &'static str {
    let failed =
        |report: &Report| matches!(&report.state, State::Terminated(end) if end.exit_code != 0);
    if situation.finished {
        if situation.reports.iter().any(failed) {
            "Failed"
        } else {
            "Succeeded"
        }
    } else if situation.reports.iter().all(Report::has_started) {
        "Running"
    } else {
        "Pending"
    }
}

fn conditions(pod: &Value, situation: &Situation<'_>) -> Value {
    let unready: Vec<&str> = containers(pod)
        .iter()
        .zip(situation.reports)
        .filter(|(_, report)| !report.is_ready())
        .map(|(container, _)| container["name"].as_str().unwrap_or_default())
        .collect();
    let trouble = if unready.is_empty() {
        None
    } else if phase(situation) == "Succeeded" {
        Some(("PodCompleted", String::new()))
    } else {
        let message = format!("containers with unready status: [{}]", unready.join(" "));
        Some(("ContainersNotReady", message))
    };
    let ready = trouble.is_none();
    let holds = [
        (
            "PodReadyToStartContainers",
            situation.has_address && !situation.finished,
        ),
        ("Initialized", true),
        ("Ready", ready),
        ("ContainersReady", ready),
        ("PodScheduled", true),
    ];
    holds
        .into_iter()
        .map(|(kind, holds)| {
            let mut condition = condition(pod, kind, holds, situation.now);
            if let (Some((reason, message)), "Ready" | "ContainersReady") = (&trouble, kind) {
                condition["reason"] = json!(reason);
                if !message.is_empty() {
                    condition["message"] = json!(message);
                }
            }
            condition
        })
        .collect()
}

/// A condition that keeps the time of its last change.
fn condition(pod: &Value, kind: &str, holds: bool, now: &str) -> Value {
    let status = if holds { "True" } else { "False" };
    let known = pod["status"]["conditions"].as_array();
    let since = known
        .into_iter()
        .flatten()
        .find(|known| known["type"] == kind && known["status"] == status)
        .map_or(json!(now), |known| known["lastTransitionTime"].clone());
    json!({
        "type": kind,
        "status": status,
        "observedGeneration": pod["metadata"]["generation"],
        "lastProbeTime": null,
        "lastTransitionTime": since,
    })
}

fn container_statuses(pod: &Value, reports: &[Report]) -> Value {
    containers(pod)
        .iter()
        .zip(reports)
        .map(|(container, report)| {
            let mut status = json!({
                "name": container["name"],
                "image": container["image"],
                "imageID": if report.container_id.is_empty() { json!("") } else { container["image"].clone() },
                "ready": report.is_ready(),
                "started": matches!(report.state, State::Running { .. }),
                "restartCount": report.restarts,
                "state": state(&report.state),
                "lastState": report.last.as_ref().map_or(json!({}), terminated),
            });
            if !report.container_id.is_empty() {
                status["containerID"] = json!(report.container_id);
            }
            status
        })
        .collect()
}

fn state(state: &State) -> Value {
    match state {
        State::Waiting { reason, message } if message.is_empty() => {
            json!({"waiting": {"reason": reason}})
        }
        State::Waiting { reason, message } => {
            json!({"waiting": {"reason": reason, "message": message}})
        }
        State::Running { since, .. } => json!({"running": {"startedAt": since}}),
        State::Terminated(end) => terminated(end),
    }
}

fn terminated(end: &Termination) -> Value {
    json!({"terminated": {
        "exitCode": end.exit_code,
        "reason": if end.exit_code == 0 { "Completed" } else { "Error" },
        "startedAt": end.started,
        "finishedAt": end.finished,
        "containerID": end.container_id,
    }})
}

fn containers(pod: &Value) -> &[Value] {
    pod["spec"]["containers"]
        .as_array()
        .map_or(&[], Vec::as_slice)
}

/// The containers of `pod` and the name of each.
pub(super) fn container_names(pod: &Value) -> Vec<String> {
    containers(pod)
        .iter()
        .map(|container| container["name"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// The name a container runtime would give the run: unique, and stable for its life.
pub(super) fn container_id() -> String {
    format!("podium://{}", store::new_uid().replace('-', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod() -> Value {
        json!({
            "metadata": {"generation": 2},
            "spec": {"containers": [{"name": "worker", "image": "podium"}]},
            "status": {
                "qosClass": "Burstable",
                "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "t0"}],
            },
        })
    }

    fn compose_one(report: Report, finished: bool) -> Value {
        let situation = Situation {
            reports: &[report],
            started: "t1",
            has_address: true,
            finished,
            now: "t2",
        };
        compose(&pod(), &situation)
    }

    fn ended(exit_code: i32) -> Termination {
        Termination {
            exit_code,
            started: "t1".into(),
            finished: "t2".into(),
            container_id: "podium://1".into(),
        }
    }

    #[test]
    fn a_pod_being_created_is_pending_and_names_the_unready_container() {
        let status = compose_one(Report::creating(), false);
        assert_eq!(status["phase"], "Pending");
        let kinds: Vec<_> = status["conditions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|condition| condition["type"].as_str().unwrap())
            .collect();
        assert_eq!(
            kinds,
            [
                "PodReadyToStartContainers",
                "Initialized",
                "Ready",
                "ContainersReady",
                "PodScheduled"
            ]
        );
        let ready = &status["conditions"][2];
        assert_eq!(ready["reason"], "ContainersNotReady");
        assert_eq!(ready["message"], "containers with unready status: [worker]");
        assert_eq!(status["conditions"][4]["lastTransitionTime"], "t0");
    }

    #[test]
    fn a_container_between_two_runs_leaves_its_pod_running() {
        let report = Report {
            state: State::Waiting {
                reason: "CrashLoopBackOff".into(),
                message: "back-off".into(),
            },
            last: Some(ended(1)),
            restarts: 2,
            container_id: "podium://1".into(),
        };
        let status = compose_one(report, false);
        assert_eq!(status["phase"], "Running");
        let container = &status["containerStatuses"][0];
        assert_eq!(container["state"]["waiting"]["reason"], "CrashLoopBackOff");
        assert_eq!(container["lastState"]["terminated"]["exitCode"], 1);
    }

    #[test]
    fn the_exit_code_decides_how_a_pod_ends() {
        for (code, phase, reason) in [(0, "Succeeded", "Completed"), (137, "Failed", "Error")] {
            let report = Report {
                state: State::Terminated(ended(code)),
                ..Report::creating()
            };
            let status = compose_one(report, true);
            assert_eq!(status["phase"], phase);
            let state = &status["containerStatuses"][0]["state"]["terminated"];
            assert_eq!(state["reason"], reason);
        }
    }
}
