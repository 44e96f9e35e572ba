//! Where a request comes from. `X-Forwarded-For` is what anybody may write, so it is believed
//! only as far as trusted proxies wrote it: each appends the address that connected to it, so the
//! header is read from the right, and the first address that is no trusted proxy's is the client.
//! `Forwarded` (RFC 7239) is not read: two headers that may disagree are one too many.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use actix_web::http::header::{HeaderMap, X_FORWARDED_FOR, X_FORWARDED_PROTO};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::de::{self, Deserialize, Deserializer};

/// Networks from which `X-Forwarded-For` is believed. An address is a network of one; an
/// IPv4-mapped IPv6 network is the IPv4 one it maps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Reads addresses such as `10.0.0.5` and networks such as `10.0.0.0/8`.
    ///
    /// # Errors
    /// One sentence that names every entry that is neither, or a network with bits of a host, or
    /// all addresses there are.
    pub fn parse(entries: &[impl AsRef<str>]) -> Result<Self, String> {
        let mut networks = Vec::new();
        let mut problems = Vec::new();
        for entry in entries {
            match parse_network(entry.as_ref().trim()) {
                Ok(network) => networks.push(network),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(Self(networks)) } else { Err(problems.join("; ")) }
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl<'de> Deserialize<'de> for TrustedProxies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> de::Visitor<'de> for Entries {
            type Value = TrustedProxies;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of texts")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(
                self,
                mut list: A,
            ) -> Result<TrustedProxies, A::Error> {
                let mut entries: Vec<String> = Vec::new();
                while let Some(entry) = list.next_element()? {
                    entries.push(entry);
                }
                TrustedProxies::parse(&entries).map_err(de::Error::custom)
            }
        }

        deserializer.deserialize_seq(Entries)
    }
}

fn parse_network(entry: &str) -> Result<IpNet, String> {
    let network: IpNet = if let Ok(address) = entry.parse::<IpAddr>() {
        address.into()
    } else if let Ok(network) = entry.parse() {
        network
    } else {
        return Err(format!("{entry:?} is neither an IP address nor a network like 10.0.0.0/8"));
    };
    let network = to_canonical(network);
    if network.prefix_len() == 0 {
        return Err(format!("{entry:?} is everybody, who could then claim any address"));
    }
    if network != network.trunc() {
        let network = network.trunc();
        return Err(format!("{entry:?} has bits outside of its mask; did you mean {network}?"));
    }
    Ok(network)
}

/// Addresses are compared in their canonical form, so networks must have it too.
fn to_canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let prefix = mapped.prefix_len().checked_sub(96);
    match (mapped.addr().to_ipv4_mapped(), prefix) {
        (Some(address), Some(prefix)) => Ipv4Net::new(address, prefix).map_or(network, IpNet::V4),
        _ => network,
    }
}

/// The address of the client, in canonical form: an IPv4-mapped IPv6 address is an IPv4 one.
///
/// That is the peer, unless the peer is a trusted proxy. Then it is the right-most address in
/// all `X-Forwarded-For` lines, taken together in their order, that is no trusted proxy's. An
/// entry that is no address ends the search at the last good one, since nobody can say who wrote
/// what stands left of it; so does the end of the header. A port and brackets are dropped.
#[must_use]
pub fn client_ip(
    peer: Option<SocketAddr>,
    headers: &HeaderMap,
    trusted: &TrustedProxies,
) -> IpAddr {
    // Only a request that came over no network has no peer.
    let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let mut client = peer.map_or(nobody, |peer| peer.ip().to_canonical());
    // `get_all` yields the lines in the order they came.
    let lines: Vec<&[u8]> = headers
        .get_all(X_FORWARDED_FOR)
        .map(actix_web::http::header::HeaderValue::as_bytes)
        .collect();
    for entry in lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b',')) {
        if !trusted.contains(client) {
            break;
        }
        match parse_entry(entry) {
            Some(address) => client = address,
            None => break,
        }
    }
    client
}

