//! The file systems that machines are made of, built once and cached.

mod archive;
mod base;
mod builder;
mod recipe;
mod service;

use std::{
    fmt,
    fs::File,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

pub(crate) use archive::ARCHIVE_MOUNT;
pub(crate) use recipe::OPERATOR;

use crate::{LabError, Progress, directory, removal::remove_tree};

/// Names one of the images a lab can be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageName {
    /// A small Debian with systemd and sshd, and no source of packages.
    Base,
    /// The base image with a local source of the packages that modules install.
    Service,
    /// The base image with a Python, for tools that need one on machines. cellhost does not.
    Python,
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base => "base",
            Self::Service => "service",
            Self::Python => "python",
        })
    }
}

impl FromStr for ImageName {
    type Err = LabError;

    fn from_str(name: &str) -> Result<Self, LabError> {
        match name {
            "base" => Ok(Self::Base),
            "service" => Ok(Self::Service),
            "python" => Ok(Self::Python),
            other => Err(LabError::UnknownImage {
                name: other.to_owned(),
            }),
        }
    }
}

/// Stands for a complete image on this computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    name: ImageName,
    key: String,
    path: PathBuf,
}

impl Image {
    /// Returns the cached image, and builds it first if there is none of the present recipe.
    ///
    /// Two processes never build at once: the second waits and takes what the first has built.
    pub fn ensure(name: ImageName, progress: &dyn Progress) -> Result<Self, LabError> {
        let images = directory::images()?;
        let image = Self::named(&images, name);
        if image.path.exists() {
            return Ok(image);
        }
        fs_err::create_dir_all(&images)?;
        let _lock = lock(&images, progress)?;
        image.build(&images, progress)?;
        Ok(image)
    }

    /// Returns which image this is.
    pub fn name(&self) -> ImageName {
        self.name
    }

    /// Returns the hash of the recipe that the image was built by.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the directory that holds the image.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the file system that machines lie over.
    pub(crate) fn root(&self) -> PathBuf {
        self.path.join("root")
    }

    /// Returns the directory of packages that machines may install, if the image has one.
    pub(crate) fn archive(&self) -> Option<PathBuf> {
        Some(self.path.join("archive")).filter(|_| self.name == ImageName::Service)
    }

    fn named(images: &Path, name: ImageName) -> Self {
        let key = recipe::key(name);
        let path = images.join(format!("{name}-{key}"));
        Self { name, key, path }
    }

    /// Builds aside and renames when complete, so that a half-built image is never taken for done.
    fn build(&self, images: &Path, progress: &dyn Progress) -> Result<(), LabError> {
        if self.path.exists() {
            return Ok(());
        }
        let partial = begin(images, self.name)?;
        match self.name {
            ImageName::Base | ImageName::Python => base::build(&partial, self.name, progress)?,
            ImageName::Service => {
                let base = Self::named(images, ImageName::Base);
                base.build(images, progress)?;
                service::build(&base.root(), &partial, progress)?;
            }
        }
        fs_err::rename(&partial, &self.path)?;
        Ok(())
    }
}

/// Makes an empty directory to build in, and removes those of builders that did not finish.
///
/// The name is this process's own: what an interrupted builder started may still be writing.
fn begin(images: &Path, name: ImageName) -> Result<PathBuf, LabError> {
    let own = format!("{name}-{}{}", std::process::id(), directory::PARTIAL);
    for entry in fs_err::read_dir(images)? {
        let entry = entry?.path();
        let file = entry.file_name().unwrap_or_default().to_string_lossy();
        if file.ends_with(directory::PARTIAL) && file.starts_with(&name.to_string()) {
            remove_tree(&entry)?;
        }
    }
    let own = images.join(own);
    fs_err::create_dir(&own)?;
    Ok(own)
}

fn lock(images: &Path, progress: &dyn Progress) -> Result<File, LabError> {
    let file = fs_err::File::create(images.join("lock"))?.into_file();
    if file.try_lock().is_err() {
        progress.step("waiting for another process that builds an image");
        file.lock()?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for name in [ImageName::Base, ImageName::Service, ImageName::Python] {
            assert_eq!(name.to_string().parse::<ImageName>().unwrap(), name);
        }
        assert!("other".parse::<ImageName>().is_err());
    }
}
