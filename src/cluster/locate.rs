//! Where the demo's Redis is, found through the cluster: the Service's ready endpoint and the Secret's password.
//!
//! How it is reached depends on where we stand. Inside the cluster it is the Service's name. An endpoint on loopback is
//! the embedded cluster's, on this machine. Any other is inside a cluster that we are outside of, and the way leads
//! through the API server (`port_forward`). `--redis-route` overrules this, for a machine that can dial pods.

use super::port_forward::Forwards;
use super::{Cluster, ClusterError};
use crate::config::RedisRoute;
use k8s_openapi::api::core::v1::{Endpoints, Secret, Service};
use kube::api::Api;
use std::net::IpAddr;

/// The Service and the Secret of the demo's Redis.
const REDIS: &str = "redis";

/// How the version of an embedded cluster ends: its pods are processes of its machine, at addresses on loopback.
const EMBEDDED: &str = "+podium";

/// Where this process runs, seen from the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    /// Not in one of its pods.
    #[default]
    Outside,
    /// In one of its pods: its names resolve.
    Inside,
}

/// How a cluster's Redis is reached.
#[derive(Clone, Default)]
pub(super) struct Reach {
    place: Place,
    asked: Option<RedisRoute>,
    forwards: Forwards,
}

impl Reach {
    /// From one of the cluster's own pods.
    pub(super) fn inside() -> Self {
        Self {
            place: Place::Inside,
            ..Self::default()
        }
    }

    /// Whether a cluster of this version has its pods where only a forwarded port leads.
    fn forwards(&self, version: &str) -> bool {
        match self.asked {
            Some(asked) => asked == RedisRoute::PortForward,
            None => self.place == Place::Outside && !version.ends_with(EMBEDDED),
        }
    }
}

/// A ready pod behind Service `redis`.
pub(super) struct Endpoint {
    /// The pod's name; endpoints that somebody wrote by hand have none.
    pub(super) pod: Option<String>,
    /// The pod's address.
    pub(super) ip: String,
    /// The port that its process listens on.
    pub(super) port: u16,
}

/// The ways to Redis.
#[derive(Debug, PartialEq, Eq)]
enum Route {
    /// The endpoint's own address.
    Endpoint,
    /// The Service's name.
    Service,
    /// A local port that is forwarded to the pod.
    Forward,
}

fn route(place: Place, asked: Option<RedisRoute>, ip: &str) -> Route {
    let is_here = ip.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    match (asked, place) {
        (Some(RedisRoute::PortForward), _) => Route::Forward,
        (_, Place::Inside) => Route::Service,
        (Some(RedisRoute::Direct), Place::Outside) => Route::Endpoint,
        (None, Place::Outside) if is_here => Route::Endpoint,
        (None, Place::Outside) => Route::Forward,
    }
}

impl Cluster {
    /// The same cluster, its Redis reached as `asked`; `None` lets the cluster decide.
    #[must_use]
    pub fn reaching_redis(mut self, asked: Option<RedisRoute>) -> Self {
        self.reach.asked = asked;
        self
    }

    /// Whether the way to the demo's Redis will be a forwarded port, as far as it can be said before there is one. A
    /// cluster of an unknown version, empty, is taken for one that we are outside of.
    #[must_use]
    pub fn forwards_redis(&self, version: &str) -> bool {
        self.reach.forwards(version)
    }

    /// The URL of the Redis behind Service `redis` in `namespace`, password included.
    ///
    /// # Errors
    /// [`ClusterError::NoRedis`] when it is not deployed or not ready, [`ClusterError::NoWay`] when it is not reachable
    /// from here; other [`ClusterError`]s when the cluster does not answer.
    pub async fn redis_url(&self, namespace: &str) -> Result<String, ClusterError> {
        let endpoint = self.redis_endpoint(namespace).await?;
        let address = match route(self.reach.place, self.reach.asked, &endpoint.ip) {
            Route::Endpoint => authority(&endpoint.ip, endpoint.port),
            Route::Service => {
                let port = self.service_port(namespace).await?.unwrap_or(endpoint.port);
                format!("{REDIS}.{namespace}.svc:{port}")
            }
            Route::Forward => {
                let forward = self.reach.forwards.open(self, namespace, &endpoint).await?;
                forward.to_string()
            }
        };
        let password = self.redis_password(namespace).await?;
        // With its name: `redis-cli -u` takes an empty user name for a user of that name.
        let credentials =
            password.map_or_else(String::new, |password| format!("default:{password}@"));
        Ok(format!("redis://{credentials}{address}"))
    }

