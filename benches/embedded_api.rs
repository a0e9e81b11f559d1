//! The embedded Kubernetes API under load: a thousand objects and fifty watches of them, over loopback.
//!
//! Client and server are one process, so the memory is that of both, and they share its cores. The churn lasts ten
//! seconds, or as many as `PODIUM_BENCH_SECONDS` says: memory must level off once the change log is full.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "support/figures.rs"]
mod figures;

use anyhow::Context;
use figures::Spread;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use podium::clock::Clock;
use podium::embedded::api;
use podium::embedded::controllers::keda::ExternalMetrics;
use podium::embedded::logs::Logs;
use podium::embedded::proxy::Proxy;
use podium::embedded::store::Store;
use podium::embedded::usage::Usage;
use serde_json::json;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const OBJECTS: usize = 1_000;
const WATCHES: usize = 50;
const LISTS: usize = 20;

/// Paced changes for the latency: a spike of the demo makes about a hundred a second.
const CHANGES: usize = 500;
const PACE: Duration = Duration::from_millis(10);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let maps = Api::<ConfigMap>::namespaced(serve().await?, "default");
    let started = Instant::now();
    for number in 0..OBJECTS {
        let map = json!({"metadata": {"name": name(number)}, "data": {"k": "v".repeat(200)}});
        maps.create(&PostParams::default(), &serde_json::from_value(map)?)
            .await?;
    }
    println!("api: create {OBJECTS} objects: {:.2?}", started.elapsed());
    let mut lists = Vec::new();
    for _ in 0..LISTS {
        let started = Instant::now();
        let list = maps.list(&ListParams::default()).await?;
        anyhow::ensure!(list.items.len() == OBJECTS, "a list is whole");
        lists.push(started.elapsed());
    }
    println!("api: list {OBJECTS} objects: {}", Spread::of(lists));
    let start = Instant::now();
    let mut seen = watch_everything(&maps, start).await?;
    println!("api: memory with {WATCHES} watches: {}", memory()?);
    latency(&maps, start, &mut seen).await?;
    churn(&maps, start, &mut seen).await
}

fn name(number: usize) -> String {
    format!("map-{}", number % OBJECTS)
}

async fn serve() -> anyhow::Result<Client> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let store = Store::new(Clock::wall());
    let metrics = ExternalMetrics::new(store.clone(), Proxy::new(store.clone()));
    let token = "benchmark".to_owned();
    let kubeconfig = Kubeconfig::from_yaml(&api::kubeconfig(address, &token))?;
    let stop = CancellationToken::new();
    tokio::spawn(api::serve(
        listener,
        store,
        Logs::default(),
        Usage::default(),
        metrics,
        token,
        stop,
    ));
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
    Ok(Client::try_from(config)?)
}

/// Opens the watches; each tells how long after its writing (microseconds since `start`, in the object) an event came.
async fn watch_everything(
    maps: &Api<ConfigMap>,
    start: Instant,
) -> anyhow::Result<mpsc::UnboundedReceiver<Duration>> {
    let version = maps.list(&ListParams::default()).await?;
    let version = version.metadata.resource_version.unwrap_or_default();
    let (tell, seen) = mpsc::unbounded_channel();
    for _ in 0..WATCHES {
        let events = maps.watch(&WatchParams::default(), &version).await?.boxed();
        let (maps, tell) = (maps.clone(), tell.clone());
        tokio::spawn(async move {
            if let Err(error) = follow(&maps, events, start, &tell).await {
                println!("api: a watch broke off: {error}");
            }
        });
    }
    Ok(seen)
}

/// The client ends a watch before the server's five minutes are over; each is opened again where it ended.
async fn follow(
    maps: &Api<ConfigMap>,
    mut events: BoxStream<'static, kube::Result<WatchEvent<ConfigMap>>>,
    start: Instant,
    tell: &mpsc::UnboundedSender<Duration>,
) -> anyhow::Result<()> {
    let mut version = String::new();
    loop {
        while let Some(event) = events.try_next().await? {
            if let Some(written) = written(&event) {
                tell.send(start.elapsed().saturating_sub(written))?;
            }
            if let WatchEvent::Modified(map) = event {
                version = map.metadata.resource_version.unwrap_or(version);
            }
        }
        events = maps.watch(&WatchParams::default(), &version).await?.boxed();
    }
}

fn written(event: &WatchEvent<ConfigMap>) -> Option<Duration> {
    let WatchEvent::Modified(map) = event else {
        return None;
    };
    let micros = map.data.as_ref()?.get("written")?.parse().ok()?;
    Some(Duration::from_micros(micros))
}

async fn write(maps: &Api<ConfigMap>, number: usize, start: Instant) -> anyhow::Result<()> {
    let written = start.elapsed().as_micros().to_string();
    let patch = Patch::Merge(json!({"data": {"written": written}}));
    maps.patch(&name(number), &PatchParams::default(), &patch)
        .await?;
    Ok(())
}

async fn latency(
    maps: &Api<ConfigMap>,
    start: Instant,
    seen: &mut mpsc::UnboundedReceiver<Duration>,
) -> anyhow::Result<()> {
    let mut pace = tokio::time::interval(PACE);
    for number in 0..CHANGES {
        pace.tick().await;
        write(maps, number, start).await?;
    }
    let mut latencies = Vec::new();
    while latencies.len() < CHANGES * WATCHES {
        latencies.extend(seen.recv().await);
    }
    println!(
        "api: from PATCH to each of {WATCHES} watches, a change every {PACE:?}: {}",
        Spread::of(latencies)
    );
    Ok(())
}

/// Changes as fast as one client gets them through.
async fn churn(
    maps: &Api<ConfigMap>,
    start: Instant,
    seen: &mut mpsc::UnboundedReceiver<Duration>,
) -> anyhow::Result<()> {
    let seconds = seconds()?;
    let began = Instant::now();
    let (mut changes, mut events) = (0, 0);
    for second in 1..=seconds {
        while began.elapsed() < Duration::from_secs(second) {
            write(maps, changes, start).await?;
            changes += 1;
            while seen.try_recv().is_ok() {
                events += 1;
            }
        }
        if second.is_power_of_two() {
            println!(
                "api: memory after {second} s and {changes} changes: {}",
                memory()?
            );
        }
    }
    while events < changes * WATCHES {
        seen.recv().await.context("every watch broke off")?;
        events += 1;
    }
    let taken = began.elapsed();
    println!(
        "api: churn: {changes} changes, {events} events in {taken:.1?}: {:.0} events/s",
        events as f64 / taken.as_secs_f64()
    );
    println!("api: memory after churn: {}", memory()?);
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark's only setting; config.rs is the program's"
)]
fn seconds() -> anyhow::Result<u64> {
    std::env::var("PODIUM_BENCH_SECONDS").map_or(Ok(10), |seconds| Ok(seconds.parse()?))
}

/// Resident memory, as Linux counts it: pages of 4 KiB.
fn memory() -> anyhow::Result<String> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm.split(' ').nth(1).unwrap_or("0").parse()?;
    Ok(format!("{} MiB", pages * 4 / 1024))
}
