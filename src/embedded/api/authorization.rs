//! The door behind the token: every request of somebody whose rights are limited is asked about here, before its path is
//! read any further, as in a real API server.

use super::attributes::{Attributes, On};
use super::error::ApiError;
use super::identity::{MASTERS, User};
use super::rbac::{self, Decision};
use super::request::{self, Target};
use super::{Api, Call, patch};
use axum::http::Method;

impl Api {
    /// Whether `user` may. What is answered to somebody whose rights are limited can be read in the log, at `debug`.
    pub(super) fn authorize(&self, user: &User, asked: &Attributes) -> Result<(), ApiError> {
        if user.is_in(MASTERS) {
            return Ok(());
        }
        match rbac::decide(&self.store, user, asked) {
            Decision::Allowed(_) => {
                tracing::debug!("{} may {asked}", user.name);
                Ok(())
            }
            Decision::NotAllowed(why) => {
                tracing::debug!("{} may not {asked}", user.name);
                Err(ApiError::denied(user, asked, &why))
            }
        }
    }

    /// A connection into a pod begins with a `GET`, but whoever may only look must not get in: it needs the right to
    /// create as well (upstream's gate `AuthorizePodWebsocketUpgradeCreatePermission`, on since 1.35).
    pub(super) fn authorize_connection(
        &self,
        user: &User,
        asked: &Attributes,
    ) -> Result<(), ApiError> {
        const CONNECTIONS: [&str; 3] = ["attach", "exec", "portforward"];
        match &asked.on {
            On::Resource(resource)
                if asked.verb == "get"
                    && resource.resource == "pods"
                    && CONNECTIONS.contains(&resource.subresource.as_str()) =>
            {
                self.authorize(user, &asked.to("create"))
            }
            _ => Ok(()),
        }
    }

    /// An apply that creates its object needs the right to create it as well; the name counts, unlike in a `POST`, for
    /// here it is known. Upstream's refusal ends after `services "redis" is forbidden:`; ours says what is missing.
    pub(super) fn authorize_apply(
        &self,
        call: &Call,
        target: &Target,
        asked: &Attributes,
    ) -> Result<(), ApiError> {
        let name = target.name.as_deref().unwrap_or_default();
        let creates = call.method == Method::PATCH
            && request::content_type(&call.headers) == patch::APPLY
            && target.subresource.is_none()
            && self.store.get(&target.key(name)).is_none();
        if !creates {
            return Ok(());
        }
        self.authorize(&call.user, &asked.to("create"))
    }
}
