//! The producer as a Kubernetes Job: the jobs are put on the queue from inside the cluster.
//!
//! Where the queue is, and what opens it, the Job has from the workers' Deployment: the same image, the same environment.
//! So it works wherever the workers do, on a Redis that this machine cannot reach too. A pod is not started twice
//! (`backoffLimit: 0`), since a second one would put the jobs there again; the Job goes by itself after ten minutes.

pub use crate::cluster::job::News;

use super::action::Ending;
use super::demo::{DemoError, random_key};
use super::names;
use crate::cluster::apply::Manifest;
use crate::cluster::job::JobEnd;
use crate::cluster::{Cluster, ClusterError};
use crate::queue::enqueue::EnqueueRequest;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a Job that has ended is kept, for who wants to read its log.
const KEPT_SECONDS: u32 = 600;
/// How long the deletion of a Job may take when the producer is told to stop.
const DELETION_LIMIT: Duration = Duration::from_secs(10);
/// By which of its variables the container is told that works on the queue.
const QUEUE_VARIABLE: &str = "PODIUM_REDIS";
/// The variable that names a worker, which a producer is not.
const WORKER_VARIABLE: &str = "PODIUM_WORKER";

/// Why the Job did not put the jobs there.
#[derive(Debug, thiserror::Error)]
pub enum ProducerError {
    /// The cluster refused or does not answer.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The API server took a request and said nothing.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// There are no workers to take image and environment from.
    #[error(
        "there is no Deployment `{worker}` with a container that has {QUEUE_VARIABLE} in namespace {namespace}, whose image and queue the Job would use; deploy the demo first: podium deploy-queue-demo"
    )]
    NoWorker {
        /// The workers' Deployment.
        worker: String,
        /// Its namespace.
        namespace: String,
    },
    /// The Job ended without success.
    #[error(
        "job/{name} failed ({reason}); read `kubectl logs -n {namespace} job/{name}` and `kubectl describe job -n {namespace} {name}`"
    )]
    Failed {
        /// The Job.
        name: String,
        /// Its namespace.
        namespace: String,
        /// The cluster's words.
        reason: String,
    },
}

/// Creates the Job in `namespace` and follows it to its end; `stop` deletes it. What it prints and what it waits for goes
/// to `news`.
///
/// # Errors
/// [`ProducerError`]. What was enqueued before it stays and is counted.
pub async fn run(
    cluster: &Cluster,
    namespace: &str,
    request: &EnqueueRequest,
    stop: &CancellationToken,
    news: impl FnMut(News<'_>),
) -> Result<Ending, ProducerError> {
    let name = format!("enqueue-{}", &random_key()[..8]);
    let job = manifest(
        &name,
        namespace,
        &worker(cluster, namespace).await?,
        request,
    );
    if !cluster.create(&job).await? {
        return Err(ProducerError::Failed {
            name,
            namespace: namespace.to_owned(),
            reason: "there is another Job of this name".to_owned(),
        });
    }
    let ended = tokio::select! {
        ended = cluster.job_ended(&job, news) => ended?,
        () = stop.cancelled() => {
            return Ok(Ending::Stopped(deleted(cluster, &job).await));
        }
    };
    match ended {
        JobEnd::Complete => Ok(Ending::Done(format!("job/{name} is complete"))),
        JobEnd::Failed(reason) => {
            let namespace = namespace.to_owned();
            Err(ProducerError::Failed {
                name,
                namespace,
                reason,
            })
        }
    }
}

async fn deleted(cluster: &Cluster, job: &Manifest) -> String {
    let (title, namespace) = (job.title(), job.namespace().unwrap_or_default());
    match timeout(DELETION_LIMIT, cluster.delete(job)).await {
        Ok(Ok(_)) => format!("{title} was deleted; what it had enqueued stays"),
        Ok(Err(_)) | Err(_) => format!(
            "{title} may still run, for its deletion failed; try `kubectl delete -n {namespace} {title}`"
        ),
    }
}

/// The workers' container, as the cluster has it.
async fn worker(cluster: &Cluster, namespace: &str) -> Result<Value, ProducerError> {
    let worker = names(namespace).worker;
    let deployment = Manifest::from_object(json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": worker, "namespace": namespace},
    }));
    let found = cluster.get(&deployment).await?.unwrap_or_default();
    let containers = found.pointer("/spec/template/spec/containers");
    let works = |container: &&Value| {
        let variables = container["env"].as_array().into_iter().flatten();
        variables
            .into_iter()
            .any(|variable| variable["name"] == QUEUE_VARIABLE)
    };
    let containers = containers.and_then(Value::as_array).into_iter().flatten();
    let container = containers.into_iter().find(works).cloned();
    container.ok_or_else(|| ProducerError::NoWorker {
        worker,
        namespace: namespace.to_owned(),
    })
}

fn manifest(name: &str, namespace: &str, worker: &Value, request: &EnqueueRequest) -> Manifest {
    let mut environment = worker["env"].clone();
    if let Some(variables) = environment.as_array_mut() {
        variables.retain(|variable| variable["name"] != WORKER_VARIABLE);
    }
    let container = json!({
        "name": "producer",
        "image": worker["image"],
        "imagePullPolicy": worker["imagePullPolicy"],
        "args": [
            "enqueue",
            // A prefix may begin with a dash.
            "--",
            request.count.value().to_string(),
            request.prefix.as_str(),
            request.delay.value().to_string(),
        ],
        "env": environment,
        "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        },
    });
    let labels = json!({
        "app.kubernetes.io/name": "queue-producer",
        "app.kubernetes.io/part-of": "queue-demo",
    });
    Manifest::from_object(json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": false,
                    "securityContext": {
                        "runAsNonRoot": true,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [container],
                },
            },
        },
    }))
}
