//! The words for the server. Each text that changes something can be run twice, and each question has one line for an
//! answer if all is as it shall be.

use phoenix_plugin::core::{Condition, Expect, Probe, Site};

use crate::config::{Config, Database, Name, Role};

/// Returns the command that hands SQL on its standard input to the server.
pub(crate) fn command(config: &Config) -> Vec<String> {
    let port = config.port.to_string();
    let words = [
        "runuser",
        "-u",
        "postgres",
        "--",
        "psql",
        "-X",
        "-q",
        "-A",
        "-t",
        "-v",
        "ON_ERROR_STOP=1",
        "-p",
        &port,
    ];
    words.map(str::to_owned).to_vec()
}

/// Returns the command that hands a file of SQL to the server, which leaves standard input to the file.
pub(crate) fn file_command(config: &Config, path: &str) -> Vec<String> {
    let mut words = command(config);
    words.extend(["-f".to_owned(), path.to_owned()]);
    words
}

/// Returns the condition that there is a role that may log in.
pub(crate) fn has_role(site: &Site, config: &Config, role: &Role) -> Condition {
    let name = &role.name;
    says(
        site,
        config,
        &format!("SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname = '{name}'"),
        name,
    )
}

/// Returns the condition that a role has a password.
pub(crate) fn has_password(site: &Site, config: &Config, role: &Role) -> Condition {
    let name = &role.name;
    let query = format!("SELECT rolname FROM pg_authid WHERE rolpassword IS NOT NULL AND rolname = '{name}'");
    says(site, config, &query, name)
}

/// Returns the condition that there is a database of its owner.
pub(crate) fn has_database(site: &Site, config: &Config, database: &Database) -> Condition {
    let Database { name, owner } = database;
    let query = format!(
        "SELECT datname FROM pg_database JOIN pg_roles ON pg_roles.oid = datdba \
         WHERE datname = '{name}' AND rolname = '{owner}'"
    );
    says(site, config, &query, name)
}

/// Returns what makes a role, or lets one that is there log in.
pub(crate) fn make_role(role: &Role) -> String {
    let name = &role.name;
    format!(
        "SELECT 'CREATE ROLE \"{name}\"' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') \\gexec\n\
         ALTER ROLE \"{name}\" LOGIN;\n"
    )
}

/// Returns what gives a role the password that standard input holds.
pub(crate) fn set_password(role: &Role) -> String {
    format!("\\set password `cat`\nALTER ROLE \"{}\" PASSWORD :'password';\n", role.name)
}

/// Returns what makes a database, or gives one that is there to its owner.
pub(crate) fn make_database(database: &Database) -> String {
    let Database { name, owner } = database;
    format!(
        "SELECT 'CREATE DATABASE \"{name}\"' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{name}') \\gexec\n\
         ALTER DATABASE \"{name}\" OWNER TO \"{owner}\";\n"
    )
}

fn says(site: &Site, config: &Config, query: &str, name: &Name) -> Condition {
    let mut words = command(config);
    words.extend(["-c".to_owned(), query.to_owned()]);
    Condition::new(Probe::command(site, words), Expect::SaysLine { line: name.to_string() })
}
