//! How a command reaches the world: the cluster and the queue that its flags, or the running server, name.

use crate::cluster::Cluster;
use crate::cluster::connect::{Access, Proxies};
use crate::config::{self, ClusterKind, Config};
use crate::connection::Connection;
use crate::queue::Queue;
use crate::queue::endpoint::Endpoint;
use crate::stage;
use anyhow::{Context as _, Result};

/// The cluster to drive, once it has answered: the running server's, the kubeconfig's, or the one around us.
///
/// # Errors
/// When there is none, it does not answer or does not know us; the message says what to do.
pub async fn cluster(config: &Config) -> Result<Cluster> {
    let cluster = connect(config).await?;
    let answer = match cluster.version().await {
        // Who may not ask for the version may be let in to all that is needed.
        Err(error) if matches!(error.code(), Some(403 | 404)) => Ok(String::new()),
        answer => answer,
    };
    if config.cluster == ClusterKind::Embedded {
        answer.with_context(|| {
            format!(
                "{} names a Podium whose cluster does not answer; start `podium serve` again",
                Connection::path(&config.state_dir).display()
            )
        })?;
    } else {
        answer?;
    }
    Ok(cluster)
}

/// The same without asking it anything: a talk begins, and says so, when its cluster is away.
///
/// # Errors
/// When there is no way to one.
pub async fn connect(config: &Config) -> Result<Cluster> {
    let access = |files, context| Access {
        files,
        context,
        proxies: proxies(),
    };
    let cluster = match config.cluster {
        ClusterKind::Embedded => {
            let connection = Connection::read(&config.state_dir)?;
            let access = access(connection.kubeconfigs(), connection.context);
            Cluster::from_kubeconfig(&access).await?
        }
        ClusterKind::Kubeconfig => {
            let access = access(config::kubeconfigs(), config.context.clone());
            Cluster::from_kubeconfig(&access).await?
        }
        ClusterKind::InCluster => Cluster::in_cluster().await?,
    };
    Ok(cluster.reaching_redis(config.redis_route))
}

fn proxies() -> Proxies {
    let variables = config::proxy_variables();
    Proxies {
        https: variables.https,
        http: variables.http,
        exempt: variables.exempt,
    }
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
