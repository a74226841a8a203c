//! Real labs with real machines. They need root and a few packages, and fail where these are not.

#![expect(clippy::expect_used, reason = "a failing helper fails its test")]

use std::{
    fs,
    process::{Command, Output},
};

use cellhost_lab::{ImageName, Lab, LabDirectory, MachineNumber, MachineState, Silent};
use tempfile::TempDir;

/// A lab in a directory of its own, removed at the end of the test.
struct Site {
    directory: LabDirectory,
    _place: TempDir,
}

impl Site {
    fn up(count: u16, image: ImageName) -> anyhow::Result<(Self, Lab)> {
        let place = tempfile::tempdir()?;
        let directory = LabDirectory::choose(Some(&place.path().join("lab")))?;
        let site = Self {
            directory,
            _place: place,
        };
        let lab = Lab::up(&site.directory, count, image, &Silent)?;
        Ok((site, lab))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        Lab::down(&self.directory).expect("the lab goes down");
    }
}

fn machine(number: u16) -> MachineNumber {
    MachineNumber::new(number).expect("a number in range")
}

fn on(lab: &Lab, number: u16, command: &str) -> anyhow::Result<Output> {
    Ok(lab.ssh(machine(number), [command]).output()?)
}

fn succeeds(lab: &Lab, number: u16, command: &str) -> anyhow::Result<String> {
    let output = on(lab, number, command)?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "`{command}` on m{number}: {stderr}"
    );
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Tells whether one machine reaches another, by a single echo.
fn reaches(lab: &Lab, from: u16, to: u16) -> anyhow::Result<bool> {
    Ok(on(lab, from, &format!("ping -c1 -W1 m{to}"))?
        .status
        .success())
}

fn sshd(lab: &Lab) -> anyhow::Result<Vec<bool>> {
    Ok(lab.status()?.iter().map(|status| status.sshd).collect())
}

#[test]
fn both_users_log_in_by_name_and_address_with_pinned_keys() -> anyhow::Result<()> {
    let (site, lab) = Site::up(2, ImageName::Base)?;
    assert_eq!(succeeds(&lab, 2, "hostname; whoami")?, "m2\nroot");
    let config = site.directory.ssh_config();
    let config = config.to_str().expect("a path in UTF-8");
    let user = lab
        .exec(["ssh", "-F", config, "operator@10.77.0.1", "whoami"])
        .output()?;
    assert_eq!(String::from_utf8(user.stdout)?, "operator\n");
    // Another machine's key under this name must be refused.
    let known = fs::read_to_string(site.directory.path().join("known_hosts"))?;
    let swapped = known
        .replace("m1,10.77.0.1", "x")
        .replace("m2,10.77.0.2", "10.77.0.1");
    fs::write(site.directory.path().join("known_hosts"), swapped)?;
    assert!(!on(&lab, 1, "true")?.status.success());
    Ok(())
}

#[test]
fn a_command_on_the_controllers_side_keeps_its_exit_code_and_files() -> anyhow::Result<()> {
    let (site, lab) = Site::up(1, ImageName::Base)?;
    assert_eq!(lab.exec(["sh", "-c", "exit 7"]).status()?.code(), Some(7));
    let output = lab
        .exec(["sh", "-c", "cat \"$CELLHOST_SSH_CONFIG\""])
        .output()?;
    assert_eq!(output.stdout, fs::read(site.directory.ssh_config())?);
    Ok(())
}

#[test]
fn packages_install_without_a_network() -> anyhow::Result<()> {
    let (_site, lab) = Site::up(1, ImageName::Service)?;
    assert!(!on(&lab, 1, "command -v redis-server")?.status.success());
    succeeds(&lab, 1, "apt-get install --yes redis-server")?;
    assert_eq!(
        succeeds(&lab, 1, "systemctl is-active redis-server")?,
        "active"
    );
    assert_eq!(succeeds(&lab, 1, "redis-cli ping")?, "PONG");
    Ok(())
}

