//! `curl`, as far as it is asked whether something answers.

use crate::sim::programs::{Ran, Run};

/// Answers for what is configured to listen: a server is taken to be at a port of the guest's own that a file below
/// `/etc` or `/opt` names, as long as nothing but loopback is asked.
pub(super) fn curl(run: Run<'_>) -> Ran {
    let Some(url) = run.args.iter().find(|word| word.contains("://")) else {
        return Ran::failed(2, "curl: no URL specified");
    };
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split('/').next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port),
        None if scheme == "https" => (authority, "443"),
        None => (authority, "80"),
    };
    let is_here = run.args.iter().any(|word| *word == format!("{host}:{port}:127.0.0.1"));
    if !is_here && !matches!(host, "127.0.0.1" | "localhost" | "[::1]") {
        return Ran::failed(7, format!("curl: (7) Failed to connect to {host} port {port}"));
    }
    let names_port =
        |text: &str| text.split(|letter: char| !letter.is_ascii_digit()).any(|digits| digits == port);
    if is_here {
        return Ran::default();
    }
    let is_of_service = |path: &str| path.starts_with("/etc/") || path.starts_with("/opt/");
    let files = run.world.files().into_keys().map(str::to_owned);
    let paths: Vec<String> = files.filter(|path| is_of_service(path)).collect();
    if paths.iter().filter_map(|path| run.world.text(path)).any(names_port) {
        return Ran::default();
    }
    Ran::failed(7, format!("curl: (7) Failed to connect to {host} port {port}"))
}

#[cfg(test)]
mod tests {
    use crate::sim::{programs::tests::say, world::World};

    #[test]
    fn only_a_configured_port_answers() {
        let mut world = World::of_image("ubuntu-24.04");
        assert_eq!(say(&mut world, "curl -fsS http://127.0.0.1:8000/health").status, 7);
        world.write("/etc/app.conf", "listen 127.0.0.1:8000;\n");
        assert_eq!(say(&mut world, "curl -fsS http://127.0.0.1:8000/health").status, 0);
        assert_eq!(say(&mut world, "curl -fsS http://127.0.0.1:800/health").status, 7);
        assert_eq!(say(&mut world, "curl -fsS http://192.0.2.1:8000/health").status, 7);
    }
}
