//! The door: the right key opens, wrong ones make their sender wait, and nobody else.

use super::get_from;
use crate::talk::Talk;
use reqwest::Method;
use serde_json::Value;

#[tokio::test]
async fn no_action_without_the_speakers_session() {
    let talk = Talk::start().await;
    for path in [
        "actions/deploy",
        "actions/remove",
        "actions/enqueue",
        "actions/spike",
        "actions/purge",
        "position",
        "position/clock",
        "pointer",
        "ink",
        "login/rotate",
    ] {
        let answer = talk.request(Method::POST, path).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{path}");
    }
    for path in [
        "control",
        "presenter",
        "presenter/1",
        "remote",
        "notes",
        "print?notes",
        "deck-problems",
    ] {
        let page = talk.request(Method::GET, path).send().await.unwrap();
        assert_eq!(page.headers()["location"], "/login", "{path}");
    }
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
    assert_eq!(answer.headers()["location"], "/control");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["referrer-policy"], "same-origin");
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
    assert_eq!(page.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn a_wrong_key_stays_outside_and_has_to_wait() {
    let talk = Talk::start().await;
    let wrong = get_from("127.0.0.1", &talk.url, "/login?key=guess", "").await;
    assert_eq!(wrong.status, 401);
    assert_eq!(wrong.header("set-cookie"), "");
    let right = format!("/login?key={}", talk.key);
    let early = get_from("127.0.0.1", &talk.url, &right, "").await;
    assert_eq!(early.status, 429);
    assert_eq!(early.header("retry-after"), "1");
    assert_eq!(early.header("set-cookie"), "");
    assert!(early.text.contains("Try again in 1 s"), "{}", early.text);
    // Another address does not wait for the failures of this one.
    let other = get_from("127.0.0.2", &talk.url, &right, "").await;
    assert_eq!(other.status, 303);
    // And the one that waited gets in.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let late = get_from("127.0.0.1", &talk.url, &right, "").await;
    assert_eq!(late.status, 303);
}

#[tokio::test]
async fn a_guess_counts_wherever_and_however_it_is_made() {
    let talk = Talk::start().await;
    let right = format!("/login?key={}", talk.key);
    for (source, guess) in [
        ("127.0.1.1", "HEAD /login?key=guess HTTP/1.1\r\n"),
        (
            "127.0.1.2",
            "POST /actions/spike HTTP/1.1\r\nAuthorization: Bearer guess\r\n",
        ),
        // A page for everybody looks different to the speaker, and would tell.
        (
            "127.0.1.3",
            "GET / HTTP/1.1\r\nAuthorization: Bearer guess\r\n",
        ),
        (
            "127.0.1.4",
            "POST /login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n",
        ),
    ] {
        super::raw_from(source, &talk.url, guess.as_bytes()).await;
        let answer = get_from(source, &talk.url, &right, "").await;
        assert_eq!(answer.status, 429, "{guess}");
    }
    let bearer = format!(
        "Authorization: Bearer {}\r\nAccept: application/json\r\n",
        talk.key
    );
    let answer = get_from("127.0.1.1", &talk.url, "/deck-problems", &bearer).await;
    assert_eq!(answer.status, 429);
    assert_ne!(answer.header("retry-after"), "");
    assert!(
        answer.text.contains("too many wrong keys"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn of_a_hundred_guesses_at_once_one_is_looked_at() {
    let talk = Talk::start().await;
    let guesses = (0..100).map(|_| get_from("127.0.0.1", &talk.url, "/login?key=guess", ""));
    let answers = futures::future::join_all(guesses).await;
    let looked_at = answers.iter().filter(|answer| answer.status == 401).count();
    // One a second; on a busy machine the hundred may take more than one.
    assert!(looked_at <= 3, "{looked_at}");
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer.status, 401 | 429))
    );
}

#[tokio::test]
async fn an_open_session_goes_on_whatever_is_guessed_from_its_address() {
    let talk = Talk::start().await;
    let right = format!("/login?key={}", talk.key);
    let opened = get_from("127.0.0.1", &talk.url, &right, "").await;
    let cookie = opened.header("set-cookie").split(';').next().unwrap();
    for _ in 0..3 {
        get_from("127.0.0.1", &talk.url, "/login?key=guess", "").await;
    }
    let session = format!("Cookie: {cookie}\r\n");
    let page = get_from("127.0.0.1", &talk.url, "/control", &session).await;
    assert_eq!(page.status, 200);
}

#[tokio::test]
async fn a_crowd_of_guessers_cannot_lock_the_speakers_machine_out() {
    let talk = Talk::start_with(&["--public-url", "https://talk.example.org/"]).await;
    for number in 0..130 {
        let from = format!("X-Forwarded-For: 203.0.113.{number}\r\n");
        get_from("127.0.0.1", &talk.url, "/login?key=guess", &from).await;
    }
    let right = format!("/login?key={}", talk.key);
    let newcomer = "X-Forwarded-For: 198.51.100.1\r\n";
    let refused = get_from("127.0.0.1", &talk.url, &right, newcomer).await;
    assert_eq!(refused.status, 429);
    let here = get_from("127.0.0.1", &talk.url, &right, "").await;
    assert_eq!(here.status, 303);
    let (status, _) = talk.act("explode", Value::Null).await;
    assert_eq!(status, 404, "a script on this machine is heard as well");
}

#[tokio::test]
async fn the_cookie_is_for_https_alone_where_the_room_comes_by_https() {
    let talk = Talk::start_with(&["--public-url", "https://talk.example.org/"]).await;
    let right = format!("/login?key={}", talk.key);
    let from = "X-Forwarded-For: 203.0.113.1\r\n";
    let proxied = get_from("127.0.0.1", &talk.url, &right, from).await;
    assert!(proxied.header("set-cookie").contains("Secure"));
    let here = get_from("127.0.0.1", &talk.url, &right, "").await;
    assert!(!here.header("set-cookie").contains("Secure"));
}
