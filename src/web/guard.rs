//! What every request and every answer goes through: the host must be ours, the headers must be strict.

use super::error::Error;
use crate::config::PublicUrl;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, HOST, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tower_http::set_header::SetResponseHeaderLayer;

/// Answers go out with these. No inline script or style anywhere, so the policy needs no exceptions.
const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    // Not `no-referrer`: under that policy a form posts `Origin: null`, which tells us nothing.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    // No other page may load ours as its picture or script: on a plain LAN address browsers send no fetch metadata, and
    // this is what keeps them out there.
    ("cross-origin-resource-policy", "same-origin"),
    // A talk needs none of these. What it needs (fullscreen, the wake lock) is not listed and stays our own pages'.
    (
        "permissions-policy",
        "camera=(), microphone=(), geolocation=(), display-capture=(), payment=(), usb=(), serial=(), midi=()",
    ),
];

/// Adds the security headers to an answer.
pub async fn security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    response
}

/// Answers for the speaker alone stay in no cache: the next user of the browser would find them.
#[must_use]
pub fn keep_nowhere() -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

/// The hosts that a request may name.
#[derive(Clone)]
pub struct Hosts(Arc<Listening>);

struct Listening {
    /// Bound to every interface: then any address literal may be ours.
    wide: bool,
    ip: IpAddr,
    /// The name that the speaker says is ours.
    public: Option<String>,
}

impl Hosts {
    /// The hosts of a server that listens on `address` and that the room may know by another name.
    #[must_use]
    pub fn new(address: SocketAddr, public: Option<&PublicUrl>) -> Self {
        Self(Arc::new(Listening {
            wide: address.ip().is_unspecified(),
            ip: address.ip(),
            public: public.map(|url| without_port(url.authority()).to_owned()),
        }))
    }

    /// A page elsewhere can make its own name resolve to us (DNS rebinding), but it cannot choose a literal address,
    /// `localhost` or the name that the speaker gave us.
    fn allows(&self, host: &str) -> bool {
        let name = without_port(host);
        let is_public = |public: &String| name.eq_ignore_ascii_case(public);
        if name.eq_ignore_ascii_case("localhost") || self.0.public.as_ref().is_some_and(is_public) {
            return true;
        }
        let literal = name.trim_start_matches('[').trim_end_matches(']');
        literal
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_loopback() || ip == self.0.ip || self.0.wide)
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Refuses a request for a host that is not ours.
pub async fn check_host(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let host = host_of(request.headers(), request.uri()).unwrap_or_default();
    if hosts.allows(&host) {
        next.run(request).await
    } else {
        Error::UnknownHost(host).into_response()
    }
}

/// The host that a request names.
#[must_use]
pub fn host_of(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let header = headers.get(HOST).and_then(|host| host.to_str().ok());
    header
        .or_else(|| uri.authority().map(axum::http::uri::Authority::as_str))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(listen: &str, host: &str, allowed: bool) {
        let hosts = Hosts::new(listen.parse().unwrap(), None);
        assert_eq!(hosts.allows(host), allowed, "{host} at {listen}");
    }

    #[test]
    fn a_loopback_server_answers_to_loopback_names_only() {
        check("127.0.0.1:3030", "127.0.0.1:3030", true);
        check("127.0.0.1:3030", "localhost:3030", true);
        check("127.0.0.1:3030", "[::1]:3030", true);
        check("127.0.0.1:3030", "rebound.example:3030", false);
        check("127.0.0.1:3030", "192.168.1.20:3030", false);
        check("127.0.0.1:3030", "", false);
    }

    #[test]
    fn a_wide_server_answers_to_any_address_but_to_no_strange_name() {
        check("0.0.0.0:3030", "192.168.1.20:3030", true);
        check("0.0.0.0:3030", "rebound.example", false);
    }

    #[test]
    fn the_public_name_is_ours_at_any_port() {
        let public: PublicUrl = "https://talk.example.org/".parse().unwrap();
        let hosts = Hosts::new("127.0.0.1:3030".parse().unwrap(), Some(&public));
        assert!(hosts.allows("Talk.example.org") && hosts.allows("talk.example.org:443"));
        assert!(!hosts.allows("example.org") && !hosts.allows("evil-talk.example.org"));
    }
}
