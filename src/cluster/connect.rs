//! From a kubeconfig, or the service account of a pod, to a [`Cluster`].
//!
//! The files, the context and the proxies come from outside as [`Access`]: only `config` reads the environment, and a
//! rule is applied here that the library has otherwise: a file of several that does not exist is passed over, as
//! `kubectl` does, and no proxy stands between us and this machine. Whatever is wrong becomes a [`ConnectError`] that
//! names the file, the context or the program, and what to do. Nothing here asks the API server anything.

mod credentials;
mod error;
mod patience;
mod plugin;
mod proxy;

pub use error::ConnectError;
pub use proxy::Proxies;

use super::{Cluster, ClusterError, LONGEST_SILENCE, locate, without_credentials};
use crate::clock::Clock;
use credentials::Credentials;
use kube::client::{AuthError, ClientBuilder};
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError, NamedContext};
use patience::Patience;
use plugin::Plugin;
use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;
use tower::ServiceBuilder;
use tower::buffer::BufferLayer;
use tower::filter::AsyncFilterLayer;
use tower::retry::RetryLayer;

/// How long a connection may take to be made, TLS included. kube's own 30 s are longer than a speaker waits.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How many requests may wait for a client to take them, as the library has it.
const WAITING: usize = 1024;
/// Where a pod finds its service account.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Where the cluster is described, and the way out of this network.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Kubeconfigs, joined as `kubectl` does: what the first says wins.
    pub files: Vec<PathBuf>,
    /// The context to use instead of the current one.
    pub context: Option<String>,
    /// What the environment says of proxies.
    pub proxies: Proxies,
}

impl Cluster {
    /// The cluster of a context of the user's kubeconfig.
    ///
    /// # Errors
    /// [`ConnectError`]; whether the cluster answers is not asked.
    pub async fn from_kubeconfig(access: &Access) -> Result<Self, ClusterError> {
        let (kubeconfig, files) = read(access)?;
        let context = choose(&kubeconfig, access.context.as_deref(), &files)?;
        Self::from_context(kubeconfig, context, &access.proxies).await
    }

    /// The cluster of a kubeconfig held in memory.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn from_kubeconfig_text(text: &str) -> Result<Self, ClusterError> {
        let file = "held in memory";
        let kubeconfig = Kubeconfig::from_yaml(text).map_err(|error| unreadable(file, &error))?;
        let context = choose(&kubeconfig, None, file)?;
        Self::from_context(kubeconfig, context, &Proxies::default()).await
    }

    /// The cluster this process runs in, by its service account.
    ///
    /// # Errors
    /// [`ConnectError::NotInCluster`].
    pub async fn in_cluster() -> Result<Self, ClusterError> {
        let config = kube::Config::incluster().map_err(|error| not_in_cluster(&error))?;
        let mut cluster = Self::open(config).await?;
        cluster.reach = locate::Reach::inside();
        Ok(cluster)
    }

    async fn from_context(
        kubeconfig: Kubeconfig,
        context: String,
        proxies: &Proxies,
    ) -> Result<Self, ClusterError> {
        let own_proxy = own_proxy(&kubeconfig, &context);
        let options = KubeConfigOptions {
            context: Some(context.clone()),
            ..KubeConfigOptions::default()
        };
        let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|error| match error {
                KubeconfigError::ParseProxyUrl(_) | KubeconfigError::ParseNoProxy(_) => {
                    ConnectError::Proxy {
                        reason: error.to_string(),
                    }
                }
                _ => ConnectError::Unusable {
                    context,
                    reason: first_line(&error.to_string()),
                },
            })?;
        // The library would use a proxy for this machine too, and compares NO_PROXY with the proxy's own address.
        if !own_proxy {
            config.proxy_url = proxies.to(&config.cluster_url)?;
        }
        Self::open(config).await
    }

    async fn open(mut config: kube::Config) -> Result<Self, ClusterError> {
        let address = without_credentials(&config.cluster_url.to_string());
        // The client logs each request's URL. Where the token goes in a header, as it does with us, the one that
        // `kubectl` needs in the embedded cluster's URL would only be there to be read.
        if config.auth_info.token.is_some()
            && let Ok(url) = address.parse()
        {
            config.cluster_url = url;
        }
        config.connect_timeout = Some(CONNECT_LIMIT);
        // `Patience` asks again in its place.
        config.default_retry = false;
        let credentials = bring(&mut config.auth_info).await?;
        let mut observing = config.clone();
        observing.read_timeout = Some(LONGEST_SILENCE);
        // Or the time that a connection waited for its next request would count.
        observing.reset_reader_on_write = true;
        let proxy = config.proxy_url.as_ref();
        let proxy = proxy.map(|url| without_credentials(&url.to_string()));
        Ok(Self {
            client: client(config, Patience::patient(credentials.clone()))?,
            observing: client(observing, Patience::none(credentials))?,
            address,
            proxy,
            reach: locate::Reach::default(),
        })
    }
}

