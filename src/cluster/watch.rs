//! What the cluster shows of the demo, followed by watches and kept as one [`View`].
//!
//! Several watchers (Deployments, Pods, HPAs, ScaledObjects, Events, ResourceQuotas of one namespace) are mapped into
//! one enum and merged into one stream; one task folds it into a `View` (`fold`) and publishes it through a `watch` channel, so
//! that a reader always sees the latest whole picture and never waits. When a watch fails, the view says so with the
//! reason and the time, and it goes on trying with back-off.

mod fold;

use super::Cluster;
use super::view::{Names, View};
use crate::clock::Clock;
use fold::Fold;
use futures::stream::{BoxStream, StreamExt as _, select_all};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Event, Pod, ResourceQuota};
use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::{WatchStreamExt as _, watcher};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

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
    let mut seen = streams(cluster, &names);
    tokio::spawn(async move {
        let mut fold = Fold::new(names, clock);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                change = seen.next() => match change {
                    Some(change) => fold.take(change),
                    None => break,
                },
            }
            publish.send_if_modified(|current| {
                let differs = **current != *fold.view();
                if differs {
                    *current = Arc::new(fold.view().clone());
                }
                differs
            });
        }
    });
    view
}

fn streams(
    cluster: &Cluster,
    names: &Names,
) -> futures::stream::SelectAll<BoxStream<'static, Seen>> {
    let client = || cluster.client.clone();
    let namespace = names.namespace.as_str();
    let scaled_objects = ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("keda.sh", "v1alpha1", "ScaledObject"),
        "scaledobjects",
    );
    let rescales = watcher::Config::default().fields("reason=SuccessfulRescale");
    select_all([
        stream(
            Api::namespaced(client(), namespace),
            watcher::Config::default(),
            "deployments",
            Seen::Deployment,
        ),
        stream(
            Api::namespaced(client(), namespace),
            watcher::Config::default(),
            "pods",
            Seen::Pod,
        ),
        stream(
            Api::namespaced(client(), namespace),
            watcher::Config::default(),
            "horizontalpodautoscalers",
            Seen::Hpa,
        ),
        stream(
            Api::namespaced(client(), namespace),
            rescales,
            "events",
            Seen::Event,
        ),
        stream(
            Api::namespaced(client(), namespace),
            watcher::Config::default(),
            "resourcequotas",
            Seen::Quota,
        ),
        watcher(
            Api::<DynamicObject>::namespaced_with(client(), namespace, &scaled_objects),
            watcher::Config::default(),
        )
        .default_backoff()
        .map(|event| seen_or_failed(event, "scaledobjects", Seen::ScaledObject))
        .boxed(),
    ])
}

fn stream<K>(
    api: Api<K>,
    config: watcher::Config,
    what: &'static str,
    seen: fn(watcher::Event<K>) -> Seen,
) -> BoxStream<'static, Seen>
where
    K: kube::Resource + Clone + serde::de::DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    watcher(api, config)
        .default_backoff()
        .map(move |event| seen_or_failed(event, what, seen))
        .boxed()
}

fn seen_or_failed<K>(
    event: Result<watcher::Event<K>, watcher::Error>,
    what: &'static str,
    seen: fn(watcher::Event<K>) -> Seen,
) -> Seen {
    event.map_or_else(|error| Seen::Failed(what, super::root_cause(&error)), seen)
}
