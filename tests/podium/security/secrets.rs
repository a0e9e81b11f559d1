//! Secrets stay where they belong: the server says as much as it can of everything it does, and none of it is a secret
//! but the one link that it prints.

use super::get_from;
use crate::talk::{Talk, podium};
use reqwest::Method;
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

/// Everything that may be asked for, by anybody.
const PATHS: [&str; 36] = [
    "",
    "1",
    "9.2",
    "no-such-page",
    "slides/slide-09.md",
    "docs/architecture.md",
    "docs/nothing.md",
    "src/queue/worker.rs",
    "manifests/queue-demo/",
    "manifests/queue-demo/redis.yaml",
    "deck/nothing.png",
    "static/js/control.js",
    "static/nothing",
    "print",
    "print?notes",
    "runs",
    "runs/nothing",
    "qr",
    "qr.svg",
    "login",
    "login?key=guess",
    "control",
    "notes",
    "presenter",
    "presenter/9.2",
    "presenter/nothing",
    "remote",
    "deck-problems",
    "healthz",
    "readyz",
    "actions/deploy",
    "position",
    "ink",
    "pointer",
    "login/rotate",
    "metrics",
];

/// The secrets of a running talk, by what they are.
async fn secrets(talk: &Talk, cookie: &str) -> Vec<(&'static str, String)> {
    let config = fs::read_to_string(talk.kubeconfig()).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    let token = config["users"][0]["user"]["token"].as_str().unwrap();
    let template = "go-template={{.data.password | base64decode}}";
    let password = talk
        .kubectl(&["get", "secret", "-n", "keda-demo", "redis", "-o", template])
        .await
        .stdout;
    let session = cookie.split('=').nth(1).unwrap();
    let found = vec![
        ("key", talk.key.clone()),
        ("session", session.to_owned()),
        ("token", token.to_owned()),
        ("password", password),
    ];
    for (what, secret) in &found {
        assert!(
            secret.len() >= 32,
            "{what}: {secret:?} is no secret of ours"
        );
    }
    found
}

#[track_caller]
fn silent(place: &str, text: &str, secrets: &[(&'static str, String)]) {
    for (what, secret) in secrets {
        if let Some(at) = text.find(secret) {
            let start = text[..at].rfind('\n').unwrap_or(0);
            let line: String = text[start..].chars().take(600).collect();
            panic!("the {what} is in {place}: {line}");
        }
    }
}

/// Asks for everything, as the audience and as the speaker, to read and to write.
async fn crawl(talk: &Talk, cookie: &str, secrets: &[(&'static str, String)]) {
    let asked = PATHS.iter().flat_map(|path| {
        [None, Some(cookie)].into_iter().flat_map(move |cookie| {
            [Method::GET, Method::POST].map(|method| (*path, cookie, method))
        })
    });
    for (path, cookie, method) in asked {
        // The speaker's own deeds: they would end the talk, or the session.
        let is_deed = path.starts_with("actions") || path == "login/rotate";
        if is_deed && cookie.is_some() {
            continue;
        }
        let origin = talk.url.trim_end_matches('/');
        let mut request = talk.request(method, path).header("origin", origin);
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        let answer = request.body("{\"window\":").send().await.unwrap();
        let head = format!("{:?}", answer.headers());
        let text = head + &answer.text().await.unwrap();
        silent(path, &text, secrets);
    }
}

#[tokio::test]
async fn no_secret_is_in_a_page_an_answer_or_a_log() {
    let state = tempfile::tempdir().unwrap();
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut command = podium(state.path());
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("PODIUM_LOG", "trace")
        .stderr(log.reopen().unwrap());
    let talk = Talk::start_by(command, state).await;
    let right = format!("/login?key={}", talk.key);
    let opened = get_from("127.0.0.1", &talk.url, &right, "").await;
    let cookie = opened
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();

    talk.deploy().await;
    let mut events = talk.events().await;
    let limit = Duration::from_secs(20);
    let (status, answer) = talk.act("spike", json!({"count": 50})).await;
    assert_eq!(status, 202, "{answer}");
    let done = |event: &str, data: &Value| {
        event == "action" && data["kind"] == "spike" && data["state"] == "done"
    };
    let told = events.until(limit, done).await;
    let secrets = secrets(&talk, &cookie).await;
    silent("the stream", &told.to_string(), &secrets);
    let snapshot = talk
        .events()
        .await
        .until(limit, |event, _| event == "snapshot")
        .await;
    silent("the snapshot", &snapshot.to_string(), &secrets);

    crawl(&talk, &cookie, &secrets).await;
    // The pods' own words go to their logs, which the cluster serves.
    let logs = talk
        .kubectl(&[
            "logs",
            "-n",
            "keda-demo",
            "-l",
            "app.kubernetes.io/part-of=queue-demo",
        ])
        .await;
    silent("the pods' logs", &format!("{logs:?}"), &secrets);
    let status = talk.command(&["status"]).await;
    silent("podium status", &format!("{status:?}"), &secrets);

    let said = fs::read_to_string(log.path()).unwrap();
    assert!(
        said.contains("TRACE"),
        "the log is as talkative as it can be"
    );
    silent("the log", &said, &secrets);
    let printed = talk.printed();
    let link = format!("{}login?key={}", talk.url, talk.key);
    assert_eq!(printed.matches(&link).count(), 1, "{printed}");
    silent("the terminal", &printed.replace(&link, ""), &secrets);
}
