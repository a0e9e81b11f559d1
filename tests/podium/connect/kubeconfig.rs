//! Kubeconfigs that are missing, broken or incomplete; several that are joined; programs that bring credentials.

use super::{Desk, api, config, says};
use crate::talk::Talk;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use tokio::time::Instant;

#[tokio::test]
async fn whatever_is_wrong_with_a_kubeconfig_is_told_with_its_remedy() {
    let desk = Desk::new();
    let good = config("http://127.0.0.1:9", "", "token: t");
    let not_ours = good.replace("current-context: there", "current-context: elsewhere");
    let none_current = good.replace("current-context: there\n", "");
    let no_cluster = good.replace("cluster: c,", "cluster: gone,");
    let no_user = good.replace("user: u}", "user: gone}");
    let bad_authority = config(
        "https://127.0.0.1:9",
        ", certificate-authority: /no/such/file",
        "token: t",
    );
    let no_token = config("http://127.0.0.1:9", "", "tokenFile: /no/such/token");
    let no_certificate = config(
        "https://127.0.0.1:9",
        "",
        "client-certificate: /no/such/pem, client-key: /no/such/key",
    );
    for (name, text, parts) in [
        (
            "token",
            &*no_token,
            &[
                "tokenFile /no/such/token cannot be read",
                "log in to the cluster again",
            ][..],
        ),
        (
            "certificate",
            &no_certificate,
            &[
                "cannot be used: failed to load client certificate",
                "/no/such/pem",
                "log in to the cluster again",
            ],
        ),
        (
            "malformed",
            "current-context: [secret",
            &["kubeconfig ", "malformed: ", "correct it"],
        ),
        (
            "elsewhere",
            &not_ours,
            &[
                "there is no context \"elsewhere\"",
                "has only \"there\"",
                "--context",
            ],
        ),
        (
            "none",
            &none_current,
            &[
                "no current context",
                "\"there\"",
                "kubectl config use-context",
            ],
        ),
        (
            "cluster",
            &no_cluster,
            &[
                "names the cluster \"gone\"",
                "set-context there --cluster=NAME",
            ],
        ),
        (
            "user",
            &no_user,
            &["names the user \"gone\"", "set-context there --user=NAME"],
        ),
        (
            "authority",
            &bad_authority,
            &["context \"there\"", "/no/such/file", "--context"],
        ),
    ] {
        let path = desk.write(name, text);
        let output = desk.podium(&path, &["queue-depth"]).await;
        says(Desk::complaint(&output), parts);
        assert!(!output.stderr.contains("secret"), "{}", output.stderr);
    }
    let output = desk
        .podium(&desk.0.path().join("nowhere"), &["queue-depth"])
        .await;
    says(
        Desk::complaint(&output),
        &[
            "no kubeconfig",
            "nowhere is not there",
            "KUBECONFIG",
            "--cluster",
        ],
    );
    // A folder in place of a file cannot be read, whoever tries.
    let output = desk.podium(desk.0.path(), &["queue-depth"]).await;
    says(
        Desk::complaint(&output),
        &["kubeconfig ", "directory", "correct it"],
    );
}

#[tokio::test]
async fn the_flag_for_a_context_is_refused_where_no_kubeconfig_is_used() {
    let desk = Desk::new();
    let output = crate::talk::run(crate::talk::podium(desk.0.path()).args([
        "queue-depth",
        "--context",
        "there",
    ]))
    .await;
    says(
        Desk::complaint(&output),
        &["--context there", "--cluster kubeconfig"],
    );
}

#[tokio::test]
async fn several_kubeconfigs_are_joined_and_the_context_named_is_used_by_every_command() {
    let talk = Talk::start().await;
    let (address, token) = api(&talk);
    let desk = Desk::new();
    let contexts = desk.write(
        "contexts",
        "apiVersion: v1\nkind: Config\ncurrent-context: wrong\ncontexts:\n\
         - {name: wrong, context: {cluster: wrong, user: u}}\n\
         - {name: right, context: {cluster: right, user: u}}\n",
    );
    let rest = desk.write(
        "rest",
        &format!(
            "apiVersion: v1\nkind: Config\nclusters:\n\
             - {{name: wrong, cluster: {{server: \"http://127.0.0.1:9\"}}}}\n\
             - {{name: right, cluster: {{server: \"http://{address}\"}}}}\n\
             users: [{{name: u, user: {{token: \"{token}\"}}}}]\n"
        ),
    );
    let missing = desk.0.path().join("missing");
    let list: PathBuf = std::env::join_paths([missing, contexts, rest])
        .unwrap()
        .into();
    let status = desk.podium(&list, &["status", "--context", "right"]).await;
    assert_eq!(status.code, Some(0), "{status:?}");
    says(
        &status.stdout,
        &[&format!("v1.36.0+podium at http://{address}"), "✓ KEDA"],
    );
    let status = desk.podium(&list, &["status"]).await;
    assert_eq!(status.code, Some(1), "{status:?}");
    says(&status.stdout, &["✗ Kubernetes API", "http://127.0.0.1:9"]);

    // A command in another terminal finds the server's files and its context through connection.json.
    let state = tempfile::tempdir().unwrap();
    let mut command = crate::talk::podium(state.path());
    command.env("KUBECONFIG", &list).args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--cluster",
        "kubeconfig",
        "--context",
        "right",
    ]);
    let front = Talk::start_by(command, state).await;
    let status = front.command(&["status"]).await;
    assert_eq!(status.code, Some(0), "{status:?}");
    says(&status.stdout, &[&address.to_string()]);
}

