//! Reviews: questions about oneself, answered at once and stored nowhere. Whoever has the token may do everything.

use super::error::ApiError;
use serde_json::{Value, json};

/// Answers the review of kind `plural` in `group`, or says that there is no such thing.
pub(super) fn answer(group: &str, plural: &str, mut review: Value) -> Result<Value, ApiError> {
    let status = match (group, plural) {
        ("authorization.k8s.io", "selfsubjectaccessreviews") => json!({"allowed": true}),
        ("authorization.k8s.io", "selfsubjectrulesreviews") => json!({
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": false,
        }),
        ("authentication.k8s.io", "selfsubjectreviews") => json!({
            "userInfo": {"username": "podium", "groups": ["system:masters", "system:authenticated"]},
        }),
        _ => return Err(ApiError::NoSuchResource),
    };
    if !review.is_object() {
        return Err(ApiError::BadRequest("the body must be a review".to_owned()));
    }
    review["status"] = status;
    Ok(review)
}
