//! What the computer must have before a lab can be made on it.

use std::{env, path::Path};

use crate::LabError;

/// The programs that a lab starts, each with the Debian package that holds it.
const PROGRAMS: [(&str, &str); 17] = [
    ("apt-get", "apt"),
    ("chroot", "coreutils"),
    ("cp", "coreutils"),
    ("dpkg-deb", "dpkg"),
    ("ip", "iproute2"),
    ("mkdir", "coreutils"),
    ("mmdebstrap", "mmdebstrap"),
    ("mount", "mount"),
    ("nsenter", "util-linux"),
    ("setsid", "util-linux"),
    ("sh", "dash"),
    ("sleep", "coreutils"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("systemd-nspawn", "systemd-container"),
    ("umount", "mount"),
    ("unshare", "util-linux"),
];

/// The lowest number of inotify instances that lets some hundred systemds run.
const INOTIFY_INSTANCES: u32 = 8192;

const INOTIFY_LIMIT: &str = "/proc/sys/fs/inotify/max_user_instances";

/// Checks that a lab can work on this computer, or says what is missing and how to get it.
pub fn check_prerequisites() -> Result<(), LabError> {
    if !cfg!(target_os = "linux") {
        return Err(LabError::NotLinux {
            system: env::consts::OS,
        });
    }
    if !rustix::process::geteuid().is_root() {
        return Err(LabError::NotRoot);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    missing(|program| env::split_paths(&path).any(|directory| is_program(&directory.join(program))))
}

fn missing(is_installed: impl Fn(&str) -> bool) -> Result<(), LabError> {
    let absent: Vec<_> = PROGRAMS
        .iter()
        .filter(|(program, _)| !is_installed(program))
        .collect();
    if absent.is_empty() {
        return Ok(());
    }
    let mut packages: Vec<_> = absent.iter().map(|(_, package)| *package).collect();
    packages.sort_unstable();
    packages.dedup();
    Err(LabError::MissingPrograms {
        programs: absent.iter().map(|(program, _)| *program).collect(),
        packages,
    })
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Raises the limit that otherwise makes every systemd beyond some two dozen hang silently.
pub(crate) fn raise_inotify_limit() -> Result<(), LabError> {
    let text = fs_err::read_to_string(INOTIFY_LIMIT)?;
    if text
        .trim()
        .parse::<u32>()
        .is_ok_and(|limit| limit < INOTIFY_INSTANCES)
    {
        fs_err::write(INOTIFY_LIMIT, INOTIFY_INSTANCES.to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_programs_come_with_one_install_line() {
        let error = missing(|program| !program.starts_with("ssh")).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("install them with `apt-get install openssh-client`")
        );
    }

    #[test]
    fn nothing_missing_is_no_error() {
        assert!(missing(|_| true).is_ok());
    }
}
