//! The kubelet of the cluster's one node: a pod is a local process a container.
//!
//! The main loop reads the store's changes and gives each pod bound to this node a task of its own (`pod`), which runs
//! the containers (`container`), writes the pod's status (`status`) and has the last word on its deletion. A container
//! is the `podium` binary under one of two guises, chosen by the image's name (`image`): the embedded broker for Redis
//! images, the container's own arguments for Podium's. Environment variables are resolved as on a node
//! (`environment`); ports are handed out here (`ports`), because all pods share one address.
//!
//! No process outlives the node: children hold the read end of a pipe whose write end is ours and exit when it closes,
//! and a shutdown terminates, waits a moment, kills and reaps.

mod backoff;
mod container;
mod environment;
mod image;
mod node;
mod pod;
mod ports;
mod probe;
mod process;
mod status;

pub(in crate::embedded) use environment::expand;

use crate::embedded::logs::Logs;
use crate::embedded::proxy::Proxy;
use crate::embedded::store::{self, Change, ChangeKind, Key, NODES, Object, PODS, Store};
use crate::embedded::usage::Usage;
use serde_json::Value;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The annotation in which the kubelet publishes the port a container really listens on: followed by the
/// `containerPort` it stands for, for example `podium.local/port.6379: "40123"`.
pub const PORT_ANNOTATION: &str = "podium.local/port.";

/// The node's name.
pub const NODE_NAME: &str = "podium";

/// The address that all pods of the node share.
const POD_IP: &str = "127.0.0.1";

/// The grace period of a pod that was deleted by force: a kubelet gives such a pod no less than this.
const LEAST_GRACE: Duration = Duration::from_secs(1);

/// How long pods may take to stop when the node shuts down.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// Processes started at a time. Two dozen pods come at once in a spike; on two cores their start-up would hold up the
/// web server that shows it.
const CONCURRENT_STARTS: usize = 4;

/// Runs the cluster's one node: every pod assigned to it is a local process of `program` (the `podium` binary).
/// Returns when `shutdown` fires and every child process is gone.
pub async fn run(
    store: Store,
    logs: Logs,
    usage: Usage,
    proxy: Proxy,
    program: PathBuf,
    shutdown: CancellationToken,
) {
    let kubelet = Kubelet {
        store,
        logs,
        usage,
        proxy,
        program,
        cold_start: COLD_START,
        starts: Semaphore::new(CONCURRENT_STARTS),
        ports: ports::Ports::default(),
    };
    serve(Arc::new(kubelet), shutdown).await;
}

/// How long a pod takes from its assignment to its first process, and by how much that differs from pod to pod.
///
/// A real node needs this time for the sandbox, its network and the container; a local process starts in 30 ms. The
/// demo is about cold starts, so the embedded node models them, deliberately, instead of showing a number that no
/// cluster reaches. (Recorded on a real cluster: 1.5 s.)
#[derive(Clone, Copy)]
struct ColdStart {
    usual: Duration,
    spread: Duration,
}

const COLD_START: ColdStart = ColdStart {
    usual: Duration::from_millis(1_200),
    spread: Duration::from_millis(300),
};

impl ColdStart {
    /// The time for the pod with this UID: the same every time it is asked, spread evenly over all pods.
    fn of(self, uid: &str) -> Duration {
        let digits = uid.get(..8).unwrap_or_default();
        let fraction = u32::from_str_radix(digits, 16).unwrap_or(u32::MAX / 2);
        let share = f64::from(fraction) / f64::from(u32::MAX);
        self.usual.saturating_sub(self.spread) + (self.spread * 2).mul_f64(share)
    }
}

/// What the tasks of all pods share.
struct Kubelet {
    store: Store,
    logs: Logs,
    usage: Usage,
    proxy: Proxy,
    program: PathBuf,
    cold_start: ColdStart,
    starts: Semaphore,
    ports: ports::Ports,
}

/// Tells a pod to stop, and until when it may take; `None` while it may run.
type StopOrder = watch::Receiver<Option<Instant>>;

