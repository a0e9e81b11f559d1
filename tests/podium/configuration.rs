//! Settings and bad input: each refusal names the value and the remedy, and the server goes on.

use crate::talk::{Talk, podium, run};
use serde_json::json;

#[tokio::test]
async fn an_occupied_port_that_was_asked_for_is_an_error_that_names_it() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let state = tempfile::tempdir().unwrap();
    let output = run(podium(state.path()).args(["serve", "--listen", &address])).await;
    assert_eq!(output.code, Some(1));
    assert!(
        output.stderr.contains(&address) && output.stderr.contains("next free port"),
        "{}",
        output.stderr
    );
}

#[tokio::test]
async fn a_command_without_a_server_says_to_start_one() {
    let state = tempfile::tempdir().unwrap();
    let output = run(podium(state.path()).args(["queue-depth"])).await;
    assert_eq!(output.code, Some(1));
    assert!(
        output.stderr.contains("start `podium serve` first"),
        "{}",
        output.stderr
    );
}

#[tokio::test]
async fn an_unreachable_redis_is_named_without_its_password() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("redis://:hunter2@{free}");
    let state = tempfile::tempdir().unwrap();
    let output = run(podium(state.path()).args(["queue-depth", "--redis", &url])).await;
    assert_eq!(output.code, Some(1));
    assert!(
        output.stderr.contains(&free.to_string()),
        "{}",
        output.stderr
    );
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
}

#[tokio::test]
async fn counts_that_cannot_be_used_are_refused_by_the_command_and_by_the_server() {
    let talk = Talk::start().await;
    for bad in ["0", "-1", "1000000000", "many"] {
        let output = talk.command(&["enqueue", bad]).await;
        assert_eq!(output.code, Some(1), "{bad}");
        assert!(
            output.stderr.contains(bad) && output.stderr.contains("1 to 100000"),
            "{}",
            output.stderr
        );
        let (status, answer) = talk.act("spike", json!({"count": bad})).await;
        assert_eq!(status, 422, "{answer}");
        assert_eq!(answer["error"]["value"], bad);
        assert!(
            answer["error"]["remedy"]
                .as_str()
                .unwrap()
                .contains("1 to 100000"),
            "{answer}"
        );
    }
    assert_eq!(talk.get("healthz").await.0, 200, "the server goes on");
}

#[tokio::test]
async fn a_spike_without_a_demo_says_to_deploy_it() {
    let talk = Talk::start().await;
    let output = talk.command(&["spike"]).await;
    assert_eq!(output.code, Some(1));
    assert!(
        output.stderr.contains("podium deploy-queue-demo"),
        "{}",
        output.stderr
    );
}

#[tokio::test]
async fn a_usage_error_has_its_own_exit_code() {
    let state = tempfile::tempdir().unwrap();
    let output = run(podium(state.path()).args(["serve", "--cluster", "cloud"])).await;
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("embedded"), "{}", output.stderr);
}
