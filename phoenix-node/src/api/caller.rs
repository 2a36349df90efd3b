//! Who makes a call.

/// Who makes a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Caller {
    /// The user, `name@realm`; empty where nobody had to show anything.
    pub(crate) user: String,
    /// The name of the API token, if it is one that calls.
    pub(crate) token: Option<String>,
}

impl Caller {
    /// Returns the caller who may do everything: whoever holds the node itself.
    pub(crate) fn root() -> Self {
        Self { user: "root@pam".to_owned(), token: None }
    }

    /// Returns the name that tasks and lists of privileges know: `user@realm` or `user@realm!token`.
    pub(crate) fn id(&self) -> String {
        match &self.token {
            Some(token) => format!("{}!{token}", self.user),
            None => self.user.clone(),
        }
    }

    /// Tells whether it is `root@pam` itself, which some calls ask for.
    pub(crate) fn is_root(&self) -> bool {
        self.user == "root@pam" && self.token.is_none()
    }
}
