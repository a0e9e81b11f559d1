//! The life of one pod on the node, from its assignment to its removal.

use super::container::Container;
use super::status::{self, Report, Situation, State, Termination};
use super::{Kubelet, PORT_ANNOTATION, StopOrder, pod_key};
use crate::embedded::store::{self, Object, StoreError};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Runs `pod` until its containers have ended and its deletion, if ordered, is done.
pub(super) async fn run(kubelet: Arc<Kubelet>, pod: Object, mut stop: StopOrder) {
    let mut life = Life::new(kubelet, pod);
    life.allot_ports();
    life.write_status(Stage::Starting);
    let cold_start = life.kubelet.cold_start.of(store::uid(&life.pod));
    let warm = tokio::select! {
        () = sleep(cold_start) => true,
        _ = stop.wait_for(Option::is_some) => false,
    };
    if warm {
        life.run_containers(&stop).await;
    }
    life.release_ports();
    life.write_status(Stage::Finished);
    // A finished pod stays until somebody deletes it. Without the sender the node is gone, and everything with it.
    let _ = stop.wait_for(Option::is_some).await;
    life.remove();
}

/// How far the pod is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Before its first process.
    Starting,
    /// With processes, or between two runs of them.
    Running,
    /// Every container has ended for good.
    Finished,
}

struct Life {
    kubelet: Arc<Kubelet>,
    pod: Object,
    reports: Vec<Report>,
    /// Container port → actual port, for each container.
    ports: Vec<BTreeMap<u16, u16>>,
    started: String,
}

impl Life {
    fn new(kubelet: Arc<Kubelet>, pod: Object) -> Self {
        let containers = status::container_names(&pod).len();
        Self {
            started: kubelet.store.timestamp(),
            kubelet,
            pod,
            reports: vec![Report::creating(); containers],
            ports: vec![BTreeMap::new(); containers],
        }
    }

    /// Gives every container port of a broker an actual port, and publishes them where Endpoints look. Podium's own
    /// programs listen where their arguments say, so theirs are what the spec says.
    fn allot_ports(&mut self) {
        let mut published = Vec::new();
        for (container, ports) in self.pod["spec"]["containers"]
            .as_array()
            .into_iter()
            .flatten()
            .zip(&mut self.ports)
        {
            let image = container["image"].as_str().unwrap_or_default();
            if super::image::program(image) != Ok(super::image::Program::Broker) {
                continue;
            }
            let wanted = container["ports"].as_array().into_iter().flatten();
            for port in wanted.filter_map(|port| port["containerPort"].as_u64()) {
                let Ok(port) = u16::try_from(port) else {
                    continue;
                };
                match self.kubelet.ports.take(port) {
                    Ok(actual) => {
                        ports.insert(port, actual);
                        published.push((port, actual));
                    }
                    Err(error) => tracing::error!(%error, "no free port for a container"),
                }
            }
        }
        if published.is_empty() {
            return;
        }
        // Deleted in the meantime: the order to stop is on its way.
        let _ = self.kubelet.store.modify(&pod_key(&self.pod), None, |pod| {
            for (port, actual) in published {
                pod["metadata"]["annotations"][format!("{PORT_ANNOTATION}{port}")] =
                    json!(actual.to_string());
            }
            Ok(())
        });
    }

    fn release_ports(&self) {
        let taken = self.ports.iter().flat_map(|ports| ports.values().copied());
        self.kubelet.ports.release(taken);
    }

    /// Runs all containers to their end and reports on them meanwhile.
    async fn run_containers(&mut self, stop: &StopOrder) {
        let (reports, mut inbox) = mpsc::unbounded_channel();
        let mut containers = JoinSet::new();
        for (index, ports) in self.ports.iter().enumerate() {
            let container = Container {
                kubelet: Arc::clone(&self.kubelet),
                pod: Arc::clone(&self.pod),
                index,
                ports: ports.clone(),
                stop: stop.clone(),
                reports: reports.clone(),
            };
            containers.spawn(container.run());
        }
        // The containers hold the remaining senders: the inbox ends with the last of them.
        drop(reports);
        while let Some((index, report)) = inbox.recv().await {
            self.reports[index] = report;
            self.write_status(Stage::Running);
        }
        while containers.join_next().await.is_some() {}
    }

    fn write_status(&mut self, stage: Stage) {
        if stage == Stage::Finished {
            self.close_reports();
        }
        let now = self.kubelet.store.timestamp();
        let uid = store::uid(&self.pod).to_owned();
        let situation = Situation {
            reports: &self.reports,
            started: &self.started,
            has_address: stage != Stage::Starting,
            finished: stage == Stage::Finished,
            now: &now,
        };
        // A pod that was deleted by force, or replaced by a namesake, has no status to write.
        let _ = self.kubelet.store.modify(&pod_key(&self.pod), None, |pod| {
            if store::uid(pod) != uid {
                return Err(StoreError::Rejected("another pod of that name".to_owned()));
            }
            pod["status"] = status::compose(pod, &situation);
            Ok(())
        });
    }

    /// A container that was stopped while it waited never ran to an end of its own; it is reported like one that was
    /// killed, which is what the kubelet reports for a container it never saw start.
    fn close_reports(&mut self) {
        let now = self.kubelet.store.timestamp();
        for report in &mut self.reports {
            if matches!(report.state, State::Terminated(_)) {
                continue;
            }
            report.state = State::Terminated(report.last.take().unwrap_or_else(|| Termination {
                exit_code: 137,
                started: now.clone(),
                finished: now.clone(),
                container_id: report.container_id.clone(),
            }));
        }
    }

    /// The kubelet's last word: the pod's object and its logs go.
    fn remove(&self) {
        let uid = store::uid(&self.pod);
        self.kubelet.store.remove(&pod_key(&self.pod), uid);
        self.kubelet.logs.forget(uid);
    }
}
