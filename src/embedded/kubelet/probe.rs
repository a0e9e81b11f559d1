//! The readiness probe of a container.
//!
//! `tcpSocket` is honoured. A container without a probe, or with one of another kind, is ready once it runs: the node's
//! two programs have no other way to be asked.

use super::POD_IP;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, Interval, interval_at, timeout};

/// A kubelet probes as soon as the container runs. A process needs a moment to bind its port; without this pause the
/// first probe would always come too early, and readiness a whole period late.
const HEAD_START: Duration = Duration::from_millis(250);

/// A `tcpSocket` probe and what it has found so far.
pub(super) struct Probe {
    port: u16,
    /// When it is due: first after `initialDelaySeconds`, then every `periodSeconds`.
    ticks: Interval,
    timeout: Duration,
    needed_successes: u64,
    allowed_failures: u64,
    successes: u64,
    failures: u64,
}

impl Probe {
    /// The probe of `container`, which has just started and whose ports are mapped as in `ports` (container port → actual port).
    pub(super) fn of(container: &Value, ports: &BTreeMap<u16, u16>) -> Option<Self> {
        let probe = &container["readinessProbe"];
        let port = container_port(container, &probe["tcpSocket"]["port"])?;
        let number =
            |field: &str, default: u64| probe[field].as_u64().filter(|n| *n > 0).unwrap_or(default);
        let delay = Duration::from_secs(probe["initialDelaySeconds"].as_u64().unwrap_or(0));
        let period = Duration::from_secs(number("periodSeconds", 10));
        Some(Self {
            port: ports.get(&port).copied().unwrap_or(port),
            ticks: interval_at(Instant::now() + delay.max(HEAD_START), period),
            timeout: Duration::from_secs(number("timeoutSeconds", 1)),
            needed_successes: number("successThreshold", 1),
            allowed_failures: number("failureThreshold", 3),
            successes: 0,
            failures: 0,
        })
    }

    /// Probes whenever it is due until readiness differs from `ready`, and returns it. Cancel-safe.
    pub(super) async fn changed(&mut self, ready: bool) -> bool {
        loop {
            self.ticks.tick().await;
            let now = self.check(ready).await;
            if now != ready {
                return now;
            }
        }
    }

    /// Probes once. Tells whether the container is ready now, given whether it was `ready` before: thresholds make
    /// both directions slow.
    async fn check(&mut self, ready: bool) -> bool {
        let attempt = timeout(self.timeout, TcpStream::connect((POD_IP, self.port))).await;
        if matches!(attempt, Ok(Ok(_))) {
            self.successes += 1;
            self.failures = 0;
            ready || self.successes >= self.needed_successes
        } else {
            self.failures += 1;
            self.successes = 0;
            ready && self.failures < self.allowed_failures
        }
    }
}

/// A probe's port: a number, or the name of one of the container's ports.
fn container_port(container: &Value, port: &Value) -> Option<u16> {
    let number = match port.as_str() {
        Some(name) => container["ports"]
            .as_array()?
            .iter()
            .find(|port| port["name"] == name)?["containerPort"]
            .as_u64()?,
        None => port.as_u64()?,
    };
    u16::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn a_named_port_is_probed_where_it_really_is() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let actual = listener.local_addr().unwrap().port();
        let container = json!({
            "ports": [{"name": "redis", "containerPort": 6379}],
            "readinessProbe": {"tcpSocket": {"port": "redis"}, "periodSeconds": 2},
        });
        let mut probe = Probe::of(&container, &BTreeMap::from([(6379, actual)])).unwrap();
        assert_eq!(probe.ticks.period(), Duration::from_secs(2));
        assert!(probe.check(false).await);
        drop(listener);
        assert!(probe.check(true).await, "one failure is forgiven");
        assert!(probe.check(true).await, "and a second");
        assert!(!probe.check(true).await, "three are too many");
    }
}
