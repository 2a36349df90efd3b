//! Files of sources, as apt reads them: what stands in those that are there, and what they are with some switched off.

/// A file of sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    path: &'a str,
    text: &'a str,
}

impl<'a> Text<'a> {
    /// Returns the file of this path.
    pub(crate) fn new(path: &'a str, text: &'a str) -> Self {
        Self { path, text }
    }

    /// Tells whether something in it that is switched on comes from an address that begins so, and has this component.
    pub(crate) fn offers(self, uri: &str, component: &str) -> bool {
        let has = |words: &str| {
            words.contains(uri)
                && words.split_whitespace().any(|word| word.trim_end_matches('/') == component)
        };
        match self.is_deb822() {
            true => stanzas(self.text).any(|stanza| is_on(stanza) && has(&plain(stanza))),
            false => self.text.lines().any(|line| line.trim_start().starts_with("deb ") && has(line)),
        }
    }

    /// Returns the file with all switched off that comes from a host; nothing if there is nothing to switch off.
    pub(crate) fn without(self, host: &str) -> Option<String> {
        let text = match self.is_deb822() {
            true => {
                let parts: Vec<String> =
                    stanzas(self.text).map(|stanza| switched_off(stanza, host)).collect();
                parts.concat()
            }
            false => {
                let line = |line: &str| match line.trim_start().starts_with("deb") && line.contains(host) {
                    true => format!("# Switched off by Phoenix (feature host-base): {line}"),
                    false => line.to_owned(),
                };
                self.text.split_inclusive('\n').map(line).collect()
            }
        };
        (text != self.text).then_some(text)
    }

    fn is_deb822(self) -> bool {
        self.path.ends_with(".sources")
    }
}

/// Goes through the stanzas, each with the empty lines behind it.
fn stanzas(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = 0;
        let mut is_behind = false;
        for line in rest.split_inclusive('\n') {
            if line.trim().is_empty() {
                is_behind = true;
            } else if is_behind {
                break;
            }
            end += line.len();
        }
        let (stanza, left) = rest.split_at(end);
        rest = left;
        Some(stanza)
    })
}

/// Returns a stanza without its comments.
fn plain(stanza: &str) -> String {
    stanza.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line} ")).collect()
}

fn enabled(line: &str) -> Option<&str> {
    let (key, value) = line.split_once(':')?;
    key.trim().eq_ignore_ascii_case("enabled").then(|| value.trim())
}

fn is_on(stanza: &str) -> bool {
    let no = ["no", "false", "0", "off", "disable", "without"];
    !stanza.lines().filter_map(enabled).any(|value| no.contains(&value.to_ascii_lowercase().as_str()))
}

fn switched_off(stanza: &str, host: &str) -> String {
    if !is_on(stanza) || !plain(stanza).contains(host) {
        return stanza.to_owned();
    }
    let kept: String = stanza.split_inclusive('\n').filter(|line| enabled(line).is_none()).collect();
    let body = kept.trim_end();
    let behind = &kept[body.len()..];
    let behind = if behind.is_empty() { "\n" } else { behind };
    format!("{body}\nEnabled: false{behind}")
}

#[cfg(test)]
mod tests {
    use super::Text;

    const HOST: &str = "enterprise.proxmox.com";
    const TWO: &str = "# PVE\nTypes: deb\nURIs: https://enterprise.proxmox.com/debian/pve\nSuites: trixie\nComponents: pve-enterprise\n\nTypes: deb\nURIs: http://deb.debian.org/debian\nSuites: trixie\nComponents: main\n";

    #[test]
    fn what_needs_a_subscription_is_switched_off_in_its_place_and_once() {
        let off = Text::new("/a.sources", TWO).without(HOST).unwrap();
        assert_eq!(off, TWO.replace("pve-enterprise\n", "pve-enterprise\nEnabled: false\n"));
        assert_eq!(Text::new("/a.sources", &off).without(HOST), None);
        let on = off.replace("false", "yes");
        assert_eq!(Text::new("/a.sources", &on).without(HOST), Some(off));
        // Without an end of line, and in the form of old.
        let bare = "Types: deb\nURIs: https://enterprise.proxmox.com/x\nSuites: a\nComponents: b";
        assert!(Text::new("/a.sources", bare).without(HOST).unwrap().ends_with("\nEnabled: false\n"));
        let old = "# deb x\ndeb https://enterprise.proxmox.com/debian/pve bookworm pve-enterprise\n";
        let off = Text::new("/a.list", old).without(HOST).unwrap();
        assert_eq!(off.lines().count(), 2);
        assert_eq!(Text::new("/a.list", &off).without(HOST), None);
    }

    #[test]
    fn what_is_switched_on_is_seen() {
        let (uri, part) = ("enterprise.proxmox.com/debian/pve", "pve-enterprise");
        assert!(Text::new("/a.sources", TWO).offers(uri, part));
        assert!(!Text::new("/a.sources", TWO).offers(uri, "main"));
        let off = Text::new("/a.sources", TWO).without(HOST).unwrap();
        assert!(!Text::new("/a.sources", &off).offers(uri, part));
        assert!(
            Text::new("/a.list", "deb https://enterprise.proxmox.com/debian/pve x pve-enterprise\n")
                .offers(uri, part)
        );
        assert!(
            !Text::new("/a.list", "# deb https://enterprise.proxmox.com/debian/pve x pve-enterprise\n")
                .offers(uri, part)
        );
    }
}
