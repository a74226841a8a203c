//! A directory with a plan, a home and a cache of its own, and the program run in it.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result};
use cellhost_plan::ModulePlace;
use cellhost_registry::{Published, publish};
use cellhost_system_tests::program;
use tempfile::TempDir;

use crate::modules::greeting;
use crate::server::{Running, Server, USER};

pub(crate) struct Site {
    directory: TempDir,
    /// What the program finds in its environment beside what it always does.
    pub(crate) variables: Vec<(String, String)>,
}

/// A program that has ended.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) data: String,
    pub(crate) words: String,
}

impl Ran {
    /// Fails unless it ended with this code.
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.data, self.words);
        self
    }

    /// Fails unless it says all of this.
    pub(crate) fn says(self, all: &[&str]) -> Self {
        let written = format!("{}{}", self.data, self.words);
        for one in all {
            assert!(written.contains(one), "no `{one}` in: {written}");
        }
        self
    }
}

impl Site {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            directory: tempfile::tempdir()?,
            variables: Vec::new(),
        })
    }

    /// One whose plan takes the greeting from this registry.
    pub(crate) fn of(server: &Server, requirement: &str) -> Result<Self> {
        let site = Self::new()?;
        site.plan(&server.place()?, requirement)?;
        Ok(site)
    }

    /// Writes a plan with the greeting from this place, which is trusted whatever it gives.
    pub(crate) fn plan(&self, place: &ModulePlace, requirement: &str) -> Result<()> {
        self.plan_trusting(place, requirement, "\"unsigned\"")
    }

    /// The same with this said of trust.
    pub(crate) fn plan_trusting(
        &self,
        place: &ModulePlace,
        requirement: &str,
        trust: &str,
    ) -> Result<()> {
        let text = format!(
            r#"cell = "greetings"

[registry.namespaces]
acme = "{place}"

[registry.trust]
acme = {trust}

[machines]
m1 = {{ address = "192.0.2.1" }}

[modules.greeting]
module = "acme:greeting"
version = "{requirement}"
on = "m1"
grants = "asked"
settings = {{ greeting = "hello" }}
"#
        );
        Ok(fs_err::write(self.path().join("plan.toml"), text)?)
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn lock(&self) -> Result<String> {
        Ok(fs_err::read_to_string(self.path().join("cellhost.lock"))?)
    }

    /// The program with these arguments, not yet started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Result<Command> {
        Ok(self.foreign(program()?, arguments))
    }

    /// Another program in the same surroundings.
    pub(crate) fn foreign(&self, program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path().join("home"))
            .envs(self.variables.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn cellhost(&self, arguments: &[&str]) -> Result<Ran> {
        Ok(ran(&self.command(arguments)?.output()?))
    }

    /// Offers one of its directories as a registry, for as long as what comes with the address lives.
    pub(crate) fn serve(&self, directory: &str) -> Result<(ModulePlace, Running)> {
        let child = self
            .command(&["registry", "serve", directory, "--listen", "127.0.0.1:0"])?
            .stderr(Stdio::piped())
            .spawn()?;
        let mut running = Running(child);
        let words = running.0.stderr.as_mut().context("its words")?;
        let mut lines = BufReader::new(words).lines();
        let line = loop {
            let line = lines.next().context("it says where it is")??;
            if let Some((_, rest)) = line.split_once("oci+http://") {
                break rest.to_owned();
            }
        };
        let host = line.split(',').next().unwrap_or(&line);
        let place = ModulePlace::parse(&format!("oci+http://{host}"))?;
        Ok((place, running))
    }

    /// Lets the program know the user of a registry.
    pub(crate) fn log_in(&mut self, server: &Server) {
        let value = format!("{}={USER}", server.host());
        self.variables
            .push(("CELLHOST_REGISTRY_AUTH".to_owned(), value));
    }

    /// Lets the program trust a registry's certificate.
    pub(crate) fn trust(&self, server: &Server) -> Result<()> {
        let home = self.path().join("home/.config/containers/certs.d");
        let directory = home.join(server.host());
        fs_err::create_dir_all(&directory)?;
        fs_err::copy(server.certificate(), directory.join("ca.crt"))?;
        Ok(())
    }
}

pub(crate) fn ran(output: &Output) -> Ran {
    Ran {
        code: output.status.code(),
        data: String::from_utf8_lossy(&output.stdout).into_owned(),
        words: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Publishes the greeting in these versions.
pub(crate) async fn publish_all(server: &Server, versions: &[&str]) -> Result<Vec<Published>> {
    let mut published = Vec::new();
    for version in versions {
        published.push(publish(&server.place()?, &greeting(version)?, 0, None).await?);
    }
    Ok(published)
}
