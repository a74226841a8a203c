//! The place of the control sockets: short, and nobody else's.

use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::SshError;

/// The longest directory, so that a socket in it stays below what systems allow, with what ssh
/// adds while it makes one.
const LONGEST: usize = 60;

/// A directory for control sockets that only this user can enter.
#[derive(Debug)]
pub(super) struct ControlDirectory(PathBuf);

impl ControlDirectory {
    /// Makes the directory where it is missing, and checks it where it is not.
    pub(super) fn open() -> Result<Self, SshError> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let user = rustix::process::geteuid();
        let path = match runtime {
            Some(runtime) if fits(&runtime) && runtime.is_dir() => runtime.join("cellhost"),
            _ => PathBuf::from(format!("/tmp/cellhost-{}", user.as_raw())),
        };
        Self::at(path)
    }

    fn at(path: PathBuf) -> Result<Self, SshError> {
        let wrong = |reason: String| SshError::Control {
            path: path.clone(),
            reason,
        };
        match std::fs::DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(wrong(error.to_string()));
            }
            _ => {}
        }
        let found = std::fs::symlink_metadata(&path).map_err(|error| wrong(error.to_string()))?;
        if !found.is_dir() {
            return Err(wrong("it is no directory".to_owned()));
        }
        if found.uid() != rustix::process::geteuid().as_raw() {
            return Err(wrong("it belongs to somebody else".to_owned()));
        }
        if found.mode() & 0o077 != 0 {
            return Err(wrong("others may enter it".to_owned()));
        }
        Ok(Self(path))
    }

    /// The socket of what this key stands for.
    pub(super) fn socket(&self, key: &str) -> PathBuf {
        self.0.join(key)
    }
}

/// Whether ssh takes the path as it is: it reads `%` and spaces its own way.
fn fits(path: &Path) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    path.to_str().is_some_and(|path| {
        path.starts_with('/') && path.len() <= LONGEST && path.chars().all(plain)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn makes_a_directory_for_one_user_only() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("control");
        let made = ControlDirectory::at(path.clone()).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        assert!(made.socket(&"a".repeat(16)).as_os_str().len() < 90);
        assert!(ControlDirectory::at(path).is_ok());
    }

    #[test]
    fn refuses_a_directory_that_others_prepared() {
        let place = tempfile::tempdir().unwrap();
        let open = place.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(ControlDirectory::at(open.clone()).is_err());
        let link = place.path().join("link");
        std::os::unix::fs::symlink(&open, &link).unwrap();
        assert!(ControlDirectory::at(link).is_err());
    }

    #[test]
    fn knows_paths_that_ssh_would_read_its_own_way() {
        assert!(fits(Path::new("/run/user/1000")));
        for path in ["/run/%h", "/a b", "relative"] {
            assert!(!fits(Path::new(path)), "{path}");
        }
    }
}
