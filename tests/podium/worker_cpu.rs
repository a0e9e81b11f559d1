//! What the workers use of CPU: measured on the embedded node, told by `kubectl top` and shown to the room; and a cluster
//! that does not say it, where nobody misses it.

use crate::fault_proxy::{Fault, Meddler};
use crate::talk::Talk;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Two rounds of the one who measures, one of the one who asks.
const MEASURED: Duration = Duration::from_secs(50);

/// A kubeconfig that leads to the cluster of `talk` by way of `meddler`, and the meddler.
async fn spoiled(talk: &Talk) -> (Meddler, PathBuf) {
    let text = std::fs::read_to_string(talk.kubeconfig()).unwrap();
    let (_, rest) = text.split_once("127.0.0.1:").unwrap();
    let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let api = SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));
    let meddler = Meddler::before(api).await;
    let path = talk.state.path().join("spoiled");
    let text = text.replace(&api.to_string(), &meddler.address.to_string());
    std::fs::write(&path, text).unwrap();
    (meddler, path)
}

fn has_light(health: &Value) -> bool {
    let mut lights = health.as_array().unwrap().iter();
    lights.any(|light| light["name"] == "cpu")
}

#[tokio::test]
async fn what_busy_workers_use_is_shown_and_told_by_kubectl_top() {
    let talk = Talk::start().await;
    talk.deploy().await;
    let (status, answer) = talk.act("enqueue", json!({"count": "400"})).await;
    assert_eq!(status, 202, "{answer}");
    let mut events = talk.events().await;
    let pods = events
        .until(MEASURED, |event, data| {
            event == "pods" && data["pods"][0]["cpu"].as_f64() > Some(0.0)
        })
        .await;
    let name = pods["pods"][0]["name"].as_str().unwrap();
    let using = |sample: &Value| sample["cpu"].as_f64() > Some(0.0);
    events.sample(Duration::from_secs(5), using).await;

    let top = talk.kubectl(&["top", "pods", "-n", "keda-demo"]).await;
    assert_eq!(top.code, Some(0), "{top:?}");
    let line = top.stdout.lines().find(|line| line.starts_with(name));
    let [_, cpu, memory] = line.unwrap().split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{top:?}")
    };
    let millicores: u64 = cpu.strip_suffix('m').unwrap().parse().unwrap();
    assert!(millicores > 0 && memory.ends_with("Mi"), "{top:?}");

    let node = talk.kubectl(&["top", "node", "podium"]).await;
    assert_eq!(node.code, Some(0), "{node:?}");
    let one = ["top", "pod", "nobody", "-n", "keda-demo"];
    let nobody = talk.kubectl(&one).await;
    assert!(nobody.stderr.contains("NotFound"), "{nobody:?}");
    let by_label = ["top", "pods", "-n", "keda-demo", "-l", "app=nothing"];
    let none = talk.kubectl(&by_label).await;
    assert!(!none.stdout.contains(name), "{none:?}");
}

#[tokio::test]
async fn a_cluster_that_does_not_tell_it_shows_nothing_and_logs_nothing() {
    let host = Talk::start().await;
    host.deploy().await;
    let (meddler, kubeconfig) = spoiled(&host).await;
    for status in [404, 403, 503] {
        meddler.heal();
        let told = Fault::Refused(status, "not for you".to_owned());
        meddler.spoil("GET", "/apis/metrics.k8s.io/", usize::MAX, told);
        let (guest, log) = Talk::start_logged(Some(&kubeconfig), &[]).await;
        let mut events = guest.events().await;
        let (status, answer) = guest.act("enqueue", json!({"count": "5"})).await;
        assert_eq!(status, 202, "{answer}");
        let done = |sample: &Value| sample["processed"].as_u64() >= Some(5) && sample["ready"] == 1;
        let sample = events.sample(Duration::from_secs(20), done).await;
        assert_eq!(sample["cpu"], Value::Null);
        let snapshot = guest.events().await.next().await.unwrap().1;
        assert!(!has_light(&snapshot["health"]), "{snapshot}");
        assert!(
            snapshot["pods"][0]["name"].is_string() && snapshot["pods"][0]["cpu"].is_null(),
            "{snapshot}"
        );
        let lines = log.lines();
        let of_cpu = |line: &&String| line.contains("cpu") || line.contains("metrics.k8s.io");
        assert_eq!(lines.iter().find(of_cpu), None, "{lines:?}");
    }
}
