//! Who gets in, and who does not, tried as a stranger would. `SECURITY.md` says which promise each test holds.

mod children;
mod connections;
mod files;
mod login;
mod origin;
mod promises;
mod rotation;
mod secrets;
mod slides;

use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// What a server says to bytes that no well-behaved client would send.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Head and body.
    pub(crate) text: String,
}

impl Answer {
    /// A header's value; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default();
        head.lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(given, _)| given.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value)
    }
}

/// `host:port` of a server's URL.
pub(crate) fn authority(url: &str) -> &str {
    url.trim_start_matches("http://").trim_end_matches('/')
}

/// Sends `head` as it is (with a Host and an end), from a loopback address of one's choice.
pub(crate) async fn raw_from(source: &str, url: &str, head: &[u8]) -> Answer {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{source}:0").parse().unwrap()).unwrap();
    let authority = authority(url);
    let mut stream: TcpStream = socket.connect(authority.parse().unwrap()).await.unwrap();
    stream.write_all(head).await.unwrap();
    let rest = format!("Host: {authority}\r\nConnection: close\r\n\r\n");
    stream.write_all(rest.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    let read = tokio::time::timeout(Duration::from_secs(10), read).await;
    let _ = read.expect("the server answers and closes");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok());
    Answer {
        status: status.unwrap_or_else(|| panic!("no answer but {text:?}")),
        text,
    }
}

/// A GET of `target` with more headers, each line ended.
pub(crate) async fn get_from(source: &str, url: &str, target: &str, headers: &str) -> Answer {
    let head = format!("GET {target} HTTP/1.1\r\n{headers}");
    raw_from(source, url, head.as_bytes()).await
}
