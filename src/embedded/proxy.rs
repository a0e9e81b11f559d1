//! What kube-proxy is to a node: for each Service port a stable loopback address that forwards to a ready endpoint.
//!
//! The kubelet puts these addresses into `{SERVICE}_SERVICE_HOST` and `_PORT`, and KEDA's scaler dials them, so a pod
//! that is replaced by another on another port is nobody's concern but the proxy's. The address must be known as soon
//! as the Service is stored, before the run loop has seen it: so [`Proxy::address`] binds the listener itself, and the
//! loop takes it over. Connections made in between wait in the listener's backlog.
//!
//! The lock is std's: nothing is awaited while it is held.

use crate::embedded::store::{self, ChangeKind, ENDPOINTS, Key, SERVICES, Store};
use serde_json::Value;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How long the loop rests after a failed `accept` (typically: out of file descriptors).
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Connections that one Service's port forwards at a time: more than the workers of a full house have. Each takes two
/// of this process's files, and whoever is on this machine can ask for one.
const FORWARDED: usize = 512;

/// The proxy of all Services in one store. Clones share it.
#[derive(Clone)]
pub struct Proxy(Arc<Shared>);

struct Shared {
    store: Store,
    forwards: Mutex<HashMap<Frontend, Forward>>,
    /// A forward waits for the run loop.
    arrival: Notify,
    /// Counts connections, to take the endpoints in turn.
    turn: AtomicUsize,
}

/// One port of one Service; the UID tells a Service from a later namesake.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Frontend {
    service: Key,
    uid: String,
    port: u16,
}

struct Forward {
    address: SocketAddr,
    /// Bound, but not yet taken over by the run loop.
    waiting: Option<std::net::TcpListener>,
    /// Ends the listener and its connections when the Service goes.
    stop: CancellationToken,
}

impl Proxy {
    /// A proxy for the Services in `store`.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self(Arc::new(Shared {
            store,
            forwards: Mutex::default(),
            arrival: Notify::new(),
            turn: AtomicUsize::new(0),
        }))
    }

    /// The stable local address behind `port` of Service `name`, or `None` when there is no such Service or port.
    #[must_use]
    pub fn address(&self, namespace: &str, name: &str, port: u16) -> Option<SocketAddr> {
        let service = Key::new(SERVICES, namespace, name);
        let object = self.0.store.get(&service)?;
        if !ports(&object).any(|known| known == port) {
            return None;
        }
        let frontend = Frontend {
            service,
            uid: store::uid(&object).to_owned(),
            port,
        };
        self.0.listen(frontend)
    }

    /// Keeps listeners in step with Services and forwards connections until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let shared = self.0;
        let mut watch = shared.store.watch_from_now();
        shared.listen_for_all();
        // `address` may have bound for a Service that went before we began to watch.
        shared.drop_stale();
        loop {
            shared.adopt(&shutdown);
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = shared.arrival.notified() => {}
                change = watch.next() => match change {
                    Ok(change) if change.key.resource != SERVICES => {}
                    Ok(change) => {
                        if change.kind != ChangeKind::Deleted {
                            shared.listen_to(&change.key, &change.object);
                        }
                        shared.drop_stale();
                    }
                    Err(_) => {
                        watch = shared.store.watch_from_now();
                        shared.listen_for_all();
                        shared.drop_stale();
                    }
                },
            }
        }
    }
}

impl Shared {
    fn listen_for_all(&self) {
        for service in self.store.list(SERVICES, None).0 {
            self.listen_to(&Key::of(SERVICES, &service), &service);
        }
    }

    fn listen_to(&self, key: &Key, service: &Value) {
        for port in ports(service) {
            let frontend = Frontend {
                service: key.clone(),
                uid: store::uid(service).to_owned(),
                port,
            };
            // Failing to bind shows when somebody asks for the address.
            let _ = self.listen(frontend);
        }
    }

    /// The address of `frontend`, bound now if it was not before.
    fn listen(&self, frontend: Frontend) -> Option<SocketAddr> {
        let mut forwards = self.lock();
        if let Some(forward) = forwards.get(&frontend) {
            return Some(forward.address);
        }
        let (listener, address) = bind()
            .inspect_err(|error| tracing::error!(%error, "cannot listen for a Service"))
            .ok()?;
        forwards.insert(
            frontend,
            Forward {
                address,
                waiting: Some(listener),
                stop: CancellationToken::new(),
            },
        );
        self.arrival.notify_one();
        Some(address)
    }

    /// Starts accepting on every listener that waits.
    fn adopt(self: &Arc<Self>, shutdown: &CancellationToken) {
        let mut forwards = self.lock();
        for (frontend, forward) in forwards.iter_mut() {
            let Some(listener) = forward.waiting.take().map(TcpListener::from_std) else {
                continue;
            };
            match listener {
                Ok(listener) => {
                    let accepting = Arc::clone(self).accept(frontend.clone(), listener);
                    let (stop, shutdown) = (forward.stop.clone(), shutdown.clone());
                    tokio::spawn(async move {
                        tokio::select! {
                            () = accepting => {}
                            () = stop.cancelled() => {}
                            () = shutdown.cancelled() => {}
                        }
                    });
                }
                Err(error) => tracing::error!(%error, "cannot serve a Service's listener"),
            }
        }
    }

    /// Accepts and forwards for ever; dropping the future closes the listener and every connection.
    async fn accept(self: Arc<Self>, frontend: Frontend, listener: TcpListener) {
        let mut connections = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    // One that is too many is hung up on, as a Service does to who it cannot serve.
                    Ok(_) if connections.len() >= FORWARDED => {}
                    Ok((client, _)) => {
                        connections.spawn(forward(client, self.endpoint(&frontend)));
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_RETRY).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }

