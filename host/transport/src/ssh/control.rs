//! The place of the control sockets: short, and nobody else's.

use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::SshError;
use super::master::Master;

/// The longest directory, so that a socket in it stays below what systems allow, with what ssh
/// adds while it makes one.
const LONGEST: usize = 50;

/// How old a socket that ssh did not finish making has to be before it is swept up.
const UNFINISHED: Duration = Duration::from_mins(10);

/// A connection that an earlier run may have left.
#[derive(Debug)]
pub(super) struct Found {
    /// What it stands for.
    pub(super) key: String,
    /// The connection.
    pub(super) master: Master,
    /// Since when.
    pub(super) since: SystemTime,
}

/// A directory for control sockets that only this user can enter.
#[derive(Debug)]
pub(super) struct ControlDirectory(PathBuf);

impl ControlDirectory {
    /// Makes the directory where it is missing, and checks it where it is not.
    pub(super) fn open() -> Result<Self, SshError> {
        let user = rustix::process::geteuid();
        let runtime = match std::env::var_os("XDG_RUNTIME_DIR") {
            Some(runtime) => Some(PathBuf::from(runtime)),
            // Nobody else can take the name there, as anybody can in /tmp.
            None => user.is_root().then(|| PathBuf::from("/run")),
        };
        let runtime = runtime.filter(|runtime| fits(runtime) && runtime.is_dir());
        if let Some(runtime) = runtime
            && let Ok(directory) = Self::at(runtime.join("cellhost"))
        {
            return Ok(directory);
        }
        Self::at(PathBuf::from(format!("/tmp/cellhost-{}", user.as_raw())))
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

    /// A connection that is to be made for this key. No two have the same socket, so that no run
    /// ever takes away another's.
    pub(super) fn fresh(&self, key: &str) -> std::io::Result<Master> {
        let mut bytes = [0; 4];
        rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
        let number = u32::from_ne_bytes(bytes);
        Ok(Master::at(self.0.join(format!("{key}-{number:08x}"))))
    }

    /// All that stand, or look as if they did.
    pub(super) fn found(&self) -> Vec<Found> {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        let found = entries.filter_map(|entry| {
            let known = entry.metadata().ok()?;
            let since = known.modified().ok()?;
            let name = entry.file_name().into_string().ok()?;
            let (key, number) = name.split_once('-')?;
            // ssh makes a socket beside its place first, and may die there. Pinned keys lie there
            // while it connects.
            if number.contains('.') {
                if since.elapsed().is_ok_and(|age| age > UNFINISHED) {
                    let _ = std::fs::remove_file(entry.path());
                }
                return None;
            }
            known.file_type().is_socket().then(|| Found {
                key: key.to_owned(),
                master: Master::at(entry.path()),
                since,
            })
        });
        found.collect()
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
        let master = made.fresh(&"a".repeat(16)).unwrap();
        // With what ssh adds it has to stay below 108.
        let name = master.socket().file_name().unwrap();
        assert_eq!(name.len(), 25);
        assert!(LONGEST + "/cellhost/".len() + name.len() + 17 < 108);
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