/// Whether the client's own connection was encrypted, as far as a trusted proxy says so. Proxies that
/// append put the client's side first; what a client makes up there harms nobody but itself.
#[must_use]
pub fn came_over_tls(
    peer: Option<SocketAddr>,
    headers: &HeaderMap,
    trusted: &TrustedProxies,
) -> bool {
    let is_trusted = peer.is_some_and(|peer| trusted.contains(peer.ip().to_canonical()));
    let line = headers.get(X_FORWARDED_PROTO).map(actix_web::http::header::HeaderValue::as_bytes);
    let first = line.and_then(|line| line.split(|byte| *byte == b',').next()).unwrap_or_default();
    is_trusted && first.trim_ascii().eq_ignore_ascii_case(b"https")
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
fn parse_entry(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok();
    let address = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| bracketed().map(IpAddr::V6))?;
    Some(address.to_canonical())
}

/// The address under which a client is limited. Whoever has one IPv6 address has a whole /64 of
/// them, so all of it counts as one client.
#[must_use]
pub fn limited_as(client: IpAddr) -> IpAddr {
    grouped(client, 64)
}

/// The same with the first so many bits of an IPv6 address, at most 128.
#[must_use]
pub fn grouped(client: IpAddr, ipv6_prefix_bits: u8) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => Ipv6Net::new(address, ipv6_prefix_bits)
            .map_or(client, |network| IpAddr::V6(network.network())),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    const PROXIES: [&str; 3] = ["10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48"];

    #[track_caller]
    fn check(peer: &str, lines: &[&[u8]], expected: &str) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(line).unwrap());
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 4_711);
        let trusted = TrustedProxies::parse(&PROXIES).unwrap();
        let expected: IpAddr = expected.parse().unwrap();
        assert_eq!(client_ip(Some(peer), &headers, &trusted), expected, "{lines:?}");
        let nobody = TrustedProxies::default();
        let peer_itself = peer.ip().to_canonical();
        assert_eq!(client_ip(Some(peer), &headers, &nobody), peer_itself, "trusting nobody");
    }

    #[test]
    fn a_peer_that_is_no_trusted_proxy_is_the_client_whatever_it_claims() {
        check("203.0.113.9", &[], "203.0.113.9");
        check("203.0.113.9", &[b"198.51.100.1"], "203.0.113.9");
        check("192.0.2.8", &[b"198.51.100.1, 10.0.0.1"], "192.0.2.8");
        check("::ffff:203.0.113.9", &[b"198.51.100.1"], "203.0.113.9");
        let nobody = client_ip(None, &HeaderMap::new(), &TrustedProxies::default());
        assert!(nobody.is_unspecified());
    }

    #[test]
    fn behind_trusted_proxies_the_right_most_other_address_is_the_client() {
        check("10.0.0.1", &[b"198.51.100.1"], "198.51.100.1");
        check("::ffff:10.0.0.1", &[b"198.51.100.1"], "198.51.100.1");
        check("192.0.2.7", &[b"198.51.100.1, 10.2.3.4 ,2001:db8:1::5"], "198.51.100.1");
        // What the client itself wrote stands further left.
        check("10.0.0.1", &[b"1.1.1.1, 10.0.0.9, 198.51.100.1, 10.2.3.4"], "198.51.100.1");
        check("10.0.0.1", &[b"1.1.1.1, 198.51.100.1", b"10.2.3.4"], "198.51.100.1");
        check("10.0.0.1", &[b"198.51.100.1", b"1.1.1.1"], "1.1.1.1");
        // Trusted proxies call too.
        check("10.0.0.1", &[b"10.0.0.3, 10.0.0.2"], "10.0.0.3");
        check("10.0.0.1", &[], "10.0.0.1");
    }

    #[test]
    fn only_a_trusted_proxy_says_that_a_client_came_over_tls() {
        let trusted = TrustedProxies::parse(&PROXIES).unwrap();
        let says = |peer: &str, line: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(line) = line {
                headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(line));
            }
            came_over_tls(Some(SocketAddr::new(peer.parse().unwrap(), 1)), &headers, &trusted)
        };
        for line in ["https", "HTTPS", " https ,http"] {
            assert!(says("10.0.0.1", Some(line)), "{line}");
            assert!(!says("203.0.113.9", Some(line)), "{line}");
        }
        for line in [None, Some("http"), Some("http, https"), Some("")] {
            assert!(!says("10.0.0.1", line), "{line:?}");
        }
    }

    #[test]
    fn ports_and_brackets_are_dropped_and_mapped_addresses_are_ipv4() {
        for (entry, expected) in [
            ("198.51.100.1:8080", "198.51.100.1"),
            ("2001:db8:2::1", "2001:db8:2::1"),
            ("[2001:db8:2::1]", "2001:db8:2::1"),
            ("[2001:db8:2::1]:443", "2001:db8:2::1"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
            ("[::ffff:198.51.100.1]:1", "198.51.100.1"),
            ("::ffff:10.0.0.5", "10.0.0.5"),
        ] {
            check("10.0.0.1", &[entry.as_bytes()], expected);
        }
        check("10.0.0.1", &[b"198.51.100.1, ::ffff:10.0.0.5"], "198.51.100.1");
    }

    #[test]
    fn garbage_ends_the_search_at_the_last_good_address() {
        for garbage in [
            &b""[..],
            b" ",
            b"unknown",
            b"_hidden",
            b"198.51.100.1.",
            b"198.51.100",
            b"198.51.100.1:",
            b"198.51.100.1:99999",
            b"0x7f.1",
            b"[198.51.100.1]",
            b"[2001:db8:2::1",
            b"2001:db8:2::1]",
            b"fe80::1%eth0",
            b"for=198.51.100.1",
            b"\"198.51.100.1\"",
            b"\xff\xfe",
        ] {
            check("10.0.0.1", &[garbage], "10.0.0.1");
            let line = [b"1.1.1.1,", garbage, b",10.0.0.2"].concat();
            check("10.0.0.1", &[&line], "10.0.0.2");
            check("10.0.0.1", &[b"1.1.1.1", garbage, b"10.0.0.2"], "10.0.0.2");
            let line = [garbage, b",198.51.100.1"].concat();
            check("10.0.0.1", &[&line], "198.51.100.1");
        }
    }

    #[test]
    fn an_ipv6_client_is_limited_by_its_64_and_an_ipv4_one_by_itself() {
        let limited = |text: &str| limited_as(text.parse().unwrap()).to_string();
        assert_eq!(limited("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(limited("2001:db8:1:2:8000::"), "2001:db8:1:2::");
        assert_ne!(limited("2001:db8:1:3::1"), limited("2001:db8:1:2::1"));
        assert_eq!(limited("198.51.100.1"), "198.51.100.1");
        assert_eq!(limited("::ffff:198.51.100.1"), "198.51.100.1");
        let address: IpAddr = "2001:db8:1:2:3:4:5:6".parse().unwrap();
        assert_eq!(grouped(address, 128), address);
        assert_eq!(grouped(address, 48).to_string(), "2001:db8:1::");
    }

    #[test]
    fn mapped_networks_are_the_ipv4_networks_they_map() {
        let trusted = TrustedProxies::parse(&["::ffff:10.0.0.0/104", "::ffff:192.0.2.7"]).unwrap();
        assert_eq!(trusted, TrustedProxies::parse(&["10.0.0.0/8", "192.0.2.7/32"]).unwrap());
    }

    #[test]
    fn every_entry_that_is_no_network_is_told() {
        let refused = TrustedProxies::parse(&["10.0.0.0/8", "proxy", "10.1.2.3/8", "0.0.0.0/0"]);
        assert_eq!(
            refused.unwrap_err(),
            "\"proxy\" is neither an IP address nor a network like 10.0.0.0/8; \
             \"10.1.2.3/8\" has bits outside of its mask; did you mean 10.0.0.0/8?; \
             \"0.0.0.0/0\" is everybody, who could then claim any address"
        );
        for entry in ["", "10.0.0.0/33", "10.0.0.0/", "::/0", "10.0.0", "::1/129", "1.2.3.4:80"] {
            assert!(TrustedProxies::parse(&[entry]).is_err(), "{entry}");
        }
        assert!(TrustedProxies::parse(&["::1", " 127.0.0.1 ", "2001:db8::/32"]).is_ok());
    }
}
