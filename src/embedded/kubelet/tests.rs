//! The node with real, tiny processes: `/bin/sh` plays the `podium` binary.

use super::*;
use crate::clock::Clock;
use crate::embedded::controllers::workloads;
use crate::embedded::store::{DEPLOYMENTS, ENDPOINTS, EVENTS, SECRETS, SERVICES};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use tokio::time::timeout;

mod restarts;

/// Real processes on a busy machine; nothing here takes a second on an idle one.
const PATIENCE: Duration = Duration::from_secs(20);

/// Prints, then runs until its standard input ends or it is told to stop.
const FAITHFUL: &str = "echo started as $PODIUM_WORKER; trap 'exit 0' TERM; read line || exit 0";

struct Cluster {
    store: Store,
    logs: Logs,
    proxy: Proxy,
    shutdown: CancellationToken,
    node: tokio::task::JoinHandle<()>,
}

impl Cluster {
    fn start(program: &str) -> Self {
        let store = Store::new(Clock::wall());
        let logs = Logs::default();
        let proxy = Proxy::new(store.clone());
        let shutdown = CancellationToken::new();
        tokio::spawn(workloads::run(store.clone(), shutdown.clone()));
        tokio::spawn(proxy.clone().run(shutdown.clone()));
        let kubelet = Kubelet {
            store: store.clone(),
            logs: logs.clone(),
            usage: Usage::default(),
            proxy: proxy.clone(),
            program: program.into(),
            cold_start: ColdStart {
                usual: Duration::from_millis(20),
                spread: Duration::from_millis(10),
            },
            starts: Semaphore::new(CONCURRENT_STARTS),
            ports: ports::Ports::default(),
        };
        let node = tokio::spawn(serve(Arc::new(kubelet), shutdown.clone()));
        Self {
            store,
            logs,
            proxy,
            shutdown,
            node,
        }
    }

    /// Waits until `check` finds what it looks for, looking again at every change.
    async fn until<T>(&self, what: &str, check: impl Fn(&Store) -> Option<T>) -> T {
        let mut changes = self.store.watch_from_now();
        let found = timeout(PATIENCE, async {
            loop {
                if let Some(found) = check(&self.store) {
                    return found;
                }
                changes.next().await.unwrap();
            }
        });
        found.await.unwrap_or_else(|_| panic!("never saw {what}"))
    }

    fn create_pod(&self, name: &str, image: &str, script: &str) {
        self.create_pod_with(
            name,
            &json!({"name": "worker", "image": image, "args": ["-c", script]}),
        );
    }

    fn create_pod_with(&self, name: &str, container: &Value) {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "demo"},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
            "status": {"phase": "Pending", "qosClass": "BestEffort"},
        });
        self.store.create(PODS, pod).unwrap();
    }

    fn delete_pod(&self, name: &str, grace: i64) {
        self.store.delete(&pod_named(name), None, grace).unwrap();
    }

    async fn waiting_reason(&self, name: &str, reason: &str) -> Value {
        self.until(reason, |store| {
            let pod = store.get(&pod_named(name))?;
            let waiting = pod["status"]["containerStatuses"][0]["state"]["waiting"].clone();
            (waiting["reason"] == reason).then_some(waiting)
        })
        .await
    }

    async fn ready(&self, name: &str) -> Object {
        self.until("a ready pod", |store| {
            store.get(&pod_named(name)).filter(|pod| is_ready(pod))
        })
        .await
    }

    async fn stop(self) {
        self.shutdown.cancel();
        timeout(PATIENCE, self.node).await.unwrap().unwrap();
    }
}

fn pod_named(name: &str) -> Key {
    Key::new(PODS, "demo", name)
}

