//! The probes of a container: has it started, does it live, is it ready.
//!
//! `tcpSocket` and `httpGet` (without TLS) are honoured; `exec` and `grpc` are not, and a container whose readiness
//! probe is of such a kind is ready once it runs. While a startup probe has not succeeded the other two wait.

use super::POD_IP;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

/// A kubelet probes as soon as the container runs. A process needs a moment to bind its port; without this pause the
/// first probe would always come too early, and readiness a whole period late.
const HEAD_START: Duration = Duration::from_millis(250);

/// How much of an HTTP answer is read: the status line is all that counts.
const STATUS_LINE: u64 = 64;

/// What a probe found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// What went wrong, for an `Unhealthy` event.
    pub(super) trouble: Option<String>,
    /// Whether the container is ready now.
    pub(super) ready: bool,
    /// The probe (`liveness`, `startup`) that says that the container must be restarted.
    pub(super) fatal: Option<&'static str>,
}

/// The probes of one run of a container.
pub(super) struct Probes {
    startup: Option<Probe>,
    liveness: Option<Probe>,
    readiness: Option<Probe>,
    ready: bool,
}

impl Probes {
    /// The probes of `container`, which has just started and whose ports are mapped as in `ports` (container port →
    /// actual port).
    pub(super) fn of(container: &Value, ports: &BTreeMap<u16, u16>) -> Self {
        let probe = |name, field: &str| Probe::of(name, &container[field], container, ports);
        let startup = probe("startup", "startupProbe");
        let readiness = probe("readiness", "readinessProbe");
        Self {
            ready: startup.is_none() && readiness.is_none(),
            liveness: probe("liveness", "livenessProbe"),
            startup,
            readiness,
        }
    }

    /// Whether the container is ready, as far as is known.
    pub(super) fn ready(&self) -> bool {
        self.ready
    }

    /// The next thing worth knowing; never returns when there is nothing to probe. Cancel-safe: a probe that was cut
    /// off is made again.
    pub(super) async fn next(&mut self) -> Finding {
        let started = self.startup.is_none();
        let next = if started {
            let both = [&mut self.liveness, &mut self.readiness];
            both.into_iter().flatten().min_by_key(|probe| probe.due)
        } else {
            self.startup.as_mut()
        };
        let Some(probe) = next else {
            return std::future::pending().await;
        };
        let (name, trouble, verdict) = probe.run().await;
        let mut fatal = None;
        match (name, verdict) {
            ("readiness", Some(ready)) => self.ready = ready,
            ("startup", Some(true)) => {
                self.startup = None;
                self.ready = self.readiness.is_none();
            }
            (name, Some(false)) => fatal = Some(name),
            _ => {}
        }
        Finding {
            trouble,
            ready: self.ready,
            fatal,
        }
    }
}

/// One probe and what it has found so far.
struct Probe {
    name: &'static str,
    target: Target,
    /// First after `initialDelaySeconds`, then every `periodSeconds`.
    due: Instant,
    period: Duration,
    timeout: Duration,
    needed_successes: u64,
    allowed_failures: u64,
    successes: u64,
    failures: u64,
}

enum Target {
    Tcp { port: u16 },
    Http { port: u16, path: String },
}

impl Probe {
    fn of(
        name: &'static str,
        probe: &Value,
        container: &Value,
        ports: &BTreeMap<u16, u16>,
    ) -> Option<Self> {
        let port = |action: &Value| {
            let port = container_port(container, &action["port"])?;
            Some(ports.get(&port).copied().unwrap_or(port))
        };
        let http = &probe["httpGet"];
        let target = if http.is_object() && http["scheme"] != "HTTPS" {
            Target::Http {
                port: port(http)?,
                path: http["path"].as_str().unwrap_or("/").to_owned(),
            }
        } else {
            Target::Tcp {
                port: port(&probe["tcpSocket"])?,
            }
        };
        let number =
            |field: &str, default: u64| probe[field].as_u64().filter(|n| *n > 0).unwrap_or(default);
        let delay = Duration::from_secs(probe["initialDelaySeconds"].as_u64().unwrap_or(0));
        Some(Self {
            name,
            target,
            due: Instant::now() + delay.max(HEAD_START),
            period: Duration::from_secs(number("periodSeconds", 10)),
            timeout: Duration::from_secs(number("timeoutSeconds", 1)),
            needed_successes: number("successThreshold", 1),
            allowed_failures: number("failureThreshold", 3),
            successes: 0,
            failures: 0,
        })
    }

