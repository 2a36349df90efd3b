//! Boot: what starts by itself must not start before what it stands on.

use super::Check;

pub(super) fn check(check: &mut Check<'_>) {
    for guest in check.guests {
        for (dependency, spot) in &guest.dependencies {
            let Some(other) = check.guest(*dependency) else { continue };
            if other.id == guest.id {
                continue;
            }
            if guest.is_template && !other.is_template {
                let message = format!(
                    "the template `{}` depends on the running {} {dependency}, and with it everything that is cloned from the template",
                    guest.name,
                    other.id.kind.noun()
                );
                check.warning(
                    spot,
                    "template-dependency",
                    message,
                    "remove it: a template only needs what it is made from",
                );
            }
            if other.is_template {
                let message =
                    format!("`{}` depends on the template {dependency}, which never runs", guest.name);
                check.error(
                    spot,
                    "template-dependency",
                    message,
                    "remove it, or depend on a guest that runs",
                );
            }
            let starts_earlier = match (guest.boot_order, other.boot_order) {
                (Some(own), Some(theirs)) => own < theirs,
                (Some(_), None) => other.start_at_boot,
                (None, _) => false,
            };
            if starts_earlier && !other.is_template && (guest.start_at_boot || guest.is_template) {
                let message = format!(
                    "`{}` boots at {}, before {dependency} at {}, on which it depends",
                    guest.name,
                    guest.boot_order.unwrap_or_default(),
                    other.boot_order.map_or_else(|| "no place".to_owned(), |order| order.to_string())
                );
                check.warning(
                    &guest.spot.at("boot_order"),
                    "boot-order",
                    message,
                    "give the dependency the lower number",
                );
            }
            if guest.start_at_boot && !other.start_at_boot && !other.is_template {
                let message = format!(
                    "`{}` starts at boot, but {dependency}, on which it depends, does not",
                    guest.name
                );
                check.warning(
                    spot,
                    "boot-order",
                    message,
                    format!("write `\"start_at_boot\": true` for {dependency}"),
                );
            }
        }
    }
}
