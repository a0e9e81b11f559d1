//! From a request's path and method to what answers it: discovery and documents, what is computed when it is asked for,
//! and the objects. What each does is its module's; here is only which one, and whether the caller may.

use super::attributes::Attributes;
use super::error::ApiError;
use super::request::{self, Form, Target};
use super::write::{self, Written};
use super::{
    Api, Call, body, convert, delete, discovery, external_metrics, log, openapi, port_forward,
    protobuf, read, resource_metrics, review, scale, token_request, watch,
};
use axum::http::header::WARNING;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

impl Api {
    /// Answers a request whose sender is known.
    ///
    /// # Errors
    /// What the API server would refuse it with.
    pub(super) async fn answer(&self, mut call: Call) -> Result<Response, ApiError> {
        let path = percent_decoded(&call.path)?;
        let segments: Vec<&str> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        let asked = Attributes::of(&call.method, &path, &segments, &call.query);
        self.authorize(&call.user, &asked)?;
        self.authorize_connection(&call.user, &asked)?;
        if let Some(description) = description(&call, &segments)? {
            return Ok(description);
        }
        if let Some(computed) = self.computed(&call, &segments).await? {
            return Ok(computed);
        }
        let target = Target::parse(&segments)?;
        self.authorize_apply(&call, &target, &asked)?;
        if target.subresource.as_deref() == Some("portforward") {
            return port_forward::start(self, &mut call, &target);
        }
        self.object(&call, target)
    }

    /// What is stored nowhere: metrics, and the answers to reviews. `None` for any other path.
    async fn computed(&self, call: &Call, path: &[&str]) -> Result<Option<Response>, ApiError> {
        let value = match path {
            [
                "apis",
                external_metrics::GROUP,
                external_metrics::VERSION,
                "namespaces",
                namespace,
                metric,
            ] => {
                let selector = call.query.text("labelSelector");
                let now = self.store.timestamp();
                external_metrics::value(&self.metrics, namespace, metric, selector, now).await?
            }
            [
                "apis",
                resource_metrics::GROUP,
                resource_metrics::VERSION,
                path @ ..,
            ] if call.method == Method::GET => {
                resource_metrics::answer(&self.store, &self.usage, path, &call.query)?
            }
            [
                "apis",
                group @ ("authorization.k8s.io" | "authentication.k8s.io"),
                "v1",
                plural,
            ] if call.method == Method::POST => {
                let body = body::object_of(call, "Review")?;
                let review = review::answer(&self.store, &call.user, group, plural, body)?;
                return Ok(Some(created(review)));
            }
            _ => return Ok(None),
        };
        Ok(Some(axum::Json(value).into_response()))
    }

    fn object(&self, call: &Call, target: Target) -> Result<Response, ApiError> {
        let subresource = target.subresource.as_deref();
        match (&call.method, target.name.is_some(), subresource) {
            (&Method::GET, _, _) => self.read(call, target),
            (&Method::POST, false, None) => {
                let object = body::object_of(call, target.kind.kind)?;
                let made = write::create(&self.store, &target, &call.query, object)?;
                Ok(written(&target, made))
            }
            (&Method::POST, true, Some("token")) => {
                let request = body::object_of(call, "TokenRequest")?;
                let answer =
                    token_request::answer(&self.store, &self.identities, &target, request)?;
                Ok(created(answer))
            }
            (&Method::PUT | &Method::PATCH, true, Some("token" | "log")) => {
                Err(ApiError::MethodNotAllowed)
            }
            (&Method::PUT, true, _) => self.replace(call, &target),
            (&Method::PATCH, true, _) => self.patch(call, &target),
            (&Method::DELETE, _, None) => self.delete(call, &target),
            _ => Err(ApiError::MethodNotAllowed),
        }
    }

    fn replace(&self, call: &Call, target: &Target) -> Result<Response, ApiError> {
        let (store, query) = (&self.store, &call.query);
        if target.subresource.as_deref() == Some("scale") {
            let scale = scale::replace(store, target, query, &body::object_of(call, "Scale")?)?;
            return Ok(axum::Json(scale).into_response());
        }
        let object = body::object_of(call, target.kind.kind)?;
        let replaced = write::replace(store, target, query, object)?;
        Ok(written(target, replaced))
    }

