//! Label selectors: which objects a ReplicaSet or a Service means.

use serde_json::Value;

/// Whether `labels` carry every pair of `wanted` (a Service's selector, a `matchLabels`). An empty one matches nothing
/// here: a Service without selector has no pods of its own.
pub(super) fn matches_pairs(wanted: &Value, labels: &Value) -> bool {
    wanted.as_object().is_some_and(|pairs| {
        !pairs.is_empty() && pairs.iter().all(|(key, value)| labels[key] == *value)
    })
}

/// Whether `labels` meet a `LabelSelector`: all its `matchLabels` and all its `matchExpressions`. An empty one matches
/// nothing: the API refuses it for a workload, which would otherwise own every pod there is.
pub(super) fn matches(selector: &Value, labels: &Value) -> bool {
    let pairs = &selector["matchLabels"];
    let expressions = selector["matchExpressions"].as_array();
    let has_pairs = pairs.as_object().is_some_and(|pairs| !pairs.is_empty());
    let has_expressions = expressions.is_some_and(|list| !list.is_empty());
    (has_pairs || has_expressions)
        && (!has_pairs || matches_pairs(pairs, labels))
        && expressions
            .into_iter()
            .flatten()
            .all(|expression| meets(expression, labels))
}

fn meets(expression: &Value, labels: &Value) -> bool {
    let value = &labels[expression["key"].as_str().unwrap_or_default()];
    let listed = expression["values"]
        .as_array()
        .is_some_and(|values| values.contains(value));
    match expression["operator"].as_str() {
        Some("In") => listed,
        Some("NotIn") => !listed,
        Some("Exists") => value.is_string(),
        Some("DoesNotExist") => value.is_null(),
        _ => false,
    }
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

    #[test]
    fn expressions_and_pairs_must_all_hold() {
        let labels = json!({"app": "redis", "tier": "data"});
        let expression = |operator: &str| {
            json!({
                "matchLabels": {"app": "redis"},
                "matchExpressions": [{"key": "tier", "operator": operator, "values": ["data"]}],
            })
        };
        for (operator, holds) in [
            ("In", true),
            ("NotIn", false),
            ("Exists", true),
            ("DoesNotExist", false),
        ] {
            assert_eq!(matches(&expression(operator), &labels), holds, "{operator}");
        }
        assert!(!matches(&json!({}), &labels));
    }
}
