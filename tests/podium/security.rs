//! Who may do what, tried as a stranger would.

mod children;
mod connections;

use crate::talk::Talk;
use reqwest::Method;
use std::os::unix::fs::PermissionsExt as _;

#[tokio::test]
async fn no_action_without_the_speakers_session() {
    let talk = Talk::start().await;
    for kind in ["deploy", "remove", "enqueue", "spike", "purge"] {
        let answer = talk
            .request(Method::POST, &format!("actions/{kind}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 401, "{kind}");
        let wrong = talk
            .request(Method::POST, &format!("actions/{kind}"))
            .bearer_auth("guess")
            .send()
            .await
            .unwrap();
        assert_eq!(wrong.status(), 401, "{kind}");
    }
    let page = talk.request(Method::GET, "control").send().await.unwrap();
    assert_eq!(page.headers()["location"], "/login");
}

#[tokio::test]
async fn the_printed_link_opens_the_control_page_with_a_strict_cookie_that_is_not_the_key() {
    let talk = Talk::start().await;
    let answer = talk
        .request(Method::GET, &format!("login?key={}", talk.key))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 303);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    assert!(!cookie.contains(&talk.key), "{cookie}");
    let session = cookie.split(';').next().unwrap();
    let page = talk
        .request(Method::GET, "control")
        .header("cookie", session)
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 200);
    let forged = talk
        .request(Method::POST, "actions/spike")
        .header("cookie", session)
        .header("origin", "https://elsewhere.example")
        .send()
        .await
        .unwrap();
    assert_eq!(forged.status(), 403);
}

#[tokio::test]
async fn a_wrong_key_stays_outside() {
    let talk = Talk::start().await;
    let answer = talk
        .request(Method::GET, "login?key=guess")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 401);
    assert!(answer.headers().get("set-cookie").is_none());
}

#[tokio::test]
async fn a_name_that_is_not_ours_is_refused() {
    let talk = Talk::start().await;
    let answer = talk
        .request(Method::GET, "")
        .header("host", "rebound.example")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 421);
}

#[tokio::test]
async fn every_answer_carries_a_policy_without_exceptions() {
    let talk = Talk::start().await;
    for path in ["", "9", "control", "no-such-page", "static/css/tokens.css"] {
        let answer = talk.request(Method::GET, path).send().await.unwrap();
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{path}: {policy}"
        );
    }
}

#[tokio::test]
async fn the_files_with_secrets_are_the_owners_alone() {
    let talk = Talk::start().await;
    for file in ["connection.json", "kubeconfig"] {
        let mode = std::fs::metadata(talk.state.path().join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[tokio::test]
async fn the_embedded_api_needs_its_token() {
    let talk = Talk::start().await;
    let config: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(talk.kubeconfig()).unwrap()).unwrap();
    let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap();
    let address = server.rsplit('@').next().unwrap();
    let answer = reqwest::get(format!("http://{address}/api/v1/namespaces"))
        .await
        .unwrap();
    assert_eq!(answer.status(), 401);
}
