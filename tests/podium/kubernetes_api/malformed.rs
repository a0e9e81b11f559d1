//! Requests that make no sense get the API server's status and reason, and harm nothing.

use super::*;
use reqwest::Method;

const DEPLOYMENTS_PATH: &str = "/apis/apps/v1/namespaces/demo/deployments";

pub(super) struct Refused {
    pub(super) code: u16,
    pub(super) reason: String,
    pub(super) message: String,
}

impl Cluster {
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        media_type: &str,
        body: Vec<u8>,
    ) -> Refused {
        let answer = reqwest::Client::new()
            .request(method, format!("http://{}{path}", self.address))
            .bearer_auth(TOKEN)
            .header("content-type", media_type)
            .body(body)
            .send()
            .await
            .unwrap();
        let code = answer.status().as_u16();
        let status: Value = answer.json().await.unwrap();
        assert_eq!(status["kind"], "Status", "{path}: {status}");
        assert_eq!(status["code"], code);
        let text = |field: &str| status[field].as_str().unwrap_or_default().to_owned();
        Refused {
            code,
            reason: text("reason"),
            message: text("message"),
        }
    }

    async fn refuses(
        &self,
        method: Method,
        path: &str,
        (media_type, body): (&str, &str),
        (code, reason, message): (u16, &str, &str),
    ) {
        let said = self
            .send(method.clone(), path, media_type, body.into())
            .await;
        assert_eq!(
            (said.code, said.reason.as_str()),
            (code, reason),
            "{method} {path} {body}: {}",
            said.message
        );
        assert!(
            said.message.contains(message),
            "{method} {path} {body}: {}",
            said.message
        );
    }
}

#[tokio::test]
async fn a_body_that_is_no_object_of_its_path_is_a_bad_request() {
    let (cluster, _client) = Cluster::with_namespace().await;
    let other_version = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}"#;
    let unknown = r#"{"apiVersion": "apps/v1", "kind": "Nope", "metadata": {"name": "a"}}"#;
    let elsewhere = r#"{"metadata": {"name": "a", "namespace": "other"}}"#;
    let versioned = r#"{"metadata": {"name": "a", "resourceVersion": "7"}}"#;
    for (body, message) in [
        (
            "",
            "the object provided is unrecognized (must be of type Deployment): couldn't get version/kind; json parse error: ",
        ),
        (
            "{\"metadata\": {\"name\": \"a\", \"labels\":",
            "({\"metadata\": {\"name\": \"a\", \"la ...)",
        ),
        ("nonsense", "(6e6f6e73656e7365)"),
        ("[]", "the body must be an object"),
        (
            other_version,
            "the API version in the data (v1) does not match the expected API version (apps/v1)",
        ),
        (
            unknown,
            "Nope in version \"v1\" cannot be handled as a Deployment: no kind \"Nope\" is registered",
        ),
        (
            elsewhere,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            versioned,
            "resourceVersion should not be set on objects to be created",
        ),
    ] {
        let sent = ("application/json", body);
        let wanted = (400, "BadRequest", message);
        cluster
            .refuses(Method::POST, DEPLOYMENTS_PATH, sent, wanted)
            .await;
    }
    let deep = "[".repeat(100_000);
    let wanted = (400, "BadRequest", "unrecognized");
    cluster
        .refuses(
            Method::POST,
            DEPLOYMENTS_PATH,
            ("application/json", &deep),
            wanted,
        )
        .await;
}

#[tokio::test]
async fn a_yaml_bomb_is_refused_quickly() {
    let (cluster, _client) = Cluster::with_namespace().await;
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    let path = format!("{DEPLOYMENTS_PATH}/web?fieldManager=x");
    for (method, path, media_type, message) in [
        (
            Method::PATCH,
            path.as_str(),
            "application/apply-patch+yaml",
            "error decoding YAML: ",
        ),
        (
            Method::POST,
            DEPLOYMENTS_PATH,
            "application/yaml",
            "yaml parse error: ",
        ),
    ] {
        let sent = cluster.refuses(
            method,
            path,
            (media_type, &bomb),
            (400, "BadRequest", message),
        );
        tokio::time::timeout(Duration::from_secs(10), sent)
            .await
            .expect("a bomb takes no time");
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_too_large() {
    let (cluster, _client) = Cluster::with_namespace().await;
    let body = vec![b' '; 10 * 1024 * 1024];
    let said = cluster
        .send(Method::POST, DEPLOYMENTS_PATH, "application/json", body)
        .await;
    assert_eq!(
        (said.code, said.reason.as_str()),
        (413, "RequestEntityTooLarge")
    );
    assert_eq!(said.message, "Request entity too large: limit is 3145728");
}

#[tokio::test]
async fn media_types_that_are_not_served_are_named() {
    let (cluster, client) = Cluster::with_namespace().await;
    let api: Api<Deployment> = Api::namespaced(client, "demo");
    api.create(&PostParams::default(), &from(web()))
        .await
        .unwrap();
    let web = format!("{DEPLOYMENTS_PATH}/web");
    let scaled = "/apis/keda.sh/v1alpha1/namespaces/demo/scaledobjects/w";
    for (method, path, media_type, message) in [
        (
            Method::POST,
            DEPLOYMENTS_PATH,
            "text/plain",
            "application/json, application/yaml, application/vnd.kubernetes.protobuf",
        ),
        (
            Method::PATCH,
            web.as_str(),
            "application/json",
            "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml",
        ),
        (
            Method::PATCH,
            scaled,
            "application/strategic-merge-patch+json",
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        ),
    ] {
        let sent = (media_type, "{}");
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {message}"
        );
        let wanted = (415, "UnsupportedMediaType", message.as_str());
        cluster.refuses(method, path, sent, wanted).await;
    }
    let answer = reqwest::Client::new()
        .get(format!("http://{}{web}", cluster.address))
        .bearer_auth(TOKEN)
        .header("accept", "text/html")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 406);
    let status: Value = answer.json().await.unwrap();
    assert_eq!(status["reason"], "NotAcceptable");
}

