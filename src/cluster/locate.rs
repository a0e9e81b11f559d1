//! Where the demo's Redis is, found through the cluster: the Service's ready endpoint and the Secret's password.

use super::{Cluster, ClusterError};
use k8s_openapi::api::core::v1::{Endpoints, Secret};
use kube::api::Api;

/// The Service and the Secret of the demo's Redis.
const REDIS: &str = "redis";

impl Cluster {
    /// The URL of the Redis behind Service `redis` in `namespace`, password included.
    ///
    /// # Errors
    /// [`ClusterError::NoRedis`] when it is not deployed, not ready, or (on a cluster elsewhere) not reachable from
    /// here; other [`ClusterError`]s when the cluster does not answer.
    pub async fn redis_url(&self, namespace: &str) -> Result<String, ClusterError> {
        let endpoints: Api<Endpoints> = Api::namespaced(self.client.clone(), namespace);
        let endpoints = endpoints
            .get_opt(REDIS)
            .await
            .map_err(|error| self.error("find Redis", error))?;
        let Some(endpoints) = endpoints else {
            return Err(ClusterError::NoRedis(format!(
                "the queue demo is not deployed (no Service `{REDIS}` in namespace {namespace}): press Deploy, or run `podium deploy-queue-demo`"
            )));
        };
        let subsets = endpoints.subsets.unwrap_or_default();
        let ready = subsets.iter().find_map(|subset| {
            let address = subset.addresses.as_ref()?.first()?;
            let port = subset.ports.as_ref()?.first()?;
            Some((address.ip.clone(), port.port))
        });
        let Some((ip, port)) = ready else {
            return Err(ClusterError::NoRedis(
                "Redis is starting: no ready pod behind Service `redis` yet".to_owned(),
            ));
        };
        let password = self.redis_password(namespace).await?;
        // With its name: `redis-cli -u` takes an empty user name for a user of that name.
        let credentials =
            password.map_or_else(String::new, |password| format!("default:{password}@"));
        Ok(format!("redis://{credentials}{ip}:{port}"))
    }

    async fn redis_password(&self, namespace: &str) -> Result<Option<String>, ClusterError> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let secret = secrets
            .get_opt(REDIS)
            .await
            .map_err(|error| self.error("read Secret redis", error))?;
        Ok(secret
            .and_then(|secret| secret.data)
            .and_then(|mut data| data.remove("password"))
            .and_then(|password| String::from_utf8(password.0).ok()))
    }
}
