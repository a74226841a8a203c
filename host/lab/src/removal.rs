//! Removing whole trees, with a look before the leap.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::LabError;

/// Removes a tree if it is there, and refuses when anything is mounted in it.
pub(crate) fn remove_tree(path: &Path) -> Result<(), LabError> {
    let table = fs_err::read_to_string("/proc/self/mountinfo")?;
    if let Some(mount) = mount_below(&table, path) {
        return Err(LabError::MountedBelow {
            path: path.to_path_buf(),
            mount,
        });
    }
    ignore_absent(fs_err::remove_dir_all(path))
}

/// Removes a file if it is there.
pub(crate) fn remove_file(path: &Path) -> Result<(), LabError> {
    ignore_absent(fs_err::remove_file(path))
}

fn ignore_absent(result: io::Result<()>) -> Result<(), LabError> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn mount_below(mountinfo: &str, path: &Path) -> Option<PathBuf> {
    let points = mountinfo
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(PathBuf::from);
    points.into_iter().find(|point| point.starts_with(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_a_mount_inside_a_tree_and_none_beside_it() {
        let table = "61 27 0:40 / /srv/lab/root rw - overlay overlay rw";
        assert!(mount_below(table, Path::new("/srv/lab")).is_some());
        assert!(mount_below(table, Path::new("/srv/la")).is_none());
    }
}
