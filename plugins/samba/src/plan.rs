//! The feature itself: packages, accounts, directories, the server's file, its unit, its users, and the question whether it
//! answers.

use phoenix_core::{
    Action, Condition, Content, Descriptor, Draft, Evidence, Expect, Feature, Probe, Recipe, StepId,
    UnitGoal,
    draft::{Command, File, Service},
    feature::SiteKind,
};
use schemars::schema_for;

use crate::{
    conf,
    config::{Config, Share, User},
};

const NAME: &str = "samba";
const CONF: &str = "/etc/samba/smb.conf";
/// What was there before.
const BEFORE: &str = "/etc/samba/smb.conf.before-phoenix";
const UNIT: &str = "smbd.service";
/// Announces names in a way of old, which is switched off.
const NAMES: &str = "nmbd.service";
const FOLDER: &str = "/etc/phoenix/samba";
/// Asks whether the server answers.
const ASK: &str = "/etc/phoenix/samba/phoenix-samba-ask";
/// Makes a user, and asks whether it is as it was made.
const USER: &str = "/etc/phoenix/samba/phoenix-samba-user";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "shares directories of the host with the users that are named";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor.after(["host-base", "base-setup", "zfs"]).at([SiteKind::Host]);
    Box::new(Recipe::new(descriptor, draft).checked_by(Config::problems))
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let packages = draft.packages(["samba"], []);
    let mut ready = vec![packages.clone()];
    for user in config.users.iter().filter(|user| !user.has_account) {
        ready.push(draft.account(&user.name, &[], []));
    }
    for (at, share) in config.shares.iter().enumerate() {
        let made = directory(draft, config, (at, share), &ready);
        ready.push(made);
    }
    let folder = draft.directory("make-folder", FOLDER, (0o755, "root"), []);
    let program =
        |path| File::text(path, if path == ASK { include_str!("ask.pl") } else { include_str!("user.sh") });
    let asks = draft.write("write-ask", program(ASK).with_mode(0o755), [folder.clone()]);
    let makes = draft.write("write-user", program(USER).with_mode(0o755), [folder]);

    let wanted = conf::text(config);
    let found = draft.file(CONF).and_then(|found| found.text.clone());
    let kept = keep(draft, found.as_deref());
    let conf = File::text(CONF, wanted.as_str()).checked_by(["testparm", "-s", "{}"]);
    let conf = draft.write("write-conf", conf, ready.iter().cloned().chain([kept]));
    let names = stop_names(draft, packages.as_ref());
    // Shares are read again while others are in use; what is above them is read but once.
    let service = Service::new(UNIT, [CONF]);
    let is_reread = found.is_some_and(|found| conf::fixed(&found) == conf::fixed(&wanted));
    let service = if is_reread { service.reloading() } else { service };
    let up = draft.service(&service, [packages.clone(), conf.clone()]);

    for user in &config.users {
        let before = [makes.clone(), packages.clone(), conf.clone()].into_iter().chain(ready.clone());
        password(draft, user, before);
    }
    let address = config.address.map_or_else(|| "127.0.0.1".to_owned(), |address| address.to_string());
    let answers = draft.succeeds([ASK, &address]);
    draft.wait("answers", answers, 60, format!("Samba answers at `{address}`"), [up, asks, names]);
}

/// Has the directory of a share there. One that is there is left as it is, with all that is in it.
fn directory(
    draft: &mut Draft<'_>,
    config: &Config,
    (at, share): (usize, &Share),
    ready: &[Option<StepId>],
) -> Option<StepId> {
    let path = share.path.as_str();
    if let Some(found) = draft.file(path) {
        if !found.directory {
            let hint = "name another, or move what is there away";
            draft.refuse(
                &format!("/shares/{at}/path"),
                format!("`{path}` is there and is no directory"),
                hint,
            );
        } else if found.mode & 0o002 != 0 {
            let problem = format!("everybody on the host can write to `{path}`, which is to be shared");
            let hint = format!("take that away (`chmod o-w {path}`); `owner` says whose files it has");
            draft.refuse(&format!("/shares/{at}/path"), problem, hint);
        }
        return None;
    }
    let verb = format!("make{}", path.replace(['/', '.', '+', '@', '_'], "-"));
    draft.directory(&verb, path, (0o2770, config.owner_of(share)), ready.to_vec())
}

/// Keeps what was there before, once.
fn keep(draft: &mut Draft<'_>, found: Option<&str>) -> Option<StepId> {
    found.filter(|found| !found.starts_with(conf::HEAD))?;
    let there = Condition::new(Probe::file(draft.site(), BEFORE), Expect::Present);
    let keep = Command::new(["cp", "--", CONF, BEFORE], there, format!("`{CONF}` is another's, and is kept"));
    draft.run("keep-conf", keep, [])
}

fn stop_names(draft: &mut Draft<'_>, packages: Option<&StepId>) -> Option<StepId> {
    let probe = Probe::Unit { site: draft.site().clone(), name: NAMES.to_owned(), reads: [].into() };
    let is_on = matches!(
        draft.ask(probe),
        Some(Evidence::Unit { active: true, .. } | Evidence::Unit { enabled: true, .. })
    );
    (is_on || packages.is_some()).then(|| {
        let (site, name) = (draft.site().clone(), NAMES.to_owned());
        let action = Action::SetUnit { site, name, goal: UnitGoal::Stopped, enabled: false };
        draft.add("stop-names", action, format!("`{NAMES}` is switched off in `{CONF}`"), [packages.cloned()])
    })
}

/// Has a user be there with its password. What the password is nobody can ask; that it is no longer the one that was set, the
/// program sees by a hash.
fn password(
    draft: &mut Draft<'_>,
    user: &User,
    after: impl IntoIterator<Item = Option<StepId>>,
) -> Option<StepId> {
    let secret = user.password.clone()?;
    let reference = secret.to_string();
    let is_so = draft.succeeds([USER, "ask", &user.name, &reference]);
    let reason = format!("`{}` cannot log in with the password that was set from `{reference}`", user.name);
    let set = Command::new([USER, "set", &user.name, &reference], is_so, reason);
    draft.run(&format!("set-password-{}", user.name), set.reading(Content::Secret(secret)), after)
}
