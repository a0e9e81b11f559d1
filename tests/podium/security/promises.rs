//! `SECURITY.md` promises and names the test that holds each promise. A name that is no test holds nothing.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sources of a module of these tests, or of the crate itself: `security::login` is `tests/podium/security/login.rs`.
fn source(module: &[&str]) -> Option<String> {
    let path: PathBuf = module.iter().collect();
    ["tests/podium", "src"].iter().find_map(|folder| {
        fs::read_to_string(root().join(folder).join(&path).with_extension("rs")).ok()
    })
}

#[test]
fn every_test_that_security_md_names_exists() {
    let text = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let specs = fs::read_to_string(root().join("tests/browser/security.spec.mjs")).unwrap();
    let mut named = 0;
    let mut missing = Vec::new();
    for name in text.split('`').skip(1).step_by(2) {
        let exists = if let Some(title) = name.strip_prefix("security.spec: ") {
            specs.contains(&format!("test(\"{title}\""))
        } else if name.contains("::") {
            let path: Vec<_> = name.split("::").collect();
            let (test, module) = path.split_last().unwrap();
            source(module).is_some_and(|source| source.contains(&format!("fn {test}(")))
        } else {
            continue;
        };
        named += 1;
        if !exists {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(named >= 30, "only {named} tests are named");
}
