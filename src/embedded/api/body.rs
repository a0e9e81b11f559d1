//! The body of a request: within the API server's limit, and read as the object that it should be.
//!
//! A body comes as JSON, YAML or protobuf, as its `content-type` says. One that cannot be read is refused in the API
//! server's words, since `kubectl` shows them.

use super::error::ApiError;
use super::{Call, protobuf, request};
use axum::body::{Body, Bytes};
use bytes::BytesMut;
use futures::StreamExt;
use serde_json::Value;

/// The largest body, as the API server's limit (`MaxRequestBodyBytes`).
pub(super) const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// How much of a body that is too large is read before the connection is given up.
const DRAINED: usize = 32 * 1024 * 1024;

/// The body, if it is within the limit. One that is not is still read to its end, or for [`DRAINED`] bytes: a
/// connection that is closed on what the client is sending takes the answer away with it.
pub(super) async fn read(body: Body) -> Result<Bytes, ApiError> {
    let mut chunks = body.into_data_stream();
    let (mut read, mut length) = (BytesMut::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| ApiError::BadRequest(error.to_string()))?;
        length += chunk.len();
        if length <= BODY_LIMIT {
            read.extend_from_slice(&chunk);
        } else if length > DRAINED {
            break;
        }
    }
    if length > BODY_LIMIT {
        return Err(ApiError::TooLarge(BODY_LIMIT));
    }
    Ok(read.freeze())
}

/// The body of a request that should be an object of `kind`.
pub(super) fn object_of(call: &Call, kind: &str) -> Result<Value, ApiError> {
    let body = &call.body;
    match request::content_type(&call.headers) {
        "application/json" | "" => request::parse_json(body)
            .map_err(|why| request::unrecognized(kind, body, &format!("json parse error: {why}"))),
        "application/yaml" => request::parse_yaml(body)
            .map_err(|why| request::unrecognized(kind, body, &format!("yaml parse error: {why}"))),
        protobuf::MEDIA_TYPE => protobuf::decode(body),
        _ => Err(ApiError::UnsupportedMediaType(
            "application/json, application/yaml, application/vnd.kubernetes.protobuf",
        )),
    }
}
