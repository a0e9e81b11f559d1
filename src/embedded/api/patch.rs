//! The formats of a PATCH that are no apply: JSON patch, JSON merge patch, strategic merge patch.

use super::error::ApiError;
use super::operations;
use super::request::{self, Target};
use super::schema::Place;
use super::strategic;
use serde_json::Value;

/// The media types of a PATCH.
const PATCH_TYPES: &str = "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml";

/// The same for custom resources.
const CUSTOM_PATCH_TYPES: &str =
    "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";

/// The media type of a server-side apply.
pub(super) const APPLY: &str = "application/apply-patch+yaml";

/// Reads a patch that is not an applied configuration. Only types that the server was built with merge strategically.
pub(super) fn read(target: &Target, media_type: &str, body: &[u8]) -> Result<Value, ApiError> {
    let custom = target.kind.is_custom();
    match media_type {
        "application/merge-patch+json" | "application/json-patch+json" => {}
        "application/strategic-merge-patch+json" if !custom => {}
        _ if custom => return Err(ApiError::UnsupportedMediaType(CUSTOM_PATCH_TYPES)),
        _ => return Err(ApiError::UnsupportedMediaType(PATCH_TYPES)),
    }
    let patch = request::parse_json(body)
        .map_err(|why| ApiError::BadRequest(format!("error decoding patch: {why}")))?;
    if media_type != "application/json-patch+json" && !patch.is_object() {
        return Err(ApiError::BadRequest(
            "error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}"
                .to_owned(),
        ));
    }
    Ok(patch)
}

/// Merges `patch`, of a type that [`read`] let pass, into `object`.
pub(super) fn merge(
    target: &Target,
    media_type: &str,
    object: &mut Value,
    patch: &Value,
) -> Result<(), ApiError> {
    match media_type {
        "application/json-patch+json" => return operations::apply(object, patch),
        "application/strategic-merge-patch+json" => {
            strategic::merge(object, patch, &Place::top(target.kind.group));
        }
        _ => json_patch::merge(object, patch),
    }
    Ok(())
}
