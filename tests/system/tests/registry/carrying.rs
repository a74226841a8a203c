//! Modules that travel: in a directory beside their plan, and in one file with it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use cellhost_lab::{ImageName, Lab, LabDirectory, Silent};
use cellhost_system_tests::program;
use tempfile::TempDir;

use crate::modules::greeting;
use crate::server::{Manner, Server};
use crate::site::{Ran, Site, ran};

/// A plan whose greeting is signed by `ann`, in a registry that is gone by now, for these machines.
fn signed(server: &mut Server, machines: &str, command: &str) -> Result<Site> {
    let site = Site::new()?;
    let place = server.place()?.to_string();
    site.cellhost(&["key", "new", "ann"])?.ends_with(0);
    fs_err::create_dir(site.path().join("keys"))?;
    fs_err::rename(
        site.path().join("ann.pub"),
        site.path().join("keys/ann.pub"),
    )?;
    fs_err::write(site.path().join("greeting.wasm"), greeting("1.0.0")?)?;
    let publish = ["module", "publish", "greeting.wasm", "--to", &place];
    site.cellhost(&[&publish[..], &["--key", "ann.key"]].concat())?
        .ends_with(0);
    let plan = format!(
        "cell = \"greetings\"\n\n[registry.namespaces]\nacme = \"{place}\"\n\n\
         [registry.trust]\nacme = {{ keys = [\"keys/ann.pub\"] }}\n\n{machines}\n\
         [modules.greeting]\nmodule = \"acme:greeting\"\nversion = \"^1\"\non = \"m1\"\ngrants = \"asked\"\n\
         settings = {{ greeting = \"hello\" }}\n"
    );
    fs_err::write(site.path().join("plan.toml"), plan)?;
    site.cellhost(&[command])?.ends_with(0);
    server.stop();
    Ok(site)
}

const NOWHERE: &str = "[machines]\nm1 = { address = \"192.0.2.1\" }\n";

/// All files below a directory.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[test]
fn what_is_vendored_needs_no_registry_and_no_cache() -> Result<()> {
    let mut server = Server::start(Manner::default())?;
    let site = signed(&mut server, NOWHERE, "vendor")?;
    fs_err::remove_dir_all(site.path().join("home/.cache"))?;
    site.cellhost(&["check", "--locked", "--offline"])?
        .ends_with(0);
    // Again, from what is there; and nothing else is written over.
    site.cellhost(&["vendor", "--offline"])?.ends_with(0);
    let vendor = site.path().join("vendor");
    let all = files(&vendor)?;
    assert_eq!(all.len(), 5, "{all:?}");
    for path in all
        .iter()
        .filter(|path| path.starts_with(vendor.join("blobs")))
    {
        let sound = fs_err::read(path)?;
        let mut damaged = sound.clone();
        if let Some(byte) = damaged.last_mut() {
            *byte ^= 1;
        }
        fs_err::write(path, damaged)?;
        let name = path.file_name().context("a name")?.to_string_lossy();
        site.cellhost(&["check"])?
            .ends_with(1)
            .says(&["is damaged", "was expected", &name]);
        fs_err::write(path, sound)?;
    }
    fs_err::remove_dir_all(&vendor)?;
    fs_err::create_dir(&vendor)?;
    fs_err::write(vendor.join("mine"), "")?;
    site.cellhost(&["vendor"])?
        .ends_with(1)
        .says(&["something else is there"]);
    assert!(vendor.join("mine").exists());
    Ok(())
}

/// What another program finds in a compressed file; nothing where it complains.
fn unpacked(path: &Path) -> Result<Option<Vec<u8>>> {
    let output = std::process::Command::new("gzip")
        .arg("-dc")
        .stdin(std::fs::File::open(path)?)
        .output()?;
    Ok((output.status.success() && output.stderr.is_empty()).then_some(output.stdout))
}

#[test]
fn a_bundle_is_what_it_was_or_is_refused() -> Result<()> {
    let mut server = Server::start(Manner::default())?;
    let site = signed(&mut server, NOWHERE, "bundle")?;
    let bundle = fs_err::read(site.path().join("greetings.bundle"))?;
    // The same plan is the same bundle.
    site.cellhost(&["bundle", "--offline", "-o", "again.bundle"])?
        .ends_with(0);
    assert_eq!(fs_err::read(site.path().join("again.bundle"))?, bundle);

    let other = Site::new()?;
    let at = other.path().join("greetings.bundle");
    let shorter = [
        2,
        100,
        bundle.len() / 2,
        bundle.len() - 40,
        bundle.len() - 1,
    ];
    let shorter = shorter.into_iter().map(|length| bundle.get(..length));
    let longer = [bundle.as_slice(), b"x"].concat();
    let lengths = shorter.chain([Some(longer.as_slice())]);
    for bytes in lengths {
        fs_err::write(&at, bytes.context("shorter")?)?;
        other
            .cellhost(&["check", "greetings.bundle"])?
            .ends_with(2)
            .says(&["cannot use the bundle"]);
    }
    fs_err::write(&at, &bundle)?;
    let content = unpacked(&at)?;
    ensure!(content.is_some(), "gzip reads it");
    let end = bundle.len() - 24..bundle.len();
    for place in (2..bundle.len()).step_by(bundle.len() / 40).chain(end) {
        let mut damaged = bundle.clone();
        if let Some(byte) = damaged.get_mut(place) {
            *byte ^= 4;
        }
        fs_err::write(&at, &damaged)?;
        let told = other.cellhost(&["check", "greetings.bundle"])?;
        // What compression does not care for, such as the name of a system, or which zeros others are
        // like, changes nothing.
        let is_same = told.code == Some(0) && unpacked(&at)? == content;
        ensure!(is_same || told.code == Some(2), "{place}: {}", told.words);
        let _ = fs_err::remove_dir_all(other.path().join("greetings.unpacked"));
    }
    fs_err::write(&at, &bundle)?;
    other.cellhost(&["check", "greetings.bundle"])?.ends_with(0);
    other
        .cellhost(&["update", "greetings.bundle"])?
        .ends_with(2)
        .says(&["is a bundle, and not a plan"]);
    let plan = other.path().join("greetings.unpacked/plan.toml");
    let text = fs_err::read_to_string(&plan)?;
    fs_err::write(&plan, text.replace("hello", "good bye"))?;
    other
        .cellhost(&["check", "greetings.bundle"])?
        .ends_with(2)
        .says(&["is not what is in the bundle any more"]);
    Ok(())
}

