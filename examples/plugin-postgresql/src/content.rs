//! What is in the server: roles, their passwords, databases.

use phoenix_plugin::core::{
    Content, StepId,
    draft::{Command, Draft, File},
};

use crate::{config::Config, sql};

/// Goes through roles and databases, behind the step that brings the server up, if there is one.
pub(crate) fn draft(draft: &mut Draft<'_>, config: &Config, ready: Option<StepId>) {
    let site = draft.site();
    // One connection after the other: the server would take them all, and the log is easier to read so.
    let mut last = ready;
    for role in &config.roles {
        let name = &role.name;
        let reason = format!("there is no role `{name}` that may log in");
        let make = Command::new(sql::command(config), sql::has_role(site, config, role), reason)
            .reading(Content::Text(sql::make_role(role)));
        let made = draft.run(&format!("make-role-{name}"), make, [last.clone()]);
        last = made.or(last);
        if let Some(password) = &role.password {
            last = set_password(draft, config, role, password, last);
        }
    }
    for database in &config.databases {
        let reason = format!("there is no database `{}` of `{}`", database.name, database.owner);
        let make = Command::new(sql::command(config), sql::has_database(site, config, database), reason)
            .reading(Content::Text(sql::make_database(database)));
        let made = draft.run(&format!("make-database-{}", database.name), make, [last.clone()]);
        last = made.or(last);
    }
}

/// The password goes in by standard input, and the SQL by a file: so it stands in no file, no command and no log.
fn set_password(
    draft: &mut Draft<'_>,
    config: &Config,
    role: &crate::config::Role,
    password: &phoenix_plugin::core::SecretRef,
    after: Option<StepId>,
) -> Option<StepId> {
    let path = format!("/etc/postgresql/phoenix/password-{}.sql", role.name);
    let file = File::text(&path, sql::set_password(role)).owned_by("postgres");
    let written = draft.write(&format!("write-password-{}", role.name), file, [after.clone()]);
    let reason = format!("the role `{}` has no password", role.name);
    let has_password = sql::has_password(draft.site(), config, role);
    let set = Command::new(sql::file_command(config, &path), has_password, reason)
        .reading(Content::Secret(password.clone()));
    let set = draft.run(&format!("set-password-{}", role.name), set, [after.clone(), written.clone()]);
    set.or(written).or(after)
}
