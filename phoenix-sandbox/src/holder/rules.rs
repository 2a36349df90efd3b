//! Rules that the traffic of a sandbox is held to, also what only crosses its bridges. What they say is others' business.

use std::{path::Path, time::Duration};

use super::{programs, sandbox::Sandbox};
use crate::{command, error::SandboxError};

/// Where the kernel says whether the rules of IP see what crosses a bridge; each network has its own.
const SWITCHES: &str = "/proc/sys/net/bridge";
const LIMIT: Duration = Duration::from_secs(30);

/// Lets the rules of IP see what crosses a bridge, then takes the rules as one change.
const SCRIPT: &str = r#"for family in ip ip6; do
    switch=$1/bridge-nf-call-${family}tables
    [ "$(cat "$switch")" = 1 ] || echo 1 >"$switch"
done
exec nft -f -"#;

/// The same for the machine's own bridges, which saw no rules before the module was there.
const SPARE: &str = r#"for family in arp ip ip6; do echo 0 >"$1/bridge-nf-call-${family}tables"; done"#;

impl Sandbox {
    /// Puts rules in the language of `nft` into force, all or none.
    pub async fn hold_to(&self, rules: &str) -> Result<(), SandboxError> {
        programs::find("nft", "nftables")?;
        if !Path::new(SWITCHES).exists() {
            let modprobe = programs::find("modprobe", "kmod")?.display().to_string();
            command::run(&[modprobe, "br_netfilter".to_owned()], b"", LIMIT).await?;
            let words = ["/bin/sh", "-euc", SPARE, "sh", SWITCHES].map(str::to_owned);
            command::run(&words, b"", LIMIT).await?;
        }
        self.run(&["/bin/sh", "-euc", SCRIPT, "sh", SWITCHES], rules.as_bytes(), LIMIT).await.map(drop)
    }
}
