//! One source that can fail: what it reads now, or why it cannot be read and since when.
//!
//! Each source runs in a task of its own, so that a slow one never holds up the others, and publishes its newest
//! reading. A reading carries its age: the observer shows it only while it is fresh. The age is measured by a clock that
//! nobody can set; by the wall clock, a reading from before it was set back would stay fresh for an hour.

use crate::backoff::Backoff;
use crate::clock::Clock;
use crate::cluster::view::View;
use crate::cluster::{Cluster, ClusterError};
use crate::config::RedisUrl;
use crate::queue::Queue;
use crate::queue::endpoint::Endpoint;
use crate::queue::keys::QueueName;
use crate::queue::stats::{self, Stats};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How often the queue is read; also the fastest rhythm of samples.
pub const QUEUE_EVERY: Duration = Duration::from_millis(200);
/// How often the metrics API is asked: the HPA asks every 15 s, the audience likes to see it move.
const METRIC_EVERY: Duration = Duration::from_secs(1);
/// A read that takes longer is a failure: the page must not wait for it.
const READ_LIMIT: Duration = Duration::from_millis(1_000);
/// How long a metric that is late is waited for all the same. KEDA takes a request that is given up for a failure of its
/// scaler: it closes the connection to Redis, the HPA's question that is on it at that moment fails too, and the HPA
/// stands still. So who only looks must not hurry.
const METRIC_PATIENCE: Duration = Duration::from_secs(4);
/// A connection attempt may take a little longer.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// Pauses after a failure: short at first, since a deployment is often just becoming ready.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The newest reading of a source.
#[derive(Clone, Debug)]
pub struct Reading<T> {
    /// What was read, or why it could not be.
    pub result: Result<T, String>,
    /// When.
    pub at: Instant,
    /// Since when it has been readable, or not, ms since the epoch; 0 before the first attempt.
    pub since: i64,
}

impl<T> Reading<T> {
    pub(super) fn unread(reason: &str) -> Self {
        Self {
            result: Err(reason.to_owned()),
            at: Instant::now(),
            since: 0,
        }
    }

    /// What was read, if it is no older than `limit`; else why it is not known.
    ///
    /// # Errors
    /// The reason, for a person.
    pub fn current(&self, limit: Duration) -> Result<&T, String> {
        let value = self.result.as_ref().map_err(Clone::clone)?;
        if self.at.elapsed() > limit {
            return Err(format!("not read for more than {} ms", limit.as_millis()));
        }
        Ok(value)
    }
}

pub(super) fn publish<T>(to: &watch::Sender<Reading<T>>, clock: &Clock, result: Result<T, String>) {
    let now = clock.now_ms();
    to.send_modify(|reading| {
        if reading.result.is_ok() != result.is_ok() || reading.since == 0 {
            reading.since = now;
        }
        reading.result = result;
        reading.at = Instant::now();
    });
}

/// Where the queue is and what it says.
pub struct QueueSource {
    /// The newest reading.
    pub stats: watch::Receiver<Reading<Stats>>,
    /// The URL in use, password included; `None` while none was given or found.
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
            let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
            // What was given stays true while nobody answers there, as during a failover.
            if let Some(redis) = &fixed {
                url_sender.send_replace(Some(redis.reveal().to_owned()));
            }
            loop {
                let found = find(&cluster, &namespace, &list, fixed.as_ref()).await;
                let reason = match found {
                    Ok((queue, url)) => {
                        url_sender.send_replace(Some(url));
                        read(&queue, &stats_sender, &clock, &mut backoff).await
                    }
                    Err(reason) => reason,
                };
                tracing::debug!(%reason, "the queue cannot be read");
                publish(&stats_sender, &clock, Err(reason));
                if fixed.is_none() {
                    url_sender.send_if_modified(|url| url.take().is_some());
                }
                sleep(backoff.next_pause()).await;
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
        let (endpoint, url) = match fixed {
            Some(redis) => (Endpoint::from(redis), redis.reveal().to_owned()),
            None => {
                let url = cluster.redis_url(namespace).await;
                let url = url.map_err(|error| error.to_string())?;
                (Endpoint::from(&url), url)
            }
        };
        let queue = Queue::connect(endpoint, list)
            .await
            .map_err(|error| error.to_string())?;
        Ok((queue, url))
    };
    timeout(CONNECT_LIMIT, attempt)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} s", CONNECT_LIMIT.as_secs())))
}

