//! `pods/portforward`: a connection to a port of a pod, carried in a WebSocket.
//!
//! The subprotocol is `v4.channel.k8s.io`, which `kube` and most libraries speak: the nth port has channel 2n for its
//! bytes and 2n + 1 for one message of what went wrong, each opened by the port's number in two bytes. `kubectl` wants
//! SPDY, inside a WebSocket or bare, and is refused as by a server that is too old for it.
//!
//! A pod's ports are those that its containers declare; nothing else on this machine can be reached this way. The
//! kubelet may have given a process another port than it declares, so both numbers lead to it.

use super::error::ApiError;
use super::request::Target;
use super::{Api, Call};
use crate::embedded::kubelet::PORT_ANNOTATION;
use crate::embedded::store::{self, StoreError};
use crate::server::Takeover;
use axum::body::{Body, Bytes};
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Response;
use bytes::{BufMut, BytesMut};
use futures::{Sink, SinkExt as _, Stream, StreamExt as _};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

const PROTOCOL: &str = "v4.channel.k8s.io";

/// How many forwards there may be at a time. The listener's own census no longer counts a connection that has changed
/// its protocol.
pub(super) const FORWARDS: usize = 256;

/// The most ports in one request, as `kube` has it; a channel's number is one byte.
const PORTS: usize = 128;

/// The largest message from the client; `kube` sends four KiB at a time.
const LARGEST_MESSAGE: usize = 1024 * 1024;

/// How much is read from a pod for one message.
const PIECE: usize = 32 * 1024;

/// How many messages wait for a client that reads slowly; then the pod waits too.
const QUEUED: usize = 16;

/// A port that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Port {
    /// As the client calls it.
    asked: u16,
    /// Where the pod's process listens.
    actual: u16,
}

/// Answers with `101 Switching Protocols`, and carries bytes from then on.
pub(super) fn start(api: &Api, call: &mut Call, target: &Target) -> Result<Response, ApiError> {
    let key = target.key(target.name.as_deref().unwrap_or_default());
    let pod = api.store.get(&key).ok_or(StoreError::NotFound(key))?;
    let ports = ports(&pod, call.query.text("ports"))?;
    let accept = accept(&call.headers)?;
    let takeover = call.takeover.take().ok_or_else(|| {
        ApiError::BadRequest("this connection cannot change its protocol".to_owned())
    })?;
    let place =
        api.forwards.clone().try_acquire_owned().map_err(|_| {
            ApiError::BadRequest(format!("there are {FORWARDS} port-forwards already"))
        })?;
    let shutdown = api.shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = hold(takeover, ports, place) => {}
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    };
    set(CONNECTION, "Upgrade");
    set(UPGRADE, "websocket");
    set(SEC_WEBSOCKET_ACCEPT, &accept);
    set(SEC_WEBSOCKET_PROTOCOL, PROTOCOL);
    Ok(response)
}

/// Checks the client's side of the handshake, and gives the answer to its key.
fn accept(headers: &HeaderMap) -> Result<String, ApiError> {
    let text = |name: HeaderName| {
        let values = headers.get_all(name).into_iter();
        let values: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
        values.join(",")
    };
    if !text(UPGRADE).eq_ignore_ascii_case("websocket") {
        return Err(ApiError::BadRequest("Upgrade request required".to_owned()));
    }
    let offered = text(SEC_WEBSOCKET_PROTOCOL);
    if !offered.split(',').any(|name| name.trim() == PROTOCOL) {
        return Err(ApiError::BadRequest(format!(
            "unable to upgrade: {offered:?} is not served here, {PROTOCOL} is"
        )));
    }
    match headers.get(SEC_WEBSOCKET_KEY) {
        Some(key) => Ok(derive_accept_key(key.as_bytes())),
        None => Err(ApiError::BadRequest(
            "unable to upgrade: Sec-WebSocket-Key is missing".to_owned(),
        )),
    }
}

/// The ports in `asked` (`6379,8080`), if they are the pod's and it runs.
fn ports(pod: &Value, asked: &str) -> Result<Vec<Port>, ApiError> {
    let refuse = |message: String| Err(ApiError::BadRequest(message));
    let phase = pod["status"]["phase"].as_str().unwrap_or_default();
    if phase != "Running" {
        return refuse(format!(
            "unable to forward port because pod is not running. Current status={phase}"
        ));
    }
    let own = declared(pod);
    let mut ports = Vec::new();
    for text in asked.split(',') {
        let port = text.trim().parse().ok().and_then(|asked: u16| {
            own.iter()
                .find(|port| port.asked == asked || port.actual == asked)
                .map(|port| Port { asked, ..*port })
        });
        match port {
            Some(port) => ports.push(port),
            None => {
                return refuse(format!(
                    "port {text:?} is none of the ports that pod {} declares",
                    store::name(pod)
                ));
            }
        }
    }
    let different: BTreeSet<u16> = ports.iter().map(|port| port.asked).collect();
    if different.len() != ports.len() || ports.len() > PORTS {
        return refuse(format!("give at most {PORTS} ports, each once"));
    }
    Ok(ports)
}

/// The ports that the pod's containers declare, and where the kubelet put them.
fn declared(pod: &Value) -> Vec<Port> {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let numbers = containers
        .filter_map(|container| container["ports"].as_array())
        .flatten()
        .filter_map(|port| u16::try_from(port["containerPort"].as_u64()?).ok());
    numbers
        .map(|asked| {
            let mapped = &pod["metadata"]["annotations"][format!("{PORT_ANNOTATION}{asked}")];
            let mapped = mapped.as_str().and_then(|port| port.parse().ok());
            Port {
                asked,
                actual: mapped.unwrap_or(asked),
            }
        })
        .collect()
}

