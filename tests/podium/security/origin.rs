//! Requests that another site's page makes, and what every answer says about other sites.

use super::{authority, get_from, raw_from};
use crate::talk::Talk;
use reqwest::Method;
use std::os::unix::fs::PermissionsExt as _;

#[tokio::test]
async fn another_site_cannot_press_the_buttons() {
    let talk = Talk::start().await;
    let right = format!("/login?key={}", talk.key);
    let opened = get_from("127.0.0.1", &talk.url, &right, "").await;
    let cookie = opened.header("set-cookie").split(';').next().unwrap();
    let ours = format!("Origin: http://{}\r\n", authority(&talk.url));
    let foreign = [
        "Origin: https://elsewhere.example\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
    ];
    for path in [
        "/actions/explode",
        "/position",
        "/ink",
        "/login",
        "/login/rotate",
    ] {
        for headers in foreign {
            let post = format!(
                "POST {path} HTTP/1.1\r\nContent-Length: 0\r\nCookie: {cookie}\r\n{headers}"
            );
            let answer = raw_from("127.0.0.1", &talk.url, post.as_bytes()).await;
            assert_eq!(answer.status, 403, "{post}");
        }
    }
    let post = format!(
        "POST /actions/explode HTTP/1.1\r\nContent-Length: 0\r\nCookie: {cookie}\r\n{ours}"
    );
    let answer = raw_from("127.0.0.1", &talk.url, post.as_bytes()).await;
    assert_eq!(answer.status, 404, "our own page gets as far as the action");
}

#[tokio::test]
async fn another_site_may_link_to_a_page_but_neither_frame_nor_load_it() {
    let talk = Talk::start().await;
    for path in [
        "/",
        "/control",
        "/events",
        "/login?key=guess",
        "/qr.svg",
        "/static/css/tokens.css",
    ] {
        for (mode, dest) in [
            ("navigate", "iframe"),
            ("no-cors", "image"),
            ("no-cors", "script"),
            ("cors", "empty"),
        ] {
            let headers = format!(
                "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: {mode}\r\nSec-Fetch-Dest: {dest}\r\n"
            );
            let answer = get_from("127.0.0.1", &talk.url, path, &headers).await;
            assert_eq!(answer.status, 403, "{path} {dest}");
        }
    }
    // Nothing of it was taken for a guess of the speaker's own browser.
    let link =
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    let right = format!("/login?key={}", talk.key);
    assert_eq!(
        get_from("127.0.0.1", &talk.url, &right, link).await.status,
        303
    );
    assert_eq!(
        get_from("127.0.0.1", &talk.url, "/", link).await.status,
        200
    );
}

#[tokio::test]
async fn a_name_that_is_not_ours_is_refused() {
    let talk = Talk::start().await;
    for host in [
        "rebound.example",
        "127.0.0.1.rebound.example",
        "",
        "localhost.rebound.example:3030",
    ] {
        let answer = talk
            .request(Method::GET, "")
            .header("host", host)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 421, "{host}");
    }
}

#[tokio::test]
async fn every_answer_carries_a_policy_without_exceptions() {
    let talk = Talk::start().await;
    for path in [
        "",
        "9",
        "control",
        "no-such-page",
        "static/css/tokens.css",
        "login?key=guess",
        "events",
        "healthz",
    ] {
        let answer = talk.request(Method::GET, path).send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap();
        let policy = header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{path}: {policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(header(name), value, "{path}");
        }
        assert!(header("permissions-policy").contains("camera=()"), "{path}");
        assert!(
            answer
                .headers()
                .get("access-control-allow-origin")
                .is_none()
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
