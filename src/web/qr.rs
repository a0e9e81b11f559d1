//! `/qr` and `/qr.svg`: how the room gets here.
//!
//! The address is found when it is asked for, not at start: a laptop joins the hall's network minutes before the talk.
//! A server that listens on this machine alone has no address for the room. Then no code is shown anywhere, because
//! one that leads each phone to itself is worse than none, and the speaker is told what to do.

use super::auth::MaybeSpeaker;
use super::error::Error;
use super::guard::Hosts;
use crate::config::PublicUrl;
use askama::Template;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use qrcodegen::{QrCode, QrCodeEcc};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

/// The quiet zone that ISO/IEC 18004 asks for, in modules.
const QUIET: i32 = 4;

/// Where this server is found. Clones share it.
#[derive(Clone)]
pub struct RoomAddress(Arc<Known>);

struct Known {
    listen: SocketAddr,
    public: Option<PublicUrl>,
}

/// Who can reach this server, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The room, at this URL.
    Room(String),
    /// Browsers on this machine alone: it listens on loopback.
    ThisMachine(String),
    /// Browsers on this machine alone for now: it has no network.
    Offline(String),
}

impl Reach {
    /// The URL, with a slash at its end.
    #[must_use]
    pub fn url(&self) -> &str {
        match self {
            Self::Room(url) | Self::ThisMachine(url) | Self::Offline(url) => url,
        }
    }

    /// Why the room cannot come, and what the speaker does about it.
    fn obstacle(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Room(_) => None,
            Self::ThisMachine(_) => Some((
                "Phones cannot reach this talk: it listens on this machine alone.",
                "Start it with --listen 0.0.0.0:3030, or name a tunnel's address with --public-url.",
            )),
            Self::Offline(_) => Some((
                "Phones cannot reach this talk: this machine has no network.",
                "Join the room's network, then show the code again.",
            )),
        }
    }
}

impl RoomAddress {
    /// The address of a server that listens on `listen`; `public` is what the speaker says it is reached by.
    #[must_use]
    pub fn new(listen: SocketAddr, public: Option<PublicUrl>) -> Self {
        Self(Arc::new(Known { listen, public }))
    }

    /// The URL on this machine. Loopback where it can be: browsers trust it like HTTPS, and keep the screen awake.
    #[must_use]
    pub fn here(&self) -> String {
        let listen = self.0.listen;
        match listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => url(Ipv4Addr::LOCALHOST.into(), listen.port()),
            IpAddr::V6(ip) if ip.is_unspecified() => url(Ipv6Addr::LOCALHOST.into(), listen.port()),
            ip => url(ip, listen.port()),
        }
    }

    /// Who can reach this server now.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.reach_by(outward)
    }

    /// `outward` finds the machine's own address on the network, if it is on one.
    fn reach_by(&self, outward: impl Fn(IpAddr) -> Option<IpAddr>) -> Reach {
        let listen = self.0.listen;
        if let Some(public) = &self.0.public {
            return Reach::Room(public.to_string());
        }
        if listen.ip().is_loopback() {
            return Reach::ThisMachine(self.here());
        }
        if !listen.ip().is_unspecified() {
            return Reach::Room(url(listen.ip(), listen.port()));
        }
        match outward(listen.ip()) {
            Some(ip) => Reach::Room(url(ip, listen.port())),
            None => Reach::Offline(self.here()),
        }
    }

    /// Whether an origin's host and port are those of `--public-url`.
    #[must_use]
    pub fn is_public(&self, authority: &str) -> bool {
        let public = self.0.public.as_ref();
        public.is_some_and(|public| public.authority() == authority)
    }

    /// Whether the room comes by way of `--public-url`.
    #[must_use]
    pub fn has_public_url(&self) -> bool {
        self.0.public.is_some()
    }

    /// Whether the room's way to us is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.0.public.as_ref().is_some_and(PublicUrl::is_https)
    }

    /// The hosts that a request may name.
    #[must_use]
    pub fn hosts(&self) -> Hosts {
        Hosts::new(self.0.listen, self.0.public.as_ref())
    }
}

fn url(ip: IpAddr, port: u16) -> String {
    format!("http://{}/", SocketAddr::new(ip, port))
}

