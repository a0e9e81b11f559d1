//! How a command reaches the world: the cluster and the queue that its flags, or the running server, name.

use crate::cluster::Cluster;
use crate::config::{ClusterKind, Config};
use crate::connection::Connection;
use crate::queue::Queue;
use crate::queue::endpoint::Endpoint;
use crate::stage;
use anyhow::{Context as _, Result};

/// The cluster to drive: the running server's, the kubeconfig's, or the one around us.
///
/// # Errors
/// When there is none; the message says what to start or set.
pub async fn cluster(config: &Config) -> Result<Cluster> {
    Ok(match config.cluster {
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
    })
}

/// The queue: `--redis`, the one the running server uses, or the one found through the cluster.
///
/// # Errors
/// When there is none, or it does not answer.
pub async fn queue(config: &Config) -> Result<Queue> {
    let name = stage::queue_name();
    if let Some(redis) = &config.redis {
        return Ok(Queue::connect(redis, &name).await?);
    }
    Ok(Queue::connect(endpoint(config).await?, &name).await?)
}

async fn endpoint(config: &Config) -> Result<Endpoint> {
    let cluster = cluster(config).await?;
    if config.cluster == ClusterKind::Embedded {
        let connection = Connection::read(&config.state_dir)?;
        if let Some(url) = &connection.redis_url {
            return Ok(Endpoint::trusting(url, connection.redis_ca));
        }
    }
    Ok(Endpoint::from(
        &cluster.redis_url(config.namespace()).await?,
    ))
}
