//! A Redis of several nodes: behind sentinels, and as a Redis Cluster; real processes, made here for the tests below.

mod clusters;
mod mistakes;
mod over_tls;
mod sentinels;

use crate::queue::{Hand, options};
use crate::redis_server::{Answer, Redis, Wire};
use crate::talk::{Talk, run};
use podium::queue::Queue;
use podium::queue::keys::QueueName;
use podium::queue::stats::{Stats, stats};
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// Waits until `wanted` comes true; `what` says what never happened.
async fn until(what: &str, mut wanted: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !wanted().await {
        assert!(started.elapsed() < Duration::from_secs(20), "never: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn free_address() -> SocketAddr {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap()
}

/// A sentinel, which ends when dropped.
struct Sentinel {
    address: SocketAddr,
    password: Option<&'static str>,
    process: Child,
    _folder: TempDir,
}

impl Sentinel {
    /// A sentinel that obeys these lines of configuration.
    async fn start(password: Option<&'static str>, lines: &[String]) -> Self {
        let address = free_address();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sentinel.conf");
        let mut text = format!(
            "bind 127.0.0.1\nport {}\ndir {}\n",
            address.port(),
            folder.path().display()
        );
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        if let Some(password) = password {
            text.push_str(&format!("requirepass {password}\n"));
        }
        std::fs::write(&file, text).unwrap();
        let process = Command::new("redis-server")
            .arg(&file)
            .arg("--sentinel")
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("redis-server is needed: apt-get install redis-server");
        until("the sentinel listens", async || {
            TcpStream::connect(address).await.is_ok()
        })
        .await;
        Self {
            address,
            password,
            process,
            _folder: folder,
        }
    }

    /// A sentinel that watches `master` as `mymaster`, and decides alone and soon.
    async fn watching(master: &Redis, password: Option<&'static str>, data: Option<&str>) -> Self {
        let (host, port) = (master.address.ip(), master.address.port());
        let mut lines = vec![
            format!("sentinel monitor mymaster {host} {port} 1"),
            "sentinel down-after-milliseconds mymaster 500".to_owned(),
            "sentinel failover-timeout mymaster 3000".to_owned(),
        ];
        lines.extend(data.map(|password| format!("sentinel auth-pass mymaster {password}")));
        Self::start(password, &lines).await
    }

    /// Lets it stand still: it accepts connections and answers nothing.
    async fn stop(&self) {
        let process = self.process.id().unwrap().to_string();
        let stopped = run(Command::new("kill").args(["-STOP", &process])).await;
        assert_eq!(stopped.code, Some(0), "{}", stopped.stderr);
    }

    async fn ask(&self, line: &str) -> Answer {
        let mut client = Wire::connect(self.address).await;
        if let Some(password) = self.password {
            assert_eq!(client.call(&["AUTH", password]).await, Answer::ok());
        }
        client.ask(line).await
    }

    /// Waits until the sentinel could make a replica the master.
    async fn knows_a_replica(&self) {
        until("the sentinel knows a replica", async || {
            let told = format!("{:?}", self.ask("SENTINEL REPLICAS mymaster").await);
            told.contains("master-link-status\"), Bulk(\"ok\")")
        })
        .await;
    }

    /// Waits until the sentinel names `redis` the master.
    async fn names(&self, redis: &Redis) {
        let (host, port) = (redis.address.ip(), redis.address.port());
        let wanted = Answer::Array(vec![
            Answer::bulk(&host.to_string()),
            Answer::bulk(&port.to_string()),
        ]);
        until("the sentinel names the new master", async || {
            self.ask("SENTINEL GET-MASTER-ADDR-BY-NAME mymaster").await == wanted
        })
        .await;
    }
}

/// A node of a Redis Cluster that is not formed yet.
async fn cluster_node(more: &[&str]) -> Redis {
    let bus = free_address().port().to_string();
    let options = [
        "--appendonly",
        "no",
        "--cluster-enabled",
        "yes",
        "--cluster-node-timeout",
        "1000",
        "--cluster-replica-validity-factor",
        "0",
        "--cluster-port",
        &bus,
    ];
    Redis::real_with(&[&options[..], more].concat()).await
}

async fn id_of(node: &Redis) -> String {
    let told = node.client().await.ask("CLUSTER MYID").await;
    let Answer::Bulk(id) = told else {
        panic!("no id: {told:?}")
    };
    id
}

async fn do_at(node: &Redis, line: &str) {
    let answer = node.client().await.ask(line).await;
    assert_eq!(answer, Answer::ok(), "{line}");
}

/// A Redis Cluster of three masters.
struct ThreeMasters {
    masters: Vec<Redis>,
    slot: usize,
}

impl ThreeMasters {
    async fn start() -> Self {
        let masters = vec![
            cluster_node(&[]).await,
            cluster_node(&[]).await,
            cluster_node(&[]).await,
        ];
        for (index, range) in ["0 5460", "5461 10922", "10923 16383"].iter().enumerate() {
            do_at(
                &masters[index],
                &format!("CLUSTER SET-CONFIG-EPOCH {}", index + 1),
            )
            .await;
            do_at(&masters[index], &format!("CLUSTER ADDSLOTSRANGE {range}")).await;
        }
        let told = masters[0]
            .client()
            .await
            .ask("CLUSTER KEYSLOT keda-demo-queue")
            .await;
        let Answer::Integer(slot) = told else {
            panic!("no slot: {told:?}")
        };
        let cluster = Self {
            masters,
            slot: slot.try_into().unwrap(),
        };
        for node in &cluster.masters[1..] {
            cluster.introduce(node).await;
        }
        cluster
            .serves(&cluster.masters.iter().collect::<Vec<_>>())
            .await;
        cluster
    }

    /// Makes `node` known to the first, which tells the others.
    async fn introduce(&self, node: &Redis) {
        let told = self.masters[0]
            .client()
            .await
            .ask("CONFIG GET cluster-port")
            .await;
        let Answer::Array(pair) = told else {
            panic!("no port: {told:?}")
        };
        let Answer::Bulk(bus) = &pair[1] else {
            panic!("no port: {pair:?}")
        };
        let (host, port) = (self.masters[0].address.ip(), self.masters[0].address.port());
        do_at(node, &format!("CLUSTER MEET {host} {port} {bus}")).await;
    }

    /// Waits until all of `nodes` say that the cluster works and is complete.
    async fn serves(&self, nodes: &[&Redis]) {
        for node in nodes {
            let known = format!("cluster_known_nodes:{}\r", nodes.len());
            until("the cluster serves", async || {
                let told = node.client().await.ask("CLUSTER INFO").await;
                matches!(told, Answer::Bulk(told) if told.contains("cluster_state:ok") && told.contains(&known))
            })
            .await;
        }
    }

    /// The index of the master that has the queue.
    fn owner(&self) -> usize {
        self.slot / 5461
    }

    fn url(&self) -> String {
        let addresses: Vec<_> = self
            .masters
            .iter()
            .map(|node| node.address.to_string())
            .collect();
        format!("redis-cluster://{}", addresses.join(","))
    }

    /// Moves the queue's slot with all its keys to the next master, as `redis-cli --cluster reshard` does.
    async fn move_slot(&self) -> &Redis {
        let (from, to) = (
            &self.masters[self.owner()],
            &self.masters[(self.owner() + 1) % 3],
        );
        let slot = self.slot;
        let (source, target) = (id_of(from).await, id_of(to).await);
        do_at(to, &format!("CLUSTER SETSLOT {slot} IMPORTING {source}")).await;
        do_at(from, &format!("CLUSTER SETSLOT {slot} MIGRATING {target}")).await;
        let mut client = from.client().await;
        let (host, port) = (to.address.ip().to_string(), to.address.port().to_string());
        loop {
            let told = client
                .ask(&format!("CLUSTER GETKEYSINSLOT {slot} 100"))
                .await;
            let Answer::Array(keys) = told else {
                panic!("no keys: {told:?}")
            };
            if keys.is_empty() {
                break;
            }
            let mut command = vec!["MIGRATE", &host, &port, "", "0", "5000", "KEYS"];
            for key in &keys {
                let Answer::Bulk(key) = key else {
                    panic!("no key: {key:?}")
                };
                command.push(key);
            }
            // NOKEY is what a worker's lease says that ran out just now.
            let moved = client.call(&command).await;
            assert!(matches!(moved, Answer::Status(_)), "{moved:?}");
        }
        for node in [to, from] {
            do_at(node, &format!("CLUSTER SETSLOT {slot} NODE {target}")).await;
        }
        to
    }
}

/// The demo's queue at `url`, once it answers.
async fn queue_at(url: &str) -> Queue {
    Queue::connect(url, &QueueName::demo()).await.unwrap()
}

fn two_workers(queue: &Queue) -> [Hand; 2] {
    ["w-1", "w-2"].map(|name| Hand::start(queue, name, options()))
}

/// Waits until the queue looks as `wanted`. It may be away meanwhile, but no job may ever be missing.
async fn sees(queue: &Queue, wanted: impl Fn(&Stats) -> bool) -> Stats {
    let mut last = None;
    until("the queue looks as it should", async || {
        let Ok(now) = stats(queue).await else {
            return false;
        };
        assert_eq!(now.missing(), 0, "{now:?}");
        last = Some(now);
        last.as_ref().is_some_and(&wanted)
    })
    .await;
    last.unwrap()
}

/// Waits until 120 jobs are done, none of them lost on the way of the queue to `home`, and stops the workers.
async fn finish_at(home: &Redis, queue: &Queue, hands: [Hand; 2]) {
    let done = sees(queue, |stats| stats.unique() == 120).await;
    let left = (done.enqueued, done.dead, done.depth);
    assert_eq!(left, (120, 0, 0), "{done:?}");
    assert_eq!(queue.address(), home.address.to_string());
    for hand in hands {
        hand.stop().await;
    }
}

/// Enqueues `jobs`, and waits until the demo has worked off `total` and KEDA's metric is read.
async fn works_off(talk: &Talk, jobs: u64, total: u64) {
    let put = talk.command(&["enqueue", &jobs.to_string()]).await;
    assert_eq!(put.code, Some(0), "{}", put.stderr);
    let mut events = talk.events().await;
    events
        .sample(Duration::from_secs(30), |sample| {
            sample["processed"] == total && sample["external_metric"].is_number()
        })
        .await;
}

/// What the status says of its Redis.
async fn status_of(talk: &Talk, url: &str) -> String {
    talk.command(&["status", "--redis", url]).await.stdout
}
