//! What is taken from the computer that builds: its sources of Debian and its way to the network.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use super::recipe::SOURCES;
use crate::{LabError, command};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Prints one line for each list of packages that the computer's apt knows.
const TARGET_FORMAT: &str = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)";

/// Writes a list of sources for the machines' release: the computer's own where it has them.
pub(super) fn write_sources(directory: &Path) -> Result<PathBuf, LabError> {
    let arguments = [
        "indextargets",
        "--format",
        TARGET_FORMAT,
        "Created-By: Packages",
    ];
    let known = command::run(Command::new("apt-get").args(arguments))?;
    let text = sources(
        &String::from_utf8_lossy(&known.stdout),
        Path::new(KEYRING).exists(),
    );
    let path = directory.join("sources.list");
    fs_err::write(&path, text)?;
    Ok(path)
}

/// Writes how the computer's apt fetches: proxies, certificates, retries.
pub(super) fn write_options(directory: &Path) -> Result<PathBuf, LabError> {
    let dump = command::run(Command::new("apt-config").args(["dump", "Acquire"]))?;
    let path = directory.join("apt-acquire.conf");
    fs_err::write(&path, options(&String::from_utf8_lossy(&dump.stdout)))?;
    Ok(path)
}

fn sources(known: &str, keyring: bool) -> String {
    let signed = if keyring {
        format!("[signed-by={KEYRING}] ")
    } else {
        String::new()
    };
    let mut text = String::new();
    for (suite, default) in SOURCES {
        let own: Vec<&str> = known
            .lines()
            .filter_map(|line| debian_source(line, suite))
            .collect();
        let uris = if own.is_empty() { vec![default] } else { own };
        for uri in uris {
            // Writing to a string does not fail.
            let _ = writeln!(text, "deb {signed}{uri} {suite} main");
        }
    }
    text
}

/// Others also publish under Debian's suite names, so the origin decides.
fn debian_source<'a>(line: &'a str, suite: &str) -> Option<&'a str> {
    let (uri, rest) = line.split_once('|')?;
    (rest == format!("{suite}|main|Debian")).then_some(uri)
}

/// Keeps how to fetch, and drops what else to fetch: only package lists are of use.
fn options(dump: &str) -> String {
    let kept = dump.lines().filter(|line| {
        !line.starts_with("Acquire::IndexTargets") && !line.starts_with("Acquire::Languages")
    });
    kept.chain(["Acquire::Languages \"none\";"])
        .fold(String::new(), |text, line| text + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_mirror_is_taken_and_foreign_sources_are_not() {
        let known = "http://mirror.example/debian/|bookworm|main|Debian\n\
                     http://vendor.example/|bookworm|main|Vendor\n\
                     http://mirror.example/debian/|bookworm|contrib|Debian\n";
        let text = sources(known, false);
        assert!(
            text.starts_with("deb http://mirror.example/debian/ bookworm main\n"),
            "{text}"
        );
        assert!(text.contains("deb http://deb.debian.org/debian-security bookworm-security main"));
        assert!(!text.contains("vendor"));
    }

    #[test]
    fn proxies_are_kept_and_further_indexes_dropped() {
        let dump = "Acquire::http::Proxy \"http://proxy.example:3128\";\n\
                    Acquire::IndexTargets::deb::DEP-11 \"\";\n";
        let text = options(dump);
        assert!(text.contains("proxy.example") && !text.contains("DEP-11"));
    }
}
