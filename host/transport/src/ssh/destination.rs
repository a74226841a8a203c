//! What ssh is told about a machine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cellhost_plan::{BecomeMethod, HostKey, HostKeys, Machine, Ssh, at_home};
use sha2::{Digest as _, Sha256};

use super::SshError;
use crate::Stage;

/// How long a connection that serves nobody lives at least, so that it does not end before it is
/// first used.
const SHORTEST_LIFE: Duration = Duration::from_secs(20);

/// The name under which ssh looks for a key that the plan pins.
const PINNED: &str = "pinned-in-the-plan";

/// A machine as ssh is told to reach it.
#[derive(Debug, Clone)]
pub(super) struct Destination {
    address: String,
    user: Option<String>,
    port: Option<u16>,
    config: Option<PathBuf>,
    identity: Option<PathBuf>,
    host_keys: HostKeys,
    /// The keys of which the machine has to show one, where the plan says so.
    pinned: Vec<HostKey>,
    key_exchange: Option<String>,
    silence: Duration,
    /// How long a connection stays when nobody uses it.
    pub(super) keep_alive: Duration,
    /// How long each step of a connection may take, up to the machine's key.
    pub(super) connect_timeout: Duration,
    /// How long each step after that may take.
    pub(super) login_timeout: Duration,
    /// The program that makes the login user root.
    pub(super) becoming: Option<BecomeMethod>,
}

impl Destination {
    /// Puts together what the plan says of a machine.
    pub(super) fn new(
        settings: &Ssh,
        machine: &Machine,
        config: Option<&Path>,
    ) -> Result<Self, SshError> {
        let words = [Some(&machine.address), machine.user.as_ref()];
        let empty_or_option = |word: &&String| word.is_empty() || word.starts_with('-');
        if let Some(word) = words.into_iter().flatten().find(empty_or_option) {
            return Err(SshError::Option {
                machine: machine.name.clone(),
                word: word.clone(),
            });
        }
        let home = std::env::var_os("HOME");
        let at_home = |path: &PathBuf| at_home(path, home.as_deref());
        Ok(Self {
            address: machine.address.clone(),
            user: machine.user.clone().or_else(|| settings.user.clone()),
            port: machine.port.or(settings.port),
            config: config
                .map(Path::to_owned)
                .or_else(|| settings.config.as_ref().map(at_home)),
            identity: settings.identity.as_ref().map(at_home),
            host_keys: settings.host_keys,
            pinned: machine.host_keys.clone(),
            key_exchange: settings.key_exchange.clone(),
            silence: settings.silence,
            keep_alive: settings.keep_alive,
            connect_timeout: settings.connect_timeout,
            login_timeout: settings.login_timeout,
            becoming: settings.r#become.as_ref().map(|how| how.method),
        })
    }

