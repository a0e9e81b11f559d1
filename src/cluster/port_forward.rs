//! From outside a cluster to its Redis, the way `kubectl port-forward` goes: a local port, and for each connection to it
//! a stream through the API server to a pod.
//!
//! `kubectl port-forward service/…` picks one pod at its start and is of no use once that pod is gone. Here each
//! connection picks a pod that is ready at that moment. A connection to a pod that dies ends, as it would without us;
//! the client's next one finds the pod that took its place, at the same local address.
//!
//! The local port is open to every program of this machine, as `kubectl`'s is; Redis asks them for its password. It
//! stays open as long as this process: whoever was given its address may connect at any time.

use super::absence::words;
use super::locate::Endpoint;
use super::remedy::Right;
use super::{Cluster, ClusterError};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, Portforwarder};
use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

/// How long a stream to a pod may take to begin: three round trips through the API server. Shorter than what callers
/// wait for Redis, so that the reason is told rather than that there was no answer.
const BEGINNING: Duration = Duration::from_millis(2_500);

/// How long a stream may take to end, once either side is done with it.
const ENDING: Duration = Duration::from_secs(1);

/// The pause after an error of accepting: the usual one is that files have run out.
const PAUSE: Duration = Duration::from_millis(100);

/// The local ports that lead into a cluster, one a namespace. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Forwards(Arc<Mutex<HashMap<String, SocketAddr>>>);

impl Forwards {
    /// The local address that leads to the Redis of `namespace`, after a stream to `endpoint` was begun to see that it
    /// can be: a refusal is told here, where somebody reads it.
    ///
    /// # Errors
    /// [`ClusterError::NoWay`] with the remedy; others when the cluster does not answer.
    pub(super) async fn open(
        &self,
        cluster: &Cluster,
        namespace: &str,
        endpoint: &Endpoint,
    ) -> Result<SocketAddr, ClusterError> {
        let stream = begin(cluster, namespace, endpoint).await?;
        end(stream).await;
        self.listen(cluster, namespace).map_err(|error| {
            ClusterError::NoWay(format!(
                "no local port can be opened for the way to Redis: {error}"
            ))
        })
    }

    fn listen(&self, cluster: &Cluster, namespace: &str) -> io::Result<SocketAddr> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(address) = open.get(namespace) {
            return Ok(*address);
        }
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        tokio::spawn(serve(listener, cluster.clone(), namespace.to_owned()));
        open.insert(namespace.to_owned(), address);
        Ok(address)
    }
}

