//! The whole story on a cluster that is not Podium's own, from a process that has no more rights there than
//! `manifests/podium/rbac.yaml` gives, and the one that whoever is outside the cluster needs to get at its Redis: only the
//! command line and HTTP of `podium serve --cluster kubeconfig` are used.
//!
//! With `PODIUM_TEST_CLUSTER=1` the cluster is the one that `KUBECONFIG` names, with KEDA in it, and its administrator
//! behind that kubeconfig. It needs the images of the worker and of Redis on its nodes. What the test makes there has names
//! of its own, so that it does not meet a Podium that somebody uses, and is taken away however the test ends.
//! Otherwise the cluster is the embedded one of another Podium, over plain HTTP; its log tells which rights were used,
//! and so whether each that `rbac.yaml` gives is needed.

mod rights;

use crate::talk::{Events, Output, Talk, podium, run};
use futures::FutureExt as _;
use rights::Use;
use serde_json::{Value, json};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;

const RBAC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/podium/rbac.yaml");
const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/queue-demo");

/// A cluster, as its administrator sees it.
struct Ground {
    folder: TempDir,
    kubeconfig: PathBuf,
    /// The Podium that the cluster is embedded in; `None` for a real one.
    embedded: Option<Talk>,
    /// What stands for `podium` in `rbac.yaml`: a namespace, an account in it, and its roles.
    speaker: String,
    /// What stands for `keda-demo`.
    demo: String,
}

impl Ground {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test runs where it is told to, and does not read Podium's settings"
    )]
    async fn find() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (kubeconfig, embedded) =
            if std::env::var("PODIUM_TEST_CLUSTER").is_ok_and(|value| value == "1") {
                let kubeconfig = std::env::var_os("KUBECONFIG");
                let kubeconfig = kubeconfig.expect("PODIUM_TEST_CLUSTER=1 needs KUBECONFIG");
                (kubeconfig.into(), None)
            } else {
                let talk = Self::embedded(folder.path()).await;
                (talk.kubeconfig(), Some(talk))
            };
        let own = std::process::id();
        Self {
            folder,
            kubeconfig,
            embedded,
            speaker: format!("speaker-{own}"),
            demo: format!("demo-{own}"),
        }
    }

    /// A Podium whose embedded cluster writes down who used which right.
    async fn embedded(folder: &Path) -> Talk {
        let state = tempfile::tempdir().unwrap();
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let mut command = podium(state.path());
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("PODIUM_LOG", "warn,podium::embedded::api=debug")
            .stderr(Stdio::from(log));
        Talk::start_by(command, state).await
    }

    async fn kubectl(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("kubectl");
        command
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", self.folder.path());
        run(&mut command).await
    }

    async fn ok(&self, arguments: &[&str]) -> String {
        let output = self.kubectl(arguments).await;
        assert_eq!(output.code, Some(0), "kubectl {arguments:?}: {output:?}");
        output.stdout
    }

    /// `rbac.yaml` with the names of this test.
    fn rbac(&self) -> String {
        let text = std::fs::read_to_string(RBAC).unwrap();
        text.replace("podium", &self.speaker)
            .replace("keda-demo", &self.demo)
    }

    /// Makes Podium's service account with its rights, and returns the kubeconfig that has them and no others.
    async fn podiums_own(&self) -> PathBuf {
        let rbac = self.folder.path().join("rbac.yaml");
        std::fs::write(&rbac, self.rbac()).unwrap();
        let speaker = self.speaker.as_str();
        self.ok(&["create", "namespace", speaker]).await;
        self.ok(&["apply", "-f", rbac.to_str().unwrap()]).await;
        self.open_the_way_to_redis().await;
        let token = self.ok(&["create", "token", speaker, "-n", speaker]).await;
        let token = token.trim();
        let view = [
            "config",
            "view",
            "--raw",
            "--minify",
            "--flatten",
            "-o",
            "json",
        ];
        let mut config: Value = serde_json::from_str(&self.ok(&view).await).unwrap();
        config["users"][0]["user"] = json!({"token": token});
        let server = &mut config["clusters"][0]["cluster"]["server"];
        if let Some((_, address)) = server.as_str().unwrap().split_once('@') {
            *server = json!(format!("http://podium:{token}@{address}"));
        }
        let path = self.folder.path().join("podium.kubeconfig");
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }

    /// What `rbac.yaml` leaves out, since it is for a Podium inside: the right to forward ports.
    async fn open_the_way_to_redis(&self) {
        let role = [
            "create",
            "role",
            "port-forward",
            "--verb=create,get",
            "--resource=pods/portforward",
            "-n",
            &self.demo,
        ];
        self.ok(&role).await;
        let account = format!("--serviceaccount={0}:{0}", self.speaker);
        let binding = [
            "create",
            "rolebinding",
            "port-forward",
            "--role=port-forward",
            &account,
            "-n",
            &self.demo,
        ];
        self.ok(&binding).await;
    }

    /// The demo, scaling down without the half minute of waiting that the talk wants.
    fn manifests(&self) -> PathBuf {
        let folder = self.folder.path().join("demo");
        std::fs::create_dir(&folder).unwrap();
        for file in std::fs::read_dir(DEMO).unwrap() {
            let file = file.unwrap();
            let text = std::fs::read_to_string(file.path()).unwrap();
            let text = text.replace(
                "stabilizationWindowSeconds: 30",
                "stabilizationWindowSeconds: 0",
            );
            std::fs::write(folder.join(file.file_name()), text).unwrap();
        }
        folder
    }

    /// Takes away all that the test made, which a cluster that is not embedded would keep.
    async fn clean(&self) {
        let (speaker, demo) = (self.speaker.as_str(), self.demo.as_str());
        let made = [
            ("namespace", demo),
            ("namespace", speaker),
            ("clusterrolebinding", speaker),
            ("clusterrole", speaker),
        ];
        for (kind, name) in made {
            self.ok(&["delete", kind, name, "--ignore-not-found", "--timeout=60s"])
                .await;
        }
    }

    /// What the service account did and was refused, as the embedded cluster's log tells.
    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

