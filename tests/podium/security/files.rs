//! Paths that lead elsewhere: every route that serves files, asked as no browser would ask.

use super::get_from;
use crate::talk::{Talk, podium, run};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;

/// What lies beside the deck and must stay there.
const SECRET: &str = "a-secret-that-lies-beside-the-deck";

/// Every route that takes a path or a name from the request.
const ROUTES: [&str; 10] = [
    "/deck/",
    "/static/",
    "/docs/",
    "/src/queue/",
    "/manifests/",
    "/runs/",
    "/slides/",
    "/presenter/",
    "/actions/",
    "/",
];

/// Ways to say `../secret.svg`, and names that are none.
fn hostile() -> Vec<String> {
    let mut paths: Vec<String> = [
        "../secret.svg",
        "..%2fsecret.svg",
        "%2e%2e/secret.svg",
        "%2e%2e%2fsecret.svg",
        "%252e%252e%252fsecret.svg",
        "%25252e%25252e%25252fsecret.svg",
        "..%5csecret.svg",
        "..\\secret.svg",
        "..%c0%afsecret.svg",
        "..%ef%bc%8fsecret.svg",
        "%ef%bc%8e%ef%bc%8e/secret.svg",
        "%e2%80%a5/secret.svg",
        "./../secret.svg",
        "inside/../../secret.svg",
        "inside//../..//secret.svg",
        "inside/..;/../secret.svg",
        "....//secret.svg",
        "/secret.svg",
        "//secret.svg",
        "%2fetc%2fpasswd",
        "/etc/passwd",
        "../../../../../../../../etc/passwd",
        "..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "file:///etc/passwd",
        "~/.ssh/id_rsa",
        "picture.svg%00.png",
        "../secret.svg%00.png",
        "%00",
        "%0d%0aset-cookie:%20a=b",
        "link.svg",
        "linked/secret.svg",
        "C:%5cwindows%5cwin.ini",
        "C:/windows/win.ini",
        "CON",
        "nul.png",
        "picture.svg::$DATA",
        "%",
        "%zz",
        "%ff%fe",
        ".",
        "..",
        "...",
        "%2e",
        "secrets.txt",
        ".hidden.svg/..",
    ]
    .map(str::to_owned)
    .into();
    paths.push("a".repeat(8_000));
    paths.push("a/".repeat(3_000) + "x.svg");
    paths.push("../".repeat(2_000) + "secret.svg");
    paths
}

/// A deck in a folder, with the secret beside it, a link to it, and one thing that may be had.
fn plant() -> (TempDir, std::path::PathBuf) {
    let outside = tempfile::tempdir().unwrap();
    let deck = outside.path().join("deck");
    fs::create_dir_all(deck.join("inside")).unwrap();
    fs::write(outside.path().join("secret.svg"), SECRET).unwrap();
    fs::write(
        deck.join("slide-01.md"),
        "# One\n\n![a](link.svg) ![b](../secret.svg)\n",
    )
    .unwrap();
    fs::write(
        deck.join("picture.svg"),
        "<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
    )
    .unwrap();
    // Of the deck, but no picture.
    fs::write(deck.join("secrets.txt"), SECRET).unwrap();
    symlink("../secret.svg", deck.join("link.svg")).unwrap();
    symlink("..", deck.join("linked")).unwrap();
    (outside, deck)
}

#[tokio::test]
async fn no_path_leads_out_of_what_a_route_serves() {
    let (_outside, deck) = plant();
    let talk = Talk::start_with(&["--deck", deck.to_str().unwrap()]).await;
    let served = get_from("127.0.0.1", &talk.url, "/deck/picture.svg", "").await;
    assert_eq!(served.status, 200);
    let speaker = format!("Authorization: Bearer {}\r\n", talk.key);
    for route in ROUTES {
        for path in hostile() {
            let target = format!("{route}{path}");
            let answer = get_from("127.0.0.1", &talk.url, &target, &speaker).await;
            let short: String = target.chars().take(80).collect();
            // 405: `/actions/…` is for POST.
            let refused = matches!(answer.status, 400 | 404 | 405 | 414 | 431);
            assert!(refused, "{short}: {}", answer.text);
            for leak in [SECRET, "root:x:0"] {
                assert!(!answer.text.contains(leak), "{short}: {}", answer.text);
            }
            assert_eq!(answer.header("set-cookie"), "", "{short}");
        }
    }
    assert_eq!(talk.get("").await.0, 200);
}

#[tokio::test]
async fn a_pipe_among_the_pictures_holds_nobody_up() {
    let (_outside, deck) = plant();
    let pipe = deck.join("pipe.svg");
    let made = run(tokio::process::Command::new("mkfifo").arg(&pipe)).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let talk = Talk::start_with(&["--deck", deck.to_str().unwrap()]).await;
    assert_eq!(talk.get("deck/pipe.svg").await.0, 404);
}

#[tokio::test]
async fn a_slide_that_is_a_link_to_elsewhere_is_not_shown() {
    let (outside, deck) = plant();
    let state = tempfile::tempdir().unwrap();
    symlink("../secret.svg", deck.join("slide-02.md")).unwrap();
    let alone = outside.path().join("alone");
    fs::create_dir(&alone).unwrap();
    symlink("../secret.svg", alone.join("slides.md")).unwrap();
    for folder in [deck, alone] {
        let output = export(state.path(), &folder).await;
        assert_eq!(output.code, Some(1), "{output:?}");
        assert!(!format!("{output:?}").contains(SECRET));
        assert!(!state.path().join("deck.html").exists());
    }
}

#[tokio::test]
async fn an_exported_file_takes_nothing_along_from_outside_the_deck() {
    let (_outside, deck) = plant();
    let state = tempfile::tempdir().unwrap();
    let output = export(state.path(), &deck).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    let file = fs::read(state.path().join("deck.html")).unwrap();
    let text = String::from_utf8_lossy(&file);
    // In base64, as a picture would be.
    for leak in [SECRET, "YS1zZWNyZXQtdGhhdC1saWVz"] {
        assert!(!text.contains(leak), "{leak}");
    }
}

async fn export(state: &Path, deck: &Path) -> crate::talk::Output {
    run(podium(state)
        .args(["export", "--html"])
        .arg(state.join("deck.html"))
        .arg("--deck")
        .arg(deck))
    .await
}