    fn patch(&self, call: &Call, target: &Target) -> Result<Response, ApiError> {
        let (store, query) = (&self.store, &call.query);
        let media_type = request::content_type(&call.headers);
        if target.subresource.as_deref() == Some("scale") {
            let scale = scale::patch(store, target, query, media_type, &call.body)?;
            return Ok(axum::Json(scale).into_response());
        }
        let patched = write::patch(store, target, query, media_type, &call.body)?;
        Ok(written(target, patched))
    }

    fn read(&self, call: &Call, target: Target) -> Result<Response, ApiError> {
        let (store, query) = (&self.store, &call.query);
        match (&target.name, target.subresource.as_deref()) {
            (Some(_), Some("scale")) => Ok(axum::Json(scale::get(store, &target)?).into_response()),
            (Some(_), Some("log")) => {
                log::log(store, &self.logs, &target, query, self.shutdown.clone())
            }
            (Some(_), None | Some("status")) if !query.flag("watch") => {
                let form = Form::accepted(&call.headers)?;
                Ok(axum::Json(read::get(store, &target, query, form)?).into_response())
            }
            (Some(_), None) => Err(ApiError::MethodNotAllowed),
            (None, _) if query.flag("watch") => {
                let form = Form::accepted(&call.headers)?;
                watch::watch(store, target, query.clone(), form, self.shutdown.clone())
            }
            (None, _) => {
                let form = Form::accepted(&call.headers)?;
                Ok(axum::Json(read::list(store, &target, query, form)?).into_response())
            }
            _ => Err(ApiError::MethodNotAllowed),
        }
    }

    fn delete(&self, call: &Call, target: &Target) -> Result<Response, ApiError> {
        let body = if call.body.is_empty() {
            Value::Null
        } else if request::content_type(&call.headers) == protobuf::MEDIA_TYPE {
            protobuf::decode(&call.body)?
        } else {
            request::parse_yaml(&call.body)
                .map_err(|why| request::unrecognized("DeleteOptions", &call.body, &why))?
        };
        call.query.check_write("DeleteOptions", false)?;
        let options = delete::Options::parse(&body, &call.query)?;
        if target.name.is_some() {
            return Ok(axum::Json(delete::delete(&self.store, target, &options)?).into_response());
        }
        let (objects, version) = read::selected(&self.store, target, &call.query)?;
        delete::delete_all(&self.store, target, &options, &objects)?;
        let metadata = serde_json::json!({"resourceVersion": version.to_string()});
        Ok(axum::Json(read::list_of(target.kind, &objects, metadata)).into_response())
    }
}

/// What the API says of itself: discovery and OpenAPI. `None` for any other path.
fn description(call: &Call, path: &[&str]) -> Result<Option<Response>, ApiError> {
    let value = match path {
        ["api"] => return Ok(Some(discovery::root(true, &call.headers))),
        ["apis"] => return Ok(Some(discovery::root(false, &call.headers))),
        ["openapi", "v2"] => return Ok(Some(openapi::v2())),
        ["api", "v1"] => discovery::resources("", "v1")?,
        ["apis", group] => discovery::group(group)?,
        ["apis", group, version] => discovery::resources(group, version)?,
        ["openapi", "v3"] => openapi::index(),
        ["openapi", "v3", path @ ..] => openapi::document(&path.join("/"))?,
        _ => return Ok(None),
    };
    Ok(Some(axum::Json(value).into_response()))
}

fn created(answer: Value) -> Response {
    (StatusCode::CREATED, axum::Json(answer)).into_response()
}

fn written(target: &Target, written: Written) -> Response {
    let code = if written.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let mut response = (
        code,
        axum::Json(convert::outward(target.kind, &written.object)),
    )
        .into_response();
    for warning in written.warnings {
        let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            response.headers_mut().append(WARNING, value);
        }
    }
    response
}

/// Undoes the escaping of a path; metric names may carry any character.
fn percent_decoded(path: &str) -> Result<String, ApiError> {
    let malformed = || ApiError::BadRequest(format!("malformed path: {path}"));
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || {
            rest.next()
                .and_then(|byte| char::from(byte).to_digit(16))
                .ok_or_else(malformed)
        };
        let code = digit()? * 16 + digit()?;
        bytes.push(u8::try_from(code).map_err(|_| malformed())?);
    }
    String::from_utf8(bytes).map_err(|_| malformed())
}
