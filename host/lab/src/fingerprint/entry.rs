//! One entry of a file system, with all that a machine sees of it but times.

use std::{
    fmt,
    fs::Metadata,
    io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::Path,
};

use sha2::{Digest as _, Sha256};

use crate::{LabError, hexadecimal::hexadecimal};

/// The mark of overlayfs on a directory that hides the image's directory of the same name.
const OPAQUE: &str = "trusted.overlay.opaque";

/// Describes one entry; two equal descriptions are the same to whoever looks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    kind: Kind,
    mode: u32,
    owner: (u32, u32),
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Directory,
    File { digest: String },
    Link { target: String },
    Device { block: bool, number: u64 },
    Pipe,
    Socket,
}

impl Entry {
    /// Describes what is at the path; `None` if nothing is.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, LabError> {
        match read(path) {
            Ok(entry) => Ok(Some(entry)),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
                _ => Err(error.into()),
            },
        }
    }

    pub(super) fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }

    /// Tells whether this is the mark by which a layer removes what is below it.
    pub(super) fn is_whiteout(&self) -> bool {
        self.kind
            == Kind::Device {
                block: false,
                number: 0,
            }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match &self.kind {
            Kind::Directory => "directory",
            Kind::File { .. } => "file",
            Kind::Link { .. } => "link",
            Kind::Device { .. } => "device",
            Kind::Pipe => "pipe",
            Kind::Socket => "socket",
        };
        write!(
            f,
            "{word} {:04o} {}:{}",
            self.mode, self.owner.0, self.owner.1
        )?;
        match &self.kind {
            Kind::File { digest } => write!(f, " {digest}"),
            Kind::Link { target } => write!(f, " {target}"),
            Kind::Device { block, number } => {
                write!(f, " {} {number}", if *block { 'b' } else { 'c' })
            }
            Kind::Directory | Kind::Pipe | Kind::Socket => Ok(()),
        }
    }
}

fn read(path: &Path) -> io::Result<Entry> {
    let found = fs_err::symlink_metadata(path)?;
    let kind = kind(path, &found)?;
    Ok(Entry {
        kind,
        mode: found.mode() & 0o7777,
        owner: (found.uid(), found.gid()),
    })
}

fn kind(path: &Path, found: &Metadata) -> io::Result<Kind> {
    let file_type = found.file_type();
    Ok(if file_type.is_dir() {
        Kind::Directory
    } else if file_type.is_file() {
        let mut digest = Sha256::new();
        io::copy(&mut fs_err::File::open(path)?, &mut digest)?;
        Kind::File {
            digest: hexadecimal(&digest.finalize()),
        }
    } else if file_type.is_symlink() {
        Kind::Link {
            target: fs_err::read_link(path)?.to_string_lossy().into_owned(),
        }
    } else if file_type.is_fifo() {
        Kind::Pipe
    } else if file_type.is_socket() {
        Kind::Socket
    } else {
        Kind::Device {
            block: file_type.is_block_device(),
            number: found.rdev(),
        }
    })
}

/// Tells whether a directory of a layer hides all that the image has at its path.
pub(super) fn is_opaque(path: &Path) -> Result<bool, LabError> {
    let mut value = [0_u8; 1];
    match rustix::fs::lgetxattr(path, OPAQUE, &mut value) {
        Ok(length) => Ok(length == 1 && value == *b"y"),
        Err(rustix::io::Errno::NODATA | rustix::io::Errno::OPNOTSUPP) => Ok(false),
        Err(error) => Err(io::Error::from(error).into()),
    }
}
