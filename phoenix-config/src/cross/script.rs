//! Application scripts: named after guests that are not there any more.

use super::Check;
use crate::model::Entry;

pub(super) fn check(check: &mut Check<'_>) {
    for guest in check.guests {
        let Entry::Lxc(lxc) = guest.entry else { continue };
        let Some(script) = &lxc.application_script else { continue };
        let number = script
            .split(|letter: char| !letter.is_ascii_digit())
            .filter_map(|digits| digits.parse::<u32>().ok())
            .find(|number| *number >= phoenix_core::Vmid::MIN);
        let Some(number) = number.filter(|number| !check.model.declared.contains_key(number)) else {
            continue;
        };
        let is_there =
            ["", "bin", "scripts"].iter().any(|folder| check.model.dir.join(folder).join(script).is_file());
        if !is_there {
            let message = format!(
                "the script `{script}` is that of {number}, which no file declares, and it is not there"
            );
            check.error(
                &guest.spot.at("application_script"),
                "dangling-script",
                message,
                "remove it; features replace application scripts",
            );
        }
    }
}
