//! Label selectors: which objects a ReplicaSet or a Service means.

use serde_json::Value;

/// Whether `labels` carry every pair of `wanted` (a Service's selector, a `matchLabels`). An empty one matches nothing
/// here: a Service without selector has no pods of its own.
pub(super) fn matches_pairs(wanted: &Value, labels: &Value) -> bool {
    wanted.as_object().is_some_and(|pairs| {
        !pairs.is_empty() && pairs.iter().all(|(key, value)| labels[key] == *value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_pair_must_match_and_none_matches_nothing() {
        let labels = json!({"app": "redis", "tier": "data"});
        assert!(matches_pairs(&json!({"app": "redis"}), &labels));
        assert!(!matches_pairs(
            &json!({"app": "redis", "tier": "web"}),
            &labels
        ));
        assert!(!matches_pairs(&json!({}), &labels));
        assert!(!matches_pairs(&Value::Null, &labels));
    }
}
