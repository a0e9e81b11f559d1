//! `podium status`: what is deployed, what is reachable, what is missing.

use super::world;
use crate::config::Config;
use crate::queue::Queue;
use crate::queue::endpoint::Endpoint;
use crate::stage::{self, manifests};
use anyhow::Result;
use std::io::Write as _;
use std::process::ExitCode;

/// Prints one line a part; fails when a part is missing.
///
/// # Errors
/// When nothing can be printed or the manifests cannot be read.
pub async fn run(config: &Config) -> Result<ExitCode> {
    let mut report = Report::default();
    let mut queue_at = config.redis.as_ref().map(Endpoint::from);
    match world::cluster(config).await {
        Ok(cluster) => {
            let version = cluster.version().await;
            report.line(
                "cluster",
                version.map(|version| format!("{version} at {}", cluster.address())),
            )?;
            for manifest in manifests::load(config)? {
                let found = cluster
                    .get(&manifest)
                    .await
                    .map_err(|error| error.to_string());
                let found = found.and_then(|object| {
                    object.ok_or_else(|| "not deployed; run `podium deploy-queue-demo`".to_owned())
                });
                report.line(&manifest.title(), found.map(|object| readiness(&object)))?;
            }
            if queue_at.is_none() {
                match cluster.redis_url(config.namespace()).await {
                    Ok(url) => queue_at = Some(Endpoint::from(&url)),
                    Err(error) => report.line("queue", Err::<String, _>(error))?,
                }
            }
        }
        Err(error) => report.line("cluster", Err::<String, _>(format!("{error:#}")))?,
    }
    if let Some(endpoint) = queue_at {
        report.line("queue", queue(endpoint).await)?;
    }
    Ok(if report.complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn queue(endpoint: Endpoint) -> Result<String, String> {
    let read = async {
        let queue = Queue::connect(endpoint, &stage::queue_name()).await?;
        queue.depth().await
    };
    let depth = read.await.map_err(|error| error.to_string())?;
    Ok(format!("{depth} jobs wait"))
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

struct Report {
    complete: bool,
}

impl Default for Report {
    fn default() -> Self {
        Self { complete: true }
    }
}

impl Report {
    fn line<E: std::fmt::Display>(
        &mut self,
        part: &str,
        state: Result<String, E>,
    ) -> std::io::Result<()> {
        match state {
            Ok(state) => writeln!(std::io::stdout(), "✓ {part}: {state}"),
            Err(error) => {
                self.complete = false;
                writeln!(std::io::stdout(), "✗ {part}: {error}")
            }
        }
    }
}
