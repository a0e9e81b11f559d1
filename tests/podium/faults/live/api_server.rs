//! The API server gone, silent, forgetful or broken, while Redis goes on.

use super::gate::{Gate, Way};
use super::{OF_CLUSTER, OF_METRICS, OF_REDIS, Page, history_has_a_gap, told};
use crate::fault_proxy::{Expiry, Meddler, Metric};
use crate::talk::{Log, Talk};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A server with the demo deployed, whose cluster another one drives.
async fn backend() -> Talk {
    let backend = Talk::start().await;
    backend.deploy().await;
    backend
}

/// Where its API server is.
fn api(backend: &Talk) -> SocketAddr {
    let text = std::fs::read_to_string(backend.kubeconfig()).unwrap();
    let (_, rest) = text.split_once("127.0.0.1:").unwrap();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    SocketAddr::from(([127, 0, 0, 1], digits.parse().unwrap()))
}

/// Its kubeconfig, by another way.
fn by_way_of(backend: &Talk, way: SocketAddr) -> PathBuf {
    let text = std::fs::read_to_string(backend.kubeconfig()).unwrap();
    let path = backend.state.path().join("by-another-way");
    std::fs::write(
        &path,
        text.replace(&api(backend).to_string(), &way.to_string()),
    )
    .unwrap();
    path
}

async fn front(backend: &Talk, way: SocketAddr) -> (Talk, Log, Page) {
    let (talk, log) = Talk::start_logged(Some(&by_way_of(backend, way)), &[]).await;
    let mut page = Page::open(&talk).await;
    for (source, series) in [
        ("cluster", &OF_CLUSTER[..]),
        ("redis", &OF_REDIS),
        ("metrics", &OF_METRICS),
    ] {
        page.finds(source, series).await;
    }
    (talk, log, page)
}

#[tokio::test]
async fn an_api_server_that_is_gone_or_silent_takes_its_numbers_along_and_brings_them_back() {
    let backend = backend().await;
    let gate = Gate::to(api(&backend)).await;
    let (talk, log, mut page) = front(&backend, gate.address).await;
    for (way, reasons) in [
        // Whoever notices first: a watch whose stream broke off, or the question that was refused.
        (Way::Shut, ["onnection", "EOF"]),
        (Way::Stalled, ["no answer within 1000 ms", "no answer"]),
    ] {
        gate.set(way);
        page.loses("cluster", &OF_CLUSTER, &reasons).await;
        assert!(page.knows(&OF_REDIS), "Redis goes on: {}", page.sample);
        page.until(Duration::from_secs(4), "the metric is lost too", |page| {
            page.knows_nothing_of(&OF_METRICS)
        })
        .await;
        // Long enough for several attempts, each of which must not make a line.
        let until = page.sample["t"].as_i64().unwrap() + 3_000;
        page.until(Duration::from_secs(6), "time passes", |page| {
            page.sample["t"].as_i64().unwrap() > until
        })
        .await;
        assert!(page.knows(&OF_REDIS) && page.knows_nothing_of(&OF_CLUSTER));
        assert_eq!(page.deployment["state"], "unknown");
        gate.set(Way::Open);
        page.finds("cluster", &OF_CLUSTER).await;
        page.finds("metrics", &OF_METRICS).await;
    }
    history_has_a_gap(&talk, "ready").await;
    assert_eq!(told(&log, "cluster"), (2, 2), "{:#?}", log.lines());
    let (away, back) = told(&log, "metrics");
    assert!(
        away == back && (2..=3).contains(&away),
        "{:#?}",
        log.lines()
    );
    assert_eq!(told(&log, "redis"), (0, 0), "{:#?}", log.lines());
}

#[tokio::test]
async fn watches_whose_version_is_gone_begin_anew_and_miss_nothing() {
    let backend = backend().await;
    let meddler = Meddler::before(api(&backend)).await;
    let (_talk, log, mut page) = front(&backend, meddler.address).await;
    for (pods, how) in [(71, Expiry::Status), (72, Expiry::Event)] {
        meddler.expire(how);
        let quota = format!("--hard=pods={pods}");
        let name = format!("expired-{pods}");
        let created = backend
            .kubectl(&["create", "quota", &name, &quota, "-n", "keda-demo"])
            .await;
        assert_eq!(created.code, Some(0), "{}", created.stderr);
        page.until(Duration::from_secs(10), "the change is seen", |page| {
            let kinds: BTreeSet<_> = meddler.expired().into_iter().collect();
            let every_watch_was_told = kinds.len() == 6;
            every_watch_was_told && page.sample["quota_hard"] == pods && page.knows(&OF_CLUSTER)
        })
        .await;
        let told = meddler.expired();
        assert!(
            told.len() <= 8,
            "each listed when told, by {how:?}: {told:?}"
        );
    }
    let (away, back) = told(&log, "cluster");
    assert!(away == back && away <= 2, "{:#?}", log.lines());
}

#[tokio::test]
async fn a_metrics_api_that_fails_or_hangs_loses_its_own_number_only() {
    let backend = backend().await;
    let meddler = Meddler::before(api(&backend)).await;
    let (_talk, log, mut page) = front(&backend, meddler.address).await;
    for (metric, reasons) in [
        (Metric::Failing, ["the adapter is broken"]),
        (Metric::Hanging, ["no answer within 1000 ms"]),
    ] {
        meddler.metric(metric);
        page.loses("metrics", &OF_METRICS, &reasons).await;
        assert!(page.knows(&OF_CLUSTER) && page.knows(&OF_REDIS));
        assert_eq!(page.light("cluster")["ok"], true);
        meddler.metric(Metric::Answered);
        page.finds("metrics", &OF_METRICS).await;
    }
    let (away, back) = told(&log, "metrics");
    assert!(
        away == back && (2..=3).contains(&away),
        "{:#?}",
        log.lines()
    );
    assert_eq!(told(&log, "cluster"), (0, 0), "{:#?}", log.lines());
}
