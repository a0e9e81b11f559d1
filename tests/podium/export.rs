//! Taking the talk home: runs on disk and on their pages, the exported file, the PDF, paper.

use crate::talk::{Talk, podium, run};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// A recorded run: 5,000 jobs, 37 pods, back at rest after two minutes.
const ID: &str = "20251124-180342";
const TRIGGER: i64 = 1_764_007_422_000;

/// Seconds after the trigger, backlog, replicas, ready pods.
type Row = (i64, i64, i64, i64);

fn recorded() -> Value {
    let rows: [Row; 6] = [
        (-5, 0, 1, 1),
        (0, 5_000, 1, 1),
        (8, 4_973, 25, 1),
        (23, 3_477, 37, 37),
        (49, 0, 37, 37),
        (126, 0, 1, 1),
    ];
    let column = |pick: &dyn Fn(&Row) -> Value| -> Value { rows.iter().map(pick).collect() };
    json!({
        "id": ID, "started": TRIGGER, "ended": TRIGGER + 126_000, "outcome": "complete",
        "baseline": 1, "peak": 37, "deepest": 5_000,
        "counts": {"enqueued": 5_000, "completed": 5_000, "failed": 0, "dead": 0, "duplicates": 0, "remaining": 0},
        "milestones": [
            {"id": 1, "t": TRIGGER, "kind": "trigger", "title": "5,000 ticket purchases arrive", "detail": ""},
            {"id": 2, "t": TRIGGER + 8_000, "kind": "rescale", "title": "Scaled 1 → 25", "detail": "above target"},
        ],
        "columns": {
            "t": column(&|row| json!(TRIGGER + row.0 * 1_000)),
            "depth": column(&|row| json!(row.1)),
            "in_flight": column(&|_| json!(0)),
            "external_metric": column(&|row| json!(row.1)),
            "desired": column(&|row| json!(row.2)),
            "replicas": column(&|row| json!(row.2)),
            "ready": column(&|row| json!(row.3)),
            "service_rate": column(&|_| Value::Null),
            "active": column(&|row| json!(row.1 > 0)),
        },
    })
}

/// A state folder in which a run was recorded.
fn state_with_a_run() -> TempDir {
    let state = tempfile::tempdir().unwrap();
    std::fs::create_dir(state.path().join("runs")).unwrap();
    let path = state.path().join(format!("runs/{ID}.json"));
    std::fs::write(path, recorded().to_string()).unwrap();
    state
}

async fn export(state: &TempDir, arguments: &[&str]) -> String {
    let mut command = podium(state.path());
    command
        .current_dir(state.path())
        .arg("export")
        .args(arguments);
    let output = run(&mut command).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    output.stdout
}

fn read(state: &TempDir, name: &str) -> String {
    std::fs::read_to_string(state.path().join(name)).unwrap()
}

#[tokio::test]
async fn the_exported_file_shows_the_last_run_and_is_the_same_every_time() {
    let state = state_with_a_run();
    let said = export(&state, &["--html", "one.html"]).await;
    assert!(
        said.contains("18 steps") && said.contains("24 Nov 2025, 18:03 UTC"),
        "{said}"
    );
    export(&state, &["--html", "two.html"]).await;
    let file = read(&state, "one.html");
    assert_eq!(file, read(&state, "two.html"));
    assert!(file.contains("Recorded 24 Nov 2025, 18:03 UTC; numbers of 23 s after the trigger"));
    assert!(file.contains(">3,477 jobs</tspan>"));
    assert!(!file.contains("/actions/") && !file.contains("/static/"));
}

#[tokio::test]
async fn notes_leave_only_when_they_are_asked_for() {
    let state = tempfile::tempdir().unwrap();
    let spoken = "Left to right, one sentence a box";
    export(&state, &["--html", "plain.html"]).await;
    export(&state, &["--html", "notes.html", "--with-notes"]).await;
    assert!(!read(&state, "plain.html").contains(spoken));
    assert!(read(&state, "notes.html").contains(spoken));
    assert!(read(&state, "plain.html").contains("No run recorded yet"));
}

#[tokio::test]
async fn a_deck_takes_its_pictures_along_and_a_range_chooses_its_slides() {
    let state = tempfile::tempdir().unwrap();
    std::fs::write(
        state.path().join("dot.svg"),
        "<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
    )
    .unwrap();
    let deck =
        "# One\n\n![A dot](dot.svg)\n\n---\n\n# Two\n\n---\n\n# Three\n\n[first](slide-01.md)\n";
    std::fs::write(state.path().join("talk.md"), deck).unwrap();
    export(&state, &["--html", "all.html", "--deck", "talk.md"]).await;
    assert!(read(&state, "all.html").contains("src=\"data:image/svg+xml;base64,"));
    export(
        &state,
        &["--html", "some.html", "--deck", "talk.md", "--range", "2-3"],
    )
    .await;
    let some = read(&state, "some.html");
    assert!(
        some.contains("id=\"/2\"") && some.contains("id=\"/3\"") && !some.contains("id=\"/1\"")
    );
    assert!(
        some.contains("<span class=\"unlinked\">first</span>"),
        "slide 1 is not there to lead to"
    );
    let nothing =
        run(podium(state.path()).args(["export", "--html", "x.html", "--range", "77"])).await;
    assert_eq!(nothing.code, Some(1));
    assert!(
        nothing.stderr.contains("--range 77 names no slide"),
        "{}",
        nothing.stderr
    );
}

