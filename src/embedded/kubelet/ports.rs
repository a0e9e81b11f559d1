//! Hands out the ports on which containers listen.
//!
//! Pods of a real cluster each have an address of their own; here they share one, so two pods cannot both have 6379.
//! The first gets it, when it is free on this machine, and the others get some free port.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How often a free port is asked for; it can only be one that a starting pod was given and has not bound yet.
const ATTEMPTS: usize = 64;

/// The ports that pods hold. One whose process has not started yet is bound here in its stead: the pod's cold start
/// is long enough for another program, or a second server on this machine, to take it.
#[derive(Default)]
pub(super) struct Ports(Mutex<HashMap<u16, Option<TcpListener>>>);

impl Ports {
    /// `preferred` when it is free, otherwise any free port. The caller holds it until [`Ports::release`].
    ///
    /// # Errors
    /// When the machine has no free port.
    pub(super) fn take(&self, preferred: u16) -> io::Result<u16> {
        let mut taken = self.lock();
        if !taken.contains_key(&preferred)
            && let Ok(listener) = bind(preferred)
        {
            taken.insert(preferred, Some(listener));
            return Ok(preferred);
        }
        for _ in 0..ATTEMPTS {
            let listener = bind(0)?;
            let port = listener.local_addr()?.port();
            if let Entry::Vacant(vacant) = taken.entry(port) {
                vacant.insert(Some(listener));
                return Ok(port);
            }
        }
        Err(io::Error::from(io::ErrorKind::AddrInUse))
    }

    /// Makes room for the processes that are about to bind these ports; they stay taken.
    pub(super) fn vacate<'a>(&self, ports: impl IntoIterator<Item = &'a u16>) {
        let mut taken = self.lock();
        for port in ports {
            if let Some(listener) = taken.get_mut(port) {
                *listener = None;
            }
        }
    }

    /// Gives ports back.
    pub(super) fn release(&self, ports: impl IntoIterator<Item = u16>) {
        let mut taken = self.lock();
        for port in ports {
            taken.remove(&port);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u16, Option<TcpListener>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_or_already_promised_is_not_given_again() {
        let occupied = TcpListener::bind("127.0.0.1:0").unwrap();
        let occupied = (occupied.local_addr().unwrap().port(), occupied);
        let ports = Ports::default();
        let first = ports.take(occupied.0).unwrap();
        assert_ne!(first, occupied.0);
        assert_ne!(ports.take(first).unwrap(), first);
        assert!(bind(first).is_err(), "nor can anybody else have it");
        ports.vacate([&first]);
        drop(bind(first).unwrap());
        ports.release([first]);
        assert_eq!(ports.take(first).unwrap(), first);
    }
}
