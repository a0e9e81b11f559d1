//! The program of a kubeconfig that brings the credentials (`users[].user.exec`): run once, and again when what it brought
//! has expired or is refused.
//!
//! The library would run it three times for each of our two clients, which is six browser windows where it logs somebody
//! in, and would not stop one that does not end. So it is run here, by the rules of client-go's `exec` package: it is told
//! of the cluster in `KUBERNETES_EXEC_INFO`, answers in the version it was asked in, and gets a terminal only if there is
//! one. What it brings becomes [`Credentials`], or the identity of the TLS client.

use super::error::ConnectError;
use super::{first_line, last_line};
use crate::clock::Clock;
use k8s_openapi::ByteString;
use k8s_openapi::jiff::Timestamp;
use kube::config::{AuthInfo, ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::json;
use std::io::IsTerminal as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;

/// How long the program may take where nobody could talk to it: it asks a service or a cache.
const LIMIT: Duration = Duration::from_secs(10);
/// The same at a terminal, where it may wait for somebody to log in with a browser.
const LOGIN_LIMIT: Duration = Duration::from_secs(180);
/// The versions in which programs answer, as client-go knows them.
const VERSIONS: [&str; 2] = [
    "client.authentication.k8s.io/v1",
    "client.authentication.k8s.io/v1beta1",
];

/// The program, and how to run it.
pub(super) struct Plugin {
    exec: ExecConfig,
    program: String,
    version: &'static str,
    somebody_is_there: bool,
    clock: Clock,
}

/// What the program brought.
pub(super) struct Brought {
    /// For the header of each request.
    pub(super) token: Option<String>,
    /// Certificate and key of a TLS client, as PEM.
    pub(super) identity: Option<(String, String)>,
    /// Until when it is good, in ms since the epoch.
    pub(super) expires: Option<i64>,
}

/// What the program prints.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredential {
    api_version: Option<String>,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<String>,
}

impl Plugin {
    /// The program of these credentials, if they come from one.
    ///
    /// # Errors
    /// [`ConnectError`] when it cannot be used here.
    pub(super) fn of(user: &AuthInfo, clock: Clock) -> Result<Option<Self>, ConnectError> {
        // What stands in the file itself wins.
        if user.token.is_some() || user.token_file.is_some() {
            return Ok(None);
        }
        let Some(exec) = user.exec.clone() else {
            return Ok(None);
        };
        let program = exec.command.clone().unwrap_or_default();
        let asked = exec.api_version.as_deref().unwrap_or_default();
        let Some(version) = VERSIONS.into_iter().find(|known| *known == asked) else {
            return Err(ConnectError::PluginVersion {
                program,
                reason: format!("the kubeconfig asks it for {asked:?}"),
            });
        };
        let somebody_is_there = std::io::stdin().is_terminal();
        if exec.interactive_mode == Some(ExecInteractiveMode::Always) && !somebody_is_there {
            return Err(ConnectError::PluginTerminal { program });
        }
        Ok(Some(Self {
            exec,
            program,
            version,
            somebody_is_there,
            clock,
        }))
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Runs the program.
    ///
    /// # Errors
    /// [`ConnectError`] when it is not there, fails, takes too long or brings nothing of use.
    pub(super) async fn run(&self) -> Result<Brought, ConnectError> {
        let interactive = self.somebody_is_there
            && self.exec.interactive_mode != Some(ExecInteractiveMode::Never);
        let mut command = self.command(interactive)?;
        let limit = if interactive { LOGIN_LIMIT } else { LIMIT };
        let output = match timeout(limit, command.output()).await {
            Ok(output) => output.map_err(|error| self.absent(&error))?,
            Err(_) => {
                return Err(ConnectError::PluginSlow {
                    program: self.program.clone(),
                    seconds: limit.as_secs(),
                });
            }
        };
        if !output.status.success() {
            return Err(self.failed(output.status, &output.stderr));
        }
        self.read(&output.stdout)
    }

    fn command(&self, interactive: bool) -> Result<Command, ConnectError> {
        let mut told = json!({
            "apiVersion": self.version, "kind": "ExecCredential", "spec": {"interactive": interactive},
        });
        if self.exec.provide_cluster_info {
            told["spec"]["cluster"] = json!(self.exec.cluster);
        }
        if self.program.is_empty() {
            return Err(self.useless("the kubeconfig does not name it (command)".to_owned()));
        }
        let mut command = Command::new(&self.program);
        command
            .args(self.exec.args.iter().flatten())
            .env("KUBERNETES_EXEC_INFO", told.to_string())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        for variable in self.exec.env.iter().flatten() {
            if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
                command.env(name, value);
            }
        }
        // Without a terminal its words are kept for the message, instead of going past it.
        if interactive {
            command.stdin(Stdio::inherit()).stderr(Stdio::inherit());
        } else {
            command.stdin(Stdio::null()).stderr(Stdio::piped());
        }
        Ok(command)
    }

    fn read(&self, printed: &[u8]) -> Result<Brought, ConnectError> {
        let no_credential =
            || self.useless("what it printed is no ExecCredential with a status".to_owned());
        // YAML, as client-go reads it: JSON is that as well.
        let found: ExecCredential =
            serde_saphyr::from_slice(printed).map_err(|_| no_credential())?;
        let answered = found.api_version.unwrap_or_default();
        let status = found.status.ok_or_else(no_credential)?;
        if answered != self.version {
            return Err(ConnectError::PluginVersion {
                program: self.program.clone(),
                reason: format!(
                    "it was asked for {} and answered {answered:?}",
                    self.version
                ),
            });
        }
        let expires = match &status.expiration_timestamp {
            Some(text) => Some(text.parse::<Timestamp>().map_err(|_| {
                self.useless(format!("its expirationTimestamp {text:?} is no time"))
            })?),
            None => None,
        };
        if let Some(expires) = expires
            && expires.as_millisecond() <= self.clock.now_ms()
        {
            return Err(ConnectError::PluginStale {
                program: self.program.clone(),
                expired: expires.to_string(),
            });
        }
        let identity = status.client_certificate_data.zip(status.client_key_data);
        if status.token.is_none() && identity.is_none() {
            return Err(self.useless("it brought neither a token nor a certificate".to_owned()));
        }
        Ok(Brought {
            token: status.token,
            identity,
            expires: expires.map(Timestamp::as_millisecond),
        })
    }

    fn useless(&self, reason: String) -> ConnectError {
        ConnectError::PluginFailed {
            program: self.program.clone(),
            reason,
        }
    }

    fn absent(&self, error: &std::io::Error) -> ConnectError {
        let hint = self.exec.install_hint.as_deref().map(first_line);
        ConnectError::NoPlugin {
            reason: error.to_string(),
            hint: hint
                .unwrap_or_else(|| format!("install {}, or put its folder on PATH", self.program)),
            program: self.program.clone(),
        }
    }

    fn failed(&self, status: ExitStatus, said: &[u8]) -> ConnectError {
        self.useless(last_line(said).unwrap_or_else(|| status.to_string()))
    }
}

/// Gives a TLS client's identity to the library, which takes it as a kubeconfig has it: base64 of PEM.
pub(super) fn identify(user: &mut AuthInfo, certificate: String, key: String) {
    let encoded = |pem: String| {
        let value = serde_json::to_value(ByteString(pem.into_bytes()));
        value
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
    };
    user.client_certificate_data = encoded(certificate);
    user.client_key_data = encoded(key).map(Into::into);
}
