//! `phoenix setup` with real services: shares that a client lists and writes to, and what was broken on purpose.

use std::path::Path;

use serde_json::json;

use crate::{
    host::{self, shell},
    lab::{HYPERVISOR, LXC, Lab, obstacle, pretty},
    real::Swept,
};

/// Converges the host, and returns the steps that it took, by feature and verb.
fn setup(lab: &Lab) -> Vec<String> {
    let steps = host::setup(lab);
    steps.iter().filter_map(|step| Some(step.strip_prefix("host/phoenix:")?.to_owned())).collect()
}

#[test]
fn a_client_lists_and_writes_a_share_and_what_is_broken_is_mended() {
    if let Some(why) = obstacle("debian-12-standard") {
        println!("skipped: {why}");
        return;
    }
    if !["/usr/sbin/smbd", "/usr/bin/smbclient"].iter().all(|path| Path::new(path).exists()) {
        println!("skipped: `samba` and `smbclient` are not installed");
        return;
    }
    let lab = Lab::new();
    let bridge = json!({"name": "vmbr0", "address": "10.99.9.1/24"});
    let shares = json!([
        {"name": "data", "path": "srv/data", "valid_users": ["heads"]},
        {"name": "open", "path": "/srv/open", "guest_ok": true, "read_only": true},
    ]);
    let host = json!({
        "network": {"hostname": "phoenix", "interfaces": bridge},
        "samba": {"user": "heads", "password": "env:SAMBA_PASSWORD", "shares": shares},
    });
    lab.write(HYPERVISOR, &pretty(&host));
    lab.write(LXC, "{}");
    let _swept = Swept(&lab);
    assert!(setup(&lab).contains(&"samba:set-password-heads".to_owned()));
    assert_eq!(setup(&lab), Vec::<String>::new());

    let client = "printf 'username=heads\\npassword=s3cret word\\n' >/tmp/who
        smbclient -A /tmp/who -L //127.0.0.1 2>/dev/null | grep -c Disk
        echo hello >/tmp/file
        smbclient -A /tmp/who //10.99.9.1/data -c 'put /tmp/file file; get file /tmp/back' >/dev/null 2>&1
        cat /tmp/back; stat -c '%U %a' /srv/data /srv/data/file
        smbclient -N //127.0.0.1/open -c 'put /tmp/file file' 2>&1 | grep -o ACCESS_DENIED
        smbclient -U heads%wrong //127.0.0.1/data -c ls 2>&1 | grep -o LOGON_FAILURE";
    let seen = "2\nhello\nheads 2770\nheads 660\nACCESS_DENIED\nLOGON_FAILURE";
    assert_eq!(shell(&lab, client).trim(), seen);

    let written = ["samba:write-conf", "samba:reload-smbd.service", "samba:answers"];
    let set = ["samba:set-password-heads"];
    for (harm, mended) in [
        ("systemctl stop smbd", &["samba:start-smbd.service", "samba:answers"][..]),
        ("sed -i 's/valid users = heads/valid users = root/' /etc/samba/smb.conf", &written),
        ("pdbedit -x heads", &set),
        ("printf 'other\\nother\\n' | smbpasswd -s heads", &set),
        ("smbpasswd -d heads", &set),
    ] {
        shell(&lab, harm);
        assert_eq!(setup(&lab), mended, "{harm}");
        assert_eq!(setup(&lab), Vec::<String>::new(), "{harm}");
    }
    assert_eq!(shell(&lab, client).trim(), seen);
    // No file keeps the password.
    let found = shell(&lab, "grep -rlF 's3cret word' /etc /var/lib/phoenix /var/log || true");
    assert_eq!(found.trim(), "");
}
