//! Who may do what in Proxmox VE.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// Who may do what in Proxmox VE. `root@pam` is never touched, and neither is what others have made.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Access {
    /// Users, by `name@realm`.
    #[serde(default)]
    pub(crate) users: BTreeMap<String, AccessUser>,
    /// Groups of users, by name.
    #[serde(default)]
    pub(crate) groups: BTreeMap<String, AccessGroup>,
    /// Roles of one's own, by name.
    #[serde(default)]
    pub(crate) roles: BTreeMap<String, AccessRole>,
    /// Who has which role where.
    #[serde(default)]
    pub(crate) acl: Vec<AccessGrant>,
    /// API tokens, by `name@realm!token`.
    #[serde(default)]
    pub(crate) tokens: BTreeMap<String, AccessToken>,
}

/// A user.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessUser {
    /// What is said of it; Phoenix adds its mark.
    #[schemars(extend("format" = "line"))]
    pub(crate) comment: Option<String>,
    /// The groups that it is in, and no others.
    pub(crate) groups: Option<Vec<String>>,
    /// Its first name.
    #[schemars(extend("format" = "line"))]
    pub(crate) first_name: Option<String>,
    /// Its last name.
    #[schemars(extend("format" = "line"))]
    pub(crate) last_name: Option<String>,
    /// Its address.
    #[schemars(extend("format" = "line"))]
    pub(crate) email: Option<String>,
    /// It may log in.
    pub(crate) enabled: Option<bool>,
    /// Until when, in seconds since 1970; 0 for ever.
    pub(crate) expire: Option<u64>,
    /// A reference to its password, for the realm `pve`: `env:`, `file:` or `cmd:`. It is told when the user is made.
    #[schemars(extend("format" = "secret"))]
    pub(crate) password: Option<String>,
    /// One that is there and is not Phoenix's is taken over, and changed where it differs.
    #[serde(default)]
    pub(crate) adopt: bool,
}

/// A group of users.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessGroup {
    /// What is said of it; Phoenix adds its mark.
    #[schemars(extend("format" = "line"))]
    pub(crate) comment: Option<String>,
    /// One that is there and is not Phoenix's is taken over, and changed where it differs.
    #[serde(default)]
    pub(crate) adopt: bool,
}

/// A role.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessRole {
    /// Its privileges, for instance `VM.Audit`, and no others.
    #[schemars(extend("items" = { "type": "string", "format": "property" }))]
    pub(crate) privileges: Vec<String>,
    /// One that is there and is not Phoenix's is taken over, and changed where it differs.
    #[serde(default)]
    pub(crate) adopt: bool,
}

/// Who has which role where.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessGrant {
    /// The path: `/`, `/vms/100`, `/storage/local`, …
    #[schemars(extend("format" = "absolute-path"))]
    pub(crate) path: String,
    /// Who has it: a user `name@realm`, a group `@name`, or a token `name@realm!token`.
    #[schemars(extend("format" = "line"))]
    pub(crate) to: String,
    /// The role.
    #[schemars(extend("format" = "line"))]
    pub(crate) role: String,
    /// It holds for what is below the path too.
    #[serde(default = "yes")]
    pub(crate) propagate: bool,
}

/// An API token.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessToken {
    /// The file on the host that its secret is written to, once, as `name@realm!token=secret`; only root reads it.
    #[schemars(extend("format" = "absolute-path"))]
    pub(crate) file: String,
    /// What is said of it; Phoenix adds its mark.
    #[schemars(extend("format" = "line"))]
    pub(crate) comment: Option<String>,
    /// It has only what is granted to itself, and not all that its user has.
    #[serde(default = "yes")]
    pub(crate) privsep: bool,
    /// Until when, in seconds since 1970; 0 for ever.
    pub(crate) expire: Option<u64>,
    /// It gets a new secret where its file is gone.
    #[serde(default)]
    pub(crate) renew: bool,
    /// One that is there and is not Phoenix's is taken over, with a new secret.
    #[serde(default)]
    pub(crate) adopt: bool,
}

fn yes() -> bool {
    true
}
