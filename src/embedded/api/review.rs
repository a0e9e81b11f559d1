//! Reviews: questions about rights, one's own or somebody's, answered at once by [`rbac`] and stored nowhere.

use super::attributes::Attributes;
use super::error::ApiError;
use super::identity::User;
use super::rbac::{self, Decision};
use crate::embedded::store::Store;
use serde_json::{Value, json};

/// Answers the review of kind `plural` in `group` that `user` sent, or says that there is no such thing.
pub(super) fn answer(
    store: &Store,
    user: &User,
    group: &str,
    plural: &str,
    mut review: Value,
) -> Result<Value, ApiError> {
    if !review.is_object() {
        return Err(ApiError::BadRequest("the body must be a review".to_owned()));
    }
    let spec = &review["spec"];
    let status = match (group, plural) {
        ("authorization.k8s.io", "selfsubjectaccessreviews") => access(store, user, spec)?,
        ("authorization.k8s.io", "subjectaccessreviews") => access(store, &subject(spec)?, spec)?,
        ("authorization.k8s.io", "selfsubjectrulesreviews") => rules(store, user, spec)?,
        ("authentication.k8s.io", "selfsubjectreviews") => json!({"userInfo": user_info(user)}),
        _ => return Err(ApiError::NoSuchResource),
    };
    review["status"] = status;
    Ok(review)
}

fn access(store: &Store, user: &User, spec: &Value) -> Result<Value, ApiError> {
    let asked = Attributes::asked(spec).ok_or_else(|| {
        ApiError::BadRequest(
            "exactly one of spec.resourceAttributes and spec.nonResourceAttributes must be specified"
                .to_owned(),
        )
    })?;
    let (allowed, reason) = match rbac::decide(store, user, &asked) {
        Decision::Allowed(reason) => (true, reason),
        Decision::NotAllowed(reason) => (false, reason),
    };
    let mut status = json!({"allowed": allowed});
    if !reason.is_empty() {
        status["reason"] = json!(reason);
    }
    Ok(status)
}

/// Whom a SubjectAccessReview is about; the groups are those it names and no others.
fn subject(spec: &Value) -> Result<User, ApiError> {
    let groups: Vec<String> = spec["groups"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|group| group.as_str().map(str::to_owned))
        .collect();
    let name = spec["user"].as_str().unwrap_or_default().to_owned();
    if name.is_empty() && groups.is_empty() {
        return Err(ApiError::BadRequest(
            "at least one of spec.user and spec.groups must be specified".to_owned(),
        ));
    }
    Ok(User {
        name,
        uid: String::new(),
        groups,
    })
}

fn rules(store: &Store, user: &User, spec: &Value) -> Result<Value, ApiError> {
    let namespace = spec["namespace"].as_str().unwrap_or_default();
    if namespace.is_empty() {
        return Err(ApiError::BadRequest("no namespace on request".to_owned()));
    }
    let (paths, resources): (Vec<Value>, Vec<Value>) = rbac::rules(store, user, namespace)
        .into_iter()
        .partition(|rule| rule["nonResourceURLs"].is_array());
    Ok(json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false}))
}

fn user_info(user: &User) -> Value {
    let mut info = json!({"username": user.name, "groups": user.groups});
    if !user.uid.is_empty() {
        info["uid"] = json!(user.uid);
    }
    info
}
