//! Where a trigger's address leads: to a Service of the embedded cluster, or out of it.
//!
//! A cluster's DNS would answer with the Service's virtual address. Here the proxy gives each Service port a loopback
//! address, and everything that is not a Service is dialled as it is.

use crate::embedded::proxy::Proxy;

/// The address to dial for `address` (`host:port`), written in a ScaledObject of `namespace`.
///
/// # Errors
/// In the words of a failed dial: not `host:port`, or a Service name that is none.
pub(super) fn resolve(proxy: &Proxy, namespace: &str, address: &str) -> Result<String, String> {
    let parsed = address
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let Some((host, port)) = parsed else {
        return Err(format!(
            "dial tcp: address {address}: missing port in address"
        ));
    };
    let within = host.strip_suffix(".cluster.local").unwrap_or(host);
    let service = within.strip_suffix(".svc");
    let name = service.unwrap_or(within);
    let (name, space) = name.split_once('.').unwrap_or((name, namespace));
    if let Some(found) = proxy.address(space, name, port) {
        return Ok(found.to_string());
    }
    if service.is_some() {
        return Err(format!("dial tcp: lookup {host}: no such host"));
    }
    Ok(address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::embedded::store::Store;

    fn resolved(address: &str) -> Result<String, String> {
        resolve(&Proxy::new(Store::new(Clock::wall())), "keda-demo", address)
    }

    #[test]
    fn what_is_no_service_is_dialled_as_it_is() {
        for address in ["127.0.0.1:6379", "redis.example.org:6379", "localhost:1"] {
            assert_eq!(resolved(address).as_deref(), Ok(address));
        }
    }

    #[test]
    fn a_service_that_is_not_there_is_an_unknown_host() {
        let error = resolved("redis.keda-demo.svc.cluster.local:6379").unwrap_err();
        assert_eq!(
            error,
            "dial tcp: lookup redis.keda-demo.svc.cluster.local: no such host"
        );
        assert!(resolved("redis").unwrap_err().contains("missing port"));
    }
}