/// Reads the queue in its rhythm until a read fails; returns why.
async fn read(
    queue: &Queue,
    to: &watch::Sender<Reading<Stats>>,
    clock: &Clock,
    backoff: &mut Backoff,
) -> String {
    let mut rhythm = interval(QUEUE_EVERY);
    rhythm.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rhythm.tick().await;
        match timeout(READ_LIMIT, stats::stats(queue)).await {
            Ok(Ok(stats)) => {
                backoff.succeeded();
                publish(to, clock, Ok(stats));
            }
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
            let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
            loop {
                let Some(metric) = view.borrow().metric.clone() else {
                    // Nothing was asked, so nothing has failed.
                    sender.send_replace(Reading::unread("no ScaledObject yet"));
                    sleep(METRIC_EVERY).await;
                    continue;
                };
                let late = |reason| publish(&sender, &clock, Err(reason));
                let result = ask(cluster.external_metric(&metric), late).await;
                let pause = if result.is_err() {
                    backoff.next_pause()
                } else {
                    backoff.succeeded();
                    METRIC_EVERY
                };
                publish(&sender, &clock, result);
                sleep(pause).await;
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = work => {}
        }
    });
    receiver
}

/// The answer, telling `late` when it does not come in time.
async fn ask(
    question: impl Future<Output = Result<f64, ClusterError>>,
    late: impl FnOnce(String),
) -> Result<f64, String> {
    let mut question = std::pin::pin!(question);
    let answer = match timeout(READ_LIMIT, &mut question).await {
        Ok(answer) => Ok(answer),
        Err(_) => {
            late(format!("no answer within {} ms", READ_LIMIT.as_millis()));
            timeout(METRIC_PATIENCE, question).await
        }
    };
    match answer {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!(
            "no answer within {} ms",
            (READ_LIMIT + METRIC_PATIENCE).as_millis()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(1_500);

    #[tokio::test(start_paused = true)]
    async fn a_reading_grows_old_whatever_the_wall_clock_says() {
        let (sender, reading) = watch::channel(Reading::unread("not read yet"));
        publish(&sender, &Clock::following_tokio(3_600_000), Ok(7));
        assert_eq!(reading.borrow().current(LIMIT), Ok(&7));
        tokio::time::advance(LIMIT + Duration::from_millis(1)).await;
        let reason = reading.borrow().current(LIMIT).unwrap_err();
        assert_eq!(reason, "not read for more than 1500 ms");
        // Set back an hour: what is read now is current all the same, and it is the same outage-free time.
        publish(&sender, &Clock::following_tokio(0), Ok(8));
        assert_eq!(reading.borrow().current(LIMIT), Ok(&8));
    }

    #[tokio::test(start_paused = true)]
    async fn a_metric_that_is_late_is_told_and_not_given_up() {
        for (takes, told_late, expected) in [(900, false, Ok(7.0)), (4_000, true, Ok(7.0))] {
            let mut late = false;
            let question = async {
                sleep(Duration::from_millis(takes)).await;
                Ok(7.0)
            };
            assert_eq!(ask(question, |_| late = true).await, expected, "{takes}");
            assert_eq!(late, told_late, "{takes}");
        }
        let never = std::future::pending();
        let reason = ask(never, |_| {}).await.unwrap_err();
        assert_eq!(reason, "no answer within 5000 ms");
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_has_one_beginning_however_often_it_is_noticed() {
        let (sender, reading) = watch::channel(Reading::<u64>::unread("not read yet"));
        let clock = Clock::following_tokio(1_000);
        publish(&sender, &clock, Ok(1));
        for passed in [0, 700, 700] {
            tokio::time::advance(Duration::from_millis(passed)).await;
            publish(&sender, &clock, Err("gone".to_owned()));
        }
        assert_eq!(reading.borrow().since, 1_000);
    }
}