    /// Probes when it is due. Returns the probe's name, what went wrong, and a verdict once a threshold is reached.
    async fn run(&mut self) -> (&'static str, Option<String>, Option<bool>) {
        sleep_until(self.due).await;
        let outcome = timeout(self.timeout, self.target.check())
            .await
            .unwrap_or_else(|_| Err(format!("{}: i/o timeout", self.target.dial())));
        self.due = Instant::now() + self.period;
        match outcome {
            Ok(()) => {
                self.successes += 1;
                self.failures = 0;
                let enough = self.successes >= self.needed_successes;
                (self.name, None, enough.then_some(true))
            }
            Err(why) => {
                self.failures += 1;
                self.successes = 0;
                let mut title = self.name.to_owned();
                title[..1].make_ascii_uppercase();
                let trouble = format!("{title} probe failed: {why}");
                let enough = self.failures >= self.allowed_failures;
                (self.name, Some(trouble), enough.then_some(false))
            }
        }
    }
}

impl Target {
    /// What a failed attempt is called, up to its cause: Go's words, which a kubelet repeats.
    fn dial(&self) -> String {
        match self {
            Self::Tcp { port } => format!("dial tcp {POD_IP}:{port}"),
            Self::Http { port, path } => {
                format!("Get \"http://{POD_IP}:{port}{path}\": dial tcp {POD_IP}:{port}")
            }
        }
    }

    async fn check(&self) -> Result<(), String> {
        let refused = |error: io::Error| {
            let why = match error.kind() {
                io::ErrorKind::ConnectionRefused => "connect: connection refused".to_owned(),
                _ => error.to_string(),
            };
            format!("{}: {why}", self.dial())
        };
        match self {
            Self::Tcp { port } => TcpStream::connect((POD_IP, *port))
                .await
                .map(|_| ())
                .map_err(refused),
            Self::Http { port, path } => match status(*port, path).await.map_err(refused)? {
                200..400 => Ok(()),
                status => Err(format!("HTTP probe failed with statuscode: {status}")),
            },
        }
    }
}

/// Asks for `path` and returns the status of the answer.
async fn status(port: u16, path: &str) -> io::Result<u16> {
    let mut stream = TcpStream::connect((POD_IP, port)).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {POD_IP}:{port}\r\nUser-Agent: kube-probe/1.36\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(STATUS_LINE).read_to_end(&mut answer).await?;
    String::from_utf8_lossy(&answer)
        .split_ascii_whitespace()
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| io::Error::other("malformed HTTP response"))
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
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_named_port_is_probed_where_it_really_is_and_two_failures_are_forgiven() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let actual = listener.local_addr().unwrap().port();
        let container = json!({
            "ports": [{"name": "redis", "containerPort": 6379}],
            "readinessProbe": {"tcpSocket": {"port": "redis"}, "periodSeconds": 2},
        });
        let mut probes = Probes::of(&container, &BTreeMap::from([(6379, actual)]));
        assert!(!probes.ready());
        assert!(probes.next().await.ready);
        drop(listener);
        for ready in [true, true, false] {
            probes.readiness.as_mut().unwrap().due = Instant::now();
            let finding = probes.next().await;
            assert_eq!(finding.ready, ready);
            assert_eq!(
                finding.trouble.unwrap(),
                format!(
                    "Readiness probe failed: dial tcp 127.0.0.1:{actual}: connect: connection refused"
                )
            );
        }
    }

    #[tokio::test]
    async fn an_http_answer_of_500_fails_and_three_of_them_are_fatal_to_the_living() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                // Unread input would reset the connection before the answer arrives.
                assert!(stream.read(&mut [0; 1_024]).await.unwrap() > 0);
                let answer = b"HTTP/1.1 500 Internal Server Error\r\n\r\n";
                stream.write_all(answer).await.unwrap();
            }
        });
        let container = json!({"livenessProbe": {"httpGet": {"path": "/healthz", "port": port}}});
        let mut probes = Probes::of(&container, &BTreeMap::new());
        assert!(probes.ready(), "without a readiness probe it is ready");
        for fatal in [None, None, Some("liveness")] {
            probes.liveness.as_mut().unwrap().due = Instant::now();
            let finding = probes.next().await;
            assert_eq!(finding.fatal, fatal);
            assert_eq!(
                finding.trouble.unwrap(),
                "Liveness probe failed: HTTP probe failed with statuscode: 500"
            );
        }
    }

    #[tokio::test]
    async fn nothing_else_is_probed_before_the_startup_probe_succeeds() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let container = json!({
            "startupProbe": {"tcpSocket": {"port": port}},
            "livenessProbe": {"tcpSocket": {"port": 1}},
        });
        let mut probes = Probes::of(&container, &BTreeMap::new());
        assert!(!probes.ready());
        let finding = probes.next().await;
        assert!(finding.ready && finding.trouble.is_none());
        assert!(probes.next().await.trouble.is_some(), "now it must live");
    }
}
