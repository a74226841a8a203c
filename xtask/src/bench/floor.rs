use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use super::inspection::quoted;
use super::job::{Content, Job};
use super::machine::Machine;

/// Gives every machine its script.
pub(super) const DRIVE: &str = include_str!("floor/drive.sh");

/// The endings of the scripts' files.
pub(super) const FIRST: &str = "first";
/// See [`FIRST`].
pub(super) const NO_OP: &str = "no-op";

/// Writes the scripts that do the job on each machine: what a person would prepare by hand, with
/// nothing in them that this machine does not need.
pub(super) fn write(job: &Job, machines: &[Machine], folder: &Path) -> Result<()> {
    for machine in machines {
        let contents = job.contents(machine)?;
        let path = |ending: &str| folder.join(format!("{}.{ending}", machine.name));
        fs_err::write(path(FIRST), first(job, &contents))?;
        fs_err::write(path(NO_OP), no_op(job, &contents))?;
    }
    Ok(())
}

/// Writes all files as safely as cellhost does: aside, flushed, and renamed into place.
fn first(job: &Job, contents: &[Content]) -> String {
    let mut text = "set -e\numask 022\nnew=\n\
                    put() { cat >\"$1.new\"; chmod \"$2\" \"$1.new\"; new=\"$new $1.new\"; }\n"
        .to_owned();
    for place in &job.wanted.directories {
        let path = quoted(&place.path);
        // Writing to a string does not fail.
        let _ = writeln!(text, "mkdir -p {path}\nchmod {} {path}", place.mode());
    }
    for content in contents {
        let (path, mode) = (quoted(&content.place.path), content.place.mode());
        let _ = write!(text, "put {path} {mode} <<'END'\n{}END\n", content.text);
    }
    text.push_str("sync $new\nfor n in $new; do mv -f \"$n\" \"${n%.new}\"; done\n");
    let _ = writeln!(
        text,
        "sync {}",
        parents(contents).collect::<Vec<_>>().join(" ")
    );
    let services = job.wanted.services.join(" ");
    let _ = writeln!(
        text,
        "systemctl daemon-reload\nsystemctl --quiet enable --now {services}"
    );
    for command in &job.wanted.commands {
        let words: Vec<String> = command.argv.iter().map(|word| quoted(word)).collect();
        let result = quoted(&command.creates);
        let _ = writeln!(text, "[ -e {result} ] || {}", words.join(" "));
    }
    text
}

fn parents(contents: &[Content]) -> impl Iterator<Item = String> {
    let mut parents: Vec<&str> = contents
        .iter()
        .filter_map(|content| content.place.path.rsplit_once('/'))
        .map(|(parent, _)| parent)
        .collect();
    parents.sort_unstable();
    parents.dedup();
    parents.into_iter().map(quoted)
}

/// Looks at everything and fails where anything is not as it should be.
fn no_op(job: &Job, contents: &[Content]) -> String {
    let mut text = "set -e\nsha256sum --check --quiet <<'END'\n".to_owned();
    for content in contents {
        let _ = writeln!(text, "{}  {}", content.hash(), content.place.path);
    }
    text.push_str("END\n");
    let places = job.wanted.directories.iter();
    let places: Vec<_> = places
        .chain(contents.iter().map(|content| &content.place))
        .collect();
    let (mut paths, mut outsides) = (String::new(), String::new());
    for place in places {
        let _ = write!(paths, " {}", quoted(&place.path));
        let _ = writeln!(outsides, "{} root root {}", place.mode(), place.path);
    }
    let outsides = quoted(outsides.trim_end());
    let _ = writeln!(text, "[ \"$(stat -c '%a %U %G %n'{paths})\" = {outsides} ]");
    let services = job.wanted.services.join(" ");
    for (question, answer) in [("is-active", "active"), ("is-enabled", "enabled")] {
        let answers = quoted(&vec![answer; job.wanted.services.len()].join("\n"));
        let _ = writeln!(
            text,
            "[ \"$(systemctl {question} {services})\" = {answers} ]"
        );
    }
    for command in &job.wanted.commands {
        let _ = writeln!(text, "[ -e {} ]", quoted(&command.creates));
    }
    text
}
