//! A Redis URL taken apart: pieces of the text as they stand there, escapes and all, and whether they fit together.
//!
//! A URL of one server is left to the client library as far as possible: a password may contain whatever is found
//! before the last `@`. With several hosts the text is ours alone to read, and credentials must be escaped.

use super::Layout;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::fmt;

/// How to write one; every refusal says it.
pub(super) const FORM: &str = "give it as redis://[:PASSWORD@]HOST:PORT, or rediss:// for TLS; several nodes as redis-sentinel://[[USER]:PASSWORD@]HOST:PORT,HOST:PORT/MASTER or redis-cluster://[[USER]:PASSWORD@]HOST:PORT,HOST:PORT";

/// Each scheme, what it says of the layout, and whether it is TLS.
const SCHEMES: [(&str, Layout, bool); 6] = [
    ("redis", Layout::Single, false),
    ("rediss", Layout::Single, true),
    ("redis-sentinel", Layout::Sentinel, false),
    ("rediss-sentinel", Layout::Sentinel, true),
    ("redis-cluster", Layout::Cluster, false),
    ("rediss-cluster", Layout::Cluster, true),
];

/// The pieces.
pub(super) struct Anatomy<'a> {
    scheme: &'a str,
    pub(super) layout: Layout,
    pub(super) tls: bool,
    /// What is before the `@`.
    pub(super) credentials: Option<&'a str>,
    hosts: &'a str,
    path: &'a str,
    query: &'a str,
    fragment: &'a str,
    /// All that is after the `@`.
    rest: &'a str,
}

impl Default for Anatomy<'_> {
    fn default() -> Self {
        Self {
            scheme: "redis",
            layout: Layout::Single,
            tls: false,
            credentials: None,
            hosts: "",
            path: "",
            query: "",
            fragment: "",
            rest: "",
        }
    }
}

impl<'a> Anatomy<'a> {
    /// The pieces of `url`; `None` when its scheme is not one of ours.
    pub(super) fn of(url: &'a str) -> Option<Self> {
        let (scheme, whole) = url.split_once("://")?;
        let (scheme, layout, tls) = SCHEMES.into_iter().find(|(name, ..)| *name == scheme)?;
        let authority = match layout {
            Layout::Single => whole,
            _ => &whole[..whole.find(['/', '?', '#']).unwrap_or(whole.len())],
        };
        let at = authority.rfind('@');
        let rest = at.map_or(whole, |at| &whole[at + 1..]);
        let (before, fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (before, query) = before.split_once('?').unwrap_or((before, ""));
        let (hosts, path) = before.split_once('/').unwrap_or((before, ""));
        Some(Self {
            scheme,
            layout,
            tls,
            credentials: at.map(|at| &whole[..at]),
            hosts,
            path,
            query,
            fragment,
            rest,
        })
    }

    pub(super) fn insecure(&self) -> bool {
        let asked = match self.layout {
            Layout::Single => self.query == "insecure",
            _ => self.settings().any(|(name, _)| name == "insecure"),
        };
        asked || self.fragment == "insecure"
    }

    pub(super) fn addresses(&self) -> Vec<String> {
        let usual = match self.layout {
            Layout::Sentinel => "26379",
            Layout::Single | Layout::Cluster => "6379",
        };
        let complete = |host: &str| match port(host) {
            Some(_) => host.to_owned(),
            None => format!("{host}:{usual}"),
        };
        self.hosts.split(',').map(complete).collect()
    }

    /// The master's name: the first step of the path, or what is after the `#`, as Lettuce writes it.
    pub(super) fn master(&self) -> Option<&'a str> {
        if self.layout != Layout::Sentinel {
            return None;
        }
        let name = match self.fragment {
            "" | "insecure" => self.path.split('/').next().unwrap_or_default(),
            name => name,
        };
        (!name.is_empty()).then_some(name)
    }

    /// The database's number as it is written; empty when it is not.
    pub(super) fn database(&self) -> &'a str {
        let after_master =
            self.layout == Layout::Sentinel && matches!(self.fragment, "" | "insecure");
        if after_master {
            self.path.split_once('/').map_or("", |(_, number)| number)
        } else {
            self.path
        }
    }

    /// The value of a setting in the query; `None` when it is not there or empty.
    pub(super) fn setting(&self, name: &str) -> Option<&'a str> {
        let mut settings = self.settings();
        let (_, value) = settings.find(|(given, _)| *given == name)?;
        (!value.is_empty()).then_some(value)
    }

    fn settings(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let settings = self.query.split('&').filter(|setting| !setting.is_empty());
        settings.map(|setting| setting.split_once('=').unwrap_or((setting, "")))
    }

    /// Whether the pieces fit together.
    ///
    /// # Errors
    /// What does not, and how to write it. No piece is repeated, since it may be part of a password.
    pub(super) fn check(&self) -> Result<(), String> {
        self.trouble()
            .map_or(Ok(()), |trouble| Err(format!("{trouble}: {FORM}")))
    }

    fn trouble(&self) -> Option<&'static str> {
        if self
            .hosts
            .split(',')
            .any(|host| host.is_empty() || host.starts_with(':'))
        {
            return Some("the host is missing");
        }
        if self.insecure() && !self.tls {
            return Some("insecure is a kind of TLS");
        }
        if self.layout == Layout::Single {
            let several = self.hosts.contains(',');
            return several.then_some("one server has one host");
        }
        let odd = |host: &str| port(host).is_none() && has_colon(host);
        if self.hosts.split(',').any(odd) {
            return Some("a port is no number");
        }
        if !self.database().bytes().all(|byte| byte.is_ascii_digit()) {
            return Some("the number of the database is none");
        }
        self.settings_trouble()
    }

    fn settings_trouble(&self) -> Option<&'static str> {
        let known = |name: &str, more: &[&str]| name == "insecure" || more.contains(&name);
        let sentinel = ["sentinelUsername", "sentinelPassword"];
        match self.layout {
            Layout::Sentinel if self.master().is_none() => {
                Some("the name of the master is missing")
            }
            Layout::Sentinel if !self.settings().all(|(name, _)| known(name, &sentinel)) => Some(
                "after ? may stand insecure, sentinelUsername and sentinelPassword and no other setting",
            ),
            Layout::Cluster if !matches!(self.database(), "" | "0") => {
                Some("a Redis Cluster has database 0 only")
            }
            Layout::Cluster if !self.settings().all(|(name, _)| known(name, &[])) => {
                Some("after ? may stand insecure and no other setting")
            }
            _ => None,
        }
    }
}

impl fmt::Display for Anatomy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme;
        if self.layout == Layout::Single {
            return write!(f, "{scheme}://{}", self.rest);
        }
        write!(f, "{scheme}://{}", self.hosts)?;
        for step in [self.master().unwrap_or_default(), self.database()] {
            if !step.is_empty() {
                write!(f, "/{step}")?;
            }
        }
        Ok(())
    }
}

/// The port in `host:port`. An IPv6 address stands in brackets, so that its colons are none.
fn port(address: &str) -> Option<&str> {
    let (_, port) = address.rsplit_once(':')?;
    (!port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())).then_some(port)
}

fn has_colon(address: &str) -> bool {
    address.rsplit(']').next().unwrap_or_default().contains(':')
}

/// A piece without its escapes.
pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// A text as it may stand before an `@`.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
