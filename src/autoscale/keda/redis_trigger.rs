//! What a `redis`, `redis-sentinel` or `redis-cluster` trigger measures: the length of a list, and where that list is.
//!
//! The three differ in how the list is found and in nothing else; the metric has the same name for all.

use super::scaled_object::{MetricType, Trigger};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How the list is found: the type of the trigger.
#[derive(Clone, PartialEq, Eq)]
pub enum Topology {
    /// `redis`: it is at the first address.
    Single,
    /// `redis-cluster`: any address knows.
    Cluster,
    /// `redis-sentinel`: the addresses are of sentinels, who know the master.
    Sentinel {
        /// `sentinelMaster`; empty when not given.
        master: String,
        /// `sentinelUsername`, when given.
        username: Option<String>,
        /// `sentinelPassword`, when given.
        password: Option<String>,
    },
}

/// A checked trigger.
#[derive(Clone, PartialEq, Eq)]
pub struct Redis {
    /// How the list is found.
    pub topology: Topology,
    /// `host:port` of each address; one at least.
    pub addresses: Vec<String>,
    /// The list.
    pub list: String,
    /// Jobs for each replica (`listLength`).
    pub length: i64,
    /// Active above this length (`activationListLength`).
    pub activation: i64,
    /// `databaseIndex`
    pub database: i64,
    /// `username`, when given.
    pub username: Option<String>,
    /// `password`, when given.
    pub password: Option<String>,
    /// How TLS is spoken, if it is.
    pub tls: Option<Tls>,
}

/// TLS to a Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// `unsafeSsl`
    pub accepts_anybody: bool,
    /// `ca`, when given: an authority in PEM, besides those that the machine trusts.
    pub ca: Option<String>,
}

impl std::fmt::Debug for Redis {
    /// Without the password: a scaler's settings end up in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis")
            .field("addresses", &self.addresses)
            .field("list", &self.list)
            .field("length", &self.length)
            .field("activation", &self.activation)
            .finish_non_exhaustive()
    }
}

/// Reads settings: from the trigger's metadata, or, as `<key>FromEnv`, from the target container's environment, or from
/// the parameters of the trigger's authentication, in this order.
struct Settings<'a> {
    metadata: &'a BTreeMap<String, String>,
    environment: &'a dyn Fn(&str) -> Option<String>,
    parameters: &'a BTreeMap<String, String>,
}

impl Settings<'_> {
    fn plain(&self, key: &str) -> Option<String> {
        let value = self.metadata.get(key)?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    fn anywhere(&self, key: &str) -> Option<String> {
        let from_environment = || {
            let variable = self.plain(&format!("{key}FromEnv"))?;
            (self.environment)(&variable).filter(|value| !value.is_empty())
        };
        self.plain(key)
            .or_else(from_environment)
            .or_else(|| self.parameter(key))
    }

    fn parameter(&self, key: &str) -> Option<String> {
        let value = self.parameters.get(key)?;
        (!value.is_empty()).then(|| value.clone())
    }

    fn flag(&self, key: &str) -> Result<bool, String> {
        match self.plain(key).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(text) => Err(format!(
                "unable to set param \"{key}\" value \"{text}\": it is neither true nor false"
            )),
        }
    }

    fn tls(&self) -> Result<Option<Tls>, String> {
        let parameter = self.parameter("tls");
        if self.plain("enableTLS").is_some() && parameter.is_some() {
            return Err(
                "unable to set `tls` in both ScaledObject and TriggerAuthentication together"
                    .to_owned(),
            );
        }
        if self.parameter("cert").is_some() || self.parameter("key").is_some() {
            return Err(
                "client certificates to Redis are not supported by the embedded KEDA".to_owned(),
            );
        }
        let enabled = self.flag("enableTLS")? || parameter.as_deref() == Some("enable");
        let tls = Tls {
            accepts_anybody: self.flag("unsafeSsl")?,
            ca: self.parameter("ca"),
        };
        Ok(enabled.then_some(tls))
    }

    fn integer(&self, key: &str, default: i64) -> Result<i64, String> {
        let Some(text) = self.plain(key) else {
            return Ok(default);
        };
        text.parse().map_err(|_| {
            format!("unable to set param \"{key}\" value \"{text}\": it is not a whole number")
        })
    }
}

