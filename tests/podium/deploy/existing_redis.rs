//! The demo on a Redis that is there already: with a password, with TLS, and with the wrong one of either.

use super::field;
use crate::redis_server::Redis;
use crate::talk::{Talk, podium, run};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;

/// Waits until the demo's queue was worked off and its metric is read.
async fn works(talk: &Talk, jobs: u64) {
    let mut events = talk.events().await;
    events
        .sample(Duration::from_secs(30), |sample| {
            sample["processed"] == jobs && sample["external_metric"].is_number()
        })
        .await;
}

#[tokio::test]
async fn any_password_reaches_workers_and_keda_through_one_secret() {
    let redis = Redis::real_with(&["--requirepass", "p@ss $word/"]).await;
    let url = format!("redis://:p%40ss%20%24word%2F@{}", redis.address);
    let talk = Talk::start_with(&["--redis", &url]).await;
    talk.deploy().await;
    let put = talk.command(&["enqueue", "12", "--redis", &url]).await;
    assert_eq!(put.code, Some(0), "{}", put.stderr);
    works(&talk, 12).await;
    let listed = talk.kubectl(&["get", "ta", "-n", "keda-demo"]).await.stdout;
    let row: Vec<_> = listed.lines().nth(1).unwrap().split_whitespace().collect();
    assert!(
        listed.starts_with("NAME    PODIDENTITY   SECRET   ENV   VAULTADDRESS"),
        "{listed}"
    );
    assert_eq!(row, ["redis", "redis"]);
    let objects = talk
        .kubectl(&["get", "so,ta,deploy", "-n", "keda-demo", "-o", "yaml"])
        .await;
    assert!(!objects.stdout.contains("p@ss") && !objects.stdout.contains("p%40ss"));
    let again = talk
        .command(&["deploy-queue-demo", "--dry-run", "--redis", &url])
        .await;
    assert_eq!(
        again.stdout.matches(" unchanged ").count(),
        5,
        "{}",
        again.stdout
    );

    let patch = r#"{"spec":{"triggers":[{"type":"redis","metadata":{"address":"127.0.0.1:1","listName":"l"},"authenticationRef":{"name":"nobody"}}]}}"#;
    talk.merge("so/queue-worker", patch).await;
    not_ready(&talk, "TriggerAuthentication.keda.sh \"nobody\" not found").await;
}

/// Waits until the ScaledObject is not ready, and sees that it says why.
async fn not_ready(talk: &Talk, why: &str) {
    let wait = [
        "wait",
        "--for=condition=Ready=false",
        "so/queue-worker",
        "-n",
        "keda-demo",
        "--timeout=20s",
    ];
    assert_eq!(talk.kubectl(&wait).await.code, Some(0));
    let events = [
        "events",
        "-n",
        "keda-demo",
        "--for",
        "scaledobject/queue-worker",
    ];
    let told = talk.kubectl(&events).await.stdout;
    assert!(told.contains(why), "{told}");
}

/// An authority, and a certificate of its for 127.0.0.1.
pub(crate) struct Certificates(TempDir);

