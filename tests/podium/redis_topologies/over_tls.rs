//! Sentinels and a Redis Cluster that speak TLS, to each other as well.

use super::{Sentinel, cluster_node, do_at, free_address, until};
use crate::deploy::existing_redis::Certificates;
use crate::redis_server::{Answer, Redis};
use crate::talk::{podium, run};

/// What every server needs to speak TLS at `port`, as options of its configuration.
fn settings(certificates: &Certificates, port: u16) -> Vec<(&'static str, String)> {
    vec![
        ("tls-port", port.to_string()),
        ("tls-cert-file", certificates.file("redis.pem")),
        ("tls-key-file", certificates.file("redis.key")),
        ("tls-ca-cert-file", certificates.file("ca.pem")),
        ("tls-auth-clients", "no".to_owned()),
        ("tls-replication", "yes".to_owned()),
    ]
}

fn arguments(settings: &[(&str, String)]) -> Vec<String> {
    let pairs = settings.iter();
    pairs
        .flat_map(|(name, value)| [format!("--{name}"), value.clone()])
        .collect()
}

/// The depth is read with the authority's certificate, and not without.
async fn is_trusted_by_its_authority(url: &str, certificates: &Certificates) {
    let state = tempfile::tempdir().unwrap();
    let mut command = podium(state.path());
    command.args(["queue-depth", "--redis", url]);
    let refused = run(&mut command).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("certificate that is not accepted"),
        "{}",
        refused.stderr
    );
    let known = run(command.args(["--redis-ca", &certificates.file("ca.pem")])).await;
    assert_eq!(known.stdout.trim(), "0", "{known:?}");
}

#[tokio::test]
async fn sentinels_and_their_master_are_trusted_by_their_authority() {
    let certificates = Certificates::make().await;
    let (master_port, port) = (free_address().port(), free_address().port());
    let options = arguments(&settings(&certificates, master_port));
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let _master = Redis::real_with(&options).await;
    let mut lines = vec![format!(
        "sentinel monitor mymaster 127.0.0.1 {master_port} 1"
    )];
    for (name, value) in settings(&certificates, port) {
        lines.push(format!("{name} {value}"));
    }
    let _sentinel = Sentinel::start(None, &lines).await;
    let url = format!("rediss-sentinel://127.0.0.1:{port}/mymaster");
    is_trusted_by_its_authority(&url, &certificates).await;
}

#[tokio::test]
async fn the_nodes_of_a_cluster_are_trusted_by_their_authority() {
    let certificates = Certificates::make().await;
    let port = free_address().port();
    let mut options = arguments(&settings(&certificates, port));
    options.extend(["--tls-cluster".to_owned(), "yes".to_owned()]);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let node = cluster_node(&options).await;
    do_at(&node, "CLUSTER ADDSLOTSRANGE 0 16383").await;
    until("the cluster serves", async || {
        let told = node.client().await.ask("CLUSTER INFO").await;
        matches!(told, Answer::Bulk(told) if told.contains("cluster_state:ok"))
    })
    .await;
    let url = format!("rediss-cluster://127.0.0.1:{port}");
    is_trusted_by_its_authority(&url, &certificates).await;
}
