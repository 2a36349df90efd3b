//! What the host is called: by its own file, by the kernel, and by the line that leads its name to its address.

use std::net::IpAddr;

use phoenix_core::{
    Condition, Content, Diagnostic, Draft, Evidence, Expect, Probe,
    draft::{Command, File},
};

use crate::config::Config;

const HOSTNAME: &str = "/etc/hostname";
const HOSTS: &str = "/etc/hosts";

/// Has the host be called what it shall be.
pub(crate) fn draft(draft: &mut Draft<'_>, config: &Config) {
    let Some(wanted) = &config.hostname else { return };
    let found = draft.output(["hostname"]).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let other = found.filter(|found| found.split('.').next() != Some(wanted));
    if let Some(found) = &other {
        let guests = guests_on(draft, found);
        if guests > 0 {
            // Proxmox VE keeps what a guest is below the name of its node: under another name there are none.
            let guests =
                if guests == 1 { "a guest lives".to_owned() } else { format!("{guests} guests live") };
            let message =
                format!("this host is `{found}`, and cannot become `{wanted}` while {guests} on it");
            let hint = format!(
                "write \"hostname\": \"{found}\"; Proxmox VE keeps guests under the name of their node, so they would have to leave first"
            );
            return draft.find(Diagnostic::error("host-name", message).with_hint(hint));
        }
    }
    let mut before = Vec::new();
    if let Some(address) = config.address {
        let line = line(config, wanted, address);
        let old = draft.file(HOSTS).and_then(|found| found.text.clone()).unwrap_or_default();
        let text = hosts(&old, &line);
        before.push(draft.write("write-hosts", File::text(HOSTS, text), []));
    }
    let written = draft.write("write-hostname", File::text(HOSTNAME, format!("{wanted}\n")), before);
    if let Some(found) = other {
        let says = Expect::SaysLine { line: wanted.clone() };
        let proof = Condition::new(Probe::command(draft.site(), ["hostname"]), says);
        let reason = format!("the host is called `{found}` instead of `{wanted}`");
        draft.run("set-hostname", Command::new(["hostname", wanted], proof, reason), [written]);
    }
}

/// Returns how many guests live on the node of that name.
fn guests_on(draft: &Draft<'_>, name: &str) -> usize {
    match draft.ask(Probe::Guests) {
        Some(Evidence::Guests { rows }) => rows.values().filter(|row| row.node == name).count(),
        _ => 0,
    }
}

/// Returns the words that stand in the file of hosts: the address, the full name, the name.
fn line(config: &Config, name: &str, address: IpAddr) -> Vec<String> {
    let full = config.domain.as_ref().map(|domain| format!("{name}.{domain}"));
    [address.to_string()].into_iter().chain(full).chain([name.to_owned()]).collect()
}

/// Returns the file with the line in it, and with these names leading nowhere else. A line of others that says it already is
/// enough.
fn hosts(old: &str, line: &[String]) -> String {
    let block = |lines: Vec<String>| Content::Block { owner: "host-base".to_owned(), lines };
    let Some((address, names)) = line.split_first() else { return old.to_owned() };
    let others = block(Vec::new()).over(old).unwrap_or_default();
    let mut text = String::new();
    let mut is_said = false;
    for one in others.lines() {
        let words: Vec<&str> = one.split('#').next().unwrap_or_default().split_whitespace().collect();
        match words.split_first() {
            Some((to, called)) if to == address => {
                is_said |= names.iter().all(|name| called.contains(&name.as_str()));
            }
            Some((to, called)) if names.iter().any(|name| called.contains(&name.as_str())) => {
                let left: Vec<&str> =
                    called.iter().copied().filter(|word| !names.iter().any(|name| name == word)).collect();
                if !left.is_empty() {
                    text.push_str(&format!("{to} {}\n", left.join(" ")));
                }
                continue;
            }
            Some(_) | None => {}
        }
        text.push_str(one);
        text.push('\n');
    }
    if is_said { text } else { block(vec![line.join(" ")]).over(&text).unwrap_or(text) }
}

#[cfg(test)]
mod tests {
    use super::hosts;

    const WORDS: [&str; 3] = ["10.0.0.13", "pve1.lab", "pve1"];

    fn over(old: &str) -> String {
        hosts(old, &WORDS.map(str::to_owned))
    }

    #[test]
    fn a_name_leads_to_its_address_and_nowhere_else() {
        let old = "127.0.0.1 localhost pve1\n127.0.1.1 pve1.lab pve1\n10.0.0.9 other\n";
        let new = over(old);
        let block = "# BEGIN phoenix host-base\n10.0.0.13 pve1.lab pve1\n# END phoenix host-base\n";
        assert_eq!(new, format!("127.0.0.1 localhost\n10.0.0.9 other\n{block}"));
        assert_eq!(over(&new), new);
        // What the installer of Proxmox VE has written is as good.
        let own = "127.0.0.1 localhost\n10.0.0.13 pve1.lab pve1 # mine\n";
        assert_eq!(over(own), own);
    }
}
