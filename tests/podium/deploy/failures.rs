//! Every way in which the API server can refuse a step of a deployment, a removal or a Job: what is said of it, and that
//! the same again goes on from there.
//!
//! The refusals are a real API server's, word for word, since the remedies are found from its words.

pub(super) mod refusals;

use crate::connect::api_server::meddled;
use crate::connect::{Desk, says};
use crate::fault_proxy::{Fault, Meddler};
use refusals::{
    Case, of_a_job, of_admission, of_namespace_and_secret, of_the_removal, of_the_rollout,
    of_the_server, refused,
};
use serde_json::json;
use std::path::Path;
use tokio::time::Instant;

/// Runs the command once for each case; the next one meets what the one before it left.
async fn all_told(
    meddler: &Meddler,
    desk: &Desk,
    config: &Path,
    command: &[&str],
    cases: Vec<Case>,
) {
    for (method, path, fault, parts) in cases {
        meddler.heal();
        meddler.spoil(method, path, 1, fault);
        let output = desk.podium(config, command).await;
        says(Desk::complaint(&output), parts);
        assert!(!meddler.owes(), "{method} {path} was never asked");
    }
    meddler.heal();
}

#[tokio::test]
async fn whatever_refuses_a_step_is_named_with_its_remedy_and_the_same_again_goes_on_from_there() {
    let (talk, meddler, desk, config) = meddled().await;
    let deploy = ["deploy-queue-demo"];
    for cases in [
        of_namespace_and_secret(),
        of_admission(),
        of_the_server(),
        of_the_rollout(),
    ] {
        all_told(&meddler, &desk, &config, &deploy, cases).await;
    }
    let rehearsal = ["deploy-queue-demo", "--dry-run"];
    all_told(&meddler, &desk, &config, &rehearsal, of_admission()).await;
    // A list that is too old to be gone on with, and a watch that breaks off, are begun anew without a word.
    let listed = |more: &str| {
        Fault::Answered(
            json!({"kind": "DeploymentList", "apiVersion": "apps/v1", "items": [], "metadata": {
                "resourceVersion": "1", "continue": more,
            }}),
        )
    };
    let too_old = refused(410, "The provided continue parameter is too old");
    meddler.spoil("GET", "continue=more", 1, too_old);
    meddler.spoil("GET", "/deployments?", 1, listed("more"));
    meddler.spoil("GET", "watch=true", 1, Fault::Lost);
    meddler.spoil("GET", "/deployments?", 1, listed(""));
    let output = desk.podium(&config, &deploy).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    says(
        &output.stdout,
        &["service/redis unchanged", "The queue demo is ready"],
    );
    assert!(!meddler.owes(), "not all of that has happened");

    let job = ["enqueue", "--as-job", "5"];
    all_told(&meddler, &desk, &config, &job, of_a_job()).await;
    let remove = ["remove-queue-demo", "--yes"];
    all_told(&meddler, &desk, &config, &remove, of_the_removal()).await;
    // Who may not watch what goes looks at it instead.
    let blind = refused(
        403,
        "namespaces is forbidden: User \"jane\" cannot list resource \"namespaces\"",
    );
    meddler.spoil("GET", "/namespaces?", usize::MAX, blind);
    let output = desk.podium(&config, &remove).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    says(&output.stdout, &["namespace/keda-demo deleted"]);
    let namespaces = talk.kubectl(&["get", "ns", "-o", "name"]).await.stdout;
    assert!(!namespaces.contains("keda-demo"), "{namespaces}");
}

#[tokio::test]
async fn an_api_server_that_throttles_without_end_is_told_as_that_and_in_time() {
    let (_talk, meddler, desk, config) = meddled().await;
    meddler.spoil("PATCH", "/", usize::MAX, Fault::Busy(429, 1));
    let begun = Instant::now();
    let output = desk.podium(&config, &["deploy-queue-demo"]).await;
    says(
        Desk::complaint(&output),
        &[
            "apply namespace/keda-demo: ",
            "the API server is throttling",
            "wait a moment",
        ],
    );
    assert!(begun.elapsed().as_secs() >= 5, "{:?}", begun.elapsed());
    assert!(begun.elapsed().as_secs() < 12, "{:?}", begun.elapsed());
}
