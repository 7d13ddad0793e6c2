//! Networks, as `203.0.113.0/24` writes them (RFC 4632). Absent: names, ranges, masks.

use std::{fmt, net::IpAddr, str::FromStr};

/// The addresses that begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    prefix: u8,
}

/// Why a text is no network that sound may be let in from; each says what to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNetwork {
    /// No address before the slash.
    #[error("write an address and a length, as in 203.0.113.0/24 or 2001:db8::/32")]
    Address,
    /// No length behind it, or one beyond the address's.
    #[error("behind the slash stands a length from 1 to {0}")]
    Length(u8),
    /// A length of nothing.
    #[error("a length of 0 lets in the sound of anybody; name the carrier's own networks")]
    Everywhere,
    /// Bits behind the length are set.
    #[error("the network of that length begins at {0}: write {0}, or a longer length")]
    Begins(Network),
}

impl Network {
    /// The network of the first `prefix` bits of `address`.
    fn around(address: IpAddr, prefix: u8) -> Self {
        let first = match address {
            IpAddr::V4(a) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
                IpAddr::V4((a.to_bits() & mask).into())
            }
            IpAddr::V6(a) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
                IpAddr::V6((a.to_bits() & mask).into())
            }
        };
        Self { first, prefix }
    }

    /// The network of one address alone.
    pub fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { first: address, prefix: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// Its first address.
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// How many bits its addresses have in common.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether the address is one of it. An IPv4 address in IPv6's clothes counts as what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && Self::around(address, self.prefix).first == self.first
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    /// An address alone is the network of that one.
    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork::Address)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(text) => {
                text.parse().ok().filter(|p| *p <= longest).ok_or(InvalidNetwork::Length(longest))?
            }
        };
        if prefix == 0 {
            return Err(InvalidNetwork::Everywhere);
        }
        let network = Self::around(address, prefix);
        if network.first == address { Ok(network) } else { Err(InvalidNetwork::Begins(network)) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        for (network, inside, outside) in [
            (
                "203.0.113.0/24",
                &["203.0.113.0", "203.0.113.255", "::ffff:203.0.113.9"][..],
                &["203.0.112.255", "203.0.114.0", "::1"][..],
            ),
            ("203.0.113.64/26", &["203.0.113.64", "203.0.113.127"], &["203.0.113.63", "203.0.113.128"]),
            ("128.0.0.0/1", &["128.0.0.0", "255.255.255.255"], &["127.255.255.255"]),
            ("192.0.2.7", &["192.0.2.7"], &["192.0.2.6", "192.0.2.8"]),
            (
                "2001:db8::/32",
                &["2001:db8::", "2001:db8:ffff::1"],
                &["2001:db9::", "2001:db7:ffff::", "192.0.2.1"],
            ),
            ("2001:db8::5/128", &["2001:db8::5"], &["2001:db8::4"]),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(inside.iter().all(|a| network.contains(a.parse().unwrap())), "{network}");
            assert!(!outside.iter().any(|a| network.contains(a.parse().unwrap())), "{network}");
            assert_eq!(network.to_string().parse(), Ok(network));
        }
    }

    #[test]
    fn what_is_no_network_says_what_to_write() {
        for (text, said) in [
            ("", "203.0.113.0/24"),
            ("carrier.example/24", "203.0.113.0/24"),
            ("203.0.113/24", "203.0.113.0/24"),
            ("203.0.113.0/", "from 1 to 32"),
            ("203.0.113.0/33", "from 1 to 32"),
            ("203.0.113.0/255.255.255.0", "from 1 to 32"),
            ("2001:db8::/129", "from 1 to 128"),
            ("0.0.0.0/0", "anybody"),
            ("::/0", "anybody"),
            ("203.0.113.9/24", "write 203.0.113.0/24"),
            ("2001:db8::9/32", "write 2001:db8::/32"),
        ] {
            let message = text.parse::<Network>().unwrap_err().to_string();
            assert!(message.contains(said), "{text}: {message}");
        }
    }
}