#[test]
fn a_killed_machine_keeps_its_disk_and_its_keys() -> anyhow::Result<()> {
    let (_site, mut lab) = Site::up(2, ImageName::Base)?;
    succeeds(&lab, 1, "echo kept >/root/note")?;
    lab.kill(machine(1))?;
    assert_eq!(lab.machine_state(machine(1)), MachineState::Killed);
    assert_eq!(sshd(&lab)?, [false, true]);
    lab.start(machine(1))?;
    assert_eq!(succeeds(&lab, 1, "cat /root/note")?, "kept");
    assert_eq!(lab.machine_state(machine(1)), MachineState::Running);
    Ok(())
}

#[test]
fn a_frozen_machine_is_silent_until_it_is_thawed_and_can_be_killed() -> anyhow::Result<()> {
    let (_site, mut lab) = Site::up(1, ImageName::Base)?;
    lab.freeze(machine(1))?;
    assert_eq!(lab.machine_state(machine(1)), MachineState::Frozen);
    assert_eq!(sshd(&lab)?, [false]);
    lab.thaw(machine(1))?;
    succeeds(&lab, 1, "true")?;
    lab.freeze(machine(1))?;
    lab.kill(machine(1))?;
    lab.start(machine(1))?;
    succeeds(&lab, 1, "true")?;
    Ok(())
}

#[test]
fn cuts_separate_exactly_the_machines_named_until_they_are_healed() -> anyhow::Result<()> {
    let (site, mut lab) = Site::up(3, ImageName::Base)?;
    lab.cut(machine(3))?;
    assert_eq!(sshd(&lab)?, [true, true, false]);
    assert!(!reaches(&lab, 1, 3)? && reaches(&lab, 1, 2)?);
    lab.heal(machine(3))?;
    lab.cut_pair(machine(2), machine(1))?;
    assert!(!reaches(&lab, 1, 2)? && !reaches(&lab, 2, 1)? && reaches(&lab, 1, 3)?);
    assert_eq!(sshd(&lab)?, [true, true, true]);
    let mut again = Lab::open(&site.directory)?;
    assert_eq!(again.status()?[0].cut_from, ["m2"]);
    again.heal(machine(1))?;
    assert!(reaches(&lab, 1, 2)? && reaches(&lab, 2, 1)?);
    Ok(())
}

#[test]
fn the_fingerprint_changes_with_the_disk_and_only_then() -> anyhow::Result<()> {
    let (_site, lab) = Site::up(1, ImageName::Service)?;
    let first = lab.fingerprint(machine(1))?;
    // Even a simulated `apt-get install` would write its log of plans.
    let look = "apt-cache policy redis-server; systemctl list-units; ls -lR /etc; \
                dpkg-query -W; echo x >/run/x; echo x >/tmp/x";
    succeeds(&lab, 1, look)?;
    assert_eq!(lab.fingerprint(machine(1))?, first);
    succeeds(&lab, 1, "touch /etc/new")?;
    let touched = lab.fingerprint(machine(1))?;
    assert_ne!(touched.digest, first.digest);
    assert!(
        touched
            .differences
            .iter()
            .any(|line| line.starts_with("etc/new file "))
    );
    succeeds(
        &lab,
        1,
        "rm /etc/new && cp -a /etc/passwd /root/p && cat /root/p >/etc/passwd",
    )?;
    succeeds(
        &lab,
        1,
        "rm -r /root/p /usr/share/zoneinfo/Asia && mkdir /usr/share/zoneinfo/Asia",
    )?;
    let emptied = lab.fingerprint(machine(1))?;
    assert!(
        emptied
            .differences
            .contains(&String::from("usr/share/zoneinfo/Asia/Tokyo removed"))
    );
    assert!(
        !emptied
            .differences
            .iter()
            .any(|line| line.starts_with("etc/passwd "))
    );
    Ok(())
}

