//! Hands out the ports on which containers listen.
//!
//! Pods of a real cluster each have an address of their own; here they share one, so two pods cannot both have 6379.
//! The first gets it, when it is free on this machine, and the others get some free port.

use std::collections::HashSet;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How often a free port is asked for; it can only be one that a starting pod was given and has not bound yet.
const ATTEMPTS: usize = 64;

/// The ports that pods hold, whether their processes have bound them yet or not.
#[derive(Default)]
pub(super) struct Ports(Mutex<HashSet<u16>>);

impl Ports {
    /// `preferred` when it is free, otherwise any free port. The caller holds it until [`Ports::release`].
    ///
    /// # Errors
    /// When the machine has no free port.
    pub(super) fn take(&self, preferred: u16) -> io::Result<u16> {
        let mut taken = self.lock();
        if !taken.contains(&preferred) && free(preferred).is_ok() {
            taken.insert(preferred);
            return Ok(preferred);
        }
        for _ in 0..ATTEMPTS {
            let port = free(0)?;
            if taken.insert(port) {
                return Ok(port);
            }
        }
        Err(io::Error::from(io::ErrorKind::AddrInUse))
    }

    /// Gives ports back.
    pub(super) fn release(&self, ports: impl IntoIterator<Item = u16>) {
        let mut taken = self.lock();
        for port in ports {
            taken.remove(&port);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<u16>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finds out by binding; the process binds again a moment later.
fn free(port: u16) -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, port))?
        .local_addr()?
        .port())
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
        ports.release([first]);
        assert_eq!(ports.take(first).unwrap(), first);
    }
}
