use std::path::PathBuf;
use std::time::Duration;

use crate::address::check_user;
use crate::choice::choose;
use crate::document::{Kind, Table, Value};
use crate::duration::parse_duration_within;
use crate::location::resolve;
use crate::name::SecretName;
use crate::problem::Problem;
use crate::secret::Secrets;

/// How machines are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ssh {
    /// The user to log in as, unless a machine has its own; ssh decides when absent.
    pub user: Option<String>,
    /// The port, unless a machine has its own; ssh decides when absent.
    pub port: Option<u16>,
    /// The ssh configuration to use instead of the user's own.
    pub config: Option<PathBuf>,
    /// The private key to log in with.
    pub identity: Option<PathBuf>,
    /// What to do about a machine's host key.
    pub host_keys: HostKeys,
    /// How many machines are worked on at once.
    pub parallel: usize,
    /// How many connections may live at once, those of earlier runs included.
    pub connections: usize,
    /// The key exchanges to offer, in the words of ssh; ssh decides when absent.
    pub key_exchange: Option<String>,
    /// How long each step of a connection may take, up to the machine's key.
    pub connect_timeout: Duration,
    /// How long each step after that may take: login, becoming root, the greeting of a shell.
    pub login_timeout: Duration,
    /// How long a machine may be silent before it counts as lost.
    pub silence: Duration,
    /// How long a connection stays open between runs; zero closes it at the end of a run.
    pub keep_alive: Duration,
    /// How to become root after logging in, when the login user is not root.
    pub r#become: Option<Become>,
}

/// What to do about a machine's host key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostKeys {
    /// The key must be known already.
    #[default]
    Strict,
    /// An unknown key is accepted and remembered; a changed one never is.
    AcceptNew,
}

/// How to become root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Become {
    /// The program to do it with.
    pub method: BecomeMethod,
    /// The password that program asks for.
    pub password: Option<SecretName>,
}

/// A program that runs a command as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BecomeMethod {
    /// `sudo`.
    Sudo,
    /// `doas`.
    Doas,
}

impl BecomeMethod {
    /// Gives the name of the program.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sudo => "sudo",
            Self::Doas => "doas",
        }
    }
}

impl Default for Ssh {
    fn default() -> Self {
        Self {
            user: None,
            port: None,
            config: None,
            identity: None,
            host_keys: HostKeys::Strict,
            parallel: 50,
            connections: 150,
            key_exchange: None,
            connect_timeout: Duration::from_secs(10),
            login_timeout: Duration::from_secs(30),
            silence: Duration::from_secs(20),
            keep_alive: Duration::from_mins(10),
            r#become: None,
        }
    }
}

impl Ssh {
    /// How many machines can be worked on at once: each needs a connection.
    pub fn at_once(&self) -> usize {
        self.parallel.min(self.connections).max(1)
    }

    pub(crate) fn read(value: Option<Value<'_>>, secrets: &Secrets) -> Self {
        let mut ssh = Self::default();
        let Some(mut table) = value.and_then(|value| value.table()) else {
            return ssh;
        };
        let path = |value: Value<'_>| resolve(&value.text()?);
        ssh.user = table.get("user").and_then(|value| read_user(&value));
        ssh.port = table
            .get("port")
            .and_then(|value| value.integer(1..=u16::MAX));
        ssh.config = table.get("config").and_then(path);
        ssh.identity = table.get("identity").and_then(path);
        ssh.key_exchange = table
            .get("key-exchange")
            .and_then(|value| value.parse(key_exchange));
        ssh.r#become = table
            .get("become")
            .and_then(|value| Become::read(&value, secrets));
        ssh.read_limits(&mut table);
        table.finish();
        ssh
    }

    fn read_limits(&mut self, table: &mut Table<'_>) {
        let host_keys = table
            .get("host-keys")
            .and_then(|value| value.parse(host_keys));
        self.host_keys = host_keys.unwrap_or(self.host_keys);
        let parallel = table
            .get("parallel")
            .and_then(|value| value.integer(1..=10_000));
        self.parallel = parallel.unwrap_or(self.parallel);
        let connections = table
            .get("connections")
            .and_then(|value| value.integer(1..=10_000));
        self.connections = connections.unwrap_or(self.connections);
        let mut duration = |key, default, low, high| {
            let bounds = Duration::from_secs(low)..=Duration::from_secs(high);
            let parse = |text: &str| parse_duration_within(text, bounds);
            table
                .get(key)
                .and_then(|value| value.parse(parse))
                .unwrap_or(default)
        };
        self.connect_timeout = duration("connect-timeout", self.connect_timeout, 1, 3600);
        self.login_timeout = duration("login-timeout", self.login_timeout, 1, 3600);
        self.silence = duration("silence", self.silence, 4, 3600);
        self.keep_alive = duration("keep-alive", self.keep_alive, 0, 7 * 24 * 3600);
    }
}

impl Become {
    fn read(value: &Value<'_>, secrets: &Secrets) -> Option<Self> {
        if let Kind::String(_) = value.node().kind {
            return Some(Self {
                method: value.parse(method)?,
                password: None,
            });
        }
        let Kind::Table(_) = value.node().kind else {
            value.wrong_type("a string or a table");
            return None;
        };
        let mut table = value.table()?;
        let method = table
            .require("method", "\"sudo\"")
            .and_then(|value| value.parse(method));
        let password = table.get("password").and_then(|value| {
            if method == Some(BecomeMethod::Doas) {
                let problem = Problem::new("`doas` takes a password from a terminal only");
                value.reject(problem.label("nobody can be given it").help(
                    "let it be `permit nopass` in the machine's doas.conf, or become root by `sudo`",
                ));
            }
            let mut reference = value.table()?;
            let name = reference
                .require("secret", "\"…\"")
                .and_then(|name| name.text());
            reference.finish();
            secrets.reference(&name?)
        });
        table.finish();
        Some(Self {
            method: method?,
            password,
        })
    }
}

pub(crate) fn read_user(value: &Value<'_>) -> Option<String> {
    value.parse(|text| check_user(text).map(|()| text.to_owned()))
}

/// Checks names of key exchanges, as `KexAlgorithms` of ssh has them.
fn key_exchange(text: &str) -> Result<String, Problem> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-.@,".contains(c);
    let names = text.strip_prefix(['+', '-', '^']).unwrap_or(text);
    if names.is_empty() || !names.chars().all(good) || names.split(',').any(str::is_empty) {
        let message = format!("`{}` names no key exchange", text.escape_debug());
        let help = "`ssh -Q kex` lists those that this computer knows, such as `curve25519-sha256`";
        return Err(Problem::new(message).help(help));
    }
    Ok(text.to_owned())
}

fn host_keys(text: &str) -> Result<HostKeys, Problem> {
    let choices = [
        ("strict", HostKeys::Strict),
        ("accept-new", HostKeys::AcceptNew),
    ];
    choose("way to treat host keys", text, choices)
}

fn method(text: &str) -> Result<BecomeMethod, Problem> {
    let choices = [BecomeMethod::Sudo, BecomeMethod::Doas].map(|method| (method.as_str(), method));
    choose("way to become root", text, choices)
}
