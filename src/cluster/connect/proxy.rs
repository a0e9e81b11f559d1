//! Whether a proxy stands between us and an API server, by the rules that `kubectl` has from Go: `HTTPS_PROXY` for
//! `https`, `HTTP_PROXY` for `http`, none for this machine, none for what `NO_PROXY` names.

use super::ConnectError;
use axum::http::Uri;
use std::net::IpAddr;

/// What the environment says of proxies.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// For `https` addresses.
    pub https: Option<String>,
    /// For `http` addresses.
    pub http: Option<String>,
    /// Hosts, domains, addresses and networks that are reached without, separated by commas.
    pub exempt: String,
}

impl Proxies {
    /// The proxy on the way to `server`.
    pub(super) fn to(&self, server: &Uri) -> Result<Option<Uri>, ConnectError> {
        let host = server.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let named = match server.scheme_str() {
            Some("https") => self.https.as_deref(),
            _ => self.http.as_deref(),
        };
        let Some(named) = named.filter(|_| !is_here(host) && !self.exempts(host)) else {
            return Ok(None);
        };
        // As curl and Go have it, an address without a scheme is a plain HTTP proxy.
        let url = if named.contains("://") {
            named.to_owned()
        } else {
            format!("http://{named}")
        };
        url.parse().map(Some).map_err(|error| ConnectError::Proxy {
            // Not the address, which may carry a password.
            reason: format!("its address is malformed ({error})"),
        })
    }

    fn exempts(&self, host: &str) -> bool {
        let entries = self.exempt.split(',').map(str::trim);
        entries
            .filter(|entry| !entry.is_empty())
            .any(|entry| covers(entry, host))
    }
}

fn is_here(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Whether one entry of `NO_PROXY` names `host`.
fn covers(entry: &str, host: &str) -> bool {
    if entry == "*" || entry.eq_ignore_ascii_case(host) {
        return true;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return entry
            .split_once('/')
            .is_some_and(|(network, bits)| in_network(address, network, bits));
    }
    let domain = entry.trim_start_matches("*").trim_start_matches('.');
    let (host, domain) = (host.to_ascii_lowercase(), domain.to_ascii_lowercase());
    // `.example.com` is for what lies below it, `example.com` for itself as well.
    (host == domain && !entry.starts_with(['.', '*']))
        || host
            .strip_suffix(&domain)
            .is_some_and(|rest| rest.ends_with('.'))
}

fn in_network(address: IpAddr, network: &str, bits: &str) -> bool {
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else {
        return false;
    };
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let differing = u32::from(address) ^ u32::from(network);
            bits <= 32 && differing.checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let differing = u128::from(address) ^ u128::from(network);
            bits <= 128 && differing.checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(exempt: &str, server: &str) -> Option<String> {
        let proxies = Proxies {
            https: Some("http://secure.example:3128".to_owned()),
            http: Some("plain.example:3128".to_owned()),
            exempt: exempt.to_owned(),
        };
        let found = proxies.to(&server.parse().unwrap()).unwrap();
        found.map(|url| url.host().unwrap().to_owned())
    }

    #[test]
    fn the_proxy_is_the_one_of_the_scheme() {
        let found = |server| proxy("", server).unwrap();
        assert_eq!(found("https://10.0.0.1:6443"), "secure.example");
        assert_eq!(found("http://10.0.0.1:8080"), "plain.example");
    }

    #[test]
    fn nothing_stands_between_us_and_this_machine() {
        for server in [
            "http://127.0.0.1:4",
            "https://localhost:4",
            "https://[::1]:4",
        ] {
            assert_eq!(proxy("", server), None, "{server}");
        }
    }

    #[test]
    fn no_proxy_names_hosts_domains_and_networks() {
        for (exempt, server, reached_directly) in [
            ("*", "https://a.example", true),
            ("a.example", "https://a.example:6443", true),
            ("example", "https://a.example", true),
            (".example", "https://a.example", true),
            (".a.example", "https://a.example", false),
            ("b.example, ple", "https://a.example", false),
            ("10.0.0.0/8", "https://10.9.8.7:6443", true),
            ("10.0.0.0/8", "https://11.0.0.1", false),
            ("0.0.0.0/0", "https://11.0.0.1", true),
            ("fd00::/8", "https://[fd00::1]:6443", true),
            ("10.0.0.0/80,nonsense/8", "https://10.0.0.1", false),
        ] {
            let direct = proxy(exempt, server).is_none();
            assert_eq!(direct, reached_directly, "{exempt} {server}");
        }
    }
}