/// A program of this text, and a user that gets credentials from it.
pub(super) fn plugin(desk: &Desk, text: &str) -> String {
    let path = desk.write("plugin", &format!("#!/bin/sh\n{text}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    user(path.to_str().unwrap())
}

pub(super) fn user(program: &str) -> String {
    format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1, command: \"{program}\", interactiveMode: IfAvailable, \
         installHint: \"get it from the cloud's page\"}}"
    )
}

#[tokio::test]
async fn a_program_brings_the_credentials() {
    let talk = Talk::start().await;
    let (address, token) = api(&talk);
    let desk = Desk::new();
    let user = plugin(
        &desk,
        &format!(
            "echo '{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{{\"token\":\"{token}\"}}}}'"
        ),
    );
    let config = desk.config(&format!("http://{address}"), "", &user);
    let status = desk.podium(&config, &["status"]).await;
    assert_eq!(status.code, Some(0), "{status:?}");
}

#[tokio::test]
async fn a_program_that_brings_no_credentials_is_named_with_what_it_said() {
    let desk = Desk::new();
    let failing = plugin(&desk, "echo 'token expired: run cloud login' >&2; exit 3");
    let config = desk.config("http://127.0.0.1:9", "", &failing);
    let output = desk.podium(&config, &["queue-depth"]).await;
    says(
        Desk::complaint(&output),
        &["plugin\"", "token expired: run cloud login", "log in again"],
    );

    let talking = plugin(&desk, "echo hello");
    let config = desk.config("http://127.0.0.1:9", "", &talking);
    let output = desk.podium(&config, &["queue-depth"]).await;
    says(
        Desk::complaint(&output),
        &["no ExecCredential", "log in again"],
    );

    let config = desk.config("http://127.0.0.1:9", "", &user("no-such-login"));
    let output = desk.podium(&config, &["queue-depth"]).await;
    says(
        Desk::complaint(&output),
        &[
            "the program \"no-such-login\", which cannot be run: ",
            "No such file",
            "get it from the cloud's page",
        ],
    );
}

#[tokio::test]
async fn a_program_that_does_not_end_is_not_waited_for_for_ever() {
    let desk = Desk::new();
    let slow = plugin(&desk, "exec sleep 20");
    let config = desk.config("http://127.0.0.1:9", "", &slow);
    let begun = Instant::now();
    let output = desk.podium(&config, &["queue-depth"]).await;
    says(
        Desk::complaint(&output),
        &["has not ended for 10 s", "kubectl get namespaces"],
    );
    assert!(begun.elapsed().as_secs() < 15, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn in_a_cluster_means_inside_one() {
    let desk = Desk::new();
    let mut command = crate::talk::podium(desk.0.path());
    command
        .env_remove("KUBERNETES_SERVICE_HOST")
        .args(["queue-depth", "--cluster", "in-cluster"]);
    let output = crate::talk::run(&mut command).await;
    says(
        Desk::complaint(&output),
        &[
            "not in a cluster: ",
            "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not both set",
            "service account",
            "--cluster kubeconfig",
        ],
    );
    // Where this test itself runs in a pod, its account is there, and no API server at this port.
    let account = "/var/run/secrets/kubernetes.io/serviceaccount";
    let parts = match std::path::Path::new(account).exists() {
        true => ["cannot reach the Kubernetes API", "is the cluster running?"],
        false => [account, "cannot be read (No such file"],
    };
    command
        .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        .env("KUBERNETES_SERVICE_PORT", "9");
    says(
        Desk::complaint(&crate::talk::run(&mut command).await),
        &parts,
    );
}
