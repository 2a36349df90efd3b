//! Changing a guest's configuration. Every write carries a digest, so that what somebody else wrote meanwhile is
//! never written over; and what was written before a reply got lost is recognised and not written twice.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{
    BackendError, ErrorKind, GuestId, evidence::GuestConfig, guest::form, property::PropertyString,
};

use super::{PveBackend, missing};

impl PveBackend {
    pub(super) async fn configure(
        &self,
        guest: GuestId,
        set: &BTreeMap<String, String>,
        delete: &BTreeSet<String>,
        digest: Option<&str>,
    ) -> Result<(), BackendError> {
        // PVE refuses a write without options.
        if set.is_empty() && delete.is_empty() {
            return Ok(());
        }
        // A guest that was made a moment ago has no digest in the plan: then the present one is held against.
        let have = match digest.is_none() || set.values().any(|value| is_allocation(value)) {
            true => Some(self.config_of(guest).await?.ok_or_else(|| missing(guest))?),
            false => None,
        };
        let is_left = |(key, value): &(&String, &String)| {
            let have = have.as_ref().and_then(|config| config.values.get(*key));
            !have.is_some_and(|have| serves(have, value))
        };
        let mut params: Vec<_> =
            set.iter().filter(is_left).map(|(key, value)| (key.clone(), value.clone())).collect();
        if params.is_empty() && delete.is_empty() {
            return Ok(());
        }
        if !delete.is_empty() {
            let keys: Vec<&str> = delete.iter().map(String::as_str).collect();
            params.push(("delete".to_owned(), keys.join(",")));
        }
        let present = have.map(|config| config.digest).filter(|digest| !digest.is_empty());
        params.extend(digest.map(str::to_owned).or(present).map(|digest| ("digest".to_owned(), digest)));
        let path = format!("{}/config", self.path_of(guest).await?);
        // The parameters are a map of PVE's words, which the typed parameters cannot hold (see `typed`).
        match self.client.put(&path, params).await {
            Ok(_) => Ok(()),
            // Done before and then interrupted, the same write meets a new digest.
            Err(error)
                if error.kind() == ErrorKind::Changed && self.is_configured(guest, set, delete).await =>
            {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Tells whether a guest's configuration says all this already. What cannot be read counts as not so.
    pub(super) async fn is_configured(
        &self,
        guest: GuestId,
        set: &BTreeMap<String, String>,
        delete: &BTreeSet<String>,
    ) -> bool {
        let is_so = |config: GuestConfig| {
            set.iter().all(|(key, want)| {
                config.values.get(key).is_some_and(|have| {
                    have.trim_end() == want.trim_end()
                        || serves(have, want)
                        || form::of(guest.kind, key).is_met(want, have)
                })
            }) && delete.iter().all(|key| !config.values.contains_key(key))
        };
        self.config_of(guest).await.is_ok_and(|config| config.is_some_and(is_so))
    }
}

/// Tells whether a value asks PVE for a new volume: `storage:GIB`, with options behind it.
fn is_allocation(value: &str) -> bool {
    let volume = value.split(',').next().unwrap_or("");
    // A description ends in a marker, whose JSON looks alike but for its first word.
    let is_storage = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    volume.split_once(':').is_some_and(|(storage, size)| is_storage(storage) && size.parse::<f64>().is_ok())
}

/// Tells whether a disk that is there is the one that an allocation asks for: PVE would allocate another one each
/// time that it is asked, and leave the former one unused.
fn serves(have: &str, allocation: &str) -> bool {
    let (have, wish) = (PropertyString::parse(have, "volume"), PropertyString::parse(allocation, "volume"));
    let storage = |disk: &PropertyString| {
        disk.get("volume").and_then(|volume| volume.split_once(':')).map(|(storage, _)| storage.to_owned())
    };
    is_allocation(allocation) && storage(&have) == storage(&wish) && have.get("mp") == wish.get("mp")
}

#[cfg(test)]
mod tests {
    use phoenix_core::{Vmid, marker::Marker};

    use super::*;

    #[test]
    fn a_volume_that_is_there_serves_the_allocation_it_came_from() {
        assert!(serves("data:subvol-100-disk-1,mp=/data,size=2G", "data:2,mp=/data"));
        assert!(serves("data:vm-100-disk-1,size=2G", "data:2"));
        assert!(!serves("data:subvol-100-disk-1,mp=/other,size=2G", "data:2,mp=/data"));
        assert!(!serves("other:subvol-100-disk-1,mp=/data,size=2G", "data:2,mp=/data"));
        assert!(!serves("data:subvol-100-disk-1,mp=/data", "data:subvol-100-disk-2,mp=/data"));
    }

    #[test]
    fn a_description_is_no_allocation() {
        let describe = |text| Marker::new(Vmid(101), None).describe(text);
        assert!(!is_allocation(&describe("")));
        assert!(!serves(&describe("Nginx\n\nold"), &describe("Nginx\n\nnew")));
    }
}
