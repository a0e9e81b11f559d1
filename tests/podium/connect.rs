//! The way to a cluster, and what is said when there is none: every failure of the kubeconfig, the credentials, the
//! network, TLS and the API server, produced on purpose. Commands are run as a user runs them, on kubeconfigs that the
//! tests write; behind them stands another Podium's cluster.

pub(crate) mod api_server;
mod kubeconfig;
mod network;
mod plugin;
mod tls;

use crate::talk::{Output, Talk, podium, run};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// A folder with kubeconfigs, and the commands that use them.
pub(crate) struct Desk(TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A kubeconfig with one context, `there`, of the cluster at `server`.
    pub(crate) fn config(&self, server: &str, cluster: &str, user: &str) -> PathBuf {
        self.write("config", &config(server, cluster, user))
    }

    /// `podium` on the kubeconfig of this path, or list of paths.
    pub(crate) async fn podium(&self, kubeconfig: &Path, arguments: &[&str]) -> Output {
        self.podium_with(kubeconfig, &[], arguments).await
    }

    async fn podium_with(
        &self,
        kubeconfig: &Path,
        variables: &[(&str, &str)],
        arguments: &[&str],
    ) -> Output {
        let mut command = podium(self.0.path());
        for name in ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"] {
            command.env_remove(name);
            command.env_remove(name.to_lowercase());
        }
        command
            .env("KUBECONFIG", kubeconfig)
            .env("HOME", self.0.path())
            .envs(variables.iter().copied())
            .args(arguments)
            .args(["--cluster", "kubeconfig"]);
        run(&mut command).await
    }

    /// The home of the commands.
    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// What `podium queue-depth` complains of: it needs the cluster, and nothing of the demo before it.
    #[track_caller]
    pub(crate) fn complaint(output: &Output) -> &str {
        assert_eq!(output.code, Some(1), "{output:?}");
        &output.stderr
    }
}

/// A kubeconfig with one context, `there`. `cluster` and `user` are more fields of theirs, as flow mappings.
fn config(server: &str, cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: there\n\
         contexts: [{{name: there, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: \"{server}\"{cluster}}}}}]\n\
         users: [{{name: u, user: {{{user}}}}}]\n"
    )
}

/// Where the API server of a talk is, and the token that it takes.
pub(crate) fn api(talk: &Talk) -> (SocketAddr, String) {
    let text = std::fs::read_to_string(talk.kubeconfig()).unwrap();
    let config: serde_json::Value = serde_json::from_str(&text).unwrap();
    let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap();
    let (_, address) = server.rsplit_once('@').unwrap();
    let token = config["users"][0]["user"]["token"].as_str().unwrap();
    (address.parse().unwrap(), token.to_owned())
}

#[track_caller]
pub(crate) fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

/// Long enough for five seconds of patience on a busy machine.
const PATIENCE: Duration = Duration::from_secs(9);
