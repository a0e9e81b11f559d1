//! One source that can fail: what it reads now, or why it cannot be read and since when.
//!
//! Each source runs in a task of its own, so that a slow one never holds up the others, and publishes its newest
//! reading. A reading carries its time: the observer shows it only while it is fresh.

use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::cluster::view::View;
use crate::config::RedisUrl;
use crate::queue::Queue;
use crate::queue::keys::QueueName;
use crate::queue::stats::{self, Stats};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

/// How often the queue is read; also the fastest rhythm of samples.
pub const QUEUE_EVERY: Duration = Duration::from_millis(200);
/// How often the metrics API is asked: the HPA asks every 15 s, the audience likes to see it move.
const METRIC_EVERY: Duration = Duration::from_secs(1);
/// A read that takes longer is a failure: the page must not wait for it.
const READ_LIMIT: Duration = Duration::from_millis(1_000);
/// A connection attempt may take a little longer.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// Pauses between attempts to find the queue: short at first, since a deployment is often just becoming ready.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The newest reading of a source.
#[derive(Clone, Debug)]
pub struct Reading<T> {
    /// What was read, or why it could not be.
    pub result: Result<T, String>,
    /// When, ms since the epoch.
    pub at: i64,
    /// Since when it has been readable, or not.
    pub since: i64,
}

impl<T> Reading<T> {
    fn unread(reason: &str) -> Self {
        Self {
            result: Err(reason.to_owned()),
            at: 0,
            since: 0,
        }
    }

    /// What was read, if it is no older than `limit` ms at `now`.
    #[must_use]
    pub fn fresh(&self, now: i64, limit: i64) -> Option<&T> {
        self.result.as_ref().ok().filter(|_| now - self.at <= limit)
    }
}

fn publish<T: Clone>(to: &watch::Sender<Reading<T>>, clock: &Clock, result: Result<T, String>) {
    let now = clock.now_ms();
    to.send_modify(|reading| {
        if reading.result.is_ok() != result.is_ok() || reading.since == 0 {
            reading.since = now;
        }
        reading.result = result;
        reading.at = now;
    });
}

/// Where the queue is and what it says.
pub struct QueueSource {
    /// The newest reading.
    pub stats: watch::Receiver<Reading<Stats>>,
    /// The URL in use, password included; `None` while there is none.
    pub url: watch::Receiver<Option<String>>,
}

/// Finds the queue (`fixed`, else through the cluster), reads it until it fails, and finds it again.
#[must_use]
pub fn queue(
    cluster: Cluster,
    namespace: String,
    list: QueueName,
    fixed: Option<RedisUrl>,
    clock: Clock,
    shutdown: CancellationToken,
) -> QueueSource {
    let (stats_sender, stats) = watch::channel(Reading::unread("not read yet"));
    let (url_sender, url) = watch::channel(None);
    tokio::spawn(async move {
        let work = async {
            let mut pause = FIRST_PAUSE;
            loop {
                let found = find(&cluster, &namespace, &list, fixed.as_ref()).await;
                let reason = match found {
                    Ok((queue, url)) => {
                        url_sender.send_replace(Some(url));
                        pause = FIRST_PAUSE;
                        read(&queue, &stats_sender, &clock).await
                    }
                    Err(reason) => reason,
                };
                tracing::debug!(%reason, "the queue cannot be read");
                publish(&stats_sender, &clock, Err(reason));
                url_sender.send_if_modified(|url| url.take().is_some());
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = work => {}
        }
    });
    QueueSource { stats, url }
}

async fn find(
    cluster: &Cluster,
    namespace: &str,
    list: &QueueName,
    fixed: Option<&RedisUrl>,
) -> Result<(Queue, String), String> {
    let attempt = async {
        let url = match fixed {
            Some(url) => url.reveal().to_owned(),
            None => cluster
                .redis_url(namespace)
                .await
                .map_err(|error| error.to_string())?,
        };
        let queue = Queue::connect(&url, list)
            .await
            .map_err(|error| error.to_string())?;
        Ok((queue, url))
    };
    timeout(CONNECT_LIMIT, attempt)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} s", CONNECT_LIMIT.as_secs())))
}

/// Reads the queue in its rhythm until a read fails; returns why.
async fn read(queue: &Queue, to: &watch::Sender<Reading<Stats>>, clock: &Clock) -> String {
    let mut rhythm = interval(QUEUE_EVERY);
    rhythm.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rhythm.tick().await;
        match timeout(READ_LIMIT, stats::stats(queue)).await {
            Ok(Ok(stats)) => publish(to, clock, Ok(stats)),
            Ok(Err(error)) => return error.to_string(),
            Err(_) => return format!("no answer within {} ms", READ_LIMIT.as_millis()),
        }
    }
}

/// Asks the external metrics API for the ScaledObject's metric, while there is one.
#[must_use]
pub fn metric(
    cluster: Cluster,
    view: watch::Receiver<Arc<View>>,
    clock: Clock,
    shutdown: CancellationToken,
) -> watch::Receiver<Reading<f64>> {
    let (sender, receiver) = watch::channel(Reading::unread("no ScaledObject yet"));
    tokio::spawn(async move {
        let work = async {
            let mut rhythm = interval(METRIC_EVERY);
            rhythm.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                rhythm.tick().await;
                let metric = view.borrow().metric.clone();
                let result = match metric {
                    None => Err("no ScaledObject yet".to_owned()),
                    Some(metric) => match timeout(READ_LIMIT, cluster.external_metric(&metric))
                        .await
                    {
                        Ok(answer) => answer.map_err(|error| error.to_string()),
                        Err(_) => Err(format!("no answer within {} ms", READ_LIMIT.as_millis())),
                    },
                };
                publish(&sender, &clock, result);
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = work => {}
        }
    });
    receiver
}