/// Podium with the rights of its service account.
struct Guest {
    talk: Talk,
    surroundings: [(&'static str, PathBuf); 4],
}

impl Guest {
    async fn start(ground: &Ground) -> Self {
        let state = tempfile::tempdir().unwrap();
        let surroundings = [
            ("KUBECONFIG", ground.podiums_own().await),
            ("PODIUM_CLUSTER", "kubeconfig".into()),
            ("PODIUM_NAMESPACE", ground.demo.as_str().into()),
            ("PODIUM_MANIFESTS", ground.manifests()),
        ];
        let mut command = podium(state.path());
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .envs(surroundings.clone());
        Self {
            talk: Talk::start_by(command, state).await,
            surroundings,
        }
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = podium(self.talk.state.path());
        command.args(arguments).envs(self.surroundings.clone());
        run(&mut command).await
    }

    async fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert_eq!(output.code, Some(0), "podium {arguments:?}: {output:?}");
        output.stdout
    }

    async fn depth(&self) -> u64 {
        let printed = self.ok(&["queue-depth"]).await;
        printed.trim().parse().unwrap()
    }

    /// Presses a button and waits for the end of what it does.
    async fn press(&self, events: &mut Events, kind: &str) {
        let (status, answer) = self.talk.act(kind, json!({"confirm": "yes"})).await;
        assert_eq!(status, 202, "{answer}");
        let ended = events
            .until(Duration::from_secs(20), |event, data| {
                event == "action" && data["kind"] == kind && data["state"] != "running"
            })
            .await;
        assert_eq!(ended["state"], "done", "{ended}");
    }
}

#[tokio::test]
async fn the_whole_story_is_told_with_the_rights_of_rbac_yaml_and_each_of_them_is_needed() {
    let ground = Ground::find().await;
    let told = AssertUnwindSafe(tell(&ground)).catch_unwind().await;
    ground.clean().await;
    if let Err(panic) = told {
        std::panic::resume_unwind(panic);
    }
    if ground.embedded.is_some() {
        let account = format!("system:serviceaccount:{0}:{0}", ground.speaker);
        rights::check(&ground.rbac(), &Use::read(&ground.log(), &account));
    }
}

async fn tell(ground: &Ground) {
    let guest = Guest::start(ground).await;
    let mut events = guest.talk.events().await;

    let before = guest.run(&["status"]).await;
    assert_eq!(before.code, Some(0), "{before:?}");
    assert!(
        before.stdout.contains("podium deploy-queue-demo"),
        "{before:?}"
    );

    deploy(&guest).await;
    let baseline = |sample: &Value| sample["depth"] == 0 && sample["ready"] == 1;
    events.sample(Duration::from_secs(20), baseline).await;
    up_and_down(&guest, &mut events).await;

    let removed = guest.ok(&["remove-queue-demo", "--yes"]).await;
    assert!(removed.contains("secret/redis deleted"), "{removed}");
    let after = guest.run(&["status"]).await;
    // The namespace was there before, and is not Podium's to take away.
    let there = format!("{} is there", ground.demo);
    for line in [&there, "The queue demo is not deployed."] {
        assert!(after.stdout.contains(line), "{line}\n{after:?}");
    }
}

async fn deploy(guest: &Guest) {
    let deployed = guest.ok(&["deploy-queue-demo"]).await;
    for line in [
        "secret/redis created",
        "queue-worker ready 1/1",
        "The queue demo is ready.",
    ] {
        assert!(deployed.contains(line), "{line}\n{deployed}");
    }
    let again = guest.ok(&["deploy-queue-demo"]).await;
    assert!(
        again.contains("deployment/queue-worker unchanged"),
        "{again}"
    );
    let status = guest.ok(&["status"]).await;
    assert_eq!(part(&status, "deployment/queue-worker"), "1/1 ready");
}

/// What `podium status` says of a part of the demo.
fn part<'a>(status: &'a str, name: &str) -> &'a str {
    let line = status.lines().find(|line| line.contains(name));
    let (_, state) = line
        .unwrap_or_else(|| panic!("{status}"))
        .split_once(name)
        .unwrap();
    state.trim()
}

/// A few jobs, the spike up to dozens of workers, the purge, and the way down.
async fn up_and_down(guest: &Guest, events: &mut Events) {
    guest.ok(&["enqueue", "20", "story"]).await;
    assert!(
        guest.depth().await > 0,
        "one worker needs five seconds for twenty jobs"
    );
    guest.ok(&["spike"]).await;
    let metric = |sample: &Value| sample["external_metric"].as_f64() > Some(4_000.0);
    events.sample(Duration::from_secs(10), metric).await;
    let dozens = |sample: &Value| sample["ready"].as_u64() >= Some(24);
    events.sample(Duration::from_secs(60), dozens).await;
    guest.press(events, "purge").await;
    assert_eq!(guest.depth().await, 0);
    let fewer = |sample: &Value| sample["ready"].as_u64() < Some(24);
    events.sample(Duration::from_secs(60), fewer).await;
}
