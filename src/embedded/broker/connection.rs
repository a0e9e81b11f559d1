//! One client's socket: reads requests, lets the session handle them, writes the replies.
//!
//! All requests that have arrived are handled before anything is written, so a pipeline costs one write; the replies
//! collected are bounded, and writing waits for the peer, so a client that does not read holds only its own task.

use super::limits::{REPLY_BUFFER, STALL, TIME_TO_AUTHENTICATE};
use super::reply::Reply;
use super::request::{ProtocolError, next_request};
use super::session::{Session, Step};
use bytes::BytesMut;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

/// Whether the connection goes on.
enum Next {
    Continue,
    Close,
}

/// A client's connection.
pub(super) struct Connection {
    stream: TcpStream,
    session: Session,
    input: BytesMut,
    output: BytesMut,
    began: Instant,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, session: Session) -> Self {
        Self {
            stream,
            session,
            input: BytesMut::with_capacity(16 << 10),
            output: BytesMut::new(),
            began: Instant::now(),
        }
    }

    /// Serves the client until it leaves, errs, or the task is dropped.
    pub(super) async fn serve(mut self) {
        // A peer that resets or vanishes is everyday life and nobody's error.
        let _ = self.talk().await;
        self.session.end();
    }

    async fn talk(&mut self) -> io::Result<()> {
        loop {
            if let Next::Close = self.handle_arrived().await? {
                return self.stream.shutdown().await;
            }
            self.flush().await?;
            if self.read().await? == 0 {
                return Ok(());
            }
        }
    }

    async fn handle_arrived(&mut self) -> io::Result<Next> {
        loop {
            let step = match next_request(&mut self.input, self.session.limits()) {
                Ok(None) => return Ok(Next::Continue),
                Ok(Some(request)) => self.session.handle(request),
                Err(error) => protocol_error(&error),
            };
            match step {
                Step::Reply(reply) => self.push(&reply),
                Step::Wait { reply, wait } => {
                    let Some(reply) = self.wait(reply, wait).await? else {
                        return Ok(Next::Close);
                    };
                    self.push(&reply);
                }
                Step::Close(reply) => {
                    self.push(&reply);
                    self.flush().await?;
                    return Ok(Next::Close);
                }
                Step::Shutdown => {
                    self.session.shared.stop.cancel();
                    return Ok(Next::Close);
                }
            }
            if self.output.len() >= REPLY_BUFFER {
                self.flush().await?;
            }
        }
    }

    /// Waits for the reply of a blocking command; `None` when the client is gone.
    async fn wait(
        &mut self,
        mut reply: oneshot::Receiver<Reply>,
        wait: Option<Duration>,
    ) -> io::Result<Option<Reply>> {
        self.flush().await?;
        let timeout = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(timeout);
        loop {
            // A client that pipelines on while it is blocked is read no further than its limit.
            let room = self.input.len() < self.session.limits().request();
            tokio::select! {
                found = &mut reply => return Ok(found.ok()),
                () = &mut timeout => {
                    let served = !self.session.shared.lock().room.leave(self.session.id);
                    // Served in the very moment the time ran out: the element is ours and must be answered.
                    return Ok(if served { reply.try_recv().ok() } else { Some(Reply::NilArray) });
                }
                read = self.stream.read_buf(&mut self.input), if room => if read? == 0 {
                    return Ok(None);
                }
            }
        }
    }

    async fn read(&mut self) -> io::Result<usize> {
        if self.input.len() >= self.session.limits().request() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        // A large request arrives in large steps: each step looks at the request from its start.
        self.input
            .reserve(self.input.len().clamp(16 << 10, 4 << 20));
        let reading = self.stream.read_buf(&mut self.input);
        if self.session.authenticated {
            return reading.await;
        }
        timeout_at(self.began + TIME_TO_AUTHENTICATE, reading).await?
    }

    fn push(&mut self, reply: &Reply) {
        reply.encode(self.session.protocol, &mut self.output);
    }

    async fn flush(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            timeout(STALL, self.stream.write_buf(&mut self.output)).await??;
        }
        Ok(())
    }
}

fn protocol_error(error: &ProtocolError) -> Step {
    Step::Close(Reply::Error(format!("ERR Protocol error: {error}")))
}
