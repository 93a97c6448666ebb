//! Where a request comes from, past the proxies that are ours.

use std::net::IpAddr;

use ipnet::IpNet;

/// The client's address: the peer's, or what the outermost of our own proxies says of it. What a client itself
/// writes into `X-Forwarded-For` is not believed.
pub fn client_address(
    peer: Option<IpAddr>,
    forwarded_for: Option<&str>,
    own_proxies: &[IpNet],
) -> Option<IpAddr> {
    let peer = peer?.to_canonical();
    let own = |address: &IpAddr| own_proxies.iter().any(|network| network.contains(address));
    if !own(&peer) {
        return Some(peer);
    }
    let hops = forwarded_for.unwrap_or_default().rsplit(',');
    let mut told = peer;
    for hop in hops {
        let Ok(address) = hop.trim().parse::<IpAddr>() else {
            break;
        };
        told = address.to_canonical();
        if !own(&told) {
            break;
        }
    }
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(peer: &str, forwarded_for: &str) -> String {
        let own = ["10.0.0.0/8".parse().unwrap()];
        let peer = Some(peer.parse().unwrap());
        client_address(peer, Some(forwarded_for), &own)
            .unwrap()
            .to_string()
    }

    #[test]
    fn only_our_own_proxies_are_believed() {
        assert_eq!(address("198.51.100.7", "192.0.2.1"), "198.51.100.7");
        assert_eq!(address("10.0.0.1", "192.0.2.1"), "192.0.2.1");
        assert_eq!(
            address("10.0.0.1", "203.0.113.9, 192.0.2.1, 10.0.0.2"),
            "192.0.2.1"
        );
        assert_eq!(address("10.0.0.1", ""), "10.0.0.1");
        assert_eq!(address("10.0.0.1", "nonsense"), "10.0.0.1");
        assert_eq!(address("::ffff:198.51.100.7", ""), "198.51.100.7");
        assert_eq!(client_address(None, None, &[]), None);
    }
}
