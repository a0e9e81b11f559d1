//! `podium check` and `podium new` as an author meets them: output, exit codes, files.

use crate::talk::{Output, podium, run};
use serde_json::Value;
use std::path::Path;

async fn podium_in(folder: &Path, arguments: &[&str]) -> Output {
    let state = tempfile::tempdir().unwrap();
    run(podium(state.path()).current_dir(folder).args(arguments)).await
}

#[tokio::test]
async fn a_clean_deck_passes_and_a_broken_link_is_shown_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let deck = folder.path().join("slides.md");
    std::fs::write(&deck, "# A\n\n<!-- Say it. -->\n").unwrap();
    let output = podium_in(folder.path(), &["check"]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(output.stdout, "slides.md: 1 step, 0 errors, 0 warnings\n");

    std::fs::write(&deck, "# A\n\n- see\t[it](/9)\n\n<!-- Say it. -->\n").unwrap();
    let output = podium_in(folder.path(), &["check", "slides.md"]).await;
    assert_eq!(output.code, Some(1));
    assert_eq!(
        output.stdout,
        "slides.md:3:7: error: there is no slide 9: the deck goes from 1 to 1\n\
         \x20 3 | - see\t[it](/9)\n\
         \x20   |      \t^\n\
         slides.md: 1 step, 1 error, 0 warnings\n"
    );
}

#[tokio::test]
async fn warnings_pass_unless_strict() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("slides.md"), "# A\n").unwrap();
    let deck = folder.path().to_owned();
    let output = podium_in(&deck, &["check"]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(
        output
            .stdout
            .contains("warning: slide 1 has no speaker notes")
    );
    assert_eq!(podium_in(&deck, &["check", "--strict"]).await.code, Some(1));
}

#[tokio::test]
async fn editors_get_json_with_paths_that_open() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("talk")).unwrap();
    std::fs::write(folder.path().join("talk/slide-01.md"), "![](a.png)\n").unwrap();
    let output = podium_in(folder.path(), &["check", "talk", "--format", "json"]).await;
    assert_eq!(output.code, Some(1));
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(report["errors"], 1);
    let first = &report["problems"][0];
    assert_eq!(
        (&first["file"], &first["line"], &first["column"]),
        (&"talk/slide-01.md".into(), &1.into(), &1.into())
    );
    assert_eq!(first["source"], "![](a.png)");
}

#[tokio::test]
async fn without_a_deck_the_built_in_talk_is_checked_and_is_clean() {
    let folder = tempfile::tempdir().unwrap();
    let output = podium_in(folder.path(), &["check", "--strict"]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(
        output.stdout.starts_with("the built-in talk: 18 steps"),
        "{output:?}"
    );
}

#[tokio::test]
async fn a_deck_that_is_not_there_is_an_error_and_a_wrong_flag_is_usage() {
    let folder = tempfile::tempdir().unwrap();
    let output = podium_in(folder.path(), &["check", "gone.md"]).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("gone.md"), "{output:?}");
    let output = podium_in(folder.path(), &["check", "--format", "xml"]).await;
    assert_eq!(output.code, Some(2));
}

#[tokio::test]
async fn a_new_deck_is_clean_and_is_never_written_over_another() {
    let folder = tempfile::tempdir().unwrap();
    let output = podium_in(folder.path(), &["new", "talk"]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.stdout.contains("podium serve --deck talk/slides.md"));
    let output = podium_in(folder.path(), &["check", "--strict", "talk/slides.md"]).await;
    assert_eq!(output.code, Some(0), "{output:?}");

    std::fs::write(folder.path().join("talk/slides.md"), "# Mine\n").unwrap();
    let output = podium_in(folder.path(), &["new", "talk"]).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("there already"), "{output:?}");
    let kept = std::fs::read_to_string(folder.path().join("talk/slides.md")).unwrap();
    assert_eq!(kept, "# Mine\n");
}

#[tokio::test]
async fn a_new_deck_is_welcome_among_other_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("README.md"), "# Here\n").unwrap();
    assert_eq!(podium_in(folder.path(), &["new", "."]).await.code, Some(0));
}