/// The machine's address on the way out. Connecting a UDP socket sends nothing: it only asks the system which of its
/// addresses it would use to a documentation address. IPv4 first, as that is what rooms have.
fn outward(listen: IpAddr) -> Option<IpAddr> {
    let v4 = || own_address((Ipv4Addr::UNSPECIFIED, 0), (Ipv4Addr::new(192, 0, 2, 1), 9));
    let v6 = || {
        let far = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
        own_address((Ipv6Addr::UNSPECIFIED, 0), (far, 9))
    };
    if listen.is_ipv4() {
        v4()
    } else {
        v4().or_else(v6)
    }
}

fn own_address<A: std::net::ToSocketAddrs>(from: A, to: A) -> Option<IpAddr> {
    let socket = UdpSocket::bind(from).ok()?;
    socket.connect(to).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    Some(ip).filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
}

#[derive(Template)]
#[template(path = "qr.html")]
struct QrPage<'a> {
    url: &'a str,
    /// As people say it: without what every browser adds.
    spoken: &'a str,
    obstacle: Option<(&'static str, &'static str)>,
    speaker: bool,
}

/// `/qr`: the code with its address in large type; the deck shows the same over its slides.
///
/// # Errors
/// [`Error::Rendering`].
pub async fn page(
    State(room): State<RoomAddress>,
    MaybeSpeaker(speaker): MaybeSpeaker,
) -> Result<Response, Error> {
    let reach = room.reach();
    let url = reach.url();
    let page = QrPage {
        url,
        spoken: url.trim_start_matches("http://").trim_end_matches('/'),
        obstacle: reach.obstacle(),
        speaker,
    };
    Ok(([(CACHE_CONTROL, "no-store")], Html(page.render()?)).into_response())
}

/// `/qr.svg`: the code alone, whoever can reach what it says.
pub async fn code(State(room): State<RoomAddress>) -> Response {
    let headers = [(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, "no-store")];
    (headers, svg(room.reach().url())).into_response()
}

/// Dark on white in both themes: half of the phones do not read a light code on dark.
fn svg(text: &str) -> String {
    // Medium: a quarter larger than the least, and a stain or a glare on the screen costs nothing.
    let code = QrCode::encode_text(text, QrCodeEcc::Medium)
        .expect("a URL of at most 120 characters fits a code of 2,000");
    let size = code.size();
    let edge = size + 2 * QUIET;
    let mut path = String::new();
    for y in 0..size {
        let mut x = 0;
        while x < size {
            let run = (x..size).take_while(|&at| code.get_module(at, y)).count() as i32;
            if run > 0 {
                let _ = write!(path, "M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET);
            }
            x += run + 1;
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {edge} {edge}\" role=\"img\" \
         shape-rendering=\"crispEdges\"><title>QR code of {text}</title>\
         <rect width=\"{edge}\" height=\"{edge}\" fill=\"#fff\"/><path d=\"{path}\"/></svg>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(listen: &str, public: Option<&str>) -> RoomAddress {
        let public = public.map(|url| url.parse().unwrap());
        RoomAddress::new(listen.parse().unwrap(), public)
    }

    fn on_a_network(_: IpAddr) -> Option<IpAddr> {
        "192.168.1.20".parse().ok()
    }

    #[track_caller]
    fn check(listen: &str, public: Option<&str>, expected: &Reach) {
        assert_eq!(&room(listen, public).reach_by(on_a_network), expected);
    }

    #[test]
    fn the_room_is_told_the_address_it_can_reach() {
        let at = |url: &str| Reach::Room(url.to_owned());
        check("0.0.0.0:3030", None, &at("http://192.168.1.20:3030/"));
        check("10.1.2.3:80", None, &at("http://10.1.2.3:80/"));
        let public = Some("https://talk.example.org");
        check("127.0.0.1:3030", public, &at("https://talk.example.org/"));
    }

    #[test]
    fn where_the_room_cannot_come_the_reason_is_known() {
        let here = "http://127.0.0.1:3030/".to_owned();
        check("127.0.0.1:3030", None, &Reach::ThisMachine(here.clone()));
        let offline = room("0.0.0.0:3030", None).reach_by(|_| None);
        assert_eq!(offline, Reach::Offline(here));
        assert!(offline.obstacle().is_some());
    }

    #[test]
    fn a_code_is_square_quiet_at_its_edges_and_named() {
        let code = svg("http://192.168.1.20:3030/");
        // Version 2 holds this text: 25 modules and twice the quiet zone.
        assert!(code.contains("viewBox=\"0 0 33 33\""), "{code}");
        assert!(code.contains("<title>QR code of http://192.168.1.20:3030/</title>"));
        // The upper edge of the upper finder patterns, and nothing before it.
        assert!(code.contains("<path d=\"M4 4h7v1h-7z"), "{code}");
    }
}
