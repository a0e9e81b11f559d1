//! What one client may make the broker hold.
//!
//! The numbers are Redis's where Redis has one (`PROTO_INLINE_MAX_SIZE`, the limits for clients that have not
//! authenticated); the bulk limit is 64 MB where Redis allows 512, because the broker lives on a speaker's laptop.

use super::request::ProtocolError;
use std::time::Duration;

/// Clients served at a time; the next one is told so and closed.
pub(super) const CLIENTS: usize = 4_096;

/// How long a client may take to give the password. A program gives it at once, a person at `redis-cli` types it; who
/// does neither must not keep one of the places.
pub(super) const TIME_TO_AUTHENTICATE: Duration = Duration::from_secs(30);

/// How long a client may take no byte of its replies.
pub(super) const STALL: Duration = Duration::from_secs(60);

/// Bytes of replies collected before they are written, so that a pipeline of large reads cannot pile up.
pub(super) const REPLY_BUFFER: usize = 1 << 20;

/// Commands and bytes that one `MULTI` may queue.
pub(super) const QUEUED_COMMANDS: usize = 100_000;
/// See [`QUEUED_COMMANDS`].
pub(super) const QUEUED_BYTES: usize = 64 << 20;

/// How large one request may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Elements of a request.
    pub(super) arguments: i64,
    /// Bytes of one element.
    pub(super) bulk: usize,
    /// Bytes of a line.
    pub(super) inline: usize,
    authenticated: bool,
}

impl Limits {
    /// For a client that may use the data.
    pub(super) const FULL: Self = Self {
        arguments: 1 << 20,
        bulk: 64 << 20,
        inline: 64 << 10,
        authenticated: true,
    };

    /// For a client that has not said the password yet.
    pub(super) const BEFORE_AUTH: Self = Self {
        arguments: 10,
        bulk: 16 << 10,
        inline: 64 << 10,
        authenticated: false,
    };

    /// Bytes of one request as it arrives, headers included. Without it a million large elements, each within its
    /// own limit, would add up.
    pub(super) fn request(self) -> usize {
        self.bulk * 2
    }

    pub(super) fn multibulk_refusal(self) -> ProtocolError {
        if self.authenticated {
            ProtocolError::MultibulkLength
        } else {
            ProtocolError::UnauthenticatedMultibulk
        }
    }

    pub(super) fn bulk_refusal(self) -> ProtocolError {
        if self.authenticated {
            ProtocolError::BulkLength
        } else {
            ProtocolError::UnauthenticatedBulk
        }
    }
}
