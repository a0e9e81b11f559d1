//! A socket whose patience with its peer ends: writing fails once the peer has taken nothing for a while.
//!
//! A viewer whose laptop sleeps, or who means us harm, leaves its connection open and reads nothing. What waits for it
//! is bounded twice, by the operating system's buffer and by hyper's, and then it is dropped. The operating system
//! calls a socket writable again only when a third of its buffer is free, so a peer that takes a byte now and then
//! does not pass for a reader.

use super::limits::Limits;
use rustix::net::sockopt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// A TCP stream with a limit on how long writing may make no progress.
pub(super) struct Patient {
    stream: TcpStream,
    patience: Duration,
    /// Runs while the peer takes nothing. Boxed, for most connections never need it.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    /// Sets the socket up. An option that the operating system refuses makes it slower or more patient, not wrong.
    pub(super) fn new(stream: TcpStream, limits: &Limits) -> Self {
        // A frame is smaller than a packet and must not wait for the answer to the one before it (Nagle's algorithm).
        let _ = stream.set_nodelay(true);
        let _ = sockopt::set_socket_send_buffer_size(&stream, limits.send_buffer_bytes);
        // A peer that vanished without a word takes what fits into the buffer and acknowledges none of it.
        #[cfg(target_os = "linux")]
        let _ = sockopt::set_tcp_user_timeout(
            &stream,
            u32::try_from(limits.stall.as_millis()).unwrap_or(u32::MAX),
        );
        Self {
            stream,
            patience: limits.stall,
            stalled: None,
        }
    }

    /// Lets a finished write through; one that waits may wait so long.
    fn or_give_up<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.or_give_up(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.or_give_up(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
