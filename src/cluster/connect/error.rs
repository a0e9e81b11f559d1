//! Why there is no way to a cluster, each with the file, the context or the program it is about, and what to do.

/// Why there is no way to a cluster.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No file is there.
    #[error(
        "there is no kubeconfig: {files} is not there; let your cluster's tool write one (`kind export kubeconfig`, `az aks get-credentials`), name it in KUBECONFIG, or leave --cluster away for the embedded cluster"
    )]
    Missing {
        /// Where we looked.
        files: String,
    },
    /// A file cannot be read, or is none.
    #[error("kubeconfig {file}: {reason}; correct it, or name another in KUBECONFIG")]
    Unreadable {
        /// Which file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such context.
    #[error(
        "there is no context {wanted:?} in {files}, which {known}; name one of these with --context"
    )]
    NoContext {
        /// What was asked for.
        wanted: String,
        /// Where we looked.
        files: String,
        /// `has only "a" and "b"`
        known: String,
    },
    /// No context is current, and none was named.
    #[error(
        "{files} has no current context, and {known}; name one with --context, or for good with `kubectl config use-context NAME`"
    )]
    NoCurrentContext {
        /// Where we looked.
        files: String,
        /// `has only "a" and "b"`
        known: String,
    },
    /// The context names a cluster or a user that is not there.
    #[error(
        "context {context:?} names the {part} {name:?}, which {files} does not have; correct it with `kubectl config set-context {context} --{part}=NAME`, or name another with --context"
    )]
    Dangling {
        /// Which context.
        context: String,
        /// `cluster` or `user`.
        part: &'static str,
        /// The name that leads nowhere.
        name: String,
        /// Where we looked.
        files: String,
    },
    /// An address, a certificate or a key cannot be used.
    #[error("context {context:?}: {reason}; correct it, or name another context with --context")]
    Unusable {
        /// Which context.
        context: String,
        /// What is wrong.
        reason: String,
    },
    /// The program that brings the credentials is not there.
    #[error(
        "the kubeconfig gets its credentials from the program {program:?}, which cannot be run: {reason}; {hint}"
    )]
    NoPlugin {
        /// Its name.
        program: String,
        /// The operating system's words.
        reason: String,
        /// What the kubeconfig says of its installation, or what we would do.
        hint: String,
    },
    /// The program brought none.
    #[error(
        "{program:?}, which brings the credentials, failed: {reason}; log in again with it, then see whether `kubectl get namespaces` works"
    )]
    PluginFailed {
        /// Its name.
        program: String,
        /// What it said.
        reason: String,
    },
    /// The program and we speak different versions.
    #[error(
        "{program:?}, which brings the credentials, speaks another version: {reason}; it must be client.authentication.k8s.io/v1 or v1beta1 in both: install a newer {program}, and let your cluster's tool write the kubeconfig anew"
    )]
    PluginVersion {
        /// Its name.
        program: String,
        /// Which version was asked for, and which came.
        reason: String,
    },
    /// The program must talk to somebody, and nobody is there.
    #[error(
        "{program:?}, which brings the credentials, wants to talk to somebody (interactiveMode: Always), and there is no terminal; start podium from a terminal, or get credentials that need none"
    )]
    PluginTerminal {
        /// Its name.
        program: String,
    },
    /// The program brought credentials that are over.
    #[error(
        "{program:?}, which brings the credentials, brought some that expired at {expired}; log in again with it, or set this machine's clock"
    )]
    PluginStale {
        /// Its name.
        program: String,
        /// When, in UTC.
        expired: String,
    },
    /// The program takes too long.
    #[error(
        "{program:?}, which brings the credentials, has not ended for {seconds} s; see with `kubectl get namespaces` what it waits for, log in with it, then try again"
    )]
    PluginSlow {
        /// Its name.
        program: String,
        /// How long we waited.
        seconds: u64,
    },
    /// The credentials themselves cannot be used.
    #[error("the kubeconfig's credentials cannot be used: {reason}; log in to the cluster again")]
    Credentials {
        /// What is wrong.
        reason: String,
    },
    /// The proxy cannot be used.
    #[error(
        "the proxy to the cluster cannot be used: {reason}; write it as http://HOST:PORT or socks5://HOST:PORT, in HTTPS_PROXY or as the cluster's proxy-url"
    )]
    Proxy {
        /// What is wrong.
        reason: String,
    },
    /// Not inside a cluster.
    #[error(
        "not in a cluster: {reason}; give the pod a service account (see manifests/podium), and use --cluster kubeconfig outside a cluster"
    )]
    NotInCluster {
        /// What is missing.
        reason: String,
    },
}
