//! The barrier before a real ensemble, of which two of three servers hang.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::site::{Ran, Site, eventually};

const SERVERS: [&str; 3] = ["10.77.0.1:2181", "10.77.0.2:2181", "10.77.0.3:2181"];
const PATIENCE: Duration = Duration::from_mins(1);

impl Site {
    /// A plan with a module on m4 that counts on the ensemble of the first three machines.
    fn plan_behind_barrier(&self, timeout: &str) -> Result<()> {
        self.plan(&format!(
            "[barrier]\nservers = {SERVERS:?}\ntimeout = \"{timeout}\"\n\n\
             [modules.greeting-rust]\non = \"m4\"\nsettings = {{ greeting = \"hello\", path = \"/etc/greeting/behind\" }}\n"
        ))
    }

    fn zk(&self, words: &[&str]) -> Result<Ran> {
        let guests = cellhost_system_tests::guests().canonicalize()?;
        let guests = guests.to_str().context("a path that is text")?;
        let mut all = vec!["zk"];
        all.extend(words);
        all.extend(["--modules", guests]);
        Ran::of(&self.cellhost(&all, &[]).output()?)
    }

    /// Shows on an ensemble of m1 to m3, and on m4, that nothing passes a barrier that does not
    /// hold, and that it goes on once it does.
    pub(crate) fn stands_at_the_barrier(&self) -> Result<()> {
        self.plan_behind_barrier("20s")?;
        let greeted = || self.does(4, "test -e /etc/greeting/behind");
        let list = SERVERS.join("\n") + "\n";
        assert_eq!(self.zk(&["nodes"])?.ends_with(0).stdout, list);
        assert_eq!(self.zk(&["barrier"])?.ends_with(0).stdout, list);

        self.fault("freeze", 2)?;
        self.fault("freeze", 3)?;
        eventually("the first server has no quorum", PATIENCE, || {
            Ok(self.zk(&["nodes"])?.code == Some(1))
        })?;
        let told = self.zk(&["nodes", "--format", "json"])?.ends_with(1);
        let told: Value = serde_json::from_str(&told.stdout)?;
        let says: Vec<&Value> = told
            .as_array()
            .context("a list")?
            .iter()
            .map(|one| &one["says"])
            .collect();
        assert_eq!(says, ["runs, but does not serve", "no answer", "no answer"]);

        let ran = self.run(&["--format", "json"], &[])?.ends_with(1);
        assert!(
            ran.stderr.contains("10.77.0.2:2181 no answer"),
            "{}",
            ran.written()
        );
        let summary: Value = serde_json::from_str(&ran.stdout)?;
        assert_eq!(summary.pointer("/barrier/held"), Some(&Value::Bool(false)));
        assert!(!greeted()?, "something passed the barrier");

        self.plan_behind_barrier("2m")?;
        let guests = cellhost_system_tests::guests().canonicalize()?;
        let guests = guests.to_str().context("a path that is text")?;
        let mut run = self
            .cellhost(&["run", "--modules", guests], &[])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let words = run.stderr.take().context("what it writes")?;
        let mut words = BufReader::new(words).lines();
        let waits = words.find(|line| line.as_ref().is_ok_and(|line| line.contains("no answer")));
        assert!(waits.is_some(), "it did not wait");
        assert!(!greeted()?, "something passed the barrier");
        self.fault("thaw", 2)?;
        self.fault("thaw", 3)?;
        let rest: Vec<String> = words.collect::<Result<_, _>>()?;
        let output = run.wait_with_output()?;
        assert_eq!(output.status.code(), Some(0), "{}", rest.join("\n"));
        let table = String::from_utf8(output.stdout)?;
        assert!(table.contains("10 times in a row"), "{table}");
        assert!(greeted()?);
        Ok(())
    }
}
