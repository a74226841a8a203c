//! What tells one machine from another, written to its disk before it first boots.

use std::{
    fmt::Write as _,
    fs::Permissions,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::Path,
};

use crate::{
    LabDirectory, LabError, MachineNumber, address::CONTROLLER_ADDRESS, holder::Holder,
    image::OPERATOR,
};

/// Writes a new machine's name, identifiers and keys to its mounted disk.
pub(crate) fn give_identity(
    holder: Holder,
    directory: &LabDirectory,
    machine: MachineNumber,
    all: &[MachineNumber],
) -> Result<(), LabError> {
    let place = directory.machine(machine);
    let root = holder.path(&place.root());
    let random = fs_err::read_to_string("/proc/sys/kernel/random/uuid")?.replace('-', "");
    write(&root.join("etc/machine-id"), random.as_bytes(), 0o444)?;
    write(
        &root.join("etc/hostname"),
        format!("{machine}\n").as_bytes(),
        0o644,
    )?;
    write(&root.join("etc/hosts"), hosts(all).as_bytes(), 0o644)?;
    let host_key = place.host_key();
    let inside = root.join("etc/ssh/ssh_host_ed25519_key");
    write(&inside, &fs_err::read(&host_key)?, 0o600)?;
    let public = fs_err::read(host_key.with_extension("pub"))?;
    write(&inside.with_extension("pub"), &public, 0o644)?;
    let key = fs_err::read(directory.public_key())?;
    authorize(&root.join("root"), &key)?;
    authorize(&root.join("home").join(OPERATOR), &key)
}

/// Tells a machine that is there already about further ones.
pub(crate) fn append_hosts(
    holder: Holder,
    directory: &LabDirectory,
    machine: MachineNumber,
    further: &[MachineNumber],
) -> Result<(), LabError> {
    let path = holder
        .path(&directory.machine(machine).root())
        .join("etc/hosts");
    let mut text = fs_err::read_to_string(&path)?;
    text.push_str(&host_lines(further));
    fs_err::write(path, text)?;
    Ok(())
}

/// Lets the lab's key in to the account whose home directory is given.
fn authorize(home: &Path, key: &[u8]) -> Result<(), LabError> {
    let owner = fs_err::metadata(home)?;
    let directory = home.join(".ssh");
    fs_err::create_dir_all(&directory)?;
    fs_err::set_permissions(&directory, Permissions::from_mode(0o700))?;
    let file = directory.join("authorized_keys");
    write(&file, key, 0o600)?;
    for path in [directory, file] {
        chown(path, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(())
}

fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), LabError> {
    fs_err::write(path, content)?;
    fs_err::set_permissions(path, Permissions::from_mode(mode))?;
    Ok(())
}

fn hosts(machines: &[MachineNumber]) -> String {
    format!(
        "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n\
         {CONTROLLER_ADDRESS} controller\n{}",
        host_lines(machines)
    )
}

fn host_lines(machines: &[MachineNumber]) -> String {
    machines.iter().fold(String::new(), |mut text, machine| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{} {machine}", machine.address());
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_name_every_machine_and_the_controller() {
        let text = hosts(&MachineNumber::first(2).unwrap());
        let wanted = "10.77.255.1 controller\n10.77.0.1 m1\n10.77.0.2 m2\n";
        assert!(
            text.starts_with("127.0.0.1 localhost\n") && text.ends_with(wanted),
            "{text}"
        );
    }
}
