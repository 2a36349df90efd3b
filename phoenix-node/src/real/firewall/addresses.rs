//! Sets of addresses of one version of IP: sorted ranges that do not touch, so that nftables never finds two that overlap.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    V4,
    V6,
}

/// Ranges of addresses, both ends included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges(Vec<(u128, u128)>);

/// Addresses of both versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Addresses {
    v4: Ranges,
    v6: Ranges,
}

impl Family {
    /// Both.
    pub(super) const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// Returns the version of an address.
    pub(super) fn of(address: &IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// Returns how nftables calls its header.
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::V4 => "ip",
            Self::V6 => "ip6",
        }
    }

    /// Returns how nftables calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }

    fn bits(self) -> u32 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    fn last(self) -> u128 {
        u128::MAX >> (128 - self.bits())
    }

    fn show(self, number: u128) -> String {
        match self {
            // The set of this version holds only what such an address is.
            Self::V4 => Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX)).to_string(),
            Self::V6 => Ipv6Addr::from(number).to_string(),
        }
    }
}

impl Addresses {
    /// Returns those of one version.
    pub(super) fn of(&self, family: Family) -> &Ranges {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    /// Adds an address.
    pub(super) fn add(&mut self, address: IpAddr) {
        self.add_net(IpNet::from(address));
    }

    /// Adds a network.
    pub(super) fn add_net(&mut self, net: IpNet) {
        self.add_range(net.network(), net.broadcast());
    }

    /// Adds all from one address to another of the same version.
    pub(super) fn add_range(&mut self, first: IpAddr, last: IpAddr) {
        self.of_mut(Family::of(&first)).add(number(first), number(last));
    }

    /// Takes a network out.
    pub(super) fn remove_net(&mut self, net: IpNet) {
        self.of_mut(Family::of(&net.network())).remove(number(net.network()), number(net.broadcast()));
    }

    /// Adds all others.
    pub(super) fn extend(&mut self, others: &Self) {
        for family in Family::ALL {
            for &(first, last) in &others.of(family).0 {
                self.of_mut(family).add(first, last);
            }
        }
    }

    fn of_mut(&mut self, family: Family) -> &mut Ranges {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

impl Ranges {
    /// Tells whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells whether every address of this version is in it.
    pub(super) fn is_all(&self, family: Family) -> bool {
        self.0 == [(0, family.last())]
    }

    /// Returns the set as nftables reads it.
    pub(super) fn show(&self, family: Family) -> String {
        let one = |&(first, last): &(u128, u128)| {
            let size = last - first;
            let is_net = (size & size.wrapping_add(1)) == 0 && first & size == 0;
            match size {
                0 => family.show(first),
                _ if is_net => format!("{}/{}", family.show(first), family.bits() - size.count_ones()),
                _ => format!("{}-{}", family.show(first), family.show(last)),
            }
        };
        format!("{{ {} }}", self.0.iter().map(one).collect::<Vec<_>>().join(", "))
    }

    fn add(&mut self, first: u128, last: u128) {
        let mut merged = (first, last);
        let mut rest = Vec::new();
        for &(low, high) in &self.0 {
            let touches = low <= merged.1.saturating_add(1) && merged.0 <= high.saturating_add(1);
            match touches {
                true => merged = (merged.0.min(low), merged.1.max(high)),
                false => rest.push((low, high)),
            }
        }
        rest.push(merged);
        rest.sort_unstable();
        self.0 = rest;
    }

    fn remove(&mut self, first: u128, last: u128) {
        let mut rest = Vec::new();
        for &(low, high) in &self.0 {
            if high < first || last < low {
                rest.push((low, high));
                continue;
            }
            if low < first {
                rest.push((low, first - 1));
            }
            if last < high {
                rest.push((last + 1, high));
            }
        }
        self.0 = rest;
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(family: Family, add: &[&str], remove: &[&str]) -> String {
        let mut addresses = Addresses::default();
        add.iter().for_each(|net| addresses.add_net(net.parse().expect("is a network")));
        remove.iter().for_each(|net| addresses.remove_net(net.parse().expect("is a network")));
        addresses.of(family).show(family)
    }

    #[test]
    fn ranges_that_touch_are_one_and_a_hole_parts_them() {
        let four = |add: &[&str], remove: &[&str]| shown(Family::V4, add, remove);
        assert_eq!(four(&["10.0.0.0/25", "10.0.0.128/25", "10.0.0.7/32"], &[]), "{ 10.0.0.0/24 }");
        assert_eq!(four(&["10.0.0.9/32", "10.0.0.1/32"], &[]), "{ 10.0.0.1, 10.0.0.9 }");
        assert_eq!(
            four(&["10.0.0.0/24"], &["10.0.0.64/26"]),
            "{ 10.0.0.0/26, 10.0.0.128/25 }",
            "what is left of a network are networks again"
        );
        assert_eq!(four(&["10.0.0.0/30"], &["10.0.0.0/32"]), "{ 10.0.0.1-10.0.0.3 }");
        assert_eq!(four(&["0.0.0.0/0"], &[]), "{ 0.0.0.0/0 }");
        assert_eq!(shown(Family::V6, &["fe80::/10", "::1/128"], &[]), "{ ::1, fe80::/10 }");
        let mut all = Addresses::default();
        all.add_net("::/0".parse().expect("is a network"));
        assert!(all.of(Family::V6).is_all(Family::V6) && all.of(Family::V4).is_empty());
    }
}
