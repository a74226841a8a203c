//! Builds the service image: the base image with a source of packages that needs no network.

use std::{path::Path, process::Command};

use super::{
    archive::{self, ARCHIVE_MOUNT},
    builder,
    recipe::ARCHIVE_PACKAGES,
};
use crate::{LabError, Progress, command, removal::remove_tree};

/// Lets the image's own apt read the archive `$1` in the root `$2`, as it will in a machine.
const UPDATE_LISTS: &str = "mount --bind \"$1\" \"$2$3\" && exec chroot \"$2\" apt-get update";

/// Builds the image in an empty directory.
pub(super) fn build(
    base: &Path,
    directory: &Path,
    progress: &dyn Progress,
) -> Result<(), LabError> {
    let (root, archive) = (directory.join("root"), directory.join("archive"));
    progress.step("building the image `service` (once): copying the image `base`");
    let mut copy = Command::new("cp");
    command::run(
        copy.args(["--archive", "--reflink=auto"])
            .arg(base)
            .arg(&root),
    )?;
    progress.step("fetching the packages that modules install");
    fetch(&root, &archive, &directory.join("fetch"))?;
    progress.step("making a source of packages of them");
    archive::index(&archive)?;
    configure(&root, &archive)
}

/// Downloads the packages and all they depend on, as if into `root`, by the computer's own apt.
fn fetch(root: &Path, archive: &Path, work: &Path) -> Result<(), LabError> {
    for directory in ["lists/partial", "cache", "state"] {
        fs_err::create_dir_all(work.join(directory))?;
    }
    fs_err::create_dir_all(archive.join("partial"))?;
    let configuration = work.join("apt.conf");
    let sources = builder::write_sources(work)?;
    let acquire = fs_err::read_to_string(builder::write_options(work)?)?;
    fs_err::write(
        &configuration,
        acquire + &apt_configuration(root, archive, work, &sources),
    )?;
    let apt = || {
        let mut command = Command::new("apt-get");
        command
            .env("APT_CONFIG", &configuration)
            .args(["--quiet", "--yes"]);
        command
    };
    command::run(apt().arg("update"))?;
    command::run(
        apt()
            .args(["--download-only", "install"])
            .args(ARCHIVE_PACKAGES),
    )?;
    remove_tree(&archive.join("partial"))?;
    remove_tree(work)
}

/// Keeps apt away from the computer's own state and from its hooks.
fn apt_configuration(root: &Path, archive: &Path, work: &Path, sources: &Path) -> String {
    let (root, archive, work) = (root.display(), archive.display(), work.display());
    format!(
        "Dir::Etc::main \"/dev/null\";\nDir::Etc::parts \"/dev/null\";\n\
         Dir::Etc::sourcelist \"{}\";\nDir::Etc::sourceparts \"/dev/null\";\n\
         Dir::Etc::preferences \"/dev/null\";\nDir::Etc::preferencesparts \"/dev/null\";\n\
         Dir::State \"{work}/state\";\nDir::State::lists \"{work}/lists\";\n\
         Dir::State::status \"{root}/var/lib/dpkg/status\";\n\
         Dir::Cache \"{work}/cache\";\nDir::Cache::archives \"{archive}\";\n\
         APT::Install-Recommends \"false\";\nAPT::Sandbox::User \"root\";\n",
        sources.display()
    )
}

fn configure(root: &Path, archive: &Path) -> Result<(), LabError> {
    let mount = root.join(ARCHIVE_MOUNT.trim_start_matches('/'));
    fs_err::create_dir_all(&mount)?;
    let source = format!("deb [trusted=yes] file:{ARCHIVE_MOUNT} ./\n");
    fs_err::write(root.join("etc/apt/sources.list"), source)?;
    let mut update = Command::new("unshare");
    update.args(["--mount", "--", "sh", "-c", UPDATE_LISTS, "sh"]);
    command::run(update.arg(archive).arg(root).arg(ARCHIVE_MOUNT)).map(drop)
}