/// The name under which the length of `list` is served, for the trigger at `index` of its ScaledObject.
#[must_use]
pub fn metric_name(index: usize, list: &str) -> String {
    let list = list.replace(['/', '.', ':', '%', '(', ')'], "-");
    format!("s{index}-redis-{list}")
}

impl Redis {
    /// Reads `trigger`, which is of one of the three types; `environment` looks a variable up in the target's container, `parameters` are those of its
    /// authentication.
    ///
    /// # Errors
    /// KEDA's message for the first setting that is missing or wrong.
    pub fn of(
        trigger: &Trigger,
        environment: &dyn Fn(&str) -> Option<String>,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Self, String> {
        let settings = Settings {
            metadata: &trigger.metadata,
            environment,
            parameters,
        };
        let topology = topology(&trigger.kind, &settings)?;
        let Some(list) = settings.plain("listName") else {
            return Err(
                "error parsing redis metadata: missing required parameter \"listName\" in [triggerMetadata]"
                    .to_owned(),
            );
        };
        Ok(Self {
            topology,
            addresses: addresses(&settings)?,
            list,
            length: settings.integer("listLength", 5)?,
            activation: settings.integer("activationListLength", 0)?,
            database: settings.integer("databaseIndex", 0)?,
            username: settings.anywhere("username"),
            password: settings.anywhere("password"),
            tls: settings.tls()?,
        })
    }

    /// The name under which the length of the list is served, for the trigger at `index`.
    #[must_use]
    pub fn metric_name(&self, index: usize) -> String {
        metric_name(index, &self.list)
    }

    /// Whether a list of `length` makes the trigger active: strictly more than `activationListLength`.
    #[must_use]
    pub fn is_active(&self, length: i64) -> bool {
        length > self.activation
    }

    /// The HPA's `target` block.
    #[must_use]
    pub fn hpa_target(&self, metric_type: MetricType) -> Value {
        let length = crate::autoscale::quantity::Quantity::from_integer(self.length).to_string();
        match metric_type {
            MetricType::AverageValue => json!({"type": "AverageValue", "averageValue": length}),
            MetricType::Value => json!({"type": "Value", "value": length}),
        }
    }
}

/// What the type of the trigger says.
fn topology(kind: &str, settings: &Settings<'_>) -> Result<Topology, String> {
    match kind {
        "redis" => Ok(Topology::Single),
        "redis-cluster" => Ok(Topology::Cluster),
        "redis-sentinel" => Ok(Topology::Sentinel {
            master: settings.anywhere("sentinelMaster").unwrap_or_default(),
            username: settings.anywhere("sentinelUsername"),
            password: settings.anywhere("sentinelPassword"),
        }),
        other => Err(format!("no scaler found for type: {other}")),
    }
}

/// The addresses, or the hosts with their ports.
fn addresses(settings: &Settings<'_>) -> Result<Vec<String>, String> {
    let split = |text: String| -> Vec<String> {
        let parts = text.split(',').map(|part| part.trim().to_owned());
        parts.collect()
    };
    if let Some(addresses) = settings
        .anywhere("addresses")
        .or_else(|| settings.anywhere("address"))
    {
        return Ok(split(addresses));
    }
    let either = |one: &str, many: &str| settings.anywhere(many).or_else(|| settings.anywhere(one));
    let (hosts, ports) = (either("host", "hosts"), either("port", "ports"));
    let Some(hosts) = hosts else {
        return Err(
            "error parsing redis metadata: no addresses or hosts given. address should be a comma separated list of host:port or set the host/port values"
                .to_owned(),
        );
    };
    let (hosts, ports) = (split(hosts), ports.map(split).unwrap_or_default());
    if hosts.len() != ports.len() {
        return Err(
            "error parsing redis metadata: not enough hosts or ports given. number of hosts should be equal to the number of ports"
                .to_owned(),
        );
    }
    let pairs = hosts.iter().zip(&ports);
    Ok(pairs.map(|(host, port)| format!("{host}:{port}")).collect())
}
