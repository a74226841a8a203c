use crate::document::{Kind, Table, Text, Value};
use crate::problem::Problem;
use serde::Serialize;

use super::command::CommandPattern;
use super::glob::Glob;
use super::image::ImagePattern;
use super::ports::PortRange;
use super::prefix::PathPrefix;
use super::url::UrlPattern;
use crate::words::line;

/// Some things a module wants to do on machines, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ask {
    /// Why it wants to.
    pub why: String,
    /// What it may write and read.
    pub paths: Vec<PathPrefix>,
    /// What it may only read.
    pub reads: Vec<PathPrefix>,
    /// What it may run.
    pub commands: Vec<CommandPattern>,
    /// The packages it may install or remove.
    pub packages: Vec<Glob>,
    /// The services it may change.
    pub services: Vec<Glob>,
    /// The users it may create or remove.
    pub users: Vec<Glob>,
    /// The groups it may create or remove.
    pub groups: Vec<Glob>,
    /// What it may have machines fetch.
    pub urls: Vec<UrlPattern>,
    /// The cron jobs it may write or remove, which run whatever they say as whoever they say.
    pub cron: Vec<Glob>,
    /// The keys of the kernel it may set.
    pub sysctl: Vec<Glob>,
    /// The modules of the kernel it may load or unload.
    #[serde(rename = "kernel-modules")]
    pub kernel_modules: Vec<Glob>,
    /// Where it may mount and unmount, and all below.
    pub mounts: Vec<PathPrefix>,
    /// The containers it may run and remove.
    pub containers: Vec<Glob>,
    /// The images it may run them from.
    pub images: Vec<ImagePattern>,
    /// The ports it may connect to.
    pub dial: Vec<PortRange>,
    /// Whether it may do things as root where it logs in as someone else.
    pub r#become: bool,
}

impl Ask {
    pub(crate) fn read(mut table: Table<'_>) -> Self {
        let why = table.require("why", "\"…\"");
        Self::read_for(table, why, "asks for")
    }

    /// Reads what is granted, which needs no reason.
    pub(crate) fn read_granted(mut table: Table<'_>) -> Self {
        let why = table.get("why");
        Self::read_for(table, why, "grants")
    }

    fn read_for<'a>(mut table: Table<'a>, why: Option<Value<'a>>, verb: &str) -> Self {
        let why = why.and_then(|value| value.parse(line));
        let ask = Self {
            why: why.unwrap_or_default(),
            paths: parsed(table.get("paths"), PathPrefix::new),
            reads: parsed(table.get("reads"), PathPrefix::new),
            commands: read_commands(table.get("commands")),
            packages: parsed(table.get("packages"), Glob::new),
            services: parsed(table.get("services"), Glob::new),
            users: parsed(table.get("users"), Glob::new),
            groups: parsed(table.get("groups"), Glob::new),
            urls: parsed(table.get("urls"), UrlPattern::new),
            cron: parsed(table.get("cron"), Glob::new),
            sysctl: parsed(table.get("sysctl"), Glob::new),
            kernel_modules: parsed(table.get("kernel-modules"), Glob::new),
            mounts: parsed(table.get("mounts"), PathPrefix::new),
            containers: parsed(table.get("containers"), Glob::new),
            images: parsed(table.get("images"), ImagePattern::new),
            dial: read_ports(table.get("dial")),
            r#become: table
                .get("become")
                .and_then(|value| value.boolean())
                .unwrap_or_default(),
        };
        if table.entries().iter().all(|(key, _)| key.as_str() == "why") {
            let help = "name `paths`, `commands` or others, or leave it out";
            table.reject(Problem::new(format!("this {verb} nothing")).help(help));
        }
        table.finish();
        ask
    }
}

fn parsed<T>(value: Option<Value<'_>>, parse: impl Fn(&str) -> Result<T, Problem>) -> Vec<T> {
    let texts = value.and_then(|value| value.texts()).unwrap_or_default();
    texts.iter().filter_map(|text| text.parse(&parse)).collect()
}

fn read_commands(value: Option<Value<'_>>) -> Vec<CommandPattern> {
    let commands = value.and_then(|value| value.list()).unwrap_or_default();
    commands.iter().filter_map(read_command).collect()
}

fn read_command(value: &Value<'_>) -> Option<CommandPattern> {
    let texts = value.texts()?;
    let parts: Vec<&str> = texts.iter().map(Text::as_str).collect();
    let complete = value.list()?.len() == texts.len();
    match CommandPattern::new(&parts) {
        Ok(pattern) => complete.then_some(pattern),
        Err(wrong) => {
            match texts.get(wrong.index) {
                Some(text) => text.reject(*wrong.problem),
                None => value.reject(*wrong.problem),
            }
            None
        }
    }
}

fn read_ports(value: Option<Value<'_>>) -> Vec<PortRange> {
    let ports = value.and_then(|value| value.list()).unwrap_or_default();
    let read = |value: &Value<'_>| match value.node().kind {
        Kind::Integer(_) => {
            let port = value.integer(1..=u16::MAX)?;
            PortRange::new(port, port)
        }
        _ => value.parse(str::parse),
    };
    ports.iter().filter_map(read).collect()
}
