//! One machine: its disk, and how it is switched on.

mod identity;

use std::process::{Command, Stdio};

pub(crate) use identity::{append_hosts, give_identity};

use crate::{
    Image, LabDirectory, LabError, MachineNumber, cgroup::ControlGroup, command,
    directory::MachineDirectory, holder::Holder, image::ARCHIVE_MOUNT, removal::remove_tree, ssh,
};

/// Makes the machine's disk, unless it has one, and mounts it for the holder.
///
/// Returns whether the disk is a new one.
pub(crate) fn mount_disk(
    holder: Holder,
    directory: &LabDirectory,
    machine: MachineNumber,
    image: &Image,
) -> Result<bool, LabError> {
    let place = directory.machine(machine);
    let is_new = !place.upper().exists();
    // Overlayfs refuses a disk that was in use when the computer went down, and says so here.
    remove_tree(&place.work())?;
    for path in [place.upper(), place.work(), place.root(), place.temporary()] {
        fs_err::create_dir_all(path)?;
    }
    ssh::make_key(&place.host_key(), &machine.to_string())?;
    let mut mount = holder.enter();
    mount.args(["mount", "-t", "overlay", "overlay", "-o"]);
    command::run(mount.arg(overlay_options(&place, image)).arg(place.root()))?;
    Ok(is_new)
}

/// Asks for plain copies in the upper directory, without syncing: a lab need not survive the host.
fn overlay_options(place: &MachineDirectory, image: &Image) -> String {
    format!(
        "lowerdir={},upperdir={},workdir={},volatile,redirect_dir=off,metacopy=off",
        image.root().display(),
        place.upper().display(),
        place.work().display()
    )
}

/// Switches the machine on; it boots by itself and outlives this process.
pub(crate) fn boot(
    holder: Holder,
    directory: &LabDirectory,
    group: &ControlGroup,
    machine: MachineNumber,
    image: &Image,
) -> Result<(), LabError> {
    group.create()?;
    let place = directory.machine(machine);
    let console = fs_err::OpenOptions::new()
        .create(true)
        .append(true)
        .open(place.console())?;
    let mut command = holder.enter_detached(group);
    container(&mut command, &place, machine, image);
    command.env("TMPDIR", place.temporary());
    let console = console.into_file();
    command
        .stdout(Stdio::from(console.try_clone()?))
        .stderr(Stdio::from(console));
    command::run(&mut command).map(drop)
}

fn container(
    command: &mut Command,
    place: &MachineDirectory,
    machine: MachineNumber,
    image: &Image,
) {
    command.args([
        "systemd-nspawn",
        "--quiet",
        "--settings=no",
        "--boot",
        "--console=pipe",
    ]);
    command.args(["--register=no", "--keep-unit", "--link-journal=no"]);
    command.args(["--resolv-conf=off", "--timezone=off"]);
    command.arg(format!("--machine={machine}"));
    command.arg(format!("--network-namespace-path=/run/netns/{machine}"));
    command.arg(format!("--directory={}", place.root().display()));
    if let Some(archive) = image.archive() {
        command.arg(format!("--bind-ro={}:{ARCHIVE_MOUNT}", archive.display()));
    }
}
