//! The embedded Kubernetes API as an unmodified `kubectl` sees it. Expectations are what a real cluster prints. Here is
//! the harness; the tests are in the modules, a capability each.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

mod apply;
mod change;
mod following;
mod live;
mod mistakes;
mod read;

use crate::kubernetes_api::Cluster;
use podium::embedded::store::{DEPLOYMENTS, Key};
use serde_json::json;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/queue-demo");

struct Kubectl {
    cluster: Cluster,
    folder: TempDir,
}

impl Kubectl {
    async fn start() -> Self {
        let cluster = Cluster::start().await;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("kubeconfig"), cluster.kubeconfig()).unwrap();
        Self { cluster, folder }
    }

    /// With the queue demo applied.
    async fn with_demo() -> Self {
        let kubectl = Self::start().await;
        kubectl.ok(&["apply", "-k", DEMO]).await;
        kubectl
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        command
            .args(arguments)
            .env("KUBECONFIG", self.folder.path().join("kubeconfig"))
            .env("HOME", self.folder.path())
            .kill_on_drop(true)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    async fn run(&self, arguments: &[&str], input: &str) -> (String, String, bool) {
        let child = self.command(arguments).spawn();
        let mut child = child.expect(
            "kubectl is needed for this test: install it from https://kubernetes.io/docs/tasks/tools/ and put it on PATH",
        );
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .await
            .unwrap();
        let output = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output());
        let output = output.await.expect("kubectl hangs").unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            text(output.stdout),
            text(output.stderr),
            output.status.success(),
        )
    }

    /// Runs a command that must succeed.
    async fn ok(&self, arguments: &[&str]) -> String {
        let (output, errors, success) = self.run(arguments, "").await;
        assert!(success, "kubectl {arguments:?}: {output}{errors}");
        output
    }

    /// Runs a command that must fail, and returns what it says.
    async fn fails(&self, arguments: &[&str]) -> String {
        let (output, errors, success) = self.run(arguments, "").await;
        assert!(!success, "kubectl {arguments:?} succeeded: {output}");
        errors.trim().to_owned()
    }
}

/// The words of each line, so that column widths do not matter.
fn words(output: &str) -> Vec<Vec<&str>> {
    output
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect()
}
