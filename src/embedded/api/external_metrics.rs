//! `external.metrics.k8s.io/v1beta1`: what KEDA's metrics adapter serves to the HPA controller, and to anyone who asks
//! with `kubectl get --raw`. The value is read from Redis at the moment of the request.

use super::error::ApiError;
use crate::embedded::controllers::keda::ExternalMetrics;
use serde_json::{Value, json};

/// The API group.
pub(super) const GROUP: &str = "external.metrics.k8s.io";
/// Its version.
pub(super) const VERSION: &str = "v1beta1";

/// The label by which a request names its ScaledObject.
const OWNER_LABEL: &str = "scaledobject.keda.sh/name=";

/// `GET …/namespaces/{namespace}/{metric}?labelSelector=scaledobject.keda.sh/name=…`.
pub(super) async fn value(
    metrics: &ExternalMetrics,
    namespace: &str,
    metric: &str,
    label_selector: &str,
    timestamp: String,
) -> Result<Value, ApiError> {
    let scaled_object = label_selector
        .split(',')
        .find_map(|term| {
            term.trim()
                .replace("==", "=")
                .strip_prefix(OWNER_LABEL)
                .map(str::to_owned)
        })
        .ok_or_else(|| ApiError::Internal("scaledObject name is not specified".to_owned()))?;
    let milli = metrics
        .value(namespace, metric, &scaled_object)
        .await
        .map_err(ApiError::Internal)?;
    Ok(json!({
        "kind": "ExternalMetricValueList",
        "apiVersion": "external.metrics.k8s.io/v1beta1",
        "metadata": {},
        "items": [{
            "metricName": metric,
            "metricLabels": null,
            "timestamp": timestamp,
            "value": quantity(milli),
        }],
    }))
}

/// Thousandths as a canonical decimal quantity: 200000 → "200", 5000000 → "5k", 1500 → "1500m".
fn quantity(milli: i64) -> String {
    if milli % 1_000 != 0 {
        return format!("{milli}m");
    }
    let mut whole = milli / 1_000;
    let mut suffixes = ["", "k", "M", "G", "T"].into_iter();
    let mut suffix = suffixes.next().unwrap_or_default();
    while whole != 0 && whole % 1_000 == 0 {
        let Some(next) = suffixes.next() else { break };
        suffix = next;
        whole /= 1_000;
    }
    format!("{whole}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_canonical() {
        for (milli, text) in [
            (0, "0"),
            (200_000, "200"),
            (1_500_000, "1500"),
            (5_000_000, "5k"),
            (12_000_000, "12k"),
            (1_000_000_000, "1M"),
            (1_500, "1500m"),
            (66_666_667, "66666667m"),
        ] {
            assert_eq!(quantity(milli), text);
        }
    }
}
