//! What the cluster shows of the demo, followed by watches and kept as one [`View`].
//!
//! Several watchers (Deployments, Pods, HPAs, ScaledObjects, Events, ResourceQuotas of one namespace) are mapped into
//! one enum and merged into one stream (`kind`); one task folds it into a `View` (`fold`) and publishes it through a
//! `watch` channel, so that a reader always sees the latest whole picture and never waits. When a watch fails, the view
//! says so with the reason and the time, and it goes on trying with back-off.
//!
//! A watch is silent when nothing changes, and just as silent when its connection is dead: TCP alone needs minutes to
//! find out. So the API server is asked twice a second whether it lives. When it does not answer within a second, the
//! view is stale at once; when it answers again, every watch begins anew with a list, since the old ones may hang on
//! connections that nobody serves any more, and the view is current once the lists are in. A single dead connection
//! among live ones, which the question cannot see, is bounded by [`WATCH_FOR`].

mod fold;
mod kind;

use super::Cluster;
use super::view::{Names, View};
use crate::backoff::Backoff;
use crate::clock::Clock;
use fold::Fold;
use futures::stream::{BoxStream, SelectAll, StreamExt as _, unfold};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Event, Pod, ResourceQuota};
use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::watcher;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long one watch lasts, s; the server ends it and it goes on from where it was. kube gives a watch that the
/// server did not end five seconds more: so the longest that a dead connection goes unnoticed is 25 s.
const WATCH_FOR: u32 = 20;
/// How often the API server is asked whether it lives.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// It may take this long to say so.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);
/// The pauses between questions, and between attempts of a watch, while there is no answer.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What one of the watchers saw.
enum Seen {
    Deployment(watcher::Event<Deployment>),
    Pod(watcher::Event<Pod>),
    Hpa(watcher::Event<HorizontalPodAutoscaler>),
    ScaledObject(watcher::Event<DynamicObject>),
    Event(watcher::Event<Event>),
    Quota(watcher::Event<ResourceQuota>),
    Failed(&'static str, String),
}

/// Follows the demo named by `names` until `shutdown`.
#[must_use]
pub fn follow(
    cluster: &Cluster,
    names: Names,
    clock: Clock,
    shutdown: CancellationToken,
) -> watch::Receiver<Arc<View>> {
    let (publish, view) = watch::channel(Arc::new(View::default()));
    let follower = Follower {
        seen: streams(cluster, &names),
        pulse: pulse(cluster.clone()),
        fold: Fold::new(names.clone(), clock),
        cluster: cluster.clone(),
        names,
    };
    tokio::spawn(async move {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = follower.follow(publish) => {}
        }
    });
    view
}

struct Follower {
    cluster: Cluster,
    names: Names,
    fold: Fold,
    seen: SelectAll<BoxStream<'static, Seen>>,
    pulse: BoxStream<'static, Result<(), String>>,
}

impl Follower {
    async fn follow(mut self, publish: watch::Sender<Arc<View>>) {
        loop {
            tokio::select! {
                Some(beat) = self.pulse.next() => self.beat(beat),
                // No streams, no changes: then only the pulse counts.
                Some(change) = self.seen.next() => self.fold.take(change),
                else => return,
            }
            publish.send_if_modified(|current| {
                let differs = **current != *self.fold.view();
                if differs {
                    *current = Arc::new(self.fold.view().clone());
                }
                differs
            });
        }
    }

    fn beat(&mut self, beat: Result<(), String>) {
        match beat {
            Err(reason) => {
                self.seen.clear();
                self.fold.lost(reason);
            }
            Ok(()) if self.fold.is_lost() => {
                self.seen = streams(&self.cluster, &self.names);
                self.fold.found();
            }
            Ok(()) => {}
        }
    }
}

/// Whether the API server lives, again and again.
fn pulse(cluster: Cluster) -> BoxStream<'static, Result<(), String>> {
    let start = (
        cluster,
        Duration::ZERO,
        Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
    );
    unfold(start, |(cluster, pause, mut backoff)| async move {
        sleep(pause).await;
        let beat = match timeout(ANSWER_LIMIT, cluster.answers()).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err(format!(
                "the Kubernetes API at {} gives no answer within {} ms",
                cluster.address(),
                ANSWER_LIMIT.as_millis()
            )),
        };
        let pause = match beat {
            Ok(()) => {
                backoff.succeeded();
                ASK_EVERY
            }
            Err(_) => backoff.next_pause(),
        };
        Some((beat, (cluster, pause, backoff)))
    })
    .boxed()
}

fn streams(cluster: &Cluster, names: &Names) -> SelectAll<BoxStream<'static, Seen>> {
    let client = || cluster.observing.clone();
    let namespace = names.namespace.as_str();
    let all = || watcher::Config::default().timeout(WATCH_FOR);
    let scaled_objects = ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("keda.sh", "v1alpha1", "ScaledObject"),
        "scaledobjects",
    );
    let rescales = all().fields("reason=SuccessfulRescale");
    let deployments = Api::namespaced(client(), namespace);
    let pods = Api::namespaced(client(), namespace);
    let hpas = Api::namespaced(client(), namespace);
    let scaled = Api::namespaced_with(client(), namespace, &scaled_objects);
    let events = Api::namespaced(client(), namespace);
    let quotas = Api::namespaced(client(), namespace);
    futures::stream::select_all([
        kind::follow(deployments, all(), "deployments", Seen::Deployment),
        kind::follow(pods, all(), "pods", Seen::Pod),
        kind::follow(hpas, all(), "horizontalpodautoscalers", Seen::Hpa),
        kind::follow(scaled, all(), "scaledobjects", Seen::ScaledObject),
        kind::follow(events, rescales, "events", Seen::Event),
        kind::follow(quotas, all(), "resourcequotas", Seen::Quota),
    ])
}
