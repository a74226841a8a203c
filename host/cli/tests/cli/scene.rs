use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Names the directory of the finished guests, where it is not the usual one.
const GUESTS: &str = "CELLHOST_GUESTS";

/// A directory of its own and an environment that holds next to nothing.
pub(crate) struct Scene {
    place: TempDir,
}

/// How the program ended and what it wrote.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// Its exit code.
    pub(crate) code: Option<i32>,
    /// Data.
    pub(crate) stdout: String,
    /// Words.
    pub(crate) stderr: String,
}

impl Scene {
    /// Makes an empty one.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            place: tempfile::tempdir()?,
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.place.path()
    }

    /// Puts a file into it.
    pub(crate) fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path().join(name);
        fs_err::create_dir_all(path.parent().expect("a file stands in a directory"))?;
        Ok(fs_err::write(path, text)?)
    }

    /// Runs the program in it, with these variables and no others that matter.
    pub(crate) fn cellhost<'a>(
        &self,
        arguments: impl IntoIterator<Item = &'a str>,
        environment: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> anyhow::Result<Ending> {
        let mut command = self.command(arguments, environment);
        Ok(Ending::of(&command.output()?))
    }

    /// Prepares the program, with these variables and no others that matter.
    pub(crate) fn command<'a>(
        &self,
        arguments: impl IntoIterator<Item = &'a str>,
        environment: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cellhost"));
        command
            .args(arguments)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .env("NO_COLOR", "1")
            .env("CELLHOST_STATE", self.path().join("state"))
            // Shared, so that no module is compiled for each test anew.
            .env(
                "CELLHOST_CACHE",
                Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"),
            )
            .envs(environment);
        command
    }
}

impl Ending {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Where the finished guests are. Fails where they are not.
pub(crate) fn guests() -> PathBuf {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests");
    let guests = std::env::var_os(GUESTS).map_or(usual, PathBuf::from);
    let module = guests.join("redis-cluster.wasm");
    assert!(
        module.is_file(),
        "there is no `{}`: run `cargo xtask guests`",
        module.display()
    );
    guests
        .canonicalize()
        .expect("a directory that holds a file")
}
