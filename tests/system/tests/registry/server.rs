//! A docker-registry of one's own.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use cellhost_plan::ModulePlace;
use tempfile::TempDir;

/// Who may use a registry that does not let everybody in.
pub(crate) const USER: &str = "ann:word";
/// The same as docker-registry wants it.
const HASHED: &str = "ann:$2y$05$abcdefghijklmnopqrstuuQDoL5Sa/TtfS/XN4AY/jgq.HBbO1BTu\n";

const MISSING: &str =
    "there is no docker-registry: run `cargo xtask registry-test`, which fetches it";

/// What a registry is like.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manner {
    /// Whether it speaks TLS.
    pub(crate) tls: bool,
    /// Whether it wants to know who comes.
    pub(crate) auth: bool,
}

/// A registry that runs as long as this lives.
pub(crate) struct Server {
    directory: TempDir,
    port: u16,
    manner: Manner,
    child: Option<Running>,
}

/// A program that ends with this.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A web server that knows nothing but files, and vouches for none of them.
pub(crate) struct Files {
    port: u16,
    _child: Running,
}

impl Files {
    pub(crate) fn start(root: impl AsRef<Path>) -> Result<Self> {
        let port = free_port()?;
        let child = Command::new("python3")
            .args(["-m", "http.server", "--bind", "127.0.0.1", "--directory"])
            .arg(root.as_ref())
            .arg(port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("python3 is missing: `apt-get install python3`")?;
        let child = Running(child);
        await_port(port)?;
        Ok(Self {
            port,
            _child: child,
        })
    }

    pub(crate) fn place(&self) -> Result<ModulePlace> {
        let address = format!("oci+http://127.0.0.1:{}", self.port);
        Ok(ModulePlace::parse(&address)?)
    }
}

/// Free a moment ago.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

fn await_port(port: u16) -> Result<()> {
    for _ in 0..200 {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("nobody listens on port {port}")
}

impl Server {
    pub(crate) fn start(manner: Manner) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let port = free_port()?;
        let mut server = Self {
            directory,
            port,
            manner,
            child: None,
        };
        server.configure()?;
        server.run()?;
        Ok(server)
    }

    /// Its address with what stands before namespaces there.
    pub(crate) fn place(&self) -> Result<ModulePlace> {
        let scheme = if self.manner.tls { "oci" } else { "oci+http" };
        Ok(ModulePlace::parse(&format!(
            "{scheme}://{}/modules",
            self.host()
        ))?)
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The certificate of whoever vouches for it.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }

    /// Ends it; what it keeps stays.
    pub(crate) fn stop(&mut self) {
        self.child = None;
    }

    /// What it was asked so far, one line each.
    pub(crate) fn asked(&self) -> Result<Vec<String>> {
        let log = fs_err::read_to_string(self.directory.path().join("log"))?;
        let lines = log.lines().filter(|line| line.contains(" HTTP/1."));
        Ok(lines.map(str::to_owned).collect())
    }

    fn configure(&self) -> Result<()> {
        let at = |name: &str| self.directory.path().join(name).display().to_string();
        let mut text = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: false}}}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}}}\nhttp:\n  addr: {}\n",
            at("data"),
            self.host()
        );
        if self.manner.tls {
            self.certify()?;
            let (certificate, key) = (at("certificate.pem"), at("key.pem"));
            writeln!(text, "  tls: {{certificate: {certificate}, key: {key}}}")?;
        }
        if self.manner.auth {
            fs_err::write(at("users"), HASHED)?;
            let users = at("users");
            writeln!(
                text,
                "auth: {{htpasswd: {{realm: modules, path: {users}}}}}"
            )?;
        }
        Ok(fs_err::write(at("config.yml"), text)?)
    }

    fn certify(&self) -> Result<()> {
        let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj \
                     /CN=registry -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out \
                     certificate.pem";
        let made = Command::new("openssl")
            .args(words.split_whitespace())
            .current_dir(self.directory.path())
            .output()
            .context("openssl is missing: `apt-get install openssl`")?;
        if !made.status.success() {
            bail!("{}", String::from_utf8_lossy(&made.stderr));
        }
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let log = fs_err::File::create(self.directory.path().join("log"))?;
        let child = Command::new(program()?)
            .arg("serve")
            .arg(self.directory.path().join("config.yml"))
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(log.into_parts().0)
            .stderr(Stdio::null())
            .spawn()?;
        self.child = Some(Running(child));
        await_port(self.port)
    }
}

/// The program of the Debian package, unpacked once.
fn program() -> Result<&'static Path> {
    static PROGRAM: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    let found = PROGRAM.get_or_init(|| unpacked().map_err(|error| format!("{error:#}")));
    match found {
        Ok(path) => Ok(path),
        Err(error) => bail!("{error}"),
    }
}

fn unpacked() -> Result<PathBuf> {
    let packages = cellhost_system_tests::root().join("target/tools/docker");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docker-registry");
    let program = folder.join("usr/bin/docker-registry");
    if program.is_file() {
        return Ok(program);
    }
    let all = fs_err::read_dir(&packages).context(MISSING)?;
    let is_it = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy());
        name.is_some_and(|name| name.starts_with("docker-registry_"))
    };
    let package = all
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(is_it)
        .context(MISSING)?;
    let partial = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let status = Command::new("dpkg-deb")
        .arg("-x")
        .args([&package, partial.path()])
        .status()
        .context("dpkg-deb is missing")?;
    if !status.success() {
        bail!("`dpkg-deb -x {}` ended with {status}", package.display());
    }
    let partial = partial.keep();
    // Another process may have been faster.
    if fs_err::rename(&partial, &folder).is_err() {
        fs_err::remove_dir_all(&partial)?;
    }
    Ok(program)
}
