//! A way to a server that can be shut, stalled and opened again: TCP, byte for byte.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// What becomes of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// They pass.
    Open,
    /// They wait, and nobody is told: the cable is pulled.
    Stalled,
    /// Connections are closed and new ones refused: the server is gone.
    Shut,
}

/// The way. It closes when dropped.
pub(super) struct Gate {
    pub(super) address: SocketAddr,
    way: watch::Sender<Way>,
    _stop: DropGuard,
}

impl Gate {
    pub(super) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (way, seen) = watch::channel(Way::Open);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            stopped
                .run_until_cancelled(keep(listener, server, seen))
                .await
        });
        Self {
            address,
            way,
            _stop: stop.drop_guard(),
        }
    }

    pub(super) fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

async fn keep(listener: TcpListener, server: SocketAddr, mut way: watch::Receiver<Way>) {
    let address = listener.local_addr().unwrap();
    let mut listener = Some(listener);
    loop {
        if *way.borrow_and_update() == Way::Shut {
            listener = None;
            if way.wait_for(|way| *way != Way::Shut).await.is_err() {
                return;
            }
        }
        if listener.is_none() {
            listener = Some(TcpListener::bind(address).await.unwrap());
        }
        tokio::select! {
            client = listener.as_ref().unwrap().accept() => {
                let (client, _) = client.unwrap();
                tokio::spawn(pass(client, server, way.clone()));
            }
            changed = way.changed() => if changed.is_err() { return },
        }
    }
}

async fn pass(client: TcpStream, server: SocketAddr, mut way: watch::Receiver<Way>) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let shut = async {
        let _ = way.clone().wait_for(|way| *way == Way::Shut).await;
    };
    let there = copy(from_client, to_server, way.clone());
    let back = copy(from_server, to_client, way.clone());
    tokio::select! {
        () = shut => {}
        () = there => {}
        () = back => {}
    }
    // A stalled way does not even tell that somebody hung up.
    let _ = way.wait_for(|way| *way != Way::Stalled).await;
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: watch::Receiver<Way>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        if way.wait_for(|way| *way == Way::Open).await.is_err() || read == 0 {
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
