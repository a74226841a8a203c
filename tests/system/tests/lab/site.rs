use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, bail};
use cellhost_lab::{ImageName, Lab, LabDirectory, MachineNumber, SSH_CONFIG_VARIABLE, Silent};
use serde_json::Value;
use tempfile::TempDir;

use crate::canary;

/// When a run of the program is ended, since it hangs.
const PATIENCE: &str = "300";
/// What processes have in their environment that a test itself has begun on a machine.
pub(crate) const OWN: &str = "BEGUN_BY_THE_TEST";
const PAUSE: Duration = Duration::from_millis(100);

/// A lab, a directory with a plan, and the program. Gone at the end of the test, however it ends.
pub(crate) struct Site {
    /// The lab itself.
    pub(crate) lab: Lab,
    program: PathBuf,
    begun: SystemTime,
    // Dropped last: the lab is in it.
    place: TempDir,
}

/// What a run of the program left.
pub(crate) struct Ran {
    /// Its exit code.
    pub(crate) code: Option<i32>,
    /// Data.
    pub(crate) stdout: String,
    /// Words.
    pub(crate) stderr: String,
}

impl Site {
    /// Brings up so many machines.
    pub(crate) fn up(count: u16) -> Result<Self> {
        cellhost_lab::check_prerequisites()?;
        let program = cellhost_system_tests::program()?;
        // Sockets have short names, so the directory needs one too.
        let place = tempfile::Builder::new().prefix("cell").tempdir_in("/tmp")?;
        let directory = LabDirectory::choose(Some(&place.path().join("lab")))?;
        let lab = Lab::up(&directory, count, ImageName::Service, &Silent).inspect_err(|_| {
            // What came up before it failed must not outlive the test.
            let _ = Lab::down(&directory);
        })?;
        fs_err::create_dir(place.path().join("tmp"))?;
        Ok(Self {
            lab,
            program,
            begun: SystemTime::now(),
            place,
        })
    }

    /// Where the plan is.
    pub(crate) fn path(&self) -> &Path {
        self.place.path()
    }

    /// Since when there is anything to look at.
    pub(crate) fn begun(&self) -> SystemTime {
        self.begun
    }

