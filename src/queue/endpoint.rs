//! Where a Redis is, and by whom its certificate must be signed. What every way of connecting takes.

use super::QueueError;
use super::route::Route;
use crate::config::{Layout, RedisUrl};
use redis::{Client, RedisResult, TlsCertificates};

/// A Redis to connect to.
pub struct Endpoint {
    url: String,
    ca: Option<String>,
}

impl From<&RedisUrl> for Endpoint {
    fn from(redis: &RedisUrl) -> Self {
        Self {
            url: redis.reveal().to_owned(),
            ca: redis.ca().map(str::to_owned),
        }
    }
}

impl From<&str> for Endpoint {
    fn from(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            ca: None,
        }
    }
}

impl From<&String> for Endpoint {
    fn from(url: &String) -> Self {
        Self::from(url.as_str())
    }
}

impl Endpoint {
    /// The Redis at `url`, whose certificate the authority `ca` (PEM) must have signed, if one is given.
    #[must_use]
    pub fn trusting(url: &str, ca: Option<String>) -> Self {
        Self {
            ca,
            ..Self::from(url)
        }
    }

    /// The way to it; nobody was asked yet.
    ///
    /// # Errors
    /// [`QueueError::Address`] when the URL or the certificate cannot be read.
    pub(super) fn route(self) -> Result<Route, QueueError> {
        let wrong = |cause| QueueError::Address { cause };
        let redis: RedisUrl = self.url.parse().map_err(wrong)?;
        if redis.layout() == Layout::Single {
            return Ok(Route::to_server(self.client()?));
        }
        // What cannot be opened is better known now than at the first failover.
        for address in redis.addresses() {
            for url in [redis.guide(&address), redis.node(&address)] {
                Self::trusting(url.reveal(), self.ca.clone()).client()?;
            }
        }
        Ok(Route::by_guides(redis, self.ca))
    }

    /// A client for one server, which has not connected yet.
    ///
    /// # Errors
    /// [`QueueError::Address`] when the URL or the certificate cannot be read.
    pub(super) fn client(self) -> Result<Client, QueueError> {
        self.open().map_err(|error| QueueError::Address {
            cause: error.to_string(),
        })
    }

    fn open(self) -> RedisResult<Client> {
        match self.ca {
            Some(ca) if self.url.starts_with("rediss://") => {
                let trusted = TlsCertificates {
                    client_tls: None,
                    root_cert: Some(ca.into_bytes()),
                };
                Client::build_with_tls(self.url, trusted)
            }
            _ => Client::open(self.url),
        }
    }
}