fn is_ready(pod: &Value) -> bool {
    pod["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

fn reasons(store: &Store, involved: &str) -> Vec<String> {
    let (mut events, _) = store.list(EVENTS, Some("demo"));
    events.retain(|event| event["involvedObject"]["name"] == involved);
    events.sort_by_key(|event| store::resource_version(event));
    events
        .iter()
        .map(|event| event["reason"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_pod_starts_runs_and_stops_as_on_a_node() {
    let cluster = Cluster::start("/bin/sh");
    let script = "echo started as $NAME; trap 'exit 0' TERM; while :; do sleep 0.05; done";
    cluster.create_pod_with(
        "w",
        &json!({
            "name": "worker", "image": "podium:latest", "args": ["-c", script],
            "env": [{"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        }),
    );
    let pod = cluster.ready("w").await;
    let uid = store::uid(&pod).to_owned();
    assert_eq!(pod["status"]["phase"], "Running");
    assert_eq!(pod["status"]["podIP"], "127.0.0.1");
    let mut written = cluster.logs.follow(&uid, "worker");
    timeout(PATIENCE, written.wait_for(|(lines, _)| *lines > 0))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(cluster.logs.read(&uid, "worker", 0)[0].text, "started as w");

    let mut changes = cluster.store.watch_from_now();
    cluster.delete_pod("w", 5);
    let mut phases = Vec::new();
    loop {
        let change = timeout(PATIENCE, changes.next()).await.unwrap().unwrap();
        if change.key == pod_named("w") {
            phases.push(change.object["status"]["phase"].clone());
            if change.kind == ChangeKind::Deleted {
                break;
            }
        }
    }
    assert_eq!(phases.first().unwrap(), "Running", "Terminating first");
    assert_eq!(
        phases.last().unwrap(),
        "Succeeded",
        "then Completed, then gone"
    );
    assert_eq!(
        reasons(&cluster.store, "w"),
        ["Scheduled", "Pulled", "Created", "Started", "Killing"]
    );
    assert!(cluster.logs.read(&uid, "worker", 0).is_empty());
    cluster.stop().await;
}

#[tokio::test]
async fn a_process_that_ignores_the_term_signal_is_killed_after_its_grace() {
    let cluster = Cluster::start("/bin/sh");
    let script = "trap '' TERM; while :; do sleep 0.05; done";
    cluster.create_pod("deaf", "podium", script);
    cluster.ready("deaf").await;
    let mut changes = cluster.store.watch_from_now();
    cluster.delete_pod("deaf", 1);
    let last = loop {
        let change = timeout(PATIENCE, changes.next()).await.unwrap().unwrap();
        if change.key == pod_named("deaf") && change.kind == ChangeKind::Deleted {
            break change.object;
        }
    };
    assert_eq!(last["status"]["phase"], "Failed");
    let state = &last["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(state["exitCode"], 137);
    cluster.stop().await;
}

#[tokio::test]
async fn a_pod_deleted_by_force_takes_its_process_along() {
    let cluster = Cluster::start("/bin/sh");
    cluster.create_pod("w", "podium", "echo $$$$; read line || exit 0");
    let pod = cluster.ready("w").await;
    let mut written = cluster.logs.follow(store::uid(&pod), "worker");
    timeout(PATIENCE, written.wait_for(|(lines, _)| *lines > 0))
        .await
        .unwrap()
        .unwrap();
    let pid = cluster.logs.read(store::uid(&pod), "worker", 0)[0]
        .text
        .clone();
    let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
    assert!(rustix::process::test_kill_process(pid).is_ok());
    cluster.delete_pod("w", 0);
    // The logs are forgotten last, when the process is reaped.
    timeout(PATIENCE, written.wait_for(|(_, finished)| *finished))
        .await
        .unwrap()
        .unwrap();
    assert!(rustix::process::test_kill_process(pid).is_err());
    cluster.stop().await;
}

#[tokio::test]
async fn a_crashing_container_restarts_once_at_once_and_then_backs_off() {
    let cluster = Cluster::start("/bin/sh");
    cluster.create_pod("crash", "podium", "exit 3");
    let waiting = cluster.waiting_reason("crash", "CrashLoopBackOff").await;
    let message = waiting["message"].as_str().unwrap();
    assert!(message.starts_with("back-off 10s restarting failed container=worker pod=crash_demo("));
    let pod = cluster.store.get(&pod_named("crash")).unwrap();
    let container = &pod["status"]["containerStatuses"][0];
    assert_eq!(container["restartCount"], 1);
    assert_eq!(container["lastState"]["terminated"]["exitCode"], 3);
    assert!(reasons(&cluster.store, "crash").contains(&"BackOff".to_owned()));
    cluster.stop().await;
}

#[tokio::test]
async fn an_image_that_is_neither_redis_nor_podium_cannot_be_pulled() {
    let cluster = Cluster::start("/bin/sh");
    cluster.create_pod("web", "nginx:1", "exit 0");
    let waiting = cluster.waiting_reason("web", "ErrImagePull").await;
    let message = waiting["message"].as_str().unwrap();
    assert!(message.contains("only Redis images") && message.contains("nginx:1"));
    cluster.stop().await;
}

#[tokio::test]
async fn a_missing_secret_holds_the_container_until_it_comes() {
    let cluster = Cluster::start("/bin/sh");
    cluster.create_pod_with(
        "w",
        &json!({
            "name": "worker", "image": "podium", "args": ["-c", FAITHFUL],
            "env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "redis", "key": "password"}}}],
        }),
    );
    let waiting = cluster
        .waiting_reason("w", "CreateContainerConfigError")
        .await;
    assert_eq!(waiting["message"], "secret \"redis\" not found");
    let secret = json!({
        "kind": "Secret", "metadata": {"name": "redis", "namespace": "demo"},
        "data": {"password": "c2VzYW1l"},
    });
    cluster.store.create(SECRETS, secret).unwrap();
    cluster.ready("w").await;
    cluster.stop().await;
}

/// A stand-in for `podium broker --listen ADDRESS`: it listens there and greets with its password.
const BROKER: &str = r#"#!/usr/bin/env python3
import os, socket, sys
assert sys.argv[1:3] == ["broker", "--listen"], sys.argv
host, port = sys.argv[3].split(":")
server = socket.create_server((host, int(port)))
while True:
    client, _ = server.accept()
    try:
        client.sendall(os.environ["PODIUM_BROKER_PASSWORD"].encode())
    except OSError:
        pass
    client.close()
"#;

#[tokio::test]
async fn a_redis_pod_is_a_broker_behind_its_service_wherever_it_listens() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("podium");
    std::fs::write(&program, BROKER).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let occupied = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let container_port = occupied.local_addr().unwrap().port();

    let cluster = Cluster::start(program.to_str().unwrap());
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "redis", "namespace": "demo"},
        "spec": {"selector": {"app": "redis"}, "ports": [{"name": "redis", "port": 6379, "targetPort": "redis"}]},
    });
    cluster.store.create(SERVICES, service).unwrap();
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "redis", "namespace": "demo"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "redis"}},
            "template": {
                "metadata": {"labels": {"app": "redis"}},
                "spec": {"containers": [{
                    "name": "redis", "image": "redis:7-alpine",
                    "args": ["--requirepass", "$(PASSWORD)", "--save", ""],
                    "env": [{"name": "PASSWORD", "value": "sesame"}],
                    "ports": [{"name": "redis", "containerPort": container_port}],
                    "readinessProbe": {"tcpSocket": {"port": "redis"}, "periodSeconds": 1},
                }]},
            },
        },
    });
    cluster.store.create(DEPLOYMENTS, deployment).unwrap();
    let port = cluster
        .until("a ready endpoint", |store| {
            let endpoints = store.get(&Key::new(ENDPOINTS, "demo", "redis"))?;
            let subset = &endpoints["subsets"][0];
            subset["addresses"][0]["ip"].as_str()?;
            subset["ports"][0]["port"].as_u64()
        })
        .await;
    assert_ne!(port, u64::from(container_port), "that port is taken");
    let address = cluster.proxy.address("demo", "redis", 6379).unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut greeting = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut greeting)
        .await
        .unwrap();
    assert_eq!(greeting, "sesame");
    cluster.stop().await;
}

