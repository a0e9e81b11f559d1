//! The direction of dependencies, read from the `use` lines and paths of the sources.

use std::fs;
use std::path::{Path, PathBuf};

/// What each module may use of the others.
const ALLOWED: &[(&str, &[&str])] = &[
    ("autoscale", &[]),
    ("backoff", &[]),
    ("clock", &[]),
    ("config", &[]),
    ("connection", &[]),
    ("deck", &[]),
    ("server", &[]),
    ("cluster", &["backoff", "clock", "config"]),
    ("queue", &["backoff", "clock", "config"]),
    (
        "stage",
        &["autoscale", "clock", "cluster", "config", "queue"],
    ),
    ("live", &["backoff", "clock", "cluster", "config", "queue"]),
    ("embedded", &["autoscale", "clock", "server"]),
    ("web", &["config", "deck", "live", "server", "stage"]),
];

const MODULES: &[&str] = &[
    "autoscale",
    "backoff",
    "cli",
    "clock",
    "cluster",
    "config",
    "connection",
    "deck",
    "embedded",
    "live",
    "queue",
    "server",
    "stage",
    "web",
];

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path.strip_prefix(&root).unwrap().to_owned(), text)
    };
    found.into_iter().map(read).collect()
}

/// `live` for `live.rs` and for everything below `live/`.
fn module_of(path: &Path) -> String {
    let first = path
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_string_lossy()
        .into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The code without its tests and comments, which may mention anything.
fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]").next().unwrap_or_default();
    before_tests
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn modules_use_each_other_downwards_only() {
    let mut violations = Vec::new();
    for (path, text) in sources() {
        let module = module_of(&path);
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == module) else {
            continue;
        };
        for other in MODULES
            .iter()
            .filter(|other| **other != module && !allowed.contains(other))
        {
            if code(&text).contains(&format!("crate::{other}")) {
                violations.push(format!("{} uses {other}", path.display()));
            }
        }
    }
    assert!(violations.is_empty(), "{violations:#?}");
}

#[track_caller]
fn only_in(library: &str, homes: &[&str]) {
    let mut strays = Vec::new();
    for (path, text) in sources() {
        let uses = code(&text).lines().any(|line| {
            line.trim_start().starts_with(&format!("use {library}::"))
                || line.contains(&format!(" {library}::"))
        });
        if uses && !homes.contains(&module_of(&path).as_str()) {
            strays.push(path);
        }
    }
    assert!(strays.is_empty(), "{library} is used in {strays:?}");
}

#[test]
fn only_the_queue_speaks_redis_and_only_the_cluster_speaks_kubernetes() {
    only_in("redis", &["queue"]);
    only_in("kube", &["cluster"]);
}

#[test]
fn the_deck_knows_no_http_and_the_scaling_rules_know_no_clock() {
    only_in("axum", &["web", "embedded", "cluster", "server"]);
    // The command line asks the server for one thing, as a client.
    only_in("hyper", &["server", "cli"]);
    for (path, text) in sources() {
        if module_of(&path) == "autoscale" {
            let code = code(&text);
            for absent in [
                "async fn",
                "tokio::",
                "crate::clock",
                "jiff::Timestamp::now",
            ] {
                assert!(!code.contains(absent), "{} has {absent}", path.display());
            }
        }
    }
}

#[test]
fn every_source_file_opens_with_its_purpose_and_stays_readable() {
    for (path, text) in sources() {
        assert!(
            text.starts_with("//!"),
            "{} does not open with //!",
            path.display()
        );
        let lines = text.lines().count();
        assert!(
            lines <= 600,
            "{} has {lines} lines: split it by meaning",
            path.display()
        );
    }
}