    /// A short key that two destinations share only if one connection serves both. `salt` stands
    /// for the configuration that ssh reads: a changed one makes another key.
    pub(super) fn key(&self, salt: &[u8]) -> String {
        use std::fmt::Write as _;
        let mut hash = Sha256::new();
        let text = format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {}",
            self.address,
            self.user,
            self.port,
            self.config,
            self.identity,
            self.host_keys,
            self.pinned
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
            self.key_exchange,
            // What is to end with its run is not shared with what is to outlive it.
            self.keep_alive.is_zero(),
        );
        hash.update(text);
        hash.update(salt);
        let start = |mut text: String, byte: &u8| {
            let _ = write!(text, "{byte:02x}");
            text
        };
        hash.finalize().iter().take(8).fold(String::new(), start)
    }

    /// What has to stand in the file beside the control socket for ssh to hold the machine to its
    /// key, where the plan pins one.
    pub(super) fn known_keys(&self) -> Option<String> {
        let lines = self.pinned.iter().map(|key| format!("{PINNED} {key}\n"));
        (!self.pinned.is_empty()).then(|| lines.collect())
    }

    /// Where the plan pins the machine's key, in words.
    pub(super) fn pinned_at(&self) -> String {
        match self.pinned.first().and_then(|key| key.line) {
            Some(line) => format!("in line {line} of the plan"),
            None => "since it was in the plan".to_owned(),
        }
    }

    /// The arguments of an ssh that connects, goes to the background and serves a control socket.
    /// `known_keys` is the file with the keys that the plan pins.
    pub(super) fn arguments(&self, control: &Path, known_keys: &Path) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut flag = |flag: &str, value: OsString| arguments.extend([flag.into(), value]);
        if let Some(config) = &self.config {
            flag("-F", config.into());
        }
        if let Some(identity) = &self.identity {
            flag("-i", identity.into());
            flag("-o", "IdentitiesOnly=yes".into());
        }
        if let Some(user) = &self.user {
            flag("-l", user.into());
        }
        if let Some(port) = self.port {
            flag("-p", port.to_string().into());
        }
        for option in self.options() {
            flag("-o", option.into());
        }
        if !self.pinned.is_empty() {
            let mut path = OsString::from("UserKnownHostsFile=");
            path.push(known_keys);
            flag("-o", path);
            for option in self.pins() {
                flag("-o", option.into());
            }
        }
        let mut path = OsString::from("ControlPath=");
        path.push(control);
        flag("-o", path);
        flag("-o", "ControlMaster=yes".into());
        let seconds = self.keep_alive.max(SHORTEST_LIFE).as_secs();
        flag("-o", format!("ControlPersist={seconds}").into());
        // What it says tells how far it came, on the way over jump hosts too, and later why it ended.
        arguments.extend(["-vfNT".into(), "--".into(), (&self.address).into()]);
        arguments
    }

    /// What holds the machine to the keys that the plan pins, and to nothing else.
    fn pins(&self) -> Vec<String> {
        let kinds = self.pinned.iter().map(|key| match key.kind.as_str() {
            "ssh-rsa" => "rsa-sha2-512,rsa-sha2-256",
            kind => kind,
        });
        vec![
            format!("HostKeyAlias={PINNED}"),
            format!("HostKeyAlgorithms={}", kinds.collect::<Vec<_>>().join(",")),
            "GlobalKnownHostsFile=/dev/null".to_owned(),
            "VerifyHostKeyDNS=no".to_owned(),
            "UpdateHostKeys=no".to_owned(),
            "CheckHostIP=no".to_owned(),
        ]
    }

    fn options(&self) -> Vec<String> {
        let strict = match self.host_keys {
            HostKeys::AcceptNew if self.pinned.is_empty() => "accept-new",
            _ => "yes",
        };
        // ssh asks that often, three times in vain, and counts the machine as lost at the fourth.
        let interval = (self.silence.as_secs() / 4).max(1);
        // The user's own configuration may ask for what makes no sense for a courier.
        let mut options = vec![
            "BatchMode=yes".to_owned(),
            format!("StrictHostKeyChecking={strict}"),
            format!("ConnectTimeout={}", self.connect_timeout.as_secs().max(1)),
            "ConnectionAttempts=1".to_owned(),
            format!("ServerAliveInterval={interval}"),
            "ServerAliveCountMax=3".to_owned(),
            "RemoteCommand=none".to_owned(),
            "RequestTTY=no".to_owned(),
            "PermitLocalCommand=no".to_owned(),
            "ClearAllForwardings=yes".to_owned(),
            "ForwardAgent=no".to_owned(),
            "ForwardX11=no".to_owned(),
            "EscapeChar=none".to_owned(),
            "Tunnel=no".to_owned(),
            "NoHostAuthenticationForLocalhost=no".to_owned(),
        ];
        if let Some(names) = &self.key_exchange {
            options.push(format!("KexAlgorithms={names}"));
        }
        options
    }

    /// How long a connection may stay at a stage.
    pub(super) fn patience(&self, stage: Stage) -> Duration {
        match stage {
            Stage::Authenticate | Stage::Start => self.login_timeout,
            _ => self.connect_timeout,
        }
    }

    /// What is run there where no password is needed. The login shell reads it, whichever that is,
    /// so it is kept plain.
    pub(super) fn command(&self) -> String {
        match self.becoming {
            None => "sh".to_owned(),
            Some(method) => {
                let program = method.as_str();
                format!(
                    "sh -c 'if test \"$(id -u)\" = 0; then exec sh; else exec {program} -n sh; fi'"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cellhost_plan::{Become, MachineName, Span};

    use super::*;

    fn machine(address: &str) -> Machine {
        Machine {
            name: MachineName::new("m1").unwrap(),
            address: address.to_owned(),
            user: None,
            port: None,
            host_keys: Vec::new(),
            roles: [].into(),
            groups: [].into(),
            tags: BTreeMap::new(),
            zone: None,
            variables: BTreeMap::new(),
            span: Span::default(),
        }
    }

    #[test]
    fn refuses_what_ssh_takes_for_an_option() {
        let wrong = machine("-oProxyCommand=x");
        assert!(Destination::new(&Ssh::default(), &wrong, None).is_err());
        let mut wrong = machine("m1");
        wrong.user = Some("-l".into());
        assert!(Destination::new(&Ssh::default(), &wrong, None).is_err());
    }

    #[test]
    fn says_everything_before_the_address() {
        let settings = Ssh {
            user: Some("admin".into()),
            r#become: Some(Become {
                method: BecomeMethod::Sudo,
                password: None,
            }),
            ..Ssh::default()
        };
        let destination =
            Destination::new(&settings, &machine("m1"), Some(Path::new("/c"))).unwrap();
        let arguments = destination.arguments(Path::new("/run/s"), Path::new("/run/k"));
        let words: Vec<&str> = arguments
            .iter()
            .map(|word| word.to_str().unwrap())
            .collect();
        assert_eq!(words[..2], ["-F", "/c"]);
        for wanted in [
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            "ControlPersist=600",
            "ControlPath=/run/s",
        ] {
            assert!(words.contains(&wanted), "{wanted}");
        }
        assert_eq!(words[words.len() - 3..], ["-vfNT", "--", "m1"]);
        assert!(destination.command().contains("exec sudo -n sh"));
    }

    #[test]
    fn shares_a_connection_only_where_everything_is_the_same() {
        let key = |settings: &Ssh, address| {
            Destination::new(settings, &machine(address), None)
                .unwrap()
                .key(b"config")
        };
        let other = Ssh {
            port: Some(2222),
            ..Ssh::default()
        };
        assert_eq!(key(&Ssh::default(), "a"), key(&Ssh::default(), "a"));
        assert_ne!(key(&Ssh::default(), "a"), key(&Ssh::default(), "b"));
        assert_ne!(key(&Ssh::default(), "a"), key(&other, "a"));
        assert_eq!(key(&other, "a").len(), 16);
    }
}
