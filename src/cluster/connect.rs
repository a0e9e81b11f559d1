//! From a kubeconfig, or the service account of a pod, to a [`Cluster`].
//!
//! The files, the context and the proxies come from outside as [`Access`]: only `config` reads the environment, and a
//! rule is applied here that the library has otherwise: a file of several that does not exist is passed over, as
//! `kubectl` does, and no proxy stands between us and this machine. Whatever is wrong becomes a [`ConnectError`] that
//! names the file, the context or the program, and what to do. Nothing here asks the API server anything.

mod error;
mod proxy;

pub use error::ConnectError;
pub use proxy::Proxies;

use super::{Cluster, ClusterError, LONGEST_SILENCE, locate, root_cause, without_credentials};
use kube::config::{
    ExecInteractiveMode, KubeConfigOptions, Kubeconfig, KubeconfigError, NamedContext,
};
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;
use tokio::task::spawn_blocking;

/// How long a connection may take to be made, TLS included. kube's own 30 s are longer than a speaker waits.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long a program that brings credentials may take where nobody could talk to it: it asks a service or a cache.
const PLUGIN_LIMIT: Duration = Duration::from_secs(10);
/// The same at a terminal, where it may wait for somebody to log in with a browser.
const LOGIN_LIMIT: Duration = Duration::from_secs(180);

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
        let config = kube::Config::incluster().map_err(|error| ConnectError::NotInCluster {
            reason: root_cause(&error),
        })?;
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
        let plugin = Plugin::prepare(&mut config);
        let mut observing = config.clone();
        observing.default_retry = false;
        observing.read_timeout = Some(LONGEST_SILENCE);
        // Or the time that a connection waited for its next request would count.
        observing.reset_reader_on_write = true;
        // In a thread of its own, since the library waits there for the program that brings the credentials.
        let build = spawn_blocking(move || {
            Ok::<_, kube::Error>((
                kube::Client::try_from(config)?,
                kube::Client::try_from(observing)?,
            ))
        });
        let (client, observing) = match tokio::time::timeout(plugin.limit, build).await {
            Ok(Ok(built)) => built.map_err(|error| plugin.explain(&error))?,
            Ok(Err(broken)) => {
                let reason = broken.to_string();
                return Err(ConnectError::Credentials { reason }.into());
            }
            Err(_) => return Err(plugin.too_slow().into()),
        };
        Ok(Self {
            client,
            observing,
            address,
            reach: locate::Reach::default(),
        })
    }
}

/// The program that brings the credentials, if there is one, as messages need it.
struct Plugin {
    program: String,
    hint: Option<String>,
    limit: Duration,
}

impl Plugin {
    /// Tells the program whether somebody is there to talk to: `IfAvailable` means just that. Without a terminal its
    /// words are kept for the message, instead of going past it.
    fn prepare(config: &mut kube::Config) -> Self {
        let somebody_is_there = std::io::stdin().is_terminal();
        let (mut program, mut hint) = (String::new(), None);
        if let Some(exec) = &mut config.auth_info.exec {
            program = exec.command.clone().unwrap_or_default();
            hint = exec.install_hint.clone().map(|hint| first_line(&hint));
            if !somebody_is_there {
                exec.interactive_mode = Some(ExecInteractiveMode::Never);
            }
        }
        Self {
            program,
            hint,
            limit: if somebody_is_there {
                LOGIN_LIMIT
            } else {
                PLUGIN_LIMIT
            },
        }
    }

    fn too_slow(self) -> ConnectError {
        ConnectError::PluginSlow {
            program: self.program,
            seconds: self.limit.as_secs(),
        }
    }

    fn explain(&self, error: &kube::Error) -> ConnectError {
        use kube::client::AuthError;
        let program = self.program.clone();
        match error {
            kube::Error::Auth(AuthError::AuthExecStart(reason)) => ConnectError::NoPlugin {
                reason: reason.to_string(),
                hint: self
                    .hint
                    .clone()
                    .unwrap_or_else(|| format!("install {program}, or put its folder on PATH")),
                program,
            },
            kube::Error::Auth(AuthError::AuthExecRun { out, .. }) => ConnectError::PluginFailed {
                program,
                reason: last_line(&out.stderr).unwrap_or_else(|| out.status.to_string()),
            },
            kube::Error::Auth(AuthError::ExecPluginFailed | AuthError::AuthExecParse(_)) => {
                ConnectError::PluginFailed {
                    program,
                    reason: "what it printed is no ExecCredential with a status".to_owned(),
                }
            }
            kube::Error::ProxyProtocolUnsupported { .. }
            | kube::Error::ProxyProtocolDisabled { .. } => ConnectError::Proxy {
                reason: error.to_string(),
            },
            other => ConnectError::Credentials {
                reason: root_cause(other),
            },
        }
    }
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
