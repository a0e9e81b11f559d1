//! Programs that bring credentials: how often they are run, when again, and what is said of those that bring none.

use super::kubeconfig::plugin;
use super::{Desk, api, says};
use crate::connect::api_server::meddled;
use crate::fault_proxy::Fault;
use crate::talk::Talk;

/// The output of a program that brings `token`, with more fields of its status.
fn credential(token: &str, more: &str) -> String {
    format!(
        "echo \"{{apiVersion: client.authentication.k8s.io/v1, kind: ExecCredential, status: {{token: '{token}'{more}}}}}\""
    )
}

fn runs(desk: &Desk) -> usize {
    let noted = std::fs::read_to_string(desk.folder().join("runs")).unwrap();
    noted.lines().count()
}

const NOTE: &str = "echo run >> \"$(dirname \"$0\")/runs\"";

#[tokio::test]
async fn a_program_is_run_once_and_before_each_request_only_if_what_it_brings_ends_at_once() {
    let talk = Talk::start().await;
    let (address, token) = api(&talk);
    let desk = Desk::new();
    let server = format!("http://{address}");
    let user = plugin(&desk, &format!("{NOTE}\n{}", credential(&token, "")));
    let config = desk.config(&server, "", &user);
    let status = desk.podium(&config, &["status"]).await;
    assert_eq!(status.code, Some(0), "{status:?}");
    assert_eq!(runs(&desk), 1);

    let short = credential(&token, ", expirationTimestamp: '$end'");
    let script = format!("{NOTE}\nend=$(date -u -d '+5 seconds' +%Y-%m-%dT%H:%M:%SZ)\n{short}");
    let config = desk.config(&server, "", &plugin(&desk, &script));
    let status = desk.podium(&config, &["queue-depth"]).await;
    says(
        Desk::complaint(&status),
        &["the queue demo is not deployed"],
    );
    assert_eq!(
        runs(&desk),
        1 + 1 + 2,
        "once at the start, and for two requests"
    );
}

#[tokio::test]
async fn what_a_program_brings_and_is_of_no_use_is_told_with_its_remedy() {
    let desk = Desk::new();
    let good = credential("t", "");
    let over = credential("t", ", expirationTimestamp: '2001-02-03T04:05:06Z'");
    let odd = credential("t", ", expirationTimestamp: tomorrow");
    let old = good.replace("k8s.io/v1,", "k8s.io/v1beta1,");
    let none = good.replace("token: 't'", "");
    // What of the kubeconfig is changed, and to what.
    let as_is = ("", "");
    let alpha = ("k8s.io/v1,", "k8s.io/v1alpha1,");
    let always = ("IfAvailable", "Always");
    for (text, (from, to), parts) in [
        (
            over.as_str(),
            as_is,
            &[
                "brought some that expired at 2001-02-03T04:05:06Z",
                "this machine's clock",
            ],
        ),
        (&odd, as_is, &["\"tomorrow\" is no time", "log in again"]),
        (
            &old,
            as_is,
            &[
                "speaks another version",
                "answered \"client.authentication.k8s.io/v1beta1\"",
            ],
        ),
        (
            &none,
            as_is,
            &["neither a token nor a certificate", "log in again"],
        ),
        (
            "exit 7",
            as_is,
            &["failed: exit status: 7", "log in again with it"],
        ),
        (
            &good,
            alpha,
            &[
                "speaks another version",
                "asks it for \"client.authentication.k8s.io/v1alpha1\"",
            ],
        ),
        (
            &good,
            always,
            &[
                "wants to talk to somebody (interactiveMode: Always)",
                "from a terminal",
            ],
        ),
    ] {
        let user = plugin(&desk, text).replacen(from, to, usize::from(!from.is_empty()));
        let config = desk.config("http://127.0.0.1:9", "", &user);
        let output = desk.podium(&config, &["queue-depth"]).await;
        says(Desk::complaint(&output), parts);
        says(&output.stderr, &["plugin\""]);
        let status = desk.podium(&config, &["status"]).await;
        says(&status.stdout, parts);
    }
}

#[tokio::test]
async fn a_token_that_is_refused_in_the_middle_is_replaced_or_the_program_says_why_not() {
    let (talk, meddler, desk, _) = meddled().await;
    let (_, token) = api(&talk);
    let server = format!("http://{}", meddler.address);
    let expired = || Fault::Refused(401, "Unauthorized".to_owned());
    let good = credential(&token, "");
    let once = format!(
        "{NOTE}\n[ \"$(wc -l < \"$(dirname \"$0\")/runs\")\" = 1 ] || {{ echo 'the session is over' >&2; exit 1; }}\n{good}"
    );
    let config = desk.config(&server, "", &plugin(&desk, &once));
    meddler.spoil("PATCH", "/namespaces/keda-demo", 1, expired());
    let output = desk.podium(&config, &["deploy-queue-demo"]).await;
    says(
        Desk::complaint(&output),
        &[
            "plugin\", which brings the credentials, failed: the session is over",
            "log in again",
        ],
    );

    std::fs::remove_file(desk.folder().join("runs")).unwrap();
    let config = desk.config(&server, "", &plugin(&desk, &format!("{NOTE}\n{good}")));
    meddler.spoil("PATCH", "/services/redis", 1, expired());
    let output = desk.podium(&config, &["deploy-queue-demo"]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(!meddler.owes());
    assert_eq!(runs(&desk), 2);

    // One that never worked is not asked for at each request.
    meddler.heal();
    meddler.spoil("GET", "/", usize::MAX, expired());
    let output = desk.podium(&config, &["status"]).await;
    says(&output.stdout, &["log in again, or make a new token"]);
    assert_eq!(runs(&desk), 3);
}
