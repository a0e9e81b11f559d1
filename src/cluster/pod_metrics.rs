//! What pods use of CPU, as metrics-server measured it: the numbers of `kubectl top pods`.
//!
//! `metrics.k8s.io` is an API that a cluster may have or not, and that we may read or not; neither is an error here. It
//! knows no watch.

use super::metrics_api::quantity;
use super::{Cluster, ClusterError};
use serde_json::Value;
use std::collections::BTreeMap;

/// CPU by pod, in thousandths of a core, averaged over the window of the measurement. A pod that has not been measured
/// yet is not in it.
pub type PodCpu = BTreeMap<String, f64>;

/// Where the metrics of a namespace's pods are, as `kubectl get --raw` takes it.
#[must_use]
pub fn path(namespace: &str) -> String {
    format!("/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods")
}

impl Cluster {
    /// What the pods of a namespace use; `None` when the cluster has no such API, or does not let us read it.
    ///
    /// # Errors
    /// [`ClusterError`]; `Refused` with 503 when metrics-server is registered and does not answer.
    pub async fn pod_cpu(&self, namespace: &str) -> Result<Option<PodCpu>, ClusterError> {
        match self.ask(&path(namespace)).await {
            Ok(list) => Ok(Some(read(&list))),
            Err(error) if matches!(error.code(), Some(403 | 404)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn read(list: &Value) -> PodCpu {
    let items = list["items"].as_array();
    items
        .into_iter()
        .flatten()
        .filter_map(|pod| Some((pod["metadata"]["name"].as_str()?.to_owned(), cpu(pod)?)))
        .collect()
}

/// The sum over a pod's containers; `None` when there is one whose quantity cannot be read.
fn cpu(pod: &Value) -> Option<f64> {
    let containers = pod["containers"].as_array()?;
    let cores = containers
        .iter()
        .map(|container| container["usage"]["cpu"].as_str().and_then(quantity));
    Some(cores.sum::<Option<f64>>()? * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_uses_what_its_containers_use() {
        let container = |cpu: &str| json!({"name": "c", "usage": {"cpu": cpu, "memory": "9Ki"}});
        let list = json!({"items": [
            {"metadata": {"name": "a"}, "containers": [container("250m"), container("1500000000n")]},
            {"metadata": {"name": "b"}, "containers": [container("0")]},
            {"metadata": {"name": "c"}, "containers": [container("2"), container("?")]},
        ]});
        let expected = [("a".to_owned(), 1_750.0), ("b".to_owned(), 0.0)];
        assert_eq!(read(&list), PodCpu::from(expected));
        assert_eq!(read(&json!({"items": null})), PodCpu::new());
    }
}