    /// The ready endpoint whose turn it is.
    fn endpoint(&self, frontend: &Frontend) -> Option<SocketAddr> {
        let service = self.store.get(&frontend.service)?;
        let name = service["spec"]["ports"]
            .as_array()?
            .iter()
            .find(|port| port["port"] == frontend.port)?["name"]
            .clone();
        let key = Key::new(
            ENDPOINTS,
            &*frontend.service.namespace,
            &*frontend.service.name,
        );
        let endpoints = self.store.get(&key)?;
        let ready: Vec<SocketAddr> = endpoints["subsets"]
            .as_array()?
            .iter()
            .flat_map(|subset| addresses(subset, &name))
            .collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        ready.get(turn % ready.len().max(1)).copied()
    }

    fn drop_stale(&self) {
        let store = &self.store;
        self.lock().retain(|frontend, forward| {
            let alive = store.get(&frontend.service).is_some_and(|service| {
                store::uid(&service) == frontend.uid
                    && ports(&service).any(|port| port == frontend.port)
            });
            if !alive {
                forward.stop.cancel();
            }
            alive
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Frontend, Forward>> {
        // A panic while the lock is held leaves at worst a listener too few.
        self.forwards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bind() -> std::io::Result<(std::net::TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Carries bytes both ways until either side is done. Without an endpoint the client is hung up on, which is what a
/// Service without ready pods does to its callers.
async fn forward(mut client: TcpStream, endpoint: Option<SocketAddr>) {
    let Some(endpoint) = endpoint else {
        return;
    };
    let Ok(mut server) = TcpStream::connect(endpoint).await else {
        return;
    };
    // Requests and answers are small; waiting to fill a packet would cost 40 ms each.
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    // How a connection ends is between its two ends.
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}

fn ports(service: &Value) -> impl Iterator<Item = u16> {
    service["spec"]["ports"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|port| u16::try_from(port["port"].as_u64()?).ok())
}

/// The ready addresses of a subset, with its port of this name (null for the only, nameless one).
fn addresses(subset: &Value, port_name: &Value) -> Vec<SocketAddr> {
    let ports = subset["ports"].as_array().map_or(&[][..], Vec::as_slice);
    let port = ports
        .iter()
        .find(|port| port["name"] == *port_name)
        .and_then(|port| u16::try_from(port["port"].as_u64()?).ok());
    let addresses = subset["addresses"].as_array();
    addresses
        .into_iter()
        .flatten()
        .filter_map(|address| {
            let ip: IpAddr = address["ip"].as_str()?.parse().ok()?;
            Some(SocketAddr::new(ip, port?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn store_with_service() -> Store {
        let store = Store::new(Clock::wall());
        let service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "redis", "namespace": "demo"},
            "spec": {"ports": [{"name": "redis", "port": 6379}]},
        });
        store.create(SERVICES, service).unwrap();
        store
    }

    fn point_at(store: &Store, port: u16) {
        let endpoints = json!({
            "apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"name": "redis", "namespace": "demo"},
            "subsets": [{
                "addresses": [{"ip": "127.0.0.1"}],
                "ports": [{"name": "redis", "port": port}],
            }],
        });
        store.create(ENDPOINTS, endpoints).unwrap();
    }

    async fn greeter() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                stream.write_all(b"hello").await.unwrap();
            }
        });
        port
    }

    async fn read(address: SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut text = String::new();
        // A reset is an answer too: nobody is there.
        let _ = stream.read_to_string(&mut text).await;
        text
    }

    #[tokio::test]
    async fn an_address_is_known_before_the_loop_runs_and_stays_the_same() {
        let store = store_with_service();
        let proxy = Proxy::new(store.clone());
        let address = proxy.address("demo", "redis", 6379).unwrap();
        assert!(proxy.address("demo", "redis", 6380).is_none());
        assert!(proxy.address("demo", "other", 6379).is_none());
        point_at(&store, greeter().await);
        let waiting = tokio::spawn(read(address));
        let shutdown = CancellationToken::new();
        tokio::spawn(proxy.clone().run(shutdown.clone()));
        assert_eq!(waiting.await.unwrap(), "hello");
        assert_eq!(proxy.address("demo", "redis", 6379), Some(address));
        shutdown.cancel();
    }

    #[tokio::test]
    async fn without_an_endpoint_the_caller_is_hung_up_on() {
        let proxy = Proxy::new(store_with_service());
        let shutdown = CancellationToken::new();
        tokio::spawn(proxy.clone().run(shutdown.clone()));
        let address = proxy.address("demo", "redis", 6379).unwrap();
        assert_eq!(read(address).await, "");
        shutdown.cancel();
    }

    #[tokio::test]
    async fn the_listener_goes_with_its_service() {
        let store = store_with_service();
        let proxy = Proxy::new(store.clone());
        let shutdown = CancellationToken::new();
        tokio::spawn(proxy.clone().run(shutdown.clone()));
        let address = proxy.address("demo", "redis", 6379).unwrap();
        store
            .delete(&Key::new(SERVICES, "demo", "redis"), None, 0)
            .unwrap();
        assert!(proxy.address("demo", "redis", 6379).is_none());
        // The loop runs on this thread; it closes the listener as soon as it is given a turn.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(TcpStream::connect(address).await.is_err());
        shutdown.cancel();
    }
}