async fn serve(kubelet: Arc<Kubelet>, shutdown: CancellationToken) {
    let mut changes = kubelet.store.watch_from_now();
    node::register(&kubelet.store);
    let mut pods = Pods {
        kubelet,
        orders: HashMap::new(),
        tasks: JoinSet::new(),
    };
    pods.catch_up();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            change = changes.next() => match change {
                Ok(change) => pods.follow(&change),
                Err(_) => {
                    changes = pods.kubelet.store.watch_from_now();
                    pods.catch_up();
                }
            },
            Some(done) = pods.tasks.join_next() => pods.forget(done),
        }
    }
    pods.stop_all().await;
}

/// The pods of this node, each with its task.
struct Pods {
    kubelet: Arc<Kubelet>,
    /// By pod UID.
    orders: HashMap<String, watch::Sender<Option<Instant>>>,
    /// Each returns its pod's UID.
    tasks: JoinSet<String>,
}

impl Pods {
    fn follow(&mut self, change: &Change) {
        if change.key.resource == NODES && change.kind == ChangeKind::Deleted {
            // `kubectl delete node` on a node that still runs: its kubelet registers again.
            node::register(&self.kubelet.store);
        }
        if change.key.resource != PODS {
            return;
        }
        if change.kind == ChangeKind::Deleted {
            self.order(store::uid(&change.object), LEAST_GRACE);
        } else {
            self.see(&change.object);
        }
    }

    /// Compares with the store: at the start, and after falling behind.
    fn catch_up(&mut self) {
        let (stored, _) = self.kubelet.store.list(PODS, None);
        for pod in &stored {
            self.see(pod);
        }
        let gone: Vec<String> = self
            .orders
            .keys()
            .filter(|uid| !stored.iter().any(|pod| store::uid(pod) == *uid))
            .cloned()
            .collect();
        for uid in gone {
            self.order(&uid, LEAST_GRACE);
        }
    }

    fn see(&mut self, pod: &Object) {
        if pod["spec"]["nodeName"] != NODE_NAME {
            return;
        }
        let uid = store::uid(pod);
        if !self.orders.contains_key(uid) {
            self.start(pod);
        }
        if store::is_deleting(pod) {
            self.order(uid, grace(pod));
        }
    }

    fn start(&mut self, pod: &Object) {
        let uid = store::uid(pod).to_owned();
        let (order, stop) = watch::channel(None);
        self.orders.insert(uid.clone(), order);
        let life = pod::run(Arc::clone(&self.kubelet), Arc::clone(pod), stop);
        self.tasks.spawn(async move {
            life.await;
            uid
        });
    }

    /// Orders a pod to stop within `grace`. A later order can only shorten an earlier one.
    fn order(&self, uid: &str, grace: Duration) {
        let deadline = Instant::now() + grace;
        if let Some(order) = self.orders.get(uid) {
            order.send_if_modified(|current| {
                let sooner = current.is_none_or(|current| deadline < current);
                if sooner {
                    *current = Some(deadline);
                }
                sooner
            });
        }
    }

    fn forget(&mut self, done: Result<String, tokio::task::JoinError>) {
        match done {
            Ok(uid) => {
                self.orders.remove(&uid);
            }
            // The pod's entry stays, so that the pod is not started a second time by a task that would panic again.
            Err(error) => tracing::error!(%error, "a pod's task failed"),
        }
    }

    async fn stop_all(mut self) {
        for uid in self.orders.keys() {
            self.order(uid, SHUTDOWN_GRACE);
        }
        while self.tasks.join_next().await.is_some() {}
    }
}

fn grace(pod: &Value) -> Duration {
    let seconds = pod["metadata"]["deletionGracePeriodSeconds"]
        .as_u64()
        .unwrap_or(0);
    Duration::from_secs(seconds).max(LEAST_GRACE)
}

fn pod_key(pod: &Value) -> Key {
    Key::of(PODS, pod)
}

#[cfg(test)]
mod tests;