    /// A ready pod behind Service `redis`.
    pub(super) async fn redis_endpoint(&self, namespace: &str) -> Result<Endpoint, ClusterError> {
        let endpoints: Api<Endpoints> = Api::namespaced(self.client.clone(), namespace);
        let endpoints = endpoints
            .get_opt(REDIS)
            .await
            .map_err(|error| self.error("find Redis", error))?;
        let Some(endpoints) = endpoints else {
            return Err(ClusterError::NoRedis(format!(
                "the queue demo is not deployed (no Service `{REDIS}` in namespace {namespace}): press Deploy, or run `podium deploy-queue-demo`"
            )));
        };
        let subsets = endpoints.subsets.unwrap_or_default();
        let ready = subsets.iter().find_map(|subset| {
            let address = subset.addresses.as_ref()?.first()?;
            let port = subset.ports.as_ref()?.first()?;
            let pod = address.target_ref.as_ref();
            let pod = pod.filter(|target| target.kind.as_deref() == Some("Pod"));
            Some(Endpoint {
                pod: pod.and_then(|target| target.name.clone()),
                ip: address.ip.clone(),
                port: u16::try_from(port.port).ok()?,
            })
        });
        ready.ok_or_else(|| {
            ClusterError::NoRedis(
                "Redis is starting: no ready pod behind Service `redis` yet".to_owned(),
            )
        })
    }

    /// The port of Service `redis`, which need not be the pod's.
    async fn service_port(&self, namespace: &str) -> Result<Option<u16>, ClusterError> {
        let services: Api<Service> = Api::namespaced(self.client.clone(), namespace);
        let service = services
            .get_opt(REDIS)
            .await
            .map_err(|error| self.error("read Service redis", error))?;
        let ports = service
            .and_then(|service| service.spec)
            .and_then(|spec| spec.ports)
            .unwrap_or_default();
        Ok(ports.first().and_then(|port| u16::try_from(port.port).ok()))
    }

    async fn redis_password(&self, namespace: &str) -> Result<Option<String>, ClusterError> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let secret = secrets
            .get_opt(REDIS)
            .await
            .map_err(|error| self.error("read Secret redis", error))?;
        Ok(secret
            .and_then(|secret| secret.data)
            .and_then(|mut data| data.remove("password"))
            .and_then(|password| String::from_utf8(password.0).ok()))
    }
}

/// An address and a port as a URL has them: IPv6 goes in brackets.
fn authority(ip: &str, port: u16) -> String {
    if ip.contains(':') {
        format!("[{ip}]:{port}")
    } else {
        format!("{ip}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_redis_depends_on_where_we_stand_unless_somebody_says() {
        use Place::{Inside, Outside};
        let (direct, forward) = (Some(RedisRoute::Direct), Some(RedisRoute::PortForward));
        let (embedded, pod) = ("127.0.0.1", "10.244.0.7");
        for (place, asked, ip, expected) in [
            (Outside, None, embedded, Route::Endpoint),
            (Outside, None, "::1", Route::Endpoint),
            (Outside, None, pod, Route::Forward),
            (Outside, direct, pod, Route::Endpoint),
            (Outside, forward, embedded, Route::Forward),
            (Inside, None, pod, Route::Service),
            (Inside, direct, pod, Route::Service),
            (Inside, forward, pod, Route::Forward),
        ] {
            assert_eq!(
                route(place, asked, ip),
                expected,
                "{place:?} {asked:?} {ip}"
            );
        }
    }

    #[test]
    fn whether_a_port_will_be_forwarded_is_known_before_there_is_a_redis() {
        use Place::{Inside, Outside};
        let (embedded, real) = ("v1.36.0+podium", "v1.36.2+k3s1");
        for (place, asked, version, expected) in [
            (Outside, None, real, true),
            (Outside, None, "", true),
            (Outside, None, embedded, false),
            (Outside, Some(RedisRoute::Direct), real, false),
            (Outside, Some(RedisRoute::PortForward), embedded, true),
            (Inside, None, real, false),
            (Inside, Some(RedisRoute::Direct), real, false),
            (Inside, Some(RedisRoute::PortForward), real, true),
        ] {
            let reach = Reach {
                place,
                asked,
                ..Reach::default()
            };
            let told = reach.forwards(version);
            assert_eq!(told, expected, "{place:?} {asked:?} {version}");
        }
    }

    #[test]
    fn an_ipv6_address_goes_in_brackets() {
        assert_eq!(authority("10.0.0.7", 6379), "10.0.0.7:6379");
        assert_eq!(authority("fd00::7", 6379), "[fd00::7]:6379");
    }
}
