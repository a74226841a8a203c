use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::super::group::Group;
use super::super::job::{self, Job};
use super::super::machine::Machine;
use crate::step::{output, succeed};

const PORT: u16 = 2222;

/// Many addresses in a network of their own, one sshd behind them, and for each a root to which
/// that sshd confines whoever comes to it.
pub(in super::super) struct Village {
    /// Holds the sshd, which ends with it.
    group: Group,
    keys: tempfile::TempDir,
    homes: PathBuf,
    machines: Vec<Machine>,
}

impl Village {
    /// Builds it over an image of the lab. What is mounted lies below `stage`, in this process's own
    /// mount namespace, and goes with that: nobody removes files through it.
    pub(in super::super) fn build(image: &Path, stage: &Path, addresses: usize) -> Result<Self> {
        succeed(Command::new("ip").args(["link", "set", "lo", "up"]))?;
        fs_err::create_dir_all(stage)?;
        let keys = tempfile::Builder::new()
            .prefix("cellhost-keys-")
            .tempdir()?;
        // Every part of the way to a root has to be closed to others.
        mount(
            &[
                "-t",
                "tmpfs",
                "-o",
                "mode=755,size=80%,nr_inodes=0",
                "tmpfs",
            ],
            stage,
        )?;
        let root = stage.join("root");
        overlay(image, &stage.join("own"), &root)?;
        let homes = root.join("hosts");
        fs_err::create_dir(&homes)?;
        let machines: Vec<Machine> = (0..addresses).map(machine).collect();
        for machine in &machines {
            let own = stage.join("of").join(&machine.name);
            overlay(image, &own, &homes.join(&machine.address))?;
        }
        let village = Self {
            group: Group::new("sshd")?,
            keys,
            homes,
            machines,
        };
        village.furnish(&root)?;
        village.open(&root)?;
        Ok(village)
    }

    /// Returns its machines.
    pub(in super::super) fn machines(&self) -> &[Machine] {
        &self.machines
    }

    /// Returns the ssh configuration by which they are reached.
    pub(in super::super) fn configuration(&self) -> PathBuf {
        self.keys.path().join("ssh_config")
    }

    /// Writes a plan for some of them.
    pub(in super::super) fn plan(machines: &[Machine]) -> String {
        let mut plan =
            format!("cell = \"scale\"\n\n[ssh]\nuser = \"root\"\nport = {PORT}\n\n[machines]\n");
        for machine in machines {
            // Writing to a string does not fail.
            let _ = writeln!(
                plan,
                "{} = {{ address = \"{}\" }}",
                machine.name, machine.address
            );
        }
        let settings = "settings = { services = false }";
        let _ = writeln!(
            plan,
            "\n[modules.{}]\non = \"all\"\n{settings}",
            job::MODULE
        );
        plan
    }

    /// Compares every file behind these addresses with the one that the job wants.
    pub(in super::super) fn verify(&self, job: &Job, machines: &[Machine]) -> Result<()> {
        for machine in machines {
            let home = self.homes.join(&machine.address);
            for content in job.contents(machine)? {
                let path = home.join(content.place.path.trim_start_matches('/'));
                let found = fs_err::read_to_string(&path)?;
                let mode = fs_err::metadata(&path)?.permissions().mode() & 0o7777;
                ensure!(
                    found == content.text,
                    "{} has another content",
                    path.display()
                );
                ensure!(
                    format!("{mode:o}") == content.place.mode(),
                    "{} has another mode",
                    path.display()
                );
            }
        }
        Ok(())
    }

    /// Makes keys, and writes what sshd and ssh read.
    fn furnish(&self, root: &Path) -> Result<()> {
        let key = self.keys.path().join("key");
        for path in [&key, &root.join("etc/ssh/village_key")] {
            let mut make = Command::new("ssh-keygen");
            make.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path);
            output(&mut make)?;
        }
        fs_err::copy(
            key.with_extension("pub"),
            root.join("etc/ssh/village_users"),
        )?;
        let host = fs_err::read_to_string(root.join("etc/ssh/village_key.pub"))?;
        let known_hosts = self.keys.path().join("known_hosts");
        fs_err::write(&known_hosts, format!("[127.77.*]:{PORT} {host}"))?;
        let mut text = format!(
            "ListenAddress 0.0.0.0:{PORT}\nHostKey /etc/ssh/village_key\n\
             AuthorizedKeysFile /etc/ssh/village_users\nPermitRootLogin yes\nUsePAM no\n\
             PasswordAuthentication no\nMaxStartups 2000\nMaxSessions 100\n\
             LoginGraceTime 120\nPidFile none\n"
        );
        for machine in &self.machines {
            let address = &machine.address;
            let _ = write!(
                text,
                "Match LocalAddress {address}\nChrootDirectory /hosts/{address}\n"
            );
        }
        fs_err::write(root.join("etc/ssh/village"), text)?;
        let text = format!(
            "Host *\nIdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\n\
             GlobalKnownHostsFile /dev/null\nUpdateHostKeys no\n",
            key.display(),
            known_hosts.display()
        );
        fs_err::write(self.configuration(), text)?;
        Ok(())
    }

    /// Starts the sshd and waits until it answers.
    fn open(&self, root: &Path) -> Result<()> {
        fs_err::create_dir_all(root.join("run/sshd"))?;
        let mut sshd = Command::new("chroot");
        sshd.arg(root)
            .args(["/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/village"]);
        let log = self.keys.path().join("sshd.log");
        let mut child = self.group.spawn(&sshd, &log)?;
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.77.0.1", PORT)).is_err() {
            if let Some(status) = child.try_wait()? {
                bail!(
                    "sshd ended with {status}: {}",
                    fs_err::read_to_string(&log)?
                );
            }
            ensure!(
                begun.elapsed() < Duration::from_secs(30),
                "sshd does not answer"
            );
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

fn machine(number: usize) -> Machine {
    // From 127.77.0.1, with 250 to a block.
    let (block, place) = (number / 250, number % 250 + 1);
    Machine {
        name: format!("a{}", number + 1),
        address: format!("127.77.{block}.{place}"),
    }
}

/// Mounts a copy of an image that keeps its changes to itself, with the few devices that programs
/// expect. The computer's own devices stay out of it.
fn overlay(image: &Path, own: &Path, at: &Path) -> Result<()> {
    let (upper, work) = (own.join("upper"), own.join("work"));
    for directory in [&upper.join("dev"), &work, &at.to_owned()] {
        fs_err::create_dir_all(directory)?;
    }
    for (name, minor) in [
        ("null", "3"),
        ("zero", "5"),
        ("random", "8"),
        ("urandom", "9"),
    ] {
        let mut make = Command::new("mknod");
        make.args(["-m", "666"]).arg(upper.join("dev").join(name));
        output(make.args(["c", "1", minor]))?;
    }
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        image.display(),
        upper.display(),
        work.display()
    );
    mount(&["-t", "overlay", "-o", &options, "overlay"], at)
}

fn mount(words: &[&str], at: &Path) -> Result<()> {
    let mut command = Command::new("mount");
    output(command.args(words).arg(at))
        .map(drop)
        .with_context(|| format!("cannot mount {}", at.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_different_and_valid() {
        let last = machine(1099);
        assert_eq!(
            (last.name.as_str(), last.address.as_str()),
            ("a1100", "127.77.4.100")
        );
        assert_eq!(machine(250).address, "127.77.1.1");
    }
}
