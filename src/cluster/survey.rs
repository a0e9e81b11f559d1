//! Questions about a place before anything is done there: any object by its path, who we are, what we may do.
//!
//! Answers are the API's own JSON, because the one who asks wants a field or two of kinds that have no type here. What
//! an answer means, `stage::preflight` decides. Nothing is changed, and nothing is asked twice: a busy API server is an
//! answer too.

use super::remedy::Right;
use super::{Cluster, ClusterError};
use axum::http::Request;
use serde_json::{Value, json};

impl Cluster {
    /// What lies at `path`, as `kubectl get --raw` takes it.
    ///
    /// # Errors
    /// [`ClusterError`]; `Refused` with 404 when there is nothing.
    pub async fn ask(&self, path: &str) -> Result<Value, ClusterError> {
        let request = Request::get(path).body(Vec::new());
        self.send(&format!("get {path}"), request).await
    }

    /// The name that the API server knows us by.
    ///
    /// # Errors
    /// [`ClusterError`]; `Refused` with 404 when this API server does not say (before 1.28).
    pub async fn who(&self) -> Result<String, ClusterError> {
        let review = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {},
        });
        let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        let answer = self.review("ask who we are", path, &review).await?;
        let name = answer["status"]["userInfo"]["username"].as_str();
        Ok(name.unwrap_or("system:anonymous").to_owned())
    }

    /// Whether we have a right.
    ///
    /// # Errors
    /// [`ClusterError`]; `Refused` with 404 when this API server does not say.
    pub async fn may(&self, right: &Right) -> Result<bool, ClusterError> {
        let (resource, subresource) = match right.resource.split_once('/') {
            Some((resource, subresource)) => (resource, Some(subresource)),
            None => (right.resource.as_str(), None),
        };
        let mut attributes =
            json!({"verb": right.verb, "group": right.group, "resource": resource});
        if let Some(subresource) = subresource {
            attributes["subresource"] = json!(subresource);
        }
        if let Some(namespace) = &right.namespace {
            attributes["namespace"] = json!(namespace);
        }
        if let Some(name) = &right.name {
            attributes["name"] = json!(name);
        }
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "metadata": {},
            "spec": {"resourceAttributes": attributes},
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let answer = self.review("ask what we may do", path, &review).await?;
        Ok(answer["status"]["allowed"] == true)
    }

    async fn review(&self, doing: &str, path: &str, review: &Value) -> Result<Value, ClusterError> {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .body(review.to_string().into_bytes());
        self.send(doing, request).await
    }

    async fn send(
        &self,
        doing: &str,
        request: Result<Request<Vec<u8>>, axum::http::Error>,
    ) -> Result<Value, ClusterError> {
        let request = request.map_err(|error| ClusterError::Refused {
            doing: doing.to_owned(),
            code: 0,
            message: error.to_string(),
        })?;
        let answer = self.observing.request(request).await;
        answer.map_err(|error| self.error(doing, error))
    }
}