async fn hold(takeover: Takeover, ports: Vec<Port>, _place: OwnedSemaphorePermit) {
    // A client that left before the protocol changed has nothing to be told.
    let Some(stream) = takeover.stream().await else {
        return;
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(LARGEST_MESSAGE))
        .max_frame_size(Some(LARGEST_MESSAGE));
    let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    let (to_client, from_client) = socket.split();
    carry(to_client, from_client, &ports).await;
}

/// Carries bytes both ways until the client closes or every port has ended.
async fn carry<S, R, E>(mut to_client: S, from_client: R, ports: &[Port])
where
    S: Sink<Message> + Unpin,
    R: Stream<Item = Result<Message, E>> + Unpin,
{
    let (frames, mut queued) = mpsc::channel(QUEUED);
    let mut pumps = JoinSet::new();
    let mut inlets = Vec::new();
    for (port, channel) in ports.iter().zip((0..=u8::MAX).step_by(2)) {
        for opened in [channel, channel + 1] {
            let opening = frame(opened, &port.asked.to_le_bytes());
            if to_client.send(opening).await.is_err() {
                return;
            }
        }
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port.actual)).await;
        inlets.push(match stream {
            Ok(stream) => {
                let (outlet, inlet) = stream.into_split();
                pumps.spawn(pump(channel, outlet, frames.clone()));
                Some(inlet)
            }
            Err(error) => {
                let reason = format!("cannot reach port {}: {error}", port.asked);
                let told = frames.try_send(frame(channel + 1, reason.as_bytes()));
                tracing::debug!(?told, "{reason}");
                None
            }
        });
    }
    drop(frames);
    let outgoing = async {
        while let Some(message) = queued.recv().await {
            if to_client.send(message).await.is_err() {
                return;
            }
        }
        // The client may be gone as well, and then needs no goodbye.
        let _ = to_client.send(Message::Close(None)).await;
    };
    tokio::select! {
        () = outgoing => {}
        () = deliver(from_client, inlets) => {}
    }
}

/// Reads a port to its end.
async fn pump(channel: u8, mut outlet: OwnedReadHalf, frames: mpsc::Sender<Message>) {
    let mut piece = vec![0; PIECE];
    // An error ends the port as its end does.
    while let Ok(length @ 1..) = outlet.read(&mut piece).await {
        if frames.send(frame(channel, &piece[..length])).await.is_err() {
            return;
        }
    }
}

/// Writes to the ports what the client sends, until it closes or breaks off.
async fn deliver<R, E>(mut from_client: R, mut inlets: Vec<Option<OwnedWriteHalf>>)
where
    R: Stream<Item = Result<Message, E>> + Unpin,
{
    while let Some(Ok(message)) = from_client.next().await {
        let Message::Binary(bytes) = message else {
            if message.is_close() {
                return;
            }
            continue;
        };
        let Some((channel, bytes)) = bytes.split_first() else {
            continue;
        };
        // Odd channels are ours to speak on.
        let slot = inlets.get_mut(usize::from(channel / 2));
        if let Some(slot) = slot.filter(|_| channel % 2 == 0)
            && let Some(inlet) = slot
            && inlet.write_all(bytes).await.is_err()
        {
            *slot = None;
        }
    }
}

fn frame(channel: u8, bytes: &[u8]) -> Message {
    let mut frame = BytesMut::with_capacity(1 + bytes.len());
    frame.put_u8(channel);
    frame.put_slice(bytes);
    Message::Binary(Bytes::from(frame))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod() -> Value {
        json!({
            "metadata": {"name": "redis", "annotations": {(format!("{PORT_ANNOTATION}6379")): "41000"}},
            "spec": {"containers": [{"ports": [{"containerPort": 6379}, {"containerPort": 80}]}]},
            "status": {"phase": "Running"},
        })
    }

    #[test]
    fn only_ports_that_the_pod_declares_can_be_reached_by_either_of_their_numbers() {
        let redis = |asked| Port {
            asked,
            actual: 41_000,
        };
        assert_eq!(ports(&pod(), "6379").unwrap(), [redis(6379)]);
        assert_eq!(ports(&pod(), "41000").unwrap(), [redis(41_000)]);
        let web = Port {
            asked: 80,
            actual: 80,
        };
        assert_eq!(ports(&pod(), "41000,80").unwrap(), [redis(41_000), web]);
        for refused in ["22", "", "x", "6379,6379", "70000"] {
            assert!(ports(&pod(), refused).is_err(), "{refused}");
        }
        let mut waiting = pod();
        waiting["status"]["phase"] = json!("Pending");
        let refused = ports(&waiting, "6379").unwrap_err().to_string();
        assert!(refused.ends_with("Current status=Pending"), "{refused}");
    }

    #[test]
    fn another_protocol_than_the_librarys_is_refused_by_name() {
        let mut headers = HeaderMap::new();
        assert!(accept(&headers).is_err());
        headers.insert(UPGRADE, "websocket".parse().unwrap());
        headers.insert(
            SEC_WEBSOCKET_KEY,
            "dGhlIHNhbXBsZSBub25jZQ==".parse().unwrap(),
        );
        headers.insert(
            SEC_WEBSOCKET_PROTOCOL,
            "SPDY/3.1+portforward.k8s.io".parse().unwrap(),
        );
        let refused = accept(&headers).unwrap_err().to_string();
        assert!(refused.contains("SPDY/3.1+portforward.k8s.io"), "{refused}");
        let offered = "v5.channel.k8s.io, v4.channel.k8s.io";
        headers.insert(SEC_WEBSOCKET_PROTOCOL, offered.parse().unwrap());
        // The example of RFC 6455, 1.3.
        assert_eq!(accept(&headers).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
