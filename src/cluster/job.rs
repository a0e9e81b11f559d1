//! A Job from its creation to its end: its pod's start, what the pod prints, how it went. All by watches.

use super::apply::Manifest;
use super::{Cluster, ClusterError};
use futures::{AsyncBufReadExt as _, StreamExt as _};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerState, Pod};
use kube::api::{Api, ListParams, LogParams};
use kube::runtime::{WatchStreamExt as _, watcher};

/// What happens to a Job on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News<'a> {
    /// Its pod does not run yet, and why.
    Waiting(&'a str),
    /// Its pod printed a line.
    Line(&'a str),
}

/// How a Job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// Its pod did what it should.
    Complete,
    /// It did not: in the cluster's words.
    Failed(String),
}

/// Reasons for which a container waits and that do not pass by themselves.
const HOPELESS: [&str; 5] = [
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "InvalidImageName",
];

/// How far a pod is.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Waiting(String),
    Hopeless(String),
    /// It runs, or has run.
    Started,
}

impl Cluster {
    /// Follows the Job of `manifest`, which is there already, until it has ended, and tells `news` of what it prints.
    /// The caller sets the time limit.
    ///
    /// # Errors
    /// [`ClusterError`] when the cluster does not let us look, or the Job is taken away meanwhile.
    pub async fn job_ended(
        &self,
        manifest: &Manifest,
        mut news: impl FnMut(News<'_>),
    ) -> Result<JobEnd, ClusterError> {
        let namespace = manifest.namespace().unwrap_or("default");
        let name = manifest.name();
        // A Job may end without ever having a pod: a quota, a deadline. Or its pod was so quick that the Job's end is
        // seen first.
        let (started, ended) = tokio::select! {
            started = self.job_started(namespace, name, &mut news) => (Some(started?), None),
            ended = self.job_condition(namespace, name) => (None, Some(ended?)),
        };
        let pod = match started {
            Some(Err(hopeless)) => return Ok(JobEnd::Failed(hopeless)),
            Some(Ok(pod)) => Some(pod),
            None => self.job_pod(namespace, name).await?,
        };
        if let Some(pod) = pod {
            self.print(namespace, &pod, &mut news).await?;
        }
        match ended {
            Some(ended) => Ok(ended),
            None => self.job_condition(namespace, name).await,
        }
    }

    /// The name of the pod of a Job that has ended, if it had one that ran.
    async fn job_pod(&self, namespace: &str, name: &str) -> Result<Option<String>, ClusterError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let selected = ListParams::default().labels(&pods_of(name));
        let found = pods.list(&selected).await;
        let found =
            found.map_err(|error| self.error(&format!("find the pod of job/{name}"), error))?;
        let ran = found
            .items
            .into_iter()
            .find(|pod| stage(pod) == Stage::Started);
        Ok(ran.and_then(|pod| pod.metadata.name))
    }

    /// The name of the Job's pod once it runs, or why it never will.
    async fn job_started(
        &self,
        namespace: &str,
        name: &str,
        news: &mut impl FnMut(News<'_>),
    ) -> Result<Result<String, String>, ClusterError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let selected = watcher::Config::default().labels(&pods_of(name));
        let mut changes =
            std::pin::pin!(watcher(pods, selected).default_backoff().applied_objects());
        let mut told = String::new();
        while let Some(change) = changes.next().await {
            let pod = match change {
                Ok(pod) => pod,
                // The watcher keeps trying, but for what trying does not help.
                Err(error) => match self.refusal(&format!("follow the pod of job/{name}"), error) {
                    Some(refused) => return Err(refused),
                    None => continue,
                },
            };
            let reason = match stage(&pod) {
                Stage::Started => return Ok(Ok(pod.metadata.name.unwrap_or_default())),
                Stage::Hopeless(reason) => return Ok(Err(reason)),
                Stage::Waiting(reason) => reason,
            };
            if reason != told {
                news(News::Waiting(&reason));
                told = reason;
            }
        }
        Err(gone(name))
    }

