//! The external metric as the metrics API reports it: the same request the HPA makes.

use super::{Cluster, ClusterError};
use serde_json::Value;

/// Which metric of which ScaledObject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalMetric {
    /// The ScaledObject's namespace.
    pub namespace: String,
    /// The metric, as `s0-redis-keda-demo-queue`.
    pub metric: String,
    /// The ScaledObject.
    pub scaled_object: String,
}

impl ExternalMetric {
    /// The request's path, as `kubectl get --raw` takes it.
    #[must_use]
    pub fn path(&self) -> String {
        format!(
            "/apis/external.metrics.k8s.io/v1beta1/namespaces/{}/{}?labelSelector=scaledobject.keda.sh%2Fname%3D{}",
            self.namespace, self.metric, self.scaled_object
        )
    }
}

impl Cluster {
    /// The metric's value in its own unit (for a queue: jobs), summed over items as the HPA does.
    ///
    /// # Errors
    /// [`ClusterError`], with the API's own words.
    pub async fn external_metric(&self, metric: &ExternalMetric) -> Result<f64, ClusterError> {
        let doing = format!("read external metric {}", metric.metric);
        let refused = |message: &str| ClusterError::Refused {
            doing: doing.clone(),
            code: 0,
            message: message.to_owned(),
        };
        let request = axum::http::Request::get(metric.path())
            .body(Vec::new())
            .map_err(|error| refused(&error.to_string()))?;
        let list: Value = self
            .observing
            .request(request)
            .await
            .map_err(|error| self.error(&doing, error))?;
        let items = list["items"].as_array().map_or(&[][..], Vec::as_slice);
        if items.is_empty() {
            return Err(refused("no metrics returned from external metrics API"));
        }
        items
            .iter()
            .map(|item| {
                item["value"]
                    .as_str()
                    .and_then(quantity)
                    .ok_or_else(|| refused(&format!("value {} is not a quantity", item["value"])))
            })
            .sum()
    }
}

/// A Kubernetes quantity as the metrics API writes it: decimal, with `n`, `u`, `m`, `k`, `M`, `G` or no suffix.
pub(super) fn quantity(text: &str) -> Option<f64> {
    let (number, scale) = match text.char_indices().last()? {
        (end, 'n') => (&text[..end], 1e-9),
        (end, 'u') => (&text[..end], 1e-6),
        (end, 'm') => (&text[..end], 0.001),
        (end, 'k') => (&text[..end], 1e3),
        (end, 'M') => (&text[..end], 1e6),
        (end, 'G') => (&text[..end], 1e9),
        _ => (text, 1.0),
    };
    number.parse::<f64>().ok().map(|value| value * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_with_their_suffixes() {
        assert_eq!(quantity("4812"), Some(4812.0));
        assert_eq!(quantity("5k"), Some(5000.0));
        assert_eq!(quantity("1500m"), Some(1.5));
        assert_eq!(quantity("2500000u"), Some(2.5));
        assert_eq!(quantity("many"), None);
    }
}
