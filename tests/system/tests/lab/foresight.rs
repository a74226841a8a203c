//! A dry run and the run that keeps to it, on real machines. Every module goes through this on empty
//! ones.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use cellhost_effects::{AgreedChange, AgreedWish, Agreement, Certainty};
use cellhost_system_tests::{Foretold, agreement, foretold_comes_about};

use crate::site::{Ran, Site};

const KEPT: &str = "kept.json";

impl Site {
    /// Looks ahead and keeps what it sees.
    pub(crate) fn look_ahead(&self, variables: &[(&str, &str)]) -> Result<Ran> {
        let guests = cellhost_system_tests::guests().canonicalize()?;
        let guests = guests.to_str().context("a path that is text")?;
        let words = ["plan", "--modules", guests, "-o", KEPT];
        Ok(Ran::of(&self.cellhost(&words, variables).output()?)?.ends_with(0))
    }

    /// Does what was kept, and nothing else.
    pub(crate) fn run_kept(&self, variables: &[(&str, &str)]) -> Result<Ran> {
        let words = ["run", "--format", "json", KEPT];
        Ran::of(&self.cellhost(&words, variables).output()?)
    }

    /// Looks ahead at machines that no run has touched, and fails where that left anything on a
    /// disk.
    pub(crate) fn foresee(&self, variables: &[(&str, &str)]) -> Result<Ran> {
        let before = self.fingerprints()?;
        let dry = self.look_ahead(variables)?;
        assert_eq!(self.fingerprints()?, before, "{}", dry.written());
        assert!(!self.path().join("cellhost.lock").exists());
        Ok(dry)
    }

    /// Does what was kept, and fails unless all that was certain came about just so, and nothing
    /// that was not foretold.
    #[expect(
        clippy::print_stdout,
        reason = "how much was certain is a figure of the test"
    )]
    pub(crate) fn as_foreseen(&self, variables: &[(&str, &str)]) -> Result<(Ran, Foretold)> {
        let ran = self.run_kept(variables)?.ends_with(0);
        let agreement = self.kept()?;
        let foretold = foretold_comes_about(&agreement, &self.last_record()?)?;
        println!("{foretold}");
        self.holds_what_was_certain(&agreement)?;
        Ok((ran, foretold))
    }

    /// What a dry run has kept.
    pub(crate) fn kept(&self) -> Result<Agreement> {
        agreement(&fs_err::read_to_string(self.path().join(KEPT))?)
    }

    /// The record of the last run.
    pub(crate) fn last_record(&self) -> Result<Vec<u8>> {
        let mut records = Vec::new();
        for cell in fs_err::read_dir(self.path().join("state/runs"))? {
            for file in fs_err::read_dir(cell?.path())? {
                records.push(file?.path());
            }
        }
        // Names begin with the time.
        let last = records
            .into_iter()
            .max_by_key(|path| path.file_name().map(ToOwned::to_owned));
        Ok(fs_err::read(last.context("a record")?)?)
    }

    /// Compares the files on the machines with the content that was foretold for certain, but for
    /// those that were foretold to change more than once.
    fn holds_what_was_certain(&self, agreement: &Agreement) -> Result<()> {
        let mut wanted: BTreeMap<u16, BTreeMap<&str, Vec<&AgreedWish>>> = BTreeMap::new();
        for effect in &agreement.effects {
            let AgreedChange::Settles(wishes) = &effect.change else {
                continue;
            };
            let machine = effect.machine.as_str().trim_start_matches('m').parse()?;
            for wish in wishes.iter().filter(|wish| wish.after.is_some()) {
                let Some(path) = wish.subject.strip_prefix("file ") else {
                    continue;
                };
                let paths = wanted.entry(machine).or_default();
                paths.entry(path).or_default().push(wish);
            }
        }
        for (machine, paths) in wanted {
            for (path, wishes) in paths {
                let [wish] = wishes.as_slice() else { continue };
                if wish.certainty != Certainty::Exact {
                    continue;
                }
                let sum = self.on(machine, &format!("sha256sum <'{path}'"))?;
                let sum = sum.split(' ').next().unwrap_or_default();
                let hidden = Agreement::veiled(&agreement.salt, sum);
                let is_so = wish
                    .after
                    .as_deref()
                    .is_some_and(|after| after == sum || after == hidden);
                assert!(is_so, "m{machine} {path}: {wish:?}");
            }
        }
        Ok(())
    }
}
