//! Identity: no two guests with one vmid or one name.

use std::collections::BTreeMap;

use super::Check;
use crate::model::Spot;

pub(super) fn check(check: &mut Check<'_>) {
    for (vmid, spots) in &check.model.declared {
        let [(_, first), others @ ..] = spots.as_slice() else { continue };
        for (_, spot) in others {
            let hint = format!("{} has it first; give one of them another number", check.line(first));
            check.error(spot, "duplicate-vmid", format!("the vmid {vmid} is given twice"), hint);
        }
    }
    let mut names: BTreeMap<String, (u32, Spot)> = BTreeMap::new();
    for guest in check.guests {
        let spot = guest.spot.at("name");
        let vmid = guest.id.vmid.0;
        if let Some((other, first)) = names.get(&guest.name.to_lowercase()) {
            if *other == vmid {
                continue;
            }
            let hint = format!(
                "{} has it first; a name also stands for its guest on the command line",
                check.line(first)
            );
            check.error(
                &spot,
                "duplicate-name",
                format!("the name `{}` is that of {other} too", guest.name),
                hint,
            );
            continue;
        }
        names.insert(guest.name.to_lowercase(), (vmid, spot));
    }
}