#[tokio::test]
async fn patches_and_options_that_break_their_rules_are_refused() {
    let (cluster, client) = Cluster::with_namespace().await;
    let api: Api<Deployment> = Api::namespaced(client, "demo");
    api.create(&PostParams::default(), &from(web()))
        .await
        .unwrap();
    let merge = "application/merge-patch+json";
    let json_patch = "application/json-patch+json";
    let apply = "application/apply-patch+yaml";
    for (query, media_type, body, wanted) in [
        (
            "",
            json_patch,
            "{}",
            (400, "BadRequest", "error decoding patch: "),
        ),
        (
            "",
            json_patch,
            r#"[{"op": "test", "path": "/spec/replicas", "value": 9}]"#,
            (
                422,
                "Invalid",
                "the server rejected our request due to an error in our request",
            ),
        ),
        (
            "",
            merge,
            "[1]",
            (400, "BadRequest", "error decoding patch: "),
        ),
        (
            "",
            merge,
            "{",
            (400, "BadRequest", "error decoding patch: "),
        ),
        (
            "",
            merge,
            r#"{"metadata": {"resourceVersion": "1"}}"#,
            (
                409,
                "Conflict",
                "the object has been modified; please apply your changes to the latest version and try again",
            ),
        ),
        (
            "",
            merge,
            r#"{"metadata": {"name": "other"}}"#,
            (
                400,
                "BadRequest",
                "the name of the object (other) does not match the name on the URL (web)",
            ),
        ),
        (
            "?dryRun=yes",
            merge,
            "{}",
            (
                422,
                "Invalid",
                "PatchOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"yes\": supported values: \"All\"",
            ),
        ),
        (
            "?force=true",
            merge,
            "{}",
            (
                422,
                "Invalid",
                "force: Forbidden: may not be specified for non-apply patch",
            ),
        ),
        (
            "",
            apply,
            "{}",
            (
                422,
                "Invalid",
                "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
            ),
        ),
        (
            "?fieldManager=x",
            apply,
            r#"{"metadata": {"name": "web", "managedFields": []}}"#,
            (400, "BadRequest", "metadata.managedFields must be nil"),
        ),
    ] {
        let path = format!("{DEPLOYMENTS_PATH}/web{query}");
        cluster
            .refuses(Method::PATCH, &path, (media_type, body), wanted)
            .await;
    }
    assert_eq!(
        api.get("web").await.unwrap().spec.unwrap().replicas,
        Some(1)
    );
}

#[tokio::test]
async fn unknown_paths_methods_and_tokens_get_their_own_answers() {
    let (cluster, _client) = Cluster::with_namespace().await;
    let not_found = (
        404,
        "NotFound",
        "the server could not find the requested resource",
    );
    for path in [
        "/",
        "/apis/nope",
        "/apis/apps/v1/nope",
        "/api/v1/namespaces/demo/pods/p/nope",
    ] {
        cluster
            .refuses(Method::GET, path, ("application/json", ""), not_found)
            .await;
    }
    let not_allowed = (
        405,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
    );
    let path = format!("{DEPLOYMENTS_PATH}/web");
    cluster
        .refuses(Method::POST, &path, ("application/json", "{}"), not_allowed)
        .await;
    let answer = reqwest::Client::new()
        .get(format!("http://{}{path}", cluster.address))
        .bearer_auth("a-wrong-token")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 401);
    let status: Value = answer.json().await.unwrap();
    assert_eq!(
        (&status["reason"], &status["message"]),
        (&json!("Unauthorized"), &json!("Unauthorized"))
    );
}
