//! Keys and configuration by which the controller reaches the machines.

use std::{fmt::Write as _, path::Path, process::Command};

use crate::{LabDirectory, LabError, MachineNumber, command};

/// Makes a key pair at `path` unless there is one.
pub(crate) fn make_key(path: &Path, comment: &str) -> Result<(), LabError> {
    if path.exists() {
        return Ok(());
    }
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"])
        .arg(path);
    command::run(&mut command).map(drop)
}

/// Writes the files that ssh reads: its configuration and the machines' pinned host keys.
pub(crate) fn write_configuration(
    directory: &LabDirectory,
    machines: &[MachineNumber],
) -> Result<(), LabError> {
    let mut known_hosts = String::new();
    for machine in machines {
        let path = directory.machine(*machine).host_key().with_extension("pub");
        known_hosts.push_str(&known_host(*machine, &fs_err::read_to_string(path)?));
    }
    fs_err::write(directory.known_hosts(), known_hosts)?;
    fs_err::write(directory.ssh_config(), configuration(directory, machines))?;
    Ok(())
}

fn known_host(machine: MachineNumber, public_key: &str) -> String {
    let key: Vec<&str> = public_key.split_whitespace().take(2).collect();
    format!("{machine},{} {}\n", machine.address(), key.join(" "))
}

fn configuration(directory: &LabDirectory, machines: &[MachineNumber]) -> String {
    let mut text = String::new();
    for machine in machines {
        let address = machine.address();
        // Writing to a string does not fail.
        let _ = write!(text, "Host {machine} {address}\n    HostName {address}\n\n");
    }
    let (key, known_hosts) = (quoted(&directory.key()), quoted(&directory.known_hosts()));
    let _ = write!(
        text,
        "Host *\n    User root\n    IdentityFile {key}\n    IdentitiesOnly yes\n    \
         UserKnownHostsFile {known_hosts}\n    GlobalKnownHostsFile /dev/null\n    \
         StrictHostKeyChecking yes\n    HostKeyAlgorithms ssh-ed25519\n    UpdateHostKeys no\n    \
         PasswordAuthentication no\n    ConnectTimeout 10\n"
    );
    text
}

/// Quotes a path as ssh's configuration wants it, where `%` begins a token.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('%', "%%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_names_each_machine_twice_and_pins_host_keys() {
        let directory = LabDirectory::choose(Some(Path::new("/srv/100% lab"))).unwrap();
        let text = configuration(&directory, &MachineNumber::first(2).unwrap());
        assert!(
            text.starts_with("Host m1 10.77.0.1\n    HostName 10.77.0.1\n\nHost m2 10.77.0.2\n")
        );
        assert!(text.contains("    StrictHostKeyChecking yes\n"));
        assert!(
            text.contains("    IdentityFile \"/srv/100%% lab/key\"\n"),
            "{text}"
        );
    }

    #[test]
    fn known_host_drops_the_comment() {
        let line = known_host(MachineNumber::new(3).unwrap(), "ssh-ed25519 AAAA m3\n");
        assert_eq!(line, "m3,10.77.0.3 ssh-ed25519 AAAA\n");
    }
}
