//! How the room finds the talk: the QR code, its page, and the names that the server answers to.

use crate::talk::Talk;
use reqwest::Method;

#[tokio::test]
async fn the_code_and_its_page_carry_the_public_address() {
    let talk = Talk::start_with(&["--public-url", "https://talk.example.org"]).await;
    let answer = talk.request(Method::GET, "qr.svg").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "image/svg+xml");
    let code = answer.text().await.unwrap();
    assert!(
        code.contains("<title>QR code of https://talk.example.org/</title>"),
        "{code}"
    );
    let (status, page) = talk.get("qr").await;
    assert_eq!(status, 200);
    assert!(page.contains("href=\"https://talk.example.org/\"") && page.contains("/qr.svg"));
}

#[tokio::test]
async fn the_public_name_is_answered_and_no_other() {
    let talk = Talk::start_with(&["--public-url", "https://talk.example.org"]).await;
    for (host, status) in [("talk.example.org", 200), ("rebound.example", 421)] {
        let answer = talk.request(Method::GET, "qr").header("host", host);
        assert_eq!(answer.send().await.unwrap().status(), status, "{host}");
    }
}

#[tokio::test]
async fn behind_a_proxy_that_changes_the_host_the_speaker_still_speaks() {
    let talk = Talk::start_with(&["--public-url", "https://talk.example.org"]).await;
    for (origin, status) in [
        ("https://talk.example.org", 200),
        ("https://elsewhere.example", 403),
    ] {
        let body = serde_json::json!({"window": "w-1", "kind": "stage", "address": "2"});
        let answer = talk
            .request(Method::POST, "position")
            .bearer_auth(&talk.key)
            .header("origin", origin)
            .json(&body);
        assert_eq!(answer.send().await.unwrap().status(), status, "{origin}");
    }
}

#[tokio::test]
async fn on_loopback_there_is_no_code_to_scan_and_the_speaker_learns_what_to_do() {
    let talk = Talk::start().await;
    let (_, page) = talk.get("qr").await;
    assert!(
        page.contains("Phones cannot reach this talk") && !page.contains("<img"),
        "{page}"
    );
    assert!(
        !page.contains("--listen"),
        "the room cannot do anything about it"
    );
    let speaker = talk.request(Method::GET, "qr").bearer_auth(&talk.key);
    let page = speaker.send().await.unwrap().text().await.unwrap();
    assert!(page.contains("--listen 0.0.0.0:3030"), "{page}");
}

#[tokio::test]
async fn a_server_that_listens_widely_is_local_to_its_own_machine() {
    let talk = Talk::start_listening(&["--listen", "0.0.0.0:0"]).await;
    assert!(talk.url.starts_with("http://127.0.0.1:"), "{}", talk.url);
    assert_eq!(talk.get("qr").await.0, 200);
}
