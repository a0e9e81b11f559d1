//! `serviceaccounts/NAME/token`: how a service account gets a token, `kubectl create token` above all.

use super::error::{ApiError, Cause};
use super::identity::Identities;
use super::request::{self, Target};
use crate::embedded::store::Store;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

/// How long a token is good when the request does not say (the default of `spec.expirationSeconds`).
const DEFAULT_LIFE_S: i64 = 3_600;
/// The shortest life, from upstream's validation.
const SHORTEST_LIFE_S: i64 = 600;
/// The longest life, from upstream's validation.
const LONGEST_LIFE_S: i64 = 1 << 32;
/// Whom a token is for when the request does not say: the API server itself.
const AUDIENCE: &str = "https://kubernetes.default.svc.cluster.local";

/// Answers the TokenRequest in `review` with a token for the account that the path names.
pub(super) fn answer(
    store: &Store,
    identities: &Identities,
    target: &Target,
    mut review: Value,
) -> Result<Value, ApiError> {
    if !review.is_object() {
        return Err(ApiError::BadRequest(
            "the body must be a TokenRequest".to_owned(),
        ));
    }
    let mut named = json!({"metadata": review["metadata"]});
    request::fit_metadata(target, &mut named["metadata"])?;
    let life = review["spec"]["expirationSeconds"]
        .as_i64()
        .unwrap_or(DEFAULT_LIFE_S);
    if life < SHORTEST_LIFE_S {
        return Err(invalid(
            target,
            life,
            "may not specify a duration less than 10 minutes",
        ));
    }
    if life > LONGEST_LIFE_S {
        return Err(invalid(
            target,
            life,
            "may not specify a duration larger than 2^32 seconds",
        ));
    }
    let expires = store.clock().now_ms() + life * 1_000;
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let name = target.name.as_deref().unwrap_or_default();
    let token = identities.issue(store, namespace, name, expires)?;
    review["apiVersion"] = json!("authentication.k8s.io/v1");
    review["kind"] = json!("TokenRequest");
    review["metadata"] = json!({
        "name": name,
        "namespace": namespace,
        "creationTimestamp": store.timestamp(),
    });
    review["spec"]["expirationSeconds"] = json!(life);
    if review["spec"]["audiences"].is_null() {
        review["spec"]["audiences"] = json!([AUDIENCE]);
    }
    review["status"] = json!({"token": token, "expirationTimestamp": rfc3339(expires)});
    Ok(review)
}

fn rfc3339(ms: i64) -> String {
    Timestamp::from_millisecond(ms)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

fn invalid(target: &Target, life: i64, why: &str) -> ApiError {
    let name = target.name.as_deref().unwrap_or_default();
    ApiError::InvalidRequest {
        group: "authentication.k8s.io",
        kind: "TokenRequest",
        name: name.to_owned(),
        cause: Cause::invalid("spec.expirationSeconds", &json!(life), why),
    }
}
