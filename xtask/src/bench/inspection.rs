use std::fmt::Write as _;

use anyhow::{Result, bail};

use super::job::Job;
use super::machine::Machine;

/// Quotes a word for a shell.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// A script that takes everything of the job off a machine, and what contestants leave behind.
pub(super) fn removal(job: &Job) -> String {
    let services = job.wanted.services.join(" ");
    let mut text = format!("systemctl --quiet disable --now {services} 2>/dev/null\nrm -rf");
    let directories = job.wanted.directories.iter();
    for path in directories.filter_map(|place| place.path.rsplit_once('/')) {
        // Writing to a string does not fail.
        let _ = write!(text, " {}", quoted(path.0));
    }
    for service in &job.wanted.services {
        let _ = write!(text, " /etc/systemd/system/{}.service", quoted(service));
    }
    text.push_str(" /var/lib/cellhost ~/.ansible\nsystemctl daemon-reload\n");
    let _ = writeln!(
        text,
        "systemctl reset-failed {services} 2>/dev/null\nexit 0"
    );
    text
}

/// A script that tells how a machine is: what has to be the same whoever did the job, then, after
/// a line of dashes, what tells whether anything was done again.
pub(super) fn script(job: &Job, machine: &Machine) -> Result<String> {
    let contents = job.contents(machine)?;
    let files: Vec<String> = contents
        .iter()
        .map(|content| quoted(&content.place.path))
        .chain(
            job.wanted
                .commands
                .iter()
                .map(|command| quoted(&command.creates)),
        )
        .collect();
    let files = files.join(" ");
    let directories: Vec<String> = job
        .wanted
        .directories
        .iter()
        .map(|place| quoted(&place.path))
        .collect();
    let directories = directories.join(" ");
    let services = job.wanted.services.join(" ");
    Ok(format!(
        "sha256sum {files}\nstat -c '%a %U:%G %n' {directories} {files}\n\
         systemctl is-active {services}\nsystemctl is-enabled {services}\necho ---\n\
         stat -c '%i %Z %n' {directories} {files}\n\
         systemctl show --property=MainPID,ActiveEnterTimestampMonotonic {services}\n"
    ))
}

/// What the first part of the script has to tell.
pub(super) fn wanted(job: &Job, machine: &Machine) -> Result<String> {
    const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let contents = job.contents(machine)?;
    let mut text = String::new();
    for content in &contents {
        let _ = writeln!(text, "{}  {}", content.hash(), content.place.path);
    }
    for command in &job.wanted.commands {
        let _ = writeln!(text, "{NOTHING}  {}", command.creates);
    }
    let places = job.wanted.directories.iter();
    for place in places.chain(contents.iter().map(|content| &content.place)) {
        let _ = writeln!(text, "{} root:root {}", place.mode(), place.path);
    }
    for command in &job.wanted.commands {
        let _ = writeln!(text, "600 root:root {}", command.creates);
    }
    for state in ["active", "enabled"] {
        for _ in &job.wanted.services {
            let _ = writeln!(text, "{state}");
        }
    }
    Ok(text)
}

/// How a machine was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// What has to be the same whoever did the job.
    pub(super) state: String,
    /// What changes where anything was done again.
    pub(super) traces: String,
}

impl Finding {
    /// Reads what the script told.
    pub(super) fn parse(told: &str) -> Result<Self> {
        let Some((state, traces)) = told.split_once("---\n") else {
            bail!("a machine did not tell how it is: {told}");
        };
        Ok(Self {
            state: state.to_owned(),
            traces: traces.to_owned(),
        })
    }

    /// Fails, with the first line that differs, where the state is not the wanted one.
    pub(super) fn expect(&self, wanted: &str) -> Result<()> {
        if self.state == wanted {
            return Ok(());
        }
        let mut lines = self.state.lines().zip(wanted.lines());
        match lines.find(|(found, wanted)| found != wanted) {
            Some((found, wanted)) => bail!("found `{found}`, wanted `{wanted}`"),
            None => bail!(
                "the machine told more or less than was asked: {}",
                self.state
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_line_that_differs() {
        let finding = Finding::parse("a  /x\nactive\n---\n1 2 /x\n").unwrap();
        assert!(finding.expect("a  /x\nactive\n").is_ok());
        let error = finding.expect("a  /x\ninactive\n").unwrap_err().to_string();
        assert_eq!(error, "found `active`, wanted `inactive`");
        assert!(finding.expect("a  /x\n").is_err());
        assert!(Finding::parse("no answer").is_err());
    }
}
