//! An API server that refuses, is overloaded, or breaks off: what is said, and that doing it again is safe.

use super::{Desk, api, says};
use crate::fault_proxy::{Fault, Meddler};
use crate::talk::Talk;
use tokio::time::Instant;

const ALWAYS: usize = usize::MAX;

#[tokio::test]
async fn a_refusal_says_who_is_refused_what_and_what_to_do() {
    let talk = Talk::start().await;
    let (address, token) = api(&talk);
    let meddler = Meddler::before(address).await;
    let desk = Desk::new();
    let config = desk.config(
        &format!("http://{}", meddler.address),
        "",
        &format!("token: {token}"),
    );
    let forbidden = r#"namespaces is forbidden: User "jane" cannot get resource "namespaces" in API group "" at the cluster scope"#;
    for (code, message, parts) in [
        (
            401,
            "Unauthorized",
            &[
                "Unauthorized",
                "expired",
                "log in again",
                "kubectl create token",
            ][..],
        ),
        (
            403,
            forbidden,
            &[
                "User \"jane\" cannot get resource \"namespaces\"",
                "kubectl create clusterrole podium-namespaces --verb=get",
                "--user=jane",
            ],
        ),
        (410, "too old", &["too old", "try again"]),
        (
            429,
            "too many requests",
            &["more to do than it can", "wait a moment"],
        ),
        (
            500,
            "etcdserver: no leader",
            &["etcdserver: no leader", "readyz?verbose"],
        ),
    ] {
        meddler.heal();
        meddler.spoil("GET", "/", ALWAYS, Fault::Refused(code, message.to_owned()));
        let output = desk.podium(&config, &["queue-depth"]).await;
        says(Desk::complaint(&output), parts);
    }
}

#[tokio::test]
async fn whatever_happens_in_the_middle_of_a_deployment_deploying_again_completes_it() {
    let talk = Talk::start().await;
    let (address, token) = api(&talk);
    let meddler = Meddler::before(address).await;
    let desk = Desk::new();
    let config = desk.config(
        &format!("http://{}", meddler.address),
        "",
        &format!("token: {token}"),
    );
    let forbidden = r#"deployments.apps "redis" is forbidden: User "system:serviceaccount:podium:podium" cannot patch resource "deployments" in API group "apps" in the namespace "keda-demo""#;
    let refused = |code, message: &str| Fault::Refused(code, message.to_owned());
    for (path, fault, parts) in [
        (
            "/services/redis",
            refused(409, "the object has been modified"),
            &["apply service/redis", "modified", "try again"][..],
        ),
        (
            "/services/redis",
            refused(410, "too old"),
            &["apply service/redis", "try again"],
        ),
        (
            "/deployments/redis",
            refused(403, forbidden),
            &[
                "apply deployment/redis",
                "kubectl apply -f manifests/podium/rbac.yaml",
            ],
        ),
        (
            "/deployments/queue-worker",
            refused(500, "etcdserver: request timed out"),
            &["apply deployment/queue-worker", "readyz"],
        ),
        (
            "/scaledobjects/queue-worker",
            Fault::Lost,
            &["was cut", "trying again"],
        ),
        (
            "/scaledobjects/queue-worker",
            Fault::Cut,
            &["was cut", "trying again"],
        ),
    ] {
        meddler.heal();
        meddler.spoil("PATCH", path, 1, fault);
        let output = desk.podium(&config, &["deploy-queue-demo"]).await;
        says(Desk::complaint(&output), parts);
    }
    meddler.heal();
    let output = desk.podium(&config, &["deploy-queue-demo"]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    // The last apply was carried out, and only its answer was lost.
    says(
        &output.stdout,
        &[
            "scaledobject/queue-worker unchanged",
            "The queue demo is ready",
        ],
    );
}

#[tokio::test]
async fn an_api_server_that_asks_for_patience_gets_as_much_as_it_asks_for() {
    let talk = Talk::start().await;
    let (address, token) = api(&talk);
    let meddler = Meddler::before(address).await;
    let desk = Desk::new();
    let config = desk.config(
        &format!("http://{}", meddler.address),
        "",
        &format!("token: {token}"),
    );
    meddler.spoil("PATCH", "/namespaces/keda-demo", 1, Fault::Busy(429, 2));
    let begun = Instant::now();
    let output = desk.podium(&config, &["deploy-queue-demo"]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(begun.elapsed().as_secs() >= 2, "{:?}", begun.elapsed());
}
