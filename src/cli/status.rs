//! `podium status`: the preflight, then what is deployed and how long the queue is.
//!
//! The exit code is about the place and not about the demo: 0 where the demo runs or could, 1 where a check failed.

use super::world;
use crate::cluster::Cluster;
use crate::cluster::apply::Manifest;
use crate::config::{Config, StatusFormat};
use crate::queue::Queue;
use crate::queue::endpoint::Endpoint;
use crate::stage::preflight::{self, Check, Ground, Verdict};
use crate::stage::{self, manifests};
use anyhow::Result;
use futures::future::join_all;
use serde::Serialize;
use std::io::Write;
use std::process::ExitCode;

/// The width of the column with what a line is about.
const TITLE: usize = 32;

/// Everything that is printed.
#[derive(Serialize)]
struct Report {
    checks: Vec<Check>,
    deployed: Vec<Part>,
    queue: Option<Part>,
}

/// One object of the demo, or its queue.
#[derive(Serialize)]
struct Part {
    name: String,
    /// Whether it is there.
    found: bool,
    detail: String,
}

/// Prints a line for each check and each part of the demo; fails when a check does.
///
/// # Errors
/// When nothing can be printed or the manifests cannot be read.
pub async fn run(config: &Config, format: StatusFormat) -> Result<ExitCode> {
    let report = report(config).await?;
    let out = &mut std::io::stdout().lock();
    match format {
        StatusFormat::Text => print(&report, out)?,
        StatusFormat::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
    }
    let failed = report
        .checks
        .iter()
        .any(|check| check.verdict == Verdict::Failed);
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

async fn report(config: &Config) -> Result<Report> {
    let redis = config.redis.as_ref();
    let manifests = manifests::load(config)?;
    let cluster = match world::cluster(config).await {
        Ok(cluster) => cluster,
        Err(error) => {
            return Ok(Report {
                checks: vec![preflight::no_cluster(&format!("{error:#}"))],
                deployed: Vec::new(),
                queue: queue(redis.map(Endpoint::from)).await,
            });
        }
    };
    let ground = Ground {
        cluster: &cluster,
        manifests: &manifests,
        redis,
        namespace: config.namespace(),
    };
    let checks = preflight::run(ground, |_, _| {}).await;
    let deployed = join_all(manifests.iter().map(|manifest| part(&cluster, manifest))).await;
    let endpoint = match redis {
        Some(redis) => Some(Endpoint::from(redis)),
        None => {
            let found = cluster.redis_url(config.namespace()).await.ok();
            found.as_ref().map(Endpoint::from)
        }
    };
    Ok(Report {
        checks,
        deployed,
        queue: queue(endpoint).await,
    })
}

async fn part(cluster: &Cluster, manifest: &Manifest) -> Part {
    let (found, detail) = match cluster.get(manifest).await {
        Ok(Some(object)) => (true, readiness(&object)),
        Ok(None) => (false, "not deployed".to_owned()),
        Err(error) => (false, error.to_string()),
    };
    Part {
        name: manifest.title(),
        found,
        detail,
    }
}

/// `1/1 ready` for what has replicas, `there` for the rest.
fn readiness(object: &serde_json::Value) -> String {
    match object["spec"]["replicas"].as_i64() {
        Some(wanted) => format!(
            "{}/{wanted} ready",
            object["status"]["readyReplicas"].as_i64().unwrap_or(0)
        ),
        None => "there".to_owned(),
    }
}

/// The queue there; nothing when there is none yet, of which the parts tell.
async fn queue(endpoint: Option<Endpoint>) -> Option<Part> {
    let endpoint = endpoint?;
    let read = async {
        let queue = Queue::connect(endpoint, &stage::queue_name()).await?;
        queue.depth().await
    };
    let read = read.await;
    Some(Part {
        name: "queue".to_owned(),
        found: read.is_ok(),
        detail: match read {
            Ok(depth) => format!("{depth} jobs wait"),
            Err(error) => error.to_string(),
        },
    })
}

fn print(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    for check in &report.checks {
        let (sign, title) = (check.verdict.sign(), &check.title);
        writeln!(out, "{sign} {title:TITLE$} {}", check.detail)?;
        for fix in &check.fixes {
            let way = match fix.way {
                "" => String::new(),
                way => format!("{way}: "),
            };
            writeln!(out, "    → {way}{}", fix.command)?;
        }
    }
    // A namespace alone is no demo: it may have been there before.
    let is_part = |part: &Part| part.found && !part.name.starts_with("namespace/");
    if report.deployed.iter().any(is_part) {
        writeln!(out)?;
        for part in &report.deployed {
            line(part, out)?;
        }
    } else if !report.deployed.is_empty() {
        writeln!(
            out,
            "\nThe queue demo is not deployed. Next: podium deploy-queue-demo"
        )?;
    }
    report.queue.iter().try_for_each(|part| line(part, out))
}

fn line(part: &Part, out: &mut impl Write) -> std::io::Result<()> {
    let sign = if part.found { '✓' } else { '–' };
    writeln!(out, "{sign} {:TITLE$} {}", part.name, part.detail)
}
