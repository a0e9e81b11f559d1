//! Whether Redis can be reached from here, what it is, and whether it keeps what it is given.

use super::{Check, Ground};
use crate::cluster::ClusterError;
use crate::queue::Queue;
use crate::queue::endpoint::Endpoint;
use crate::queue::server::{Server, Software};
use crate::stage::queue_name;

pub(super) const TITLE: &str = "Redis";

/// The first with `BLMOVE`, by which a worker takes a job without a moment in which nobody has it.
const OLDEST: (u32, u32) = (6, 2);

/// `reached` is whether the cluster can be asked where its Redis is.
pub(super) async fn check(ground: Ground<'_>, reached: bool) -> Check {
    let endpoint = match ground.redis {
        Some(redis) => Endpoint::from(redis),
        None if !reached => return Check::unknown(TITLE, "it is found through the cluster"),
        None => match ground.cluster.redis_url(ground.namespace).await {
            Ok(url) => Endpoint::from(&url),
            Err(ClusterError::NoRedis(_)) => {
                return Check::ok(TITLE, "not there yet; it comes with the demo");
            }
            Err(ClusterError::NoWay(reason)) => return Check::failed(TITLE, reason),
            Err(error) => return Check::unanswered(TITLE, &error),
        },
    };
    let asked = async {
        Queue::connect(endpoint, &queue_name())
            .await?
            .server()
            .await
    };
    match asked.await {
        Ok(server) => judge(&server),
        Err(error) => Check::failed(TITLE, error.to_string()),
    }
}

fn judge(server: &Server) -> Check {
    let found = format!("{} {}", server.software, server.version);
    // Valkey began as Redis 7.2: every version of it is young enough.
    if server.software == Software::Redis
        && server.numbers().is_some_and(|version| version < OLDEST)
    {
        let (major, minor) = OLDEST;
        return Check::failed(
            TITLE,
            format!(
                "{found} is too old: the queue needs BLMOVE, so Redis {major}.{minor} or any Valkey; use another with --redis"
            ),
        );
    }
    if let Some(policy) = server.evicting() {
        return Check::warning(
            TITLE,
            format!(
                "{found} throws keys away when its memory is full ({policy}), and the queue is one"
            ),
        )
        .fix("redis-cli CONFIG SET maxmemory-policy noeviction");
    }
    let kept = match server.persistent {
        Some(true) => "keeps its data on disk",
        Some(false) => "keeps its data in memory only: a restart empties the queue",
        None => "does not say whether it keeps its data",
    };
    Check::ok(TITLE, format!("{found}, {kept}"))
}