#[test]
fn nothing_in_a_bundle_is_written_elsewhere() -> Result<()> {
    let site = Site::new()?;
    for name in ["../out", "/tmp/out", "a/../../out", "a\\u0000b"] {
        let index = format!(
            "{{\"cellhost-bundle\": 1, \"plan\": \"{name}\", \"files\": {{\"{name}\": \"00\"}}}}"
        );
        fs_err::write(site.path().join("cellhost-bundle.json"), index)?;
        let made = Command::new("tar")
            .args(["-czf", "wrong.bundle", "cellhost-bundle.json"])
            .current_dir(site.path())
            .status()?;
        assert!(made.success());
        site.cellhost(&["check", "wrong.bundle"])?
            .ends_with(2)
            .says(&["is no name of a file"]);
    }
    Ok(())
}

/// A lab that goes down with this.
struct Machines {
    lab: Lab,
    // Dropped last: the lab is in it.
    _place: TempDir,
}

impl Machines {
    fn up() -> Result<Self> {
        cellhost_lab::check_prerequisites()?;
        // Sockets have short names, so the directory needs one too.
        let place = tempfile::Builder::new().prefix("cell").tempdir_in("/tmp")?;
        let directory = LabDirectory::choose(Some(&place.path().join("lab")))?;
        let lab = Lab::up(&directory, 1, ImageName::Service, &Silent);
        let lab = lab.inspect_err(|_| drop(Lab::down(&directory)))?;
        Ok(Self { lab, _place: place })
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        let _ = Lab::down(self.lab.directory());
    }
}

/// The program has no interface at all. What it says to the machine goes through a program that is in the
/// machine's network, by its standard input and output, as a serial line would be.
#[test]
fn a_bundle_runs_where_there_is_no_network() -> Result<()> {
    let mut server = Server::start(Manner::default())?;
    let place = Machines::up()?;
    let lab = &place.lab;
    let machines = cellhost_lab::inventory(&lab.machines());
    let maker = signed(&mut server, &machines, "bundle")?;
    let site = Site::new()?;
    let bundle = site.path().join("greetings.bundle");
    fs_err::rename(maker.path().join("greetings.bundle"), &bundle)?;
    fs_err::write(site.path().join("ssh"), through(lab)?)?;

    let links = alone(&site, &["ip", "-oneline", "link"])?.ends_with(0);
    assert_eq!(links.data.lines().count(), 1, "{}", links.data);
    let program = program()?.display().to_string();
    let run = [&program, "run", "greetings.bundle", "--format", "json"];
    let first = alone(&site, &run)?.ends_with(0);
    assert!(first.data.contains("\"changed\""), "{}", first.data);
    let machine = lab.machines().into_iter().next().context("a machine")?;
    let said = lab
        .ssh(machine, ["cat /etc/greeting/greeting.txt"])
        .output()?;
    let said = String::from_utf8(said.stdout)?;
    assert!(said.contains("hello"), "{said}");
    let second = alone(&site, &[&program, "run", "greetings.bundle"])?.ends_with(0);
    assert!(
        second.words.contains("greeting unchanged"),
        "{}",
        second.words
    );
    // The same run from the directory that it was unpacked to.
    let plan = "greetings.unpacked/plan.toml";
    alone(&site, &[&program, "drift", plan])?.ends_with(0);
    alone(
        &site,
        &[&program, "remove", plan, "--yes-remove", "greetings"],
    )?
    .ends_with(0);
    Ok(())
}

/// Runs a program in a network of its own, in which there is nothing.
fn alone(site: &Site, words: &[&str]) -> Result<Ran> {
    let bare = site.command(&[])?;
    let mut command = Command::new("unshare");
    command.arg("--net").args(words).stdin(Stdio::null());
    command.current_dir(site.path()).env_clear();
    for (key, value) in bare.get_envs() {
        if let Some(value) = value {
            command.env(key, value);
        }
    }
    command.env(cellhost_lab::SSH_CONFIG_VARIABLE, site.path().join("ssh"));
    Ok(ran(&command.output()?))
}

/// The configuration of ssh of a lab, by way of a program in its network.
fn through(lab: &Lab) -> Result<String> {
    let enter = lab.exec(["busybox", "nc", "%h", "%p"]);
    let words = std::iter::once(enter.get_program()).chain(enter.get_args());
    let words: Vec<String> = words
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let own = fs_err::read_to_string(lab.directory().ssh_config())?;
    Ok(format!("ProxyCommand {}\n{own}", words.join(" ")))
}