/// Runs the program that brings the credentials, if there is one, and leaves the library none to run.
async fn bring(user: &mut kube::config::AuthInfo) -> Result<Option<Credentials>, ConnectError> {
    let Some(plugin) = Plugin::of(user, Clock::wall())? else {
        return Ok(None);
    };
    user.exec = None;
    let mut brought = plugin.run().await?;
    if let Some((certificate, key)) = brought.identity.take() {
        plugin::identify(user, certificate, key);
    }
    Credentials::new(plugin, &brought)
}

fn client(config: kube::Config, patience: Patience) -> Result<kube::Client, ConnectError> {
    let credentials = patience.credentials();
    // A client can be shared once it has a queue in front of it.
    let layers = ServiceBuilder::new()
        .layer(RetryLayer::new(patience))
        .option_layer(credentials.map(AsyncFilterLayer::new))
        .layer(BufferLayer::new(WAITING));
    let builder = ClientBuilder::try_from(config).map_err(|error| unusable(&error))?;
    Ok(builder.with_layer(&layers).build())
}

fn unusable(error: &kube::Error) -> ConnectError {
    match error {
        kube::Error::ProxyProtocolUnsupported { .. }
        | kube::Error::ProxyProtocolDisabled { .. } => ConnectError::Proxy {
            reason: error.to_string(),
        },
        kube::Error::Auth(AuthError::ReadTokenFile(reason, path)) if path.starts_with(ACCOUNT) => {
            ConnectError::NotInCluster {
                reason: format!("{} cannot be read ({reason})", path.display()),
            }
        }
        kube::Error::Auth(AuthError::ReadTokenFile(reason, path)) => ConnectError::Credentials {
            reason: format!("its tokenFile {} cannot be read ({reason})", path.display()),
        },
        other => ConnectError::Credentials {
            // Its innermost cause would not say which file it is about, and the outermost tells of the library.
            reason: match other.source() {
                Some(cause) => first_line(&cause.to_string()).replace("; ", ", "),
                None => first_line(&other.to_string()).replace("; ", ", "),
            },
        },
    }
}

/// What of a pod's service account is not there.
fn not_in_cluster(error: &InClusterError) -> ConnectError {
    let file = |name: &str, reason: &dyn std::fmt::Display| {
        format!("{ACCOUNT}/{name} cannot be read ({reason})")
    };
    let reason = match error {
        InClusterError::ReadEnvironmentVariable(_) => {
            "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not both set".to_owned()
        }
        InClusterError::ReadCertificateBundle(reason) => file("ca.crt", reason),
        InClusterError::ParseCertificates(reason) => file("ca.crt", reason),
        InClusterError::ReadDefaultNamespace(reason) => file("namespace", reason),
        other => other.to_string(),
    };
    ConnectError::NotInCluster { reason }
}

/// The files that are there, joined, and how to name them.
fn read(access: &Access) -> Result<(Kubeconfig, String), ConnectError> {
    let mut joined: Option<Kubeconfig> = None;
    for file in &access.files {
        let name = file.display().to_string();
        match Kubeconfig::read_from(file) {
            Ok(found) => {
                let merged = joined.unwrap_or_default().merge(found);
                joined = Some(merged.map_err(|error| unreadable(&name, &error))?);
            }
            Err(KubeconfigError::ReadConfig(error, _))
                if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(&name, &error)),
        }
    }
    let names: Vec<_> = access
        .files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    let files = names.join(" and ");
    match joined {
        Some(joined) => Ok((joined, files)),
        None => Err(ConnectError::Missing { files }),
    }
}