async fn serve(listener: TcpListener, cluster: Cluster, namespace: String) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let (cluster, namespace) = (cluster.clone(), namespace.clone());
                tokio::spawn(async move { carry(client, &cluster, &namespace).await });
            }
            Err(error) => {
                tracing::debug!(%error, "a connection to the forwarded port was not accepted");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Carries one connection to a pod that is ready now. Without one the client is hung up on, as a Service without ready
/// pods does; it asks for the address again, and is told why.
async fn carry(mut client: TcpStream, cluster: &Cluster, namespace: &str) {
    let begun = async {
        let endpoint = cluster.redis_endpoint(namespace).await?;
        let forwarder = begin(cluster, namespace, &endpoint).await?;
        Ok::<_, ClusterError>((forwarder, endpoint.port))
    };
    let (mut forwarder, port) = match begun.await {
        Ok(begun) => begun,
        Err(error) => {
            tracing::debug!(%error, "a connection to Redis could not be forwarded");
            return;
        }
    };
    // Requests and answers are small; waiting to fill a packet would cost 40 ms each.
    let _ = client.set_nodelay(true);
    if let (Some(mut pod), Some(trouble)) =
        (forwarder.take_stream(port), forwarder.take_error(port))
    {
        let trouble = async {
            match trouble.await {
                Some(message) => tracing::debug!(%message, "the pod's side of a forward failed"),
                // Nothing was wrong, and nothing will be told any more.
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // How a connection ends is between its two ends.
            _ = tokio::io::copy_bidirectional(&mut client, &mut pod) => {}
            () = trouble => {}
        }
    }
    end(forwarder).await;
}

async fn begin(
    cluster: &Cluster,
    namespace: &str,
    endpoint: &Endpoint,
) -> Result<Portforwarder, ClusterError> {
    let Some(pod) = &endpoint.pod else {
        return Err(ClusterError::NoWay(format!(
            "Service `redis` in namespace {namespace} has no pod behind it, only the address {}; name a Redis that is reachable from here with --redis",
            endpoint.ip
        )));
    };
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let ports = [endpoint.port];
    match timeout(BEGINNING, pods.portforward(pod, &ports)).await {
        Ok(begun) => begun.map_err(|error| match refusal(namespace, pod, &error) {
            Some(reason) => ClusterError::NoWay(reason),
            None => cluster.error(&format!("forward a port to pod {pod}"), error),
        }),
        Err(_) => Err(ClusterError::NoWay(format!(
            "no port-forward to pod {pod} within {} ms; see whether the node that runs it is ready (`kubectl get nodes`), or {AROUND}",
            BEGINNING.as_millis()
        ))),
    }
}

/// Lets a stream say goodbye, and drops it if that takes too long.
async fn end(forwarder: Portforwarder) {
    // Failed or not, it is over.
    let _ = timeout(ENDING, forwarder.join()).await;
}

/// How to do without a port-forward.
const AROUND: &str = "do without: run Podium in the cluster (manifests/podium), name a Redis that is reachable from here with --redis, or, where this machine can dial pods, add --redis-route direct";

/// Why a stream could not be begun, with what to do; `None` when the cluster as a whole has the better words.
///
/// Whatever the API server itself has to say about a pod or a right it says in those words; any other answer to the
/// question for a stream is from something on the way that does not know WebSockets.
fn refusal(namespace: &str, pod: &str, error: &kube::Error) -> Option<String> {
    let status = match error {
        kube::Error::Api(status) => status,
        kube::Error::UpgradeConnection(reason) => return Some(no_stream(pod, &reason.to_string())),
        _ => return None,
    };
    match status.code {
        401 | 429 => None,
        403 if status.message.contains("pods/portforward")
            || status.message.contains("is forbidden") =>
        {
            Some(format!(
                "Redis is inside the cluster, and forwarding a port to pod {pod} is not allowed ({}); allow `create` and `get` of pods/portforward in namespace {namespace}: `{}`, or {AROUND}",
                status.message.replace("; ", ", "),
                grant(namespace, &status.message)
            ))
        }
        404 if status.message.contains("not found") && status.message.starts_with("pods ") => {
            Some(format!("pod {pod} went away at that moment; try again"))
        }
        _ => Some(no_stream(pod, &words(status))),
    }
}

fn no_stream(pod: &str, reason: &str) -> String {
    format!(
        "cannot forward a port to pod {pod}: something on the way to the API server carries no WebSockets ({reason}); let it pass them (Upgrade: websocket), or {AROUND}"
    )
}

fn grant(namespace: &str, message: &str) -> String {
    let right = Right {
        verb: "create".to_owned(),
        group: String::new(),
        resource: "pods/portforward".to_owned(),
        namespace: Some(namespace.to_owned()),
        name: None,
    };
    let who = message
        .split_once("User \"")
        .and_then(|(_, rest)| rest.split_once('"'));
    right.grant(&["create", "get"], who.map_or("YOU", |(who, _)| who))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    #[test]
    fn a_refused_forward_says_which_right_is_missing_and_how_to_do_without() {
        let status = Status::failure("pods \"redis-0\" is forbidden", "Forbidden").with_code(403);
        let error = refusal("keda-demo", "redis-0", &kube::Error::Api(Box::new(status)));
        let said = error.unwrap();
        for part in [
            "pods \"redis-0\" is forbidden",
            "`create` and `get` of pods/portforward in namespace keda-demo",
            "run Podium in the cluster",
            "--redis",
        ] {
            assert!(said.contains(part), "{said}");
        }
    }
}
