//! How a command reaches the world: the cluster and the queue that its flags, or the running server, name.

use crate::cluster::Cluster;
use crate::config::{ClusterKind, Config};
use crate::connection::Connection;
use crate::queue::Queue;
use crate::stage;
use anyhow::{Context as _, Result};

/// The cluster to drive: the running server's, the kubeconfig's, or the one around us.
///
/// # Errors
/// When there is none; the message says what to start or set.
pub async fn cluster(config: &Config) -> Result<Cluster> {
    let cluster = match config.cluster {
        ClusterKind::Embedded => {
            let connection = Connection::read(&config.state_dir)?;
            let cluster = Cluster::from_kubeconfig(Some(&connection.kubeconfig)).await?;
            cluster.version().await.with_context(|| {
                format!(
                    "{} names a Podium that does not answer; start `podium serve` again",
                    Connection::path(&config.state_dir).display()
                )
            })?;
            cluster
        }
        ClusterKind::Kubeconfig => Cluster::from_kubeconfig(None).await?,
        ClusterKind::InCluster => Cluster::in_cluster()?,
    };
    Ok(cluster.reaching_redis(config.redis_route))
}

/// The queue: `--redis`, the one the running server uses, or the one found through the cluster.
///
/// # Errors
/// When there is none, or it does not answer.
pub async fn queue(config: &Config) -> Result<Queue> {
    let url = redis_url(config).await?;
    Ok(Queue::connect(&url, &stage::queue_name()).await?)
}

async fn redis_url(config: &Config) -> Result<String> {
    if let Some(url) = &config.redis {
        return Ok(url.reveal().to_owned());
    }
    let cluster = cluster(config).await?;
    if config.cluster == ClusterKind::Embedded
        && let Some(url) = Connection::read(&config.state_dir)?.redis_url
    {
        return Ok(url);
    }
    Ok(cluster.redis_url(&stage::names().namespace).await?)
}