#[tokio::test]
async fn a_pdf_has_a_page_a_step() {
    let state = state_with_a_run();
    let said = export(&state, &["--pdf", "deck.pdf", "--range", "8-9"]).await;
    assert!(said.contains("5 steps"), "{said}");
    assert_eq!(pages(&state.path().join("deck.pdf")), 5);
    let left: Vec<_> = std::fs::read_dir(state.path())
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(left.len(), 2, "the runs and the PDF, no litter: {left:?}");
}

/// Page objects of a PDF; `/Pages` is their tree.
fn pages(pdf: &Path) -> usize {
    let text = String::from_utf8_lossy(&std::fs::read(pdf).unwrap()).into_owned();
    text.matches("/Type /Page").count() - text.matches("/Type /Pages").count()
}

#[tokio::test]
async fn without_a_browser_the_message_says_what_to_install_and_what_needs_none() {
    let state = tempfile::tempdir().unwrap();
    let mut command = podium(state.path());
    command
        .current_dir(state.path())
        .env("PATH", state.path())
        .args(["export", "--pdf", "deck.pdf"]);
    let output = run(&mut command).await;
    assert_eq!(output.code, Some(1));
    for words in ["apt install chromium", "--browser PATH", "/print"] {
        assert!(output.stderr.contains(words), "{}", output.stderr);
    }
    assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_run_has_a_page_and_its_numbers_for_everyone() {
    let talk = Talk::start_in(state_with_a_run(), &[]).await;
    let (status, list) = talk.get("runs").await;
    assert_eq!(status, 200);
    assert!(list.contains(&format!("href=\"/runs/{ID}\"")) && list.contains("5,000"));
    let (status, page) = talk.get(&format!("runs/{ID}")).await;
    assert_eq!(status, 200);
    assert!(page.contains("<svg class=\"run-picture\"") && page.contains("Scaled 1 → 25"));
    let (_, json) = talk.get(&format!("runs/{ID}.json")).await;
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["peak"], 37);
    let (_, csv) = talk.get(&format!("runs/{ID}.csv")).await;
    assert!(csv.starts_with("seconds,unix_ms,backlog_jobs") && csv.contains("\n23.000,"));
    let (status, page) = talk.get("runs/20000101-000000").await;
    assert_eq!(status, 404);
    assert!(page.contains("/runs"));
}

#[tokio::test]
async fn paper_is_for_everyone_and_the_notes_are_the_speakers() {
    let talk = Talk::start().await;
    let spoken = "Left to right, one sentence a box";
    let (status, paper) = talk.get("print").await;
    assert_eq!((status, paper.contains(spoken)), (200, false));
    assert_eq!(paper.matches("class=\"sheet\"").count(), 18);
    assert!(!paper.contains(" hidden>") && paper.contains("No run recorded yet"));
    for page in ["notes", "print?notes"] {
        assert_eq!(
            talk.get(page).await.0,
            303,
            "{page} sends a stranger to the door"
        );
        let answer = talk
            .request(reqwest::Method::GET, page)
            .bearer_auth(&talk.key)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.text().await.unwrap().contains(spoken), "{page}");
    }
}

#[tokio::test]
async fn a_run_in_progress_is_kept_when_the_server_stops() {
    let mut talk = Talk::start().await;
    talk.deploy().await;
    let mut events = talk.events().await;
    // The queue is read from a moment after the deployment on: jobs that were there before are no spike.
    events
        .sample(Duration::from_secs(20), |sample| sample["depth"] == 0)
        .await;
    talk.act("spike", json!({"count": 2_000})).await;
    let scaled =
        |sample: &Value| sample["phase"] == "response" && sample["replicas"].as_i64() > Some(1);
    events.sample(Duration::from_secs(60), scaled).await;
    talk.signal("TERM").await;
    talk.ended(Duration::from_secs(10)).await;
    let folder = std::fs::read_dir(talk.state.path().join("runs")).unwrap();
    let paths: Vec<_> = folder.flatten().map(|entry| entry.path()).collect();
    assert_eq!(paths.len(), 1);
    let run: Value = serde_json::from_str(&std::fs::read_to_string(&paths[0]).unwrap()).unwrap();
    assert_eq!(run["outcome"], "interrupted");
    assert_eq!(run["counts"]["enqueued"], 2_000);
    assert_eq!(
        run["milestones"][0]["title"],
        "2,000 ticket purchases arrive"
    );
}
