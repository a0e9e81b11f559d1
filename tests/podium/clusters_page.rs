//! `docs/clusters.md` and the image: each command of the page is one that its program knows, or is marked as not tried;
//! the image's context has what the program is made of, and `.ci/image` takes a builder that works.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

use crate::talk::{PODIUM, run};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tokio::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Puts a program's own judgement in its place: it is asked for help with the same arguments, and fails if one of them
/// is not its. What follows `--` is a command of its own.
const ASK: &str = r#"
set -eu
podium() { "$PODIUM" "$@" --help >/dev/null; }
openssl() { echo 0123456789abcdef; }
make() { command make --dry-run "$@" >/dev/null; }
kubectl() {
  asked=""
  while [ $# -gt 0 ] && [ "$1" != "--" ]; do asked="$asked '$1'"; shift; done
  eval "command kubectl $asked --help >/dev/null"
  if [ $# -gt 0 ]; then shift; "$@"; fi
}
"#;

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(file)).unwrap()
}

/// The shell blocks of a page.
fn blocks(page: &str) -> Vec<&str> {
    let fences = page.split("```sh\n").skip(1);
    fences
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

#[tokio::test]
async fn every_command_of_the_page_is_known_or_marked_as_not_tried() {
    let page = read("docs/clusters.md");
    let tried: Vec<&str> = blocks(&page)
        .into_iter()
        .filter(|block| !block.starts_with("# Not tried here: needs "))
        .collect();
    assert!(tried.len() >= 12, "{}", tried.len());
    for block in tried {
        for line in block.lines() {
            let program = line.split_whitespace().next().unwrap_or_default();
            let ours = ["podium", "kubectl", "make"].contains(&program);
            assert!(ours, "{line:?} is neither checked here nor marked");
        }
        let mut shell = Command::new("sh");
        shell.env("PODIUM", PODIUM).current_dir(ROOT);
        let output = run(shell.args(["-c", &format!("{ASK}\n{block}")])).await;
        assert_eq!(output.code, Some(0), "{block}{}", output.stderr);
    }
    // The judges judge.
    for wrong in [
        "podium status --nonsense",
        "kubectl get --nonsense",
        "kubectl exec x -- podium nonsense",
    ] {
        let mut shell = Command::new("sh");
        shell.env("PODIUM", PODIUM).current_dir(ROOT);
        let output = run(shell.args(["-c", &format!("{ASK}\n{wrong}")])).await;
        assert_ne!(output.code, Some(0), "{wrong}");
    }
}

/// All of Rust's text below a folder.
fn sources(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all += &sources(&path);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            all += &fs::read_to_string(path).unwrap();
        }
    }
    all
}

#[test]
fn every_message_of_the_page_is_one_that_podium_says_and_a_test_asserts() {
    let page = read("docs/clusters.md");
    let (_, rest) = page.split_once("| the message has |").unwrap();
    let table = rest.split("\n\n").next().unwrap();
    let said = ["cluster.rs", "cluster", "stage"].map(|part| {
        let path = Path::new(ROOT).join("src").join(part);
        if path.is_dir() {
            sources(&path)
        } else {
            fs::read_to_string(path).unwrap()
        }
    });
    let said = said.concat();
    let asserted = ["connect", "deploy", "faults", "preflight"].map(|part| {
        let tests = Path::new(ROOT).join("tests/podium");
        sources(&tests.join(part)) + &fs::read_to_string(tests.join(format!("{part}.rs"))).unwrap()
    });
    let asserted = asserted.concat() + &read("tests/podium/port_forward.rs");
    let rows: Vec<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    assert!(rows.len() >= 30, "{}", rows.len());
    for message in rows {
        let parts: Vec<&str> = message.split('…').map(str::trim).collect();
        for part in &parts {
            assert!(said.contains(part), "nothing says {part:?}");
        }
        let tested = parts
            .iter()
            .any(|part| part.len() >= 8 && asserted.contains(part));
        assert!(tested, "no test asserts {message:?}");
    }
}

#[test]
fn the_images_context_has_every_folder_that_the_program_embeds() {
    let ignored = read(".dockerignore");
    let sent: Vec<&str> = ignored
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .collect();
    let mut needed = vec![
        "Cargo.toml".to_owned(),
        "Cargo.lock".to_owned(),
        "build.rs".to_owned(),
    ];
    for file in [
        "src/web/reading.rs",
        "src/web/assets.rs",
        "src/deck/load.rs",
        "src/stage/manifests.rs",
    ] {
        let text = read(file);
        let folders = text.split("#[folder = \"").skip(1);
        needed.extend(folders.map(|rest| rest.split(['/', '"']).next().unwrap().to_owned()));
    }
    let docker = read("Dockerfile");
    let copies = docker.lines().filter_map(|line| line.strip_prefix("COPY "));
    for copy in copies.filter(|copy| !copy.starts_with("--from")) {
        let mut words: Vec<&str> = copy.split_whitespace().collect();
        words.pop();
        let first = |path: &str| path.split('/').next().unwrap().to_owned();
        needed.extend(words.into_iter().filter(|path| *path != ".").map(first));
    }
    assert!(needed.len() >= 10, "{needed:?}");
    for path in needed {
        assert!(
            sent.contains(&path.as_str()),
            "{path} does not reach the builder"
        );
        assert!(Path::new(ROOT).join(&path).exists(), "{path}");
    }
}

/// Runs `.ci/image` where only these programs are builders; each writes down how it was called.
async fn build_with(builders: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, body) in builders {
        let path = folder.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for tool in ["sh", "sed", "head", "tail", "git", "dirname", "cat"] {
        let found = std::process::Command::new("sh")
            .args(["-c", &format!("command -v {tool}")])
            .output()
            .unwrap();
        let path = String::from_utf8(found.stdout).unwrap();
        std::os::unix::fs::symlink(path.trim(), folder.path().join(tool)).unwrap();
    }
    let mut script = Command::new(Path::new(ROOT).join(".ci/image"));
    let output = run(script.arg("podium:test").env("PATH", folder.path())).await;
    (output.code, output.stdout, output.stderr)
}

#[tokio::test]
async fn the_image_is_built_by_the_first_builder_that_works() {
    let works = r#"[ "$1" = info ] || echo "called: $0 $*""#;
    let broken = r#"echo "no daemon" >&2; exit 1"#;
    let (code, said, errors) = build_with(&[("docker", broken), ("buildah", works)]).await;
    assert_eq!(code, Some(0), "{errors}");
    assert!(
        errors.contains("docker is installed but does not work: no daemon"),
        "{errors}"
    );
    assert!(
        said.contains("buildah build --tag podium:test --build-arg VERSION=0.1.0"),
        "{said}"
    );
    let (code, said, _) = build_with(&[("docker", works), ("podman", works)]).await;
    assert_eq!(
        (code, said.contains("docker build --tag")),
        (Some(0), true),
        "{said}"
    );
    let (code, _, errors) = build_with(&[]).await;
    assert_eq!(code, Some(1));
    assert!(
        errors.contains("Install docker, podman or buildah"),
        "{errors}"
    );
}
