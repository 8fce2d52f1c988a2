//! Which addresses a request may be sent to. Pure.
//!
//! Refused is whatever is not the public internet: an integration must not reach the operator's own network through us,
//! whatever its bank's name resolves to. Addresses are brought to canonical form first, so that an IPv4 address inside an
//! IPv6 one is judged as what it is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// May a request be sent to this address? `loopback` says whether the operator listed the port for loopback. The error
/// says what kind of address it is.
pub fn check(address: IpAddr, loopback: bool) -> Result<(), &'static str> {
    let refusal = match address.to_canonical() {
        IpAddr::V4(v4) => refused_v4(v4),
        IpAddr::V6(v6) => refused_v6(v6),
    };
    match refusal {
        None => Ok(()),
        Some(LOOPBACK) if loopback => Ok(()),
        Some(kind) => Err(kind),
    }
}

const LOOPBACK: &str = "loopback";

fn refused_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [0, ..] => Some("unspecified (0.0.0.0/8)"),
        [127, ..] => Some(LOOPBACK),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some("private"),
        [169, 254, ..] => Some("link-local, where clouds keep their metadata"),
        [100, 64..=127, ..] => Some("shared by carriers (100.64.0.0/10)"),
        [192, 0, 0, _] => Some("reserved for protocols (192.0.0.0/24)"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some("for documentation"),
        [192, 88, 99, _] => Some("a 6to4 relay (192.88.99.0/24)"),
        [198, 18..=19, ..] => Some("for benchmarks (198.18.0.0/15)"),
        [224..=239, ..] => Some("multicast"),
        [240..=255, ..] => Some("reserved or broadcast (240.0.0.0/4)"),
        _ => None,
    }
}

fn refused_v6(address: Ipv6Addr) -> Option<&'static str> {
    if address.is_unspecified() {
        return Some("unspecified");
    }
    if address.is_loopback() {
        return Some(LOOPBACK);
    }
    match address.segments() {
        // Only global unicast is left to go to; everything that follows is carved out of it or lies outside.
        [0xff00..=0xffff, ..] => Some("multicast"),
        [0xfe80..=0xfebf, ..] => Some("link-local"),
        [0xfec0..=0xfeff, ..] => Some("site-local"),
        [0xfc00..=0xfdff, ..] => Some("unique-local, where clouds keep their metadata"),
        [0x0064, 0xff9b, ..] => Some("NAT64 (64:ff9b::/32)"),
        [0x2001, 0x0000, ..] => Some("Teredo (2001::/32)"),
        [0x2001, 0x0db8, ..] | [0x3fff, 0x0000..=0x0fff, ..] => Some("for documentation"),
        [0x2001, 0x0001..=0x01ff, ..] => Some("reserved for protocols (2001::/23)"),
        [0x2002, ..] => Some("6to4 (2002::/16)"),
        [0x2000..=0x3fff, ..] => None,
        _ => Some("not global unicast"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_not_the_public_internet_is_refused() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "127.255.255.254",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "198.51.100.7",
            "203.0.113.9",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::7f00:1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "2001:10::1",
            "2002:7f00:1::",
            "100::1",
            "4000::1",
        ] {
            let address: IpAddr = text.parse().unwrap();
            assert!(check(address, false).is_err(), "{text} must be refused");
        }
    }

    #[test]
    fn the_public_internet_is_allowed() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "198.20.0.1",
            "2606:4700::1111",
            "2a00::1",
            "::ffff:1.1.1.1",
        ] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(check(address, false), Ok(()), "{text}");
        }
    }

    #[test]
    fn a_listed_port_opens_loopback_and_nothing_else() {
        for (text, allowed) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("10.0.0.1", false),
            ("0.0.0.0", false),
            ("169.254.169.254", false),
        ] {
            assert_eq!(check(text.parse().unwrap(), true).is_ok(), allowed, "{text}");
        }
    }
}
