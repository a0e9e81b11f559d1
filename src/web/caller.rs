//! Who calls, for the limit on logins: an address, and whether it is this machine itself.
//!
//! The address is the connection's. With `--public-url` there is a proxy or a tunnel in between, and every visitor
//! would come from its address; then the last entry of `X-Forwarded-For` counts, which is the one that the proxy itself
//! wrote. Whoever reaches us past the proxy can forge it, and gains no more than the tries of many addresses, which the
//! limit over everybody holds. A proxy that writes no such header makes all its visitors one caller: they share one
//! wait, and a stranger can then keep the speaker from logging in through the proxy; an open session goes on, and a
//! browser on this machine logs in without the proxy.

use super::qr::RoomAddress;
use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    address: IpAddr,
    here: bool,
}

impl Caller {
    /// Somebody at `address`, who is not taken for the speaker's machine even when it is a loopback address.
    #[must_use]
    pub fn at(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self {
            address,
            here: false,
        }
    }

    /// A program on this machine that asks without a proxy.
    #[must_use]
    pub fn here() -> Self {
        Self {
            address: Ipv4Addr::LOCALHOST.into(),
            here: true,
        }
    }

    /// The caller of a request.
    #[must_use]
    pub fn of(parts: &Parts, room: &RoomAddress) -> Self {
        let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        // Unknown only where no connection is, as in a test of the router: then everybody is one stranger.
        let peer = connection.map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| {
            peer.0.ip().to_canonical()
        });
        let forwarded = forwarded_for(parts);
        match forwarded {
            Some(last) if room.has_public_url() => Self::at(last.unwrap_or(peer)),
            _ => Self {
                address: peer,
                here: peer.is_loopback() && forwarded.is_none(),
            },
        }
    }

    /// Whether the request was made on this machine, without a proxy.
    #[must_use]
    pub fn is_here(self) -> bool {
        self.here
    }
}

/// The address that the last proxy talked to: `None` without a proxy, `Some(None)` when it cannot be read.
fn forwarded_for(parts: &Parts) -> Option<Option<IpAddr>> {
    let last = parts.headers.get_all("x-forwarded-for").iter().next_back();
    if let Some(last) = last {
        let last = last.to_str().unwrap_or_default();
        return Some(last.rsplit(',').next().unwrap_or(last).trim().parse().ok());
    }
    parts.headers.contains_key("forwarded").then_some(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(peer: &str, header: Option<(&str, &str)>, public: bool) -> Caller {
        let mut request = axum::http::Request::new(());
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        if let Some((name, value)) = header {
            let name: axum::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let url = public.then(|| "https://talk.example.org/".parse().unwrap());
        let room = RoomAddress::new("127.0.0.1:3030".parse().unwrap(), url);
        Caller::of(&request.into_parts().0, &room)
    }

    fn at(address: &str) -> Caller {
        Caller::at(address.parse().unwrap())
    }

    #[test]
    fn without_a_proxy_the_caller_is_the_connections_address() {
        assert_eq!(caller("10.1.2.3:5000", None, false), at("10.1.2.3"));
        assert_eq!(
            caller("[::ffff:10.1.2.3]:5000", None, false),
            at("10.1.2.3")
        );
        assert_eq!(caller("127.0.0.1:5000", None, false), Caller::here());
        let forged = Some(("x-forwarded-for", "127.0.0.1"));
        assert_eq!(caller("10.1.2.3:5000", forged, false), at("10.1.2.3"));
    }

    #[test]
    fn behind_a_proxy_the_caller_is_whom_the_proxy_names_last_and_never_this_machine() {
        let two = Some(("x-forwarded-for", "127.0.0.1, 203.0.113.7"));
        assert_eq!(caller("127.0.0.1:5000", two, true), at("203.0.113.7"));
        for header in [
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-for", "nonsense"),
            ("forwarded", "for=127.0.0.1"),
        ] {
            let proxied = caller("127.0.0.1:5000", Some(header), true);
            assert_eq!(proxied, at("127.0.0.1"), "{header:?}");
            assert!(!proxied.is_here());
        }
    }
}