impl Certificates {
    pub(crate) async fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let days = [
            "-days",
            "2",
            "-nodes",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ];
        for name in ["ca", "other"] {
            let subject = format!("/CN=an authority for this test: {name}");
            let files = [&format!("{name}.key"), &format!("{name}.pem")];
            let made = [
                "req", "-x509", "-subj", &subject, "-keyout", files[0], "-out", files[1],
            ];
            openssl(folder.path(), &[&made[..], &days].concat()).await;
        }
        let signed = [
            "req",
            "-x509",
            "-subj",
            "/CN=redis",
            "-keyout",
            "redis.key",
            "-out",
            "redis.pem",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ];
        openssl(folder.path(), &[&signed[..], &days].concat()).await;
        Self(folder)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// Fails the test when there is no `openssl`, or one too old to sign in one step (before 3.0).
async fn openssl(folder: &Path, arguments: &[&str]) {
    let made = run(Command::new("openssl").current_dir(folder).args(arguments)).await;
    assert_eq!(made.code, Some(0), "openssl {arguments:?}: {}", made.stderr);
}

/// A real server that speaks TLS, and its URL.
async fn over_tls(certificates: &Certificates) -> (Redis, String) {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let redis = Redis::real_with(&[
        "--requirepass",
        "sesame",
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &certificates.file("redis.pem"),
        "--tls-key-file",
        &certificates.file("redis.key"),
        "--tls-ca-cert-file",
        &certificates.file("ca.pem"),
        "--tls-auth-clients",
        "no",
    ])
    .await;
    (redis, format!("rediss://:sesame@127.0.0.1:{port}"))
}

#[tokio::test]
async fn the_demo_runs_on_a_redis_that_speaks_tls() {
    let certificates = Certificates::make().await;
    let (_redis, url) = over_tls(&certificates).await;
    let ca = certificates.file("ca.pem");
    let talk = Talk::start_with(&["--redis", &url, "--redis-ca", &ca]).await;
    talk.deploy().await;
    let put = talk.command(&["enqueue", "12"]).await;
    assert_eq!(
        put.code,
        Some(0),
        "the running server's Redis and authority: {}",
        put.stderr
    );
    works(&talk, 12).await;
    let trigger = field(&talk, "keda-demo", "so/queue-worker", "{.spec.triggers[0]}").await;
    assert!(trigger.contains("\"enableTLS\":\"true\""), "{trigger}");
    let parameters = "{.spec.secretTargetRef[*].parameter}";
    let parameters = field(&talk, "keda-demo", "ta/redis", parameters).await;
    assert_eq!(parameters, "password ca");

    let other = std::fs::read_to_string(certificates.path("other.pem")).unwrap();
    let patch = serde_json::json!({"stringData": {"ca": other}}).to_string();
    for (object, patch) in [
        ("secret/redis", patch.as_str()),
        ("so/queue-worker", r#"{"spec":{"pollingInterval":7}}"#),
    ] {
        talk.merge(object, patch).await;
    }
    not_ready(&talk, "x509: certificate signed by unknown authority").await;
}

#[tokio::test]
async fn a_certificate_of_somebody_else_is_refused_unless_it_is_taken_unseen() {
    let certificates = Certificates::make().await;
    let (_redis, url) = over_tls(&certificates).await;
    let state = tempfile::tempdir().unwrap();
    let depth = async |redis: &str, ca: Option<&str>| {
        let mut command = podium(state.path());
        command.args(["queue-depth", "--redis", redis]);
        if let Some(ca) = ca {
            command.args(["--redis-ca", ca]);
        }
        run(&mut command).await
    };
    let (ca, other) = (certificates.file("ca.pem"), certificates.file("other.pem"));
    let known = depth(&url, Some(&ca)).await;
    assert_eq!(known.stdout.trim(), "0", "{known:?}");
    for wrong in [Some(other.as_str()), None] {
        let refused = depth(&url, wrong).await;
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(
            refused.stderr.contains("certificate that is not accepted")
                && refused.stderr.contains("--redis-ca FILE")
                && !refused.stderr.contains("sesame"),
            "{}",
            refused.stderr
        );
    }
    let unseen = depth(&format!("{url}?insecure"), None).await;
    assert_eq!(unseen.stdout.trim(), "0", "{unseen:?}");
    let plain = depth(&url.replace("rediss", "redis"), Some(&ca)).await;
    assert!(
        plain.stderr.contains("rediss://HOST:PORT"),
        "{}",
        plain.stderr
    );
    let key = depth(&url, Some(&certificates.file("ca.key"))).await;
    assert!(
        key.stderr.contains("there is no certificate in it"),
        "{}",
        key.stderr
    );
}
