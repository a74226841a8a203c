use cellhost_sdk::prelude::*;

use crate::source::Source;

/// What the plan can set. It is the same for all members.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own in the plan, and most are one of marathon-lb's"
)]
pub(crate) struct Settings {
    /// Where marathon-lb comes from.
    pub(crate) source: Option<Source>,
    /// Where Marathon is: all instances. Left out, those that the plan's `marathon` tells.
    pub(crate) marathons: Vec<String>,
    /// Which apps: those whose `HAPROXY_GROUP` is one of these; `*` is all.
    pub(crate) groups: Vec<String>,
    /// Whether only tasks are served that Marathon knows to be well.
    pub(crate) health_check: bool,
    /// Whether only apps are served that say so by `HAPROXY_{n}_ENABLED`.
    pub(crate) strict_mode: bool,
    /// Whether host names are looked up in a map instead of one after the other.
    pub(crate) haproxy_map: bool,
    /// Where host names are served; 0: nowhere.
    pub(crate) http_port: u16,
    /// Where they are served by TLS; 0: nowhere. It needs a certificate.
    pub(crate) https_port: u16,
    /// Where HAProxy says how it is.
    #[schemars(range(min = 1))]
    pub(crate) stats_port: u16,
    /// Where apps are served by the header `X-Marathon-App-Id`; 0: nowhere.
    pub(crate) app_id_port: u16,
    /// Networks that may see statistics, metrics and configuration, beside the machine itself.
    pub(crate) stats_from: Vec<String>,
    /// Certificates, each with its key. The first is shown to who asks for no name or another.
    pub(crate) certificates: Vec<Certificate>,
    /// Whether a certificate is made on each machine that nobody has signed.
    pub(crate) self_signed: bool,
    /// What Marathon lets it in by.
    pub(crate) credentials: Option<Credentials>,
    /// Who signs the certificate of Marathon, in PEM.
    pub(crate) ca_certificate: Option<String>,
    /// How many connections at a time.
    #[schemars(range(min = 100, max = 90_000))]
    pub(crate) max_connections: u32,
    /// How long connections of before a reload may go on: `10m`.
    #[schemars(regex(pattern = r"^[1-9][0-9]*[smh]$"))]
    pub(crate) hard_stop_after: String,
    /// The ports that apps get whose tasks have addresses of their own: first and last.
    pub(crate) ip_per_task_ports: [u16; 2],
    /// The seconds between two attempts to reach Marathon, at most.
    #[schemars(range(min = 1, max = 300))]
    pub(crate) max_backoff: u32,
    /// Whether HAProxy takes up that Marathon has no app for it any more.
    pub(crate) allow_empty: bool,
    /// What marathon-lb tells.
    pub(crate) log_level: LogLevel,
    /// Where it tells that beside its service's log.
    #[schemars(regex(pattern = r"^/[A-Za-z0-9/._-]+$"))]
    pub(crate) syslog_socket: String,
}

/// A certificate.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Certificate {
    /// What its file is called.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"))]
    pub(crate) name: String,
    /// The certificate, those between it and a root, and its key, in PEM; all of it in base64, since
    /// a secret is one line.
    pub(crate) pem_base64: Secret,
}

/// A name and what proves it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// The name.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$"))]
    pub(crate) user: String,
    /// What proves it. There can be no colon in it.
    pub(crate) password: Secret,
}

/// What marathon-lb tells.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum LogLevel {
    /// Everything.
    Debug,
    /// Each change of the configuration.
    Info,
    /// What might be wrong.
    Warning,
    /// What is wrong.
    Error,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            source: None,
            marathons: Vec::new(),
            groups: Vec::new(),
            health_check: true,
            strict_mode: false,
            haproxy_map: false,
            http_port: 80,
            https_port: 0,
            stats_port: 9090,
            app_id_port: 9091,
            stats_from: Vec::new(),
            certificates: Vec::new(),
            self_signed: false,
            credentials: None,
            ca_certificate: None,
            max_connections: 50_000,
            hard_stop_after: "10m".to_owned(),
            ip_per_task_ports: [10_050, 10_100],
            max_backoff: 30,
            allow_empty: false,
            log_level: LogLevel::Info,
            syslog_socket: "/dev/null".to_owned(),
        }
    }
}

impl LogLevel {
    /// Returns it as marathon-lb writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        }
    }
}

impl Settings {
    /// Returns the ports that every member listens on, by setting.
    pub(crate) fn ports(&self) -> impl Iterator<Item = (&'static str, u16)> {
        let all = [
            ("http-port", self.http_port),
            ("https-port", self.https_port),
            ("stats-port", self.stats_port),
            ("app-id-port", self.app_id_port),
        ];
        all.into_iter().filter(|(_, port)| *port > 0)
    }

    /// Returns the names of all certificates, the one to show first before the others.
    pub(crate) fn certificate_names(&self) -> Vec<&str> {
        let own = self.self_signed.then_some(SELF_SIGNED);
        let given = self.certificates.iter().map(|one| one.name.as_str());
        given.chain(own).collect()
    }
}

/// The name of the certificate that is made where the plan wants one.
pub(crate) const SELF_SIGNED: &str = "self-signed";
