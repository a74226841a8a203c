use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::machine::Machine;
use crate::guests::Workshop;

/// The module that does the job, and the folder that describes it.
pub(super) const MODULE: &str = "bench-job";

/// Prepares a cellhost that does the job of the plan in its folder, with what it keeps in a place.
pub(super) fn run(program: &Path, place: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args([
            "run",
            "--format",
            "json",
            "--modules",
            "modules",
            "plan.toml",
        ])
        .env("CELLHOST_CACHE", place.join("cache"))
        .env("CELLHOST_STATE", place.join("state"));
    command
}

/// The job, as its folder describes it to every contestant.
pub(super) struct Job {
    /// The folder with `job.json`, `templates` and `files`.
    pub(super) folder: PathBuf,
    /// What `job.json` says.
    pub(super) wanted: Wanted,
}

/// What is to be on every machine.
#[derive(Deserialize)]
pub(super) struct Wanted {
    pub(super) directories: Vec<Place>,
    templates: Vec<Rendered>,
    files: Vec<Whole>,
    units: Vec<Whole>,
    pub(super) services: Vec<String>,
    pub(super) commands: Vec<Guarded>,
}

/// A path and its permission bits.
#[derive(Clone, Deserialize)]
pub(super) struct Place {
    pub(super) path: String,
    mode: String,
}

#[derive(Deserialize)]
struct Rendered {
    template: String,
    #[serde(flatten)]
    place: Place,
    variables: Map<String, Value>,
}

#[derive(Deserialize)]
struct Whole {
    file: String,
    #[serde(flatten)]
    place: Place,
}

/// A command that runs where its result is not there.
#[derive(Deserialize)]
pub(super) struct Guarded {
    pub(super) creates: String,
    pub(super) argv: Vec<String>,
}

/// A file as it has to be on one machine.
pub(super) struct Content {
    pub(super) place: Place,
    pub(super) text: String,
}

impl Place {
    /// Returns the permission bits without a leading zero, as `stat` writes them.
    pub(super) fn mode(&self) -> &str {
        self.mode.trim_start_matches('0')
    }
}

impl Content {
    /// Returns the SHA-256 of the text, in hexadecimal.
    pub(super) fn hash(&self) -> String {
        let hash = Sha256::digest(&self.text);
        hash.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl Job {
    /// Reads the job of a checkout.
    pub(super) fn load(workshop: &Workshop) -> Result<Self> {
        let folder = workshop.root().join("tests/guests").join(MODULE);
        let wanted = serde_json::from_str(&fs_err::read_to_string(folder.join("job.json"))?)?;
        Ok(Self { folder, wanted })
    }

    /// Renders everything that is to be on one machine.
    pub(super) fn contents(&self, machine: &Machine) -> Result<Vec<Content>> {
        let environment = environment(&self.folder.join("templates"))?;
        let mut contents = Vec::new();
        for rendered in &self.wanted.templates {
            let mut variables = rendered.variables.clone();
            variables.insert("machine".to_owned(), machine.name.clone().into());
            variables.insert("address".to_owned(), machine.address.clone().into());
            contents.push(Content {
                place: rendered.place.clone(),
                text: environment
                    .get_template(&rendered.template)?
                    .render(minijinja::value::Serde(&variables))?,
            });
        }
        for whole in self.wanted.files.iter().chain(&self.wanted.units) {
            let file = self.folder.join("files").join(&whole.file);
            contents.push(Content {
                place: whole.place.clone(),
                text: fs_err::read_to_string(file)?,
            });
        }
        Ok(contents)
    }
}

/// Reads templates as cellhost and Ansible read them.
fn environment(folder: &Path) -> Result<Environment<'static>> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let mut syntax = SyntaxConfig::builder();
    syntax.keep_trailing_newline(true).trim_blocks(true);
    environment.set_syntax(syntax.build()?);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        environment.add_template_owned(name, fs_err::read_to_string(entry.path())?)?;
    }
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_is_the_one_that_is_promised() {
        let job = Job::load(&Workshop::here().unwrap()).unwrap();
        let wanted = &job.wanted;
        assert_eq!((wanted.directories.len(), wanted.templates.len()), (5, 20));
        assert_eq!((wanted.files.len(), wanted.units.len()), (3, 2));
        assert_eq!((wanted.services.len(), wanted.commands.len()), (2, 5));
        let machine = Machine {
            name: "m50".to_owned(),
            address: "10.77.0.50".to_owned(),
        };
        for content in job.contents(&machine).unwrap().iter().take(20) {
            let size = content.text.len();
            assert!(
                (1024..=4096).contains(&size),
                "{} has {size}",
                content.place.path
            );
        }
    }
}