/// Only the first line of what the reader says: the others quote the file, which holds secrets.
fn unreadable(file: &str, error: &KubeconfigError) -> ConnectError {
    let reason = match error {
        KubeconfigError::ReadConfig(error, _) => error.to_string(),
        other => first_line(&other.to_string()),
    };
    ConnectError::Unreadable {
        file: file.to_owned(),
        reason,
    }
}

/// The name of the context to use, once everything that it names is there.
fn choose(
    kubeconfig: &Kubeconfig,
    wanted: Option<&str>,
    files: &str,
) -> Result<String, ConnectError> {
    let files = files.to_owned();
    let Some(name) = wanted.or(kubeconfig.current_context.as_deref()) else {
        let known = known(&kubeconfig.contexts);
        return Err(ConnectError::NoCurrentContext { files, known });
    };
    let found = kubeconfig
        .contexts
        .iter()
        .find(|context| context.name == name)
        .and_then(|context| context.context.as_ref());
    let Some(context) = found else {
        return Err(ConnectError::NoContext {
            wanted: name.to_owned(),
            files,
            known: known(&kubeconfig.contexts),
        });
    };
    let dangling = |part, name: &str| ConnectError::Dangling {
        context: wanted
            .or(kubeconfig.current_context.as_deref())
            .unwrap_or_default()
            .to_owned(),
        part,
        name: name.to_owned(),
        files: files.clone(),
    };
    let cluster = &context.cluster;
    if !kubeconfig.clusters.iter().any(|one| one.name == *cluster) {
        return Err(dangling("cluster", cluster));
    }
    if let Some(user) = context.user.as_ref().filter(|user| !user.is_empty())
        && !kubeconfig.auth_infos.iter().any(|one| one.name == *user)
    {
        return Err(dangling("user", user));
    }
    Ok(name.to_owned())
}

fn known(contexts: &[NamedContext]) -> String {
    let names: Vec<_> = contexts
        .iter()
        .map(|context| format!("{:?}", context.name))
        .collect();
    match names.split_last() {
        None => "has no context at all".to_owned(),
        Some((only, [])) => format!("has only {only}"),
        Some((last, others)) => format!("has {} and {last}", others.join(", ")),
    }
}

/// Whether the cluster of `context` names a proxy itself.
fn own_proxy(kubeconfig: &Kubeconfig, context: &str) -> bool {
    let cluster = kubeconfig
        .contexts
        .iter()
        .find(|one| one.name == context)
        .and_then(|one| one.context.as_ref())
        .map(|one| one.cluster.as_str());
    kubeconfig
        .clusters
        .iter()
        .filter(|one| Some(one.name.as_str()) == cluster)
        .filter_map(|one| one.cluster.as_ref()?.proxy_url.as_deref())
        .any(|url| !url.is_empty())
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// Programs say last what stopped them.
fn last_line(output: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(output);
    let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(line.trim().chars().take(300).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    /// The files lie at a fixed place of the machine, which a test cannot fill; what the library says of it can be had.
    #[test]
    fn what_a_service_account_lacks_is_named_by_its_path() {
        let gone = || io::Error::from(io::ErrorKind::NotFound);
        let token = PathBuf::from(ACCOUNT).join("token");
        let of_token = unusable(&kube::Error::Auth(AuthError::ReadTokenFile(gone(), token)));
        let of_authority = not_in_cluster(&InClusterError::ReadCertificateBundle(gone()));
        let of_namespace = not_in_cluster(&InClusterError::ReadDefaultNamespace(gone()));
        for (error, file) in [
            (of_token, "token"),
            (of_authority, "ca.crt"),
            (of_namespace, "namespace"),
        ] {
            let said = error.to_string();
            assert!(
                said.starts_with(&format!(
                    "not in a cluster: {ACCOUNT}/{file} cannot be read ("
                )),
                "{said}"
            );
            assert!(said.contains("; give the pod a service account"), "{said}");
        }
    }
}