    async fn print(
        &self,
        namespace: &str,
        pod: &str,
        news: &mut impl FnMut(News<'_>),
    ) -> Result<(), ClusterError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let parameters = LogParams {
            follow: true,
            ..LogParams::default()
        };
        let log = pods.log_stream(pod, &parameters).await;
        let log =
            log.map_err(|error| self.error(&format!("follow the log of pod/{pod}"), error))?;
        let mut lines = std::pin::pin!(log.lines());
        // A log that breaks off is no end: the Job itself tells how it went.
        while let Some(Ok(line)) = lines.next().await {
            news(News::Line(&line));
        }
        Ok(())
    }

    async fn job_condition(&self, namespace: &str, name: &str) -> Result<JobEnd, ClusterError> {
        let jobs: Api<Job> = Api::namespaced(self.client.clone(), namespace);
        let mut changes = std::pin::pin!(watcher::watch_object(jobs, name).default_backoff());
        while let Some(change) = changes.next().await {
            match change {
                Ok(Some(job)) => {
                    if let Some(end) = end_of(&job) {
                        return Ok(end);
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    if let Some(refused) = self.refusal(&format!("follow job/{name}"), error) {
                        return Err(refused);
                    }
                }
            }
        }
        Err(gone(name))
    }
}

/// What selects a Job's pods.
fn pods_of(job: &str) -> String {
    format!("batch.kubernetes.io/job-name={job}")
}

fn gone(name: &str) -> ClusterError {
    ClusterError::Refused {
        doing: format!("wait for job/{name}"),
        code: 404,
        message: "it was deleted while we waited".to_owned(),
    }
}

fn stage(pod: &Pod) -> Stage {
    let status = pod.status.clone().unwrap_or_default();
    let Some(container) = status.container_statuses.unwrap_or_default().pop() else {
        let conditions = status.conditions.unwrap_or_default();
        let unscheduled = conditions
            .into_iter()
            .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
        let message = unscheduled.and_then(|condition| condition.message);
        return Stage::Waiting(message.unwrap_or_else(|| "its pod is being scheduled".to_owned()));
    };
    match container.state {
        Some(ContainerState {
            waiting: Some(waiting),
            ..
        }) => {
            let reason = waiting.reason.unwrap_or_default();
            let told = match waiting.message {
                Some(message) => format!("{reason}: {message}"),
                None => reason.clone(),
            };
            if HOPELESS.contains(&reason.as_str()) {
                Stage::Hopeless(told)
            } else {
                Stage::Waiting(told)
            }
        }
        Some(_) => Stage::Started,
        None => Stage::Waiting("its pod is being started".to_owned()),
    }
}

fn end_of(job: &Job) -> Option<JobEnd> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let mut holding = conditions
        .iter()
        .filter(|condition| condition.status == "True");
    holding.find_map(|condition| match condition.type_.as_str() {
        "Complete" => Some(JobEnd::Complete),
        "Failed" => {
            let message = condition.message.clone();
            Some(JobEnd::Failed(
                message.unwrap_or_else(|| "it failed".to_owned()),
            ))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn at(status: &Value) -> Stage {
        stage(&serde_json::from_value(json!({"metadata": {}, "status": status})).unwrap())
    }

    fn container(state: &Value) -> Value {
        json!({"containerStatuses": [{
            "name": "a", "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": state,
        }]})
    }

    #[test]
    fn a_pod_that_never_runs_is_told_from_one_that_will() {
        let waiting =
            |reason: &str| container(&json!({"waiting": {"reason": reason, "message": "m"}}));
        assert_eq!(
            at(&waiting("ErrImagePull")),
            Stage::Hopeless("ErrImagePull: m".to_owned())
        );
        assert_eq!(
            at(&waiting("ContainerCreating")),
            Stage::Waiting("ContainerCreating: m".to_owned())
        );
        assert_eq!(at(&container(&json!({"running": {}}))), Stage::Started);
        assert_eq!(
            at(&container(&json!({"terminated": {"exitCode": 1}}))),
            Stage::Started
        );
        let unscheduled = json!({"conditions": [
            {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"},
        ]});
        assert_eq!(
            at(&unscheduled),
            Stage::Waiting("0/1 nodes are available".to_owned())
        );
    }
}
