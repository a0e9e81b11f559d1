//! Who is connected: a place for each connection, so many in all and so many for one address.
//!
//! This machine's own loopback addresses are exempt from the limit for one address, and some places are kept for them.
//! The other addresses of 127.0.0.0/8 are not: a program that binds one of them does so on purpose. IPv6 addresses are
//! counted one by one and not by network, as servers on the internet do it: all viewers of a room are in one network.
//! Who takes many addresses there meets the limit in all.
//!
//! The lock is std's: it guards two counters and a map, never an await.

use super::limits::Limits;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A full house is told of once in this time: whoever fills it must not fill the log as well.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Census {
    limits: Limits,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_neighbour: HashMap<IpAddr, usize>,
    told: Option<Instant>,
}

/// A connection's place; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Place {
    census: Arc<Census>,
    neighbour: IpAddr,
}

impl Census {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            taken: Mutex::default(),
        })
    }

    /// A place for a connection from `address`, if there is one.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let neighbour = address.to_canonical();
        let mut taken = self.lock();
        let of_this_one = taken.by_neighbour.get(&neighbour).copied().unwrap_or(0);
        let (places, most) = if is_this_machine(neighbour) {
            (self.limits.connections, None)
        } else {
            let kept = self.limits.kept_for_this_machine;
            let places = self.limits.connections.saturating_sub(kept);
            (places, self.limits.per_address)
        };
        if taken.all >= places || most.is_some_and(|most| of_this_one >= most) {
            taken.tell(neighbour, of_this_one);
            return None;
        }
        taken.all += 1;
        taken.by_neighbour.insert(neighbour, of_this_one + 1);
        Some(Place {
            census: Arc::clone(self),
            neighbour,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn tell(&mut self, neighbour: IpAddr, of_this_one: usize) {
        let now = Instant::now();
        if self
            .told
            .is_none_or(|told| now.duration_since(told) >= TOLD_EVERY)
        {
            self.told = Some(now);
            let all = self.all;
            tracing::warn!(
                "connections are turned away: {all} are open, {of_this_one} of them from {neighbour}"
            );
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.census.lock();
        taken.all -= 1;
        // An address that has left is forgotten: the map is never larger than the number of connections.
        if let Some(count) = taken.by_neighbour.get_mut(&self.neighbour) {
            *count -= 1;
            if *count == 0 {
                taken.by_neighbour.remove(&self.neighbour);
            }
        }
    }
}

fn is_this_machine(neighbour: IpAddr) -> bool {
    neighbour == Ipv4Addr::LOCALHOST || neighbour == Ipv6Addr::LOCALHOST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn census(connections: usize, kept: usize, per_address: Option<usize>) -> Arc<Census> {
        Census::new(Limits {
            connections,
            kept_for_this_machine: kept,
            per_address,
            ..Limits::default()
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_gets_its_share_and_no_more_until_one_of_its_connections_ends() {
        let census = census(100, 0, Some(2));
        let first = census.admit(ip("192.0.2.1")).unwrap();
        let _second = census.admit(ip("::ffff:192.0.2.1")).unwrap();
        assert!(census.admit(ip("192.0.2.1")).is_none());
        assert!(census.admit(ip("192.0.2.2")).is_some());
        drop(first);
        assert!(census.admit(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn a_room_in_one_ipv6_network_is_many_addresses() {
        let census = census(100, 0, Some(1));
        let _one = census.admit(ip("2001:db8::1")).unwrap();
        assert!(census.admit(ip("2001:db8::1")).is_none());
        assert!(census.admit(ip("2001:db8::2")).is_some());
    }

    #[test]
    fn a_house_full_of_strangers_has_a_place_for_this_machine() {
        let census = census(4, 2, Some(1));
        let strangers: Vec<_> = (1..9)
            .filter_map(|host| census.admit(IpAddr::from([192, 0, 2, host])))
            .collect();
        assert_eq!(strangers.len(), 2);
        let here: Vec<_> = ["127.0.0.1", "::1", "127.0.0.1"]
            .into_iter()
            .filter_map(|address| census.admit(ip(address)))
            .collect();
        assert_eq!(here.len(), 2);
    }

    #[test]
    fn an_address_that_has_left_is_forgotten() {
        let census = census(10, 0, None);
        drop(census.admit(ip("192.0.2.1")));
        let taken = census.lock();
        assert!(taken.all == 0 && taken.by_neighbour.is_empty());
    }
}