#[tokio::test]
async fn a_deployment_scales_to_two_dozen_and_a_shutdown_leaves_no_process() {
    let cluster = Cluster::start("/bin/sh");
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "worker", "namespace": "demo"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "worker"}},
            "template": {
                "metadata": {"labels": {"app": "worker"}},
                "spec": {
                    "terminationGracePeriodSeconds": 5,
                    "containers": [{
                        "name": "worker", "image": "podium",
                        // The kubelet makes one dollar of two, as on a real node.
                        "args": ["-c", "echo $$$$; trap 'exit 0' TERM; read line || exit 0"],
                    }],
                },
            },
        },
    });
    cluster.store.create(DEPLOYMENTS, deployment).unwrap();
    let key = Key::new(DEPLOYMENTS, "demo", "worker");
    let available = |wanted: i64| {
        let key = key.clone();
        move |store: &Store| {
            let deployment = store.get(&key)?;
            let available = deployment["status"]["availableReplicas"]
                .as_i64()
                .unwrap_or(0);
            (available == wanted
                && store.list(PODS, None).0.len() == usize::try_from(wanted).unwrap())
            .then_some(())
        }
    };
    cluster.until("one replica", available(1)).await;
    for size in [25, 3] {
        cluster
            .store
            .modify(&key, None, |deployment| {
                deployment["spec"]["replicas"] = json!(size);
                Ok(())
            })
            .unwrap();
        cluster
            .until(&format!("{size} replicas"), available(size))
            .await;
    }
    let mut pids = Vec::new();
    for pod in cluster.store.list(PODS, None).0 {
        let mut written = cluster.logs.follow(store::uid(&pod), "worker");
        timeout(PATIENCE, written.wait_for(|(lines, _)| *lines > 0))
            .await
            .unwrap()
            .unwrap();
        pids.push(
            cluster.logs.read(store::uid(&pod), "worker", 0)[0]
                .text
                .clone(),
        );
    }
    assert_eq!(pids.len(), 3);
    cluster.stop().await;
    for pid in pids {
        let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
        assert!(
            rustix::process::test_kill_process(pid).is_err(),
            "{pid:?} is alive"
        );
    }
}

#[test]
fn a_cold_start_is_the_same_for_one_pod_and_spread_over_many() {
    let (first, last) = (
        COLD_START.of("00000000-0000"),
        COLD_START.of("ffffffff-0000"),
    );
    assert_eq!(first, Duration::from_millis(900));
    assert_eq!(last, Duration::from_millis(1_500));
    assert_eq!(COLD_START.of("80000000-0"), COLD_START.of("80000000-1"));
}
