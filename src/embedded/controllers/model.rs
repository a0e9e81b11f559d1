//! For tests: a store on virtual time with a Deployment, a ScaledObject on it, a Redis that is a number, and a model of
//! the workers. KEDA's and the HPA's controllers run on it for real, down to the bytes of RESP.

use super::keda::ExternalMetrics;
use crate::clock::Clock;
use crate::embedded::proxy::Proxy;
use crate::embedded::store::{
    DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS, Key, Object, SCALED_OBJECTS, SECRETS, Store,
    StoreError,
};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The password that the modelled Redis wants.
const PASSWORD: &str = "open sesame";

/// How long a modelled pod takes to become ready.
const START_MS: i64 = 1_500;

/// A modelled Redis.
#[derive(Default)]
pub(super) struct Queue {
    /// The list's length; workers take parts of a job at a time.
    pub(super) depth: f64,
    /// Whether it is out of reach.
    pub(super) down: bool,
    /// Whether it answers, but the list is something else.
    pub(super) sick: bool,
}

/// The world of a test. Dropping it stops the controllers.
pub(super) struct World {
    pub(super) store: Store,
    pub(super) queue: Arc<Mutex<Queue>>,
    pub(super) metrics: ExternalMetrics,
    pub(super) next_sync: watch::Receiver<BTreeMap<String, i64>>,
    pub(super) next_poll: watch::Receiver<BTreeMap<String, i64>>,
    shutdown: CancellationToken,
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl World {
    /// A Deployment with `replicas`, and both controllers. Needs paused time.
    pub(super) fn start(replicas: i32) -> Self {
        let store = Store::new(Clock::following_tokio(1_700_000_000_300));
        store.create(SECRETS, secret()).unwrap();
        store.create(DEPLOYMENTS, deployment(replicas)).unwrap();
        let queue = Arc::new(Mutex::new(Queue::default()));
        let dialled = Arc::clone(&queue);
        let dial = Arc::new(move |_| dial(Arc::clone(&dialled)));
        let metrics = ExternalMetrics::dialling(store.clone(), Proxy::new(store.clone()), dial);
        let (sync_sender, next_sync) = watch::channel(BTreeMap::new());
        let (poll_sender, next_poll) = watch::channel(BTreeMap::new());
        let shutdown = CancellationToken::new();
        let (s, m, stop) = (store.clone(), metrics.clone(), shutdown.clone());
        tokio::spawn(super::hpa::run(s, m, sync_sender, stop));
        let (s, m, stop) = (store.clone(), metrics.clone(), shutdown.clone());
        tokio::spawn(super::keda::run(s, m, poll_sender, stop));
        tokio::spawn(work(store.clone(), Arc::clone(&queue), shutdown.clone()));
        Self {
            store,
            queue,
            metrics,
            next_sync,
            next_poll,
            shutdown,
        }
    }

    /// Applies a ScaledObject `queue-worker` with these fields over the defaults of the demo's manifest.
    pub(super) fn scaled_object(&self, fields: &Value) {
        let mut object = json!({
            "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
            "metadata": {"name": "queue-worker", "namespace": "keda-demo"},
            "spec": {
                "scaleTargetRef": {"name": "queue-worker"},
                "triggers": [{"type": "redis", "metadata": {
                    "address": "127.0.0.1:6379", "passwordFromEnv": "REDIS_PASSWORD",
                    "listName": "keda-demo-queue", "listLength": "100"}}],
            },
        });
        for (key, value) in fields.as_object().unwrap() {
            object["spec"][key] = value.clone();
        }
        self.store.create(SCALED_OBJECTS, object).unwrap();
    }

    pub(super) fn enqueue(&self, jobs: f64) {
        self.queue.lock().unwrap().depth += jobs;
    }

    pub(super) fn set_down(&self, down: bool) {
        self.queue.lock().unwrap().down = down;
    }

    pub(super) fn set_sick(&self, sick: bool) {
        self.queue.lock().unwrap().sick = sick;
    }

    /// Annotates the ScaledObject: `autoscaling.keda.sh/<name>`; with `None` nothing is left.
    pub(super) fn annotate(&self, annotation: Option<(&str, &str)>) {
        let pairs = annotation.into_iter();
        let annotations: serde_json::Map<String, Value> = pairs
            .map(|(name, value)| (format!("autoscaling.keda.sh/{name}"), json!(value)))
            .collect();
        self.edit(&scaled_object_key(), |object| {
            object["metadata"]["annotations"] = Value::Object(annotations);
        });
    }

    pub(super) fn replicas(&self) -> i64 {
        self.get(&deployment_key())["spec"]["replicas"]
            .as_i64()
            .unwrap()
    }

    pub(super) fn set_replicas(&self, replicas: i32) {
        self.edit(&deployment_key(), |object| {
            object["spec"]["replicas"] = json!(replicas);
        });
    }

    pub(super) fn get(&self, key: &Key) -> Object {
        self.store.get(key).unwrap()
    }

    pub(super) fn hpa(&self) -> Option<Object> {
        self.store.get(&hpa_key())
    }

    pub(super) fn edit(&self, key: &Key, change: impl FnOnce(&mut Value)) {
        let change = |object: &mut Value| -> Result<(), StoreError> {
            change(object);
            Ok(())
        };
        self.store.modify(key, None, change).unwrap();
    }

    /// `Status Reason` of a condition of the object at `key`.
    pub(super) fn condition(&self, key: &Key, kind: &str) -> String {
        let object = self.get(key);
        let conditions = object["status"]["conditions"].as_array().unwrap();
        let found = conditions
            .iter()
            .find(|entry| entry["type"] == kind)
            .unwrap();
        let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
        format!("{} {}", text("status"), text("reason"))
    }

    /// The events with this reason about the object named `name`.
    pub(super) fn told(&self, name: &str, reason: &str) -> Vec<Object> {
        let (mut events, _) = self.store.list(crate::embedded::store::EVENTS, None);
        events.retain(|event| event["involvedObject"]["name"] == name && event["reason"] == reason);
        events
    }

    /// The reasons of all events so far about the object named `name`.
    pub(super) fn events(&self, name: &str) -> Vec<String> {
        let (events, _) = self.store.list(crate::embedded::store::EVENTS, None);
        let mut events: Vec<_> = events
            .iter()
            .filter(|event| event["involvedObject"]["name"] == name)
            .collect();
        events.sort_by_key(|event| crate::embedded::store::resource_version(event));
        events
            .iter()
            .map(|event| event["reason"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Lets time pass.
    pub(super) async fn pass(&self, seconds: f64) {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    }

    /// Lets time pass and lists the sizes that the Deployment goes through, from its present one.
    pub(super) async fn sizes(&self, seconds: u32) -> Vec<i64> {
        let mut sizes = vec![self.replicas()];
        for _ in 0..seconds * 4 {
            self.pass(0.25).await;
            if sizes.last() != Some(&self.replicas()) {
                sizes.push(self.replicas());
            }
        }
        sizes
    }
}

pub(super) fn scaled_object_key() -> Key {
    Key::new(SCALED_OBJECTS, "keda-demo", "queue-worker")
}

pub(super) fn hpa_key() -> Key {
    Key::new(
        HORIZONTAL_POD_AUTOSCALERS,
        "keda-demo",
        "keda-hpa-queue-worker",
    )
}

pub(super) fn deployment_key() -> Key {
    Key::new(DEPLOYMENTS, "keda-demo", "queue-worker")
}

fn secret() -> Value {
    // base64 of the password
    json!({"kind": "Secret", "metadata": {"name": "redis", "namespace": "keda-demo"},
        "data": {"password": "b3BlbiBzZXNhbWU="}})
}

fn deployment(replicas: i32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "queue-worker", "namespace": "keda-demo"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "queue-worker"}},
            "template": {"spec": {"containers": [{"name": "worker", "env": [
                {"name": "REDIS_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "redis", "key": "password"}}}]}]}},
        },
        "status": {"replicas": replicas},
    })
}

/// The workload controllers and the workers: the status follows the spec at once, a new pod is ready after a while, and
/// each ready pod takes four jobs a second.
async fn work(store: Store, queue: Arc<Mutex<Queue>>, shutdown: CancellationToken) {
    let mut started: Vec<i64> = Vec::new();
    while !shutdown.is_cancelled() {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let wanted = store.get(&deployment_key()).unwrap()["spec"]["replicas"]
            .as_u64()
            .unwrap();
        started.resize(usize::try_from(wanted).unwrap(), store.clock().now_ms());
        let ready = started
            .iter()
            .filter(|at| **at + START_MS <= store.clock().now_ms())
            .count();
        let _ = store.modify(&deployment_key(), None, |object| {
            object["status"]["replicas"] = json!(wanted);
            Ok(())
        });
        let mut queue = queue.lock().unwrap();
        queue.depth = (queue.depth - 0.4 * ready as f64).max(0.0);
    }
}

fn dial(queue: Arc<Mutex<Queue>>) -> BoxFuture<'static, io::Result<Box<dyn super::keda::Stream>>> {
    Box::pin(async move {
        if queue.lock().unwrap().down {
            return Err(io::Error::from(io::ErrorKind::ConnectionRefused));
        }
        let (ours, theirs) = tokio::io::duplex(4_096);
        tokio::spawn(answer(theirs, queue));
        Ok(Box::new(ours) as Box<dyn super::keda::Stream>)
    })
}

/// Answers RESP requests until the Redis goes down or the client hangs up.
async fn answer(stream: tokio::io::DuplexStream, queue: Arc<Mutex<Queue>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut trusted = false;
    loop {
        let words = request(&mut stream).await?;
        if queue.lock().unwrap().down {
            return None;
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let reply = match words[..] {
            ["AUTH", PASSWORD] => {
                trusted = true;
                "+OK\r\n".to_owned()
            }
            _ if !trusted => "-NOAUTH Authentication required.\r\n".to_owned(),
            ["PING"] => "+PONG\r\n".to_owned(),
            ["TYPE", "keda-demo-queue"] if queue.lock().unwrap().sick => "+string\r\n".to_owned(),
            ["TYPE", "keda-demo-queue"] => "+list\r\n".to_owned(),
            ["LLEN", "keda-demo-queue"] => format!(":{}\r\n", queue.lock().unwrap().depth.ceil()),
            _ => "-ERR unknown command\r\n".to_owned(),
        };
        stream.write_all(reply.as_bytes()).await.ok()?;
    }
}

async fn request(stream: &mut BufReader<tokio::io::DuplexStream>) -> Option<Vec<String>> {
    let mut line = String::new();
    stream
        .read_line(&mut line)
        .await
        .ok()
        .filter(|read| *read > 0)?;
    let count: usize = line.trim().strip_prefix('*')?.parse().ok()?;
    let mut words = Vec::new();
    for _ in 0..count {
        for _ in 0..2 {
            line.clear();
            stream.read_line(&mut line).await.ok()?;
        }
        words.push(line.trim_end().to_owned());
    }
    Some(words)
}
