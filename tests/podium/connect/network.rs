//! API servers that are not there, do not answer, or are reached through a proxy.

use super::{Desk, PATIENCE, api, says};
use crate::talk::Talk;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

#[tokio::test]
async fn an_api_server_that_is_not_there_is_known_within_seconds() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    // It takes connections, as the operating system does for it, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = (format!("http://{}", silent.local_addr().unwrap()), silent);
    let desk = Desk::new();
    for (server, parts) in [
        (
            refused.as_str(),
            &["refused", "is the cluster running?", "kubectl version"][..],
        ),
        (
            "http://cluster.invalid:6443",
            &["cluster.invalid", "no such host", "VPN"],
        ),
        (&silent.0, &["no answer within 5 s", "firewall"]),
    ] {
        let config = desk.config(server, "", "token: t");
        let begun = Instant::now();
        let output = desk.podium(&config, &["queue-depth"]).await;
        says(
            Desk::complaint(&output),
            &["cannot reach the Kubernetes API at", server],
        );
        says(&output.stderr, parts);
        assert!(
            begun.elapsed() < PATIENCE,
            "{server}: {:?}",
            begun.elapsed()
        );
    }
}

/// A proxy that knows `CONNECT`: it leads everybody to `server`, and notes where they wanted to go.
struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    _stop: DropGuard,
}

impl Proxy {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::default();
        let stop = CancellationToken::new();
        let (stopped, noted) = (stop.clone(), Arc::clone(&asked));
        tokio::spawn(stopped.run_until_cancelled_owned(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(tunnel(client, server, Arc::clone(&noted)));
            }
        }));
        Self {
            address,
            asked,
            _stop: stop.drop_guard(),
        }
    }
}

async fn tunnel(client: TcpStream, server: SocketAddr, asked: Arc<Mutex<Vec<String>>>) {
    let mut client = BufReader::new(client);
    let mut first = String::new();
    client.read_line(&mut first).await.unwrap();
    asked.lock().unwrap().push(first.trim().to_owned());
    let mut line = String::new();
    while client.read_line(&mut line).await.unwrap() > 2 {
        line.clear();
    }
    let mut server = TcpStream::connect(server).await.unwrap();
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

#[tokio::test]
async fn a_proxy_is_used_as_the_kubeconfig_or_the_environment_says_and_never_for_this_machine() {
    let talk = Talk::start().await;
    let (address, token) = api(&talk);
    let proxy = Proxy::to(address).await;
    let (desk, token) = (Desk::new(), format!("token: {token}"));
    let through = format!("http://{}", proxy.address);
    let asked = || std::mem::take(&mut *proxy.asked.lock().unwrap());

    let own = desk.config(
        "http://cluster.example:6443",
        &format!(", proxy-url: \"{through}\""),
        &token,
    );
    let status = desk.podium(&own, &["status"]).await;
    assert_eq!(status.code, Some(0), "{status:?}");
    says(&asked()[0], &["CONNECT cluster.example:6443"]);

    let plain = desk.config("http://cluster.example:6443", "", &token);
    let variables = [("http_proxy", through.as_str())];
    let status = desk.podium_with(&plain, &variables, &["status"]).await;
    assert_eq!(status.code, Some(0), "{status:?}");
    says(&asked()[0], &["CONNECT cluster.example:6443"]);

    let exempt = [
        ("http_proxy", through.as_str()),
        ("NO_PROXY", "b.example, .example"),
    ];
    let status = desk.podium_with(&plain, &exempt, &["status"]).await;
    says(&status.stdout, &["no such host"]);

    let here = desk.config(&format!("http://{address}"), "", &token);
    let both = [
        ("HTTP_PROXY", through.as_str()),
        ("HTTPS_PROXY", through.as_str()),
    ];
    let status = desk.podium_with(&here, &both, &["status"]).await;
    assert_eq!(status.code, Some(0), "{status:?}");
    assert!(
        asked().is_empty(),
        "nothing for this machine goes through a proxy"
    );
}

/// Something that answers whatever it is asked with these bytes, and hangs up.
async fn answering(answer: &'static [u8]) -> (SocketAddr, DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(stopped.run_until_cancelled_owned(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let mut client = BufReader::new(client);
            let mut line = String::new();
            while client.read_line(&mut line).await.is_ok_and(|read| read > 2) {
                line.clear();
            }
            // Who is answered may have gone.
            let _ = client.write_all(answer).await;
        }
    }));
    (address, stop.drop_guard())
}

#[tokio::test]
async fn a_proxy_that_refuses_asks_for_a_password_hangs_up_or_is_away_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let away = free.local_addr().unwrap();
    drop(free);
    let (refusing, _a) = answering(b"HTTP/1.1 403 Forbidden\r\n\r\n").await;
    let (asking, _b) = answering(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
    let (silent, _c) = answering(b"").await;
    let desk = Desk::new();
    for (proxy, parts) in [
        (
            format!("http://{refusing}"),
            &["refuses to lead there", "NO_PROXY names the hosts"][..],
        ),
        (
            format!("http://me:hidden@{asking}"),
            &["asks for a name and a password", "NAME:PASSWORD@HOST:PORT"],
        ),
        (
            format!("http://{silent}"),
            &["does not lead there (", "proxy-url"],
        ),
        (
            format!("http://{away}"),
            &["is not reached (", "refused", "whether that proxy runs"],
        ),
        (
            format!("socks5://{away}"),
            &["is not reached (", "whether that proxy runs"],
        ),
    ] {
        let shown = format!("the proxy {}", proxy.replace("me:hidden@", ""));
        let field = format!(", proxy-url: \"{proxy}\"");
        let own = desk.config("https://cluster.example:6443", &field, "token: t");
        let output = desk.podium(&own, &["queue-depth"]).await;
        let at = "cannot reach the Kubernetes API at https://cluster.example:6443";
        says(Desk::complaint(&output), &[at, &shown]);
        says(&output.stderr, parts);
        assert!(!output.stderr.contains("hidden"), "{output:?}");
        let plain = desk.config("https://cluster.example:6443", "", "token: t");
        let variables = [("HTTPS_PROXY", proxy.as_str())];
        let status = desk.podium_with(&plain, &variables, &["status"]).await;
        says(&status.stdout, &["✗ Kubernetes API", &shown]);
        says(&status.stdout, parts);
    }
}

#[tokio::test]
async fn a_server_that_speaks_something_else_or_hangs_up_is_told_from_one_that_is_away() {
    let (other, _a) = answering(b"SSH-2.0-OpenSSH_9.6\r\n").await;
    let (silent, _b) = answering(b"").await;
    let desk = Desk::new();
    for (server, parts) in [
        (other, &["does not speak HTTP there", "check the port"]),
        (silent, &["the connection was cut", "trying again"]),
    ] {
        let config = desk.config(&format!("http://{server}"), "", "token: t");
        let output = desk.podium(&config, &["queue-depth"]).await;
        says(Desk::complaint(&output), parts);
    }
}

#[tokio::test]
async fn a_proxy_that_is_none_is_told_from_a_cluster_that_is_away() {
    let desk = Desk::new();
    let config = desk.config(
        "http://cluster.example:6443",
        ", proxy-url: \"ftp://127.0.0.1:9\"",
        "token: t",
    );
    let output = desk.podium(&config, &["queue-depth"]).await;
    says(
        Desk::complaint(&output),
        &["proxy", "http://HOST:PORT", "proxy-url"],
    );
}
