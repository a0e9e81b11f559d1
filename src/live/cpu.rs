//! The workers' CPU, where the cluster has `metrics.k8s.io`: a source that may be absent, and then nobody misses it.
//!
//! metrics-server looks at the nodes every 15 seconds, and its API cannot be watched. So it is asked in that rhythm;
//! where it is absent or not ours to read, once a minute, in case somebody installs it.

use super::source::{Reading, publish};
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::cluster::pod_metrics::PodCpu;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// metrics-server's own rhythm (`--metric-resolution`): what is asked for more often is the same again.
const ASK_EVERY: Duration = Duration::from_secs(15);
/// While no pod has been measured: its first measurement is due at any moment.
const ASK_FOR_THE_FIRST: Duration = Duration::from_secs(5);
/// While there is no such API, or no right to read it.
const ASK_WHETHER_THERE: Duration = Duration::from_secs(60);
/// The API server passes the question on, so an answer may take longer than its own.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// A reading older than this is not shown: its next round, the longest that may take, and a little.
pub const FRESH: Duration = Duration::from_secs(18);

/// Asks what the namespace's pods use until `shutdown`; `None` in a reading means that the cluster does not say.
#[must_use]
pub fn follow(
    cluster: Cluster,
    namespace: String,
    clock: Clock,
    shutdown: CancellationToken,
) -> watch::Receiver<Reading<Option<PodCpu>>> {
    let (sender, receiver) = watch::channel(Reading::unread("not read yet"));
    tokio::spawn(async move {
        let work = async {
            loop {
                let answer = match timeout(ANSWER_LIMIT, cluster.pod_cpu(&namespace)).await {
                    Ok(answer) => answer.map_err(|error| error.to_string()),
                    Err(_) => Err(format!("no answer within {} s", ANSWER_LIMIT.as_secs())),
                };
                let pause = pause_after(&answer);
                publish(&sender, &clock, answer);
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

fn pause_after(answer: &Result<Option<PodCpu>, String>) -> Duration {
    match answer {
        Ok(None) => ASK_WHETHER_THERE,
        Ok(Some(pods)) if pods.is_empty() => ASK_FOR_THE_FIRST,
        Ok(Some(_)) | Err(_) => ASK_EVERY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_is_asked_for_rarely_and_what_is_due_soon() {
        let measured = PodCpu::from([("a".to_owned(), 1.0)]);
        assert_eq!(pause_after(&Ok(None)), ASK_WHETHER_THERE);
        assert_eq!(pause_after(&Ok(Some(PodCpu::new()))), ASK_FOR_THE_FIRST);
        assert_eq!(pause_after(&Ok(Some(measured))), ASK_EVERY);
        assert_eq!(pause_after(&Err("gone".to_owned())), ASK_EVERY);
        assert!(FRESH > ASK_EVERY + ANSWER_LIMIT);
    }
}
