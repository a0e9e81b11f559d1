//! Waiting: for a Deployment to be ready, for KEDA to take a ScaledObject on, for an object to be gone. Each by one watch,
//! with progress as it comes.

use super::apply::Manifest;
use super::{Cluster, ClusterError};
use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::Api;
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::Value;
use std::time::Duration;
use tokio::time::sleep;

/// How often who may not watch an object looks whether it is gone.
const LOOK: Duration = Duration::from_secs(1);

/// How far a Deployment's rollout is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rollout {
    /// Pods that are ready.
    pub ready: i32,
    /// Pods that are wanted.
    pub wanted: i32,
    /// Whether the controller has seen the newest spec and every wanted pod is of it and ready.
    pub complete: bool,
}

impl Cluster {
    /// Follows the rollout of a Deployment until it is complete, telling `progress` of every step. The caller sets the
    /// time limit.
    ///
    /// # Errors
    /// [`ClusterError::Refused`] when the Deployment vanishes meanwhile, or we may not look at it.
    pub async fn rolled_out(
        &self,
        namespace: &str,
        name: &str,
        mut progress: impl FnMut(Rollout),
    ) -> Result<(), ClusterError> {
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
        let mut changes =
            std::pin::pin!(watcher::watch_object(deployments, name).default_backoff());
        let doing = format!("wait for deployment/{name}");
        let mut seen = false;
        while let Some(change) = changes.next().await {
            match change {
                Ok(Some(deployment)) => {
                    seen = true;
                    let rollout = rollout(&deployment);
                    progress(rollout);
                    if rollout.complete {
                        return Ok(());
                    }
                }
                Ok(None) if seen => break,
                // Not there yet.
                Ok(None) => {}
                // The watcher keeps trying, but for what trying does not help.
                Err(error) => {
                    if let Some(refused) = self.refusal(&doing, error) {
                        return Err(refused);
                    }
                }
            }
        }
        Err(ClusterError::Refused {
            doing,
            code: 404,
            message: "it was deleted while we waited".to_owned(),
        })
    }

    /// Waits until KEDA says of a ScaledObject that it is ready: it has reached what the triggers measure, and there is an
    /// HPA. Tells what KEDA says meanwhile. The caller sets the time limit.
    ///
    /// # Errors
    /// [`ClusterError`] when the kind cannot be looked up, or we may not watch it.
    pub async fn taken_on(
        &self,
        manifest: &Manifest,
        mut told: impl FnMut(&str),
    ) -> Result<(), ClusterError> {
        let api = self.api_for(manifest).await?;
        let mut changes =
            std::pin::pin!(watcher::watch_object(api, manifest.name()).default_backoff());
        let doing = format!("wait for {}", manifest.title());
        while let Some(change) = changes.next().await {
            match change {
                Ok(Some(object)) => {
                    let conditions = object.data["status"]["conditions"].as_array();
                    let ready = |condition: &&Value| condition["type"] == "Ready";
                    let Some(ready) = conditions.into_iter().flatten().find(ready) else {
                        continue;
                    };
                    if ready["status"] == "True" {
                        break;
                    }
                    told(ready["message"].as_str().unwrap_or_default());
                }
                Ok(None) => {}
                Err(error) => {
                    if let Some(refused) = self.refusal(&doing, error) {
                        return Err(refused);
                    }
                }
            }
        }
        Ok(())
    }

    /// Waits until the object of `manifest` is gone. The caller sets the time limit. Who may not watch it looks every
    /// [`LOOK`], for which the right to get it is enough.
    ///
    /// # Errors
    /// [`ClusterError`] when the kind cannot be looked up, or the object not be looked at.
    pub async fn gone(&self, manifest: &Manifest) -> Result<(), ClusterError> {
        let api = match self.api_for(manifest).await {
            Ok(api) => api,
            Err(ClusterError::UnknownKind { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut changes =
            std::pin::pin!(watcher::watch_object(api, manifest.name()).default_backoff());
        let doing = format!("wait until {} is gone", manifest.title());
        while let Some(change) = changes.next().await {
            match change {
                Ok(None) => return Ok(()),
                Ok(Some(_)) => {}
                Err(error) => {
                    if self.refusal(&doing, error).is_some() {
                        break;
                    }
                }
            }
        }
        while self.get(manifest).await?.is_some() {
            sleep(LOOK).await;
        }
        Ok(())
    }
}

fn rollout(deployment: &Deployment) -> Rollout {
    let wanted = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.replicas)
        .unwrap_or(1);
    let status = deployment.status.clone().unwrap_or_default();
    let ready = status.ready_replicas.unwrap_or(0);
    let observed = status.observed_generation >= deployment.metadata.generation;
    Rollout {
        ready,
        wanted,
        complete: observed && ready >= wanted && status.updated_replicas.unwrap_or(0) >= wanted,
    }
}