#[test]
fn up_adds_what_is_missing_and_starts_what_is_off() -> anyhow::Result<()> {
    let (site, lab) = Site::up(1, ImageName::Base)?;
    succeeds(&lab, 1, "echo kept >/root/note")?;
    lab.kill(machine(1))?;
    let lab = Lab::up(&site.directory, 2, ImageName::Base, &Silent)?;
    assert_eq!(sshd(&lab)?, [true, true]);
    assert_eq!(
        succeeds(&lab, 1, "cat /root/note; getent hosts m2")?
            .lines()
            .count(),
        2
    );
    let same = Lab::up(&site.directory, 1, ImageName::Base, &Silent)?;
    assert_eq!(same.machines().len(), 2);
    assert!(Lab::up(&site.directory, 1, ImageName::Service, &Silent).is_err());
    Ok(())
}

#[test]
fn a_lab_that_lost_all_its_processes_comes_back_with_its_disks() -> anyhow::Result<()> {
    let (site, lab) = Site::up(2, ImageName::Base)?;
    succeeds(&lab, 2, "echo kept >/root/note")?;
    fs::write(group_of_a_process_in(&lab)?.join("cgroup.kill"), "1")?;
    while Lab::open(&site.directory).is_ok() {}
    let lab = Lab::up(&site.directory, 2, ImageName::Base, &Silent)?;
    assert_eq!(succeeds(&lab, 2, "cat /root/note")?, "kept");
    Ok(())
}

#[test]
fn down_leaves_no_process_mount_namespace_or_file() -> anyhow::Result<()> {
    let (site, lab) = Site::up(2, ImageName::Service)?;
    let group = group_of_a_process_in(&lab)?;
    let network = lab.exec(["readlink", "/proc/self/ns/net"]).output()?.stdout;
    let network = String::from_utf8(network)?.trim().to_owned();
    let path = site
        .directory
        .path()
        .to_str()
        .expect("a path in UTF-8")
        .to_owned();
    assert!(
        group.exists() && any_process(|link, mounts| link == network && mounts.contains(&path))
    );
    assert!(Lab::down(&site.directory)?);
    assert!(!group.exists());
    assert!(!any_process(
        |link, mounts| link == network || mounts.contains(&path)
    ));
    assert!(!site.directory.path().exists());
    assert!(
        !Lab::down(&site.directory)?,
        "a second time there is nothing to remove"
    );
    Ok(())
}

#[test]
fn a_directory_with_other_files_is_refused_and_left_alone() -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    fs::write(place.path().join("diary"), "mine")?;
    let directory = LabDirectory::choose(Some(place.path()))?;
    assert!(Lab::up(&directory, 1, ImageName::Base, &Silent).is_err());
    Lab::down(&directory)?;
    assert_eq!(fs::read_to_string(place.path().join("diary"))?, "mine");
    Ok(())
}

/// Finds the lab's control group by a process that lives in the lab's network.
fn group_of_a_process_in(lab: &Lab) -> anyhow::Result<std::path::PathBuf> {
    let network = lab.exec(["readlink", "/proc/self/ns/net"]).output()?.stdout;
    let network = String::from_utf8(network)?;
    for entry in fs::read_dir("/proc")? {
        let process = entry?.path();
        let link = fs::read_link(process.join("ns/net")).unwrap_or_default();
        if link.to_str() != Some(network.trim()) {
            continue;
        }
        let groups = fs::read_to_string(process.join("cgroup"))?;
        let group = groups
            .lines()
            .find_map(|line| line.strip_prefix("0::/"))
            .unwrap_or_default();
        let name = group.split('/').next().unwrap_or_default();
        let find = Command::new("findmnt")
            .args(["-n", "-o", "TARGET", "-t", "cgroup2"])
            .output()?;
        let mount = String::from_utf8(find.stdout)?;
        return Ok([mount.lines().next().unwrap_or_default(), name]
            .iter()
            .collect());
    }
    anyhow::bail!("no process in the lab's network")
}

/// Tells whether the network link and the mounts of any process are as asked.
fn any_process(is: impl Fn(&str, &str) -> bool) -> bool {
    let processes = fs::read_dir("/proc").expect("a list of processes");
    processes.filter_map(Result::ok).any(|entry| {
        let link = fs::read_link(entry.path().join("ns/net")).unwrap_or_default();
        let mounts = fs::read_to_string(entry.path().join("mountinfo")).unwrap_or_default();
        is(link.to_str().unwrap_or_default(), &mounts)
    })
}