    /// Where compiled modules are. It is shared, so that none is compiled for each test anew.
    pub(crate) fn cache() -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
    }

    /// Writes the plan: this, and the machines of the lab.
    pub(crate) fn plan(&self, text: &str) -> Result<()> {
        let machines = cellhost_lab::inventory(&self.lab.machines());
        let plan = format!("cell = \"lab\"\n\n{machines}\n{text}");
        Ok(fs_err::write(self.path().join("plan.toml"), plan)?)
    }

    /// Where the records of all runs are.
    pub(crate) fn runs(&self) -> PathBuf {
        self.path().join("state/runs")
    }

    /// Writes the plan that has chores done on all machines, with this text and these settings more.
    pub(crate) fn chores(&self, text: &str, more: &str) -> Result<()> {
        cellhost_system_tests::guest("chores")?;
        self.plan(&format!(
            "[modules.chores]\non = \"all\"\nsettings = {{ text = \"{text}\"{more} }}\n"
        ))
    }

    /// Prepares the program, within the lab's network and with a bare environment.
    pub(crate) fn cellhost(&self, words: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut all = vec![self.program.as_os_str()];
        all.extend(words.iter().map(std::ffi::OsStr::new));
        self.enter(&all, variables)
    }

    /// Prepares any other program of this computer in the same way.
    pub(crate) fn elsewhere(&self, words: &[&str]) -> Command {
        let words: Vec<_> = words.iter().map(std::ffi::OsStr::new).collect();
        self.enter(&words, &[])
    }

    /// Begins `cellhost run`, whose end somebody else waits for.
    pub(crate) fn begin(&self, options: &[&str]) -> Result<Child> {
        let guests = cellhost_system_tests::guests().canonicalize()?;
        let mut words = vec![
            "run",
            "--modules",
            guests.to_str().context("a path in UTF-8")?,
        ];
        words.extend(options);
        let mut command = self.cellhost(&words, &[]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command.spawn()?)
    }

    fn enter(&self, words: &[&std::ffi::OsStr], variables: &[(&str, &str)]) -> Command {
        canary::tell(variables).expect("secrets that can be looked for");
        let mut command = self.lab.exec(words);
        command
            .current_dir(self.path())
            .stdin(Stdio::null())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .env("NO_COLOR", "1")
            .env(SSH_CONFIG_VARIABLE, self.lab.directory().ssh_config())
            .env("CELLHOST_STATE", self.path().join("state"))
            .env("CELLHOST_CACHE", Self::cache())
            .env("TMPDIR", self.path().join("tmp"))
            .envs(variables.iter().copied());
        command
    }

    /// Runs `cellhost run` to its end.
    pub(crate) fn run(&self, options: &[&str], variables: &[(&str, &str)]) -> Result<Ran> {
        let guests = cellhost_system_tests::guests().canonicalize()?;
        let mut words = vec![
            std::ffi::OsStr::new("timeout"),
            "--kill-after=5".as_ref(),
            PATIENCE.as_ref(),
            self.program.as_os_str(),
            "run".as_ref(),
            "--modules".as_ref(),
            guests.as_os_str(),
        ];
        words.extend(options.iter().map(std::ffi::OsStr::new));
        Ran::of(&self.enter(&words, variables).output()?)
    }

    /// Takes everything in the plan off its machines again, with these options.
    pub(crate) fn remove(&self, options: &[&str], variables: &[(&str, &str)]) -> Result<()> {
        let guests = cellhost_system_tests::guests().canonicalize()?;
        let guests = guests.to_str().context("a path in UTF-8")?;
        let words = ["remove", "--modules", guests, "--yes-remove", "lab"];
        let words = [&words[..], options, &["plan.toml"]].concat();
        Ran::of(&self.cellhost(&words, variables).output()?)?.ends_with(0);
        Ok(())
    }

    /// Does something to a machine from outside, as `cellhost lab` does.
    pub(crate) fn fault(&self, verb: &str, machine: u16) -> Result<()> {
        let output = Command::new(&self.program)
            .args(["lab", verb, &format!("m{machine}")])
            .env("CELLHOST_LAB_DIR", self.path().join("lab"))
            .output()?;
        if !output.status.success() {
            bail!("{verb}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// Runs a command on a machine and gives what it wrote. It must succeed.
    pub(crate) fn on(&self, machine: u16, command: &str) -> Result<String> {
        let output = self.asked(machine, command)?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            bail!("`{command}` on m{machine}: {} {words}", output.status);
        }
        Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
    }

    /// Runs a command on a machine and tells whether it succeeded.
    pub(crate) fn does(&self, machine: u16, command: &str) -> Result<bool> {
        let output = self.asked(machine, command)?;
        match output.status.code() {
            None | Some(255) => bail!("m{machine} does not answer"),
            code => Ok(code == Some(0)),
        }
    }

    /// Has a machine's shell read a command. It is no argument: some name a secret.
    fn asked(&self, machine: u16, command: &str) -> Result<Output> {
        let mut shell = self
            .lab
            .ssh(number(machine)?, ["bash"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut input = shell.stdin.take().context("its input")?;
        // One that ends before it has read all tells why by its status.
        let _ = write!(input, "export {OWN}=1; {{ {command}\n}} </dev/null\n");
        drop(input);
        Ok(shell.wait_with_output()?)
    }

    /// Sums up the disks of all machines.
    pub(crate) fn fingerprints(&self) -> Result<Vec<Vec<String>>> {
        let machines = self.lab.machines();
        let taken = machines.into_iter().map(|machine| {
            let taken = self.lab.fingerprint(machine)?;
            let mut lines = taken.differences;
            lines.push(taken.digest);
            Ok(lines)
        });
        taken.collect()
    }

    /// The records of all runs so far.
    pub(crate) fn journals(&self) -> Result<String> {
        let mut text = String::new();
        for cell in fs_err::read_dir(self.path().join("state/runs"))? {
            for file in fs_err::read_dir(cell?.path())? {
                text.push_str(&fs_err::read_to_string(file?.path())?);
            }
        }
        Ok(text)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let kept = if std::thread::panicking() {
            Ok(())
        } else {
            self.assert_kept()
        };
        let down = Lab::down(self.lab.directory());
        // A second panic would hide the first.
        if !std::thread::panicking() {
            down.expect("the lab goes down");
            kept.expect("secrets are kept");
        }
    }
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Result<Self> {
        canary::assert_untold("stdout", &output.stdout)?;
        canary::assert_untold("stderr", &output.stderr)?;
        Ok(Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout.clone())?,
            stderr: String::from_utf8(output.stderr.clone())?,
        })
    }

    /// Everything that was written.
    pub(crate) fn written(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }

    /// Fails unless the program ended with this code.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.written());
        self
    }

    /// The summary as data.
    pub(crate) fn summary(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| self.written())
    }

    /// How many things changed.
    pub(crate) fn changes(&self) -> Result<u64> {
        let summary = self.summary()?;
        let changes = summary.get("changes").and_then(Value::as_u64);
        changes.with_context(|| self.written())
    }

    /// One turn of the summary: the module's on a machine, or its `form`.
    fn row(&self, module: &str, place: &str) -> Result<Value> {
        let summary = self.summary()?;
        let turns = summary.get("turns").and_then(Value::as_array);
        let word = |turn: &Value, key: &str| {
            let word = turn.get(key).and_then(Value::as_str);
            word.map(str::to_owned)
        };
        let found = turns.into_iter().flatten().find(|turn| {
            let own = word(turn, "machine").or_else(|| word(turn, "hook"));
            word(turn, "module").as_deref() == Some(module) && own.as_deref() == Some(place)
        });
        let row = found.with_context(|| format!("{module} {place}: {}", self.written()))?;
        Ok(row.clone())
    }

    /// How a turn ended and why.
    pub(crate) fn turn(&self, module: &str, place: &str) -> Result<(String, String)> {
        let row = self.row(module, place)?;
        let word = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default();
        Ok((word("status").to_owned(), word("reason").to_owned()))
    }

    /// How many things a turn changed.
    pub(crate) fn changes_of(&self, module: &str, place: &str) -> Result<u64> {
        let row = self.row(module, place)?;
        let changes = row.get("changes").and_then(Value::as_u64);
        changes.with_context(|| self.written())
    }
}

/// Names a machine.
pub(crate) fn number(machine: u16) -> Result<MachineNumber> {
    Ok(MachineNumber::new(machine)?)
}

/// Looks again and again until something is so; fails when it takes too long.
pub(crate) fn eventually(
    what: &str,
    limit: Duration,
    mut is_so: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let end = Instant::now() + limit;
    while !is_so()? {
        if Instant::now() > end {
            bail!("not within {limit:?}: {what}");
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}
