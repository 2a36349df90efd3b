//! The feature itself: sources of packages, one step for all packages, then locale, time zone, users and keys.

mod apt;
mod locale;
mod user;

use phoenix_core::{Content, Descriptor, Draft, Feature, Problems, Recipe, feature::SiteKind};

use crate::{
    config::{Config, Package},
    schema,
};

const NAME: &str = "base-setup";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "installs basic packages and sets locale, time zone, users and their keys";
    let descriptor = Descriptor::new(NAME, about, schema::schema());
    let descriptor = descriptor.after(["host-base"]).at([SiteKind::Lxc, SiteKind::Vm, SiteKind::Host]);
    Box::new(Recipe::new(descriptor, draft).checked_by(problems))
}

fn problems(config: &Config) -> Problems {
    let mut problems = Problems::default();
    apt::check(&mut problems, config);
    user::check(&mut problems, config);
    problems
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let sources = apt::draft(draft, config);
    let packages = config.needed_packages();
    let installed = draft.packages(packages.iter().map(Package::as_str), sources.into_iter().map(Some));
    locale::draft(draft, config, installed.as_ref());
    user::draft(draft, config, installed.as_ref());
}

/// Returns lines as the feature's own block.
fn block(lines: impl IntoIterator<Item = String>) -> Content {
    Content::Block { owner: NAME.to_owned(), lines: lines.into_iter().collect() }
}
