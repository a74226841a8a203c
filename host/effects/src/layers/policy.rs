//! Allows or denies, before anything else looks at an effect.

use async_trait::async_trait;
use cellhost_transport::MEMORY;
use cellhost_transport::resources::archive::Source;
use cellhost_transport::resources::cron::Cron;
use cellhost_transport::resources::group::{Group, NoGroup};
use cellhost_transport::resources::mount::Mount;
use cellhost_transport::resources::sysctl::Sysctl;
use cellhost_transport::resources::user::{NoUser, User};

use super::secrets::secret_names;
use crate::{
    Act, Command, Content, Effect, EffectError, Effects, Input, Item, Outcome, Text, Turn,
};

/// Denies what the module's rights do not cover.
pub struct Policy<E> {
    inner: E,
}

impl<E: Effects> Policy<E> {
    /// A layer over another.
    pub fn new(inner: E) -> Self {
        Self { inner }
    }
}

#[async_trait]
impl<E: Effects> Effects for Policy<E> {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        judge(&effect)?;
        self.inner.perform(effect).await
    }
}

fn judge(effect: &Effect) -> Result<(), EffectError> {
    let turn = effect.turn.as_ref();
    if !turn.hook.reaches_machines() {
        return Err(denied(
            turn,
            format!("the hook `{}` may not reach machines", turn.hook),
        ));
    }
    if !turn.rights.machines.contains(&effect.machine) {
        return Err(denied(
            turn,
            format!("machine `{}` is none of its machines", effect.machine),
        ));
    }
    if !turn.hook.changes_machines() && effect.act.changes() {
        let rule = format!("the hook `{}` may only look", turn.hook);
        return Err(denied(turn, rule));
    }
    if turn.hook == crate::Hook::Gate {
        return match &effect.act {
            Act::Dial { .. } | Act::Pause(_) | Act::Note { .. } => Ok(()),
            act => Err(denied(
                turn,
                format!("the host itself may not {}", act.verb()),
            )),
        };
    }
    match &effect.act {
        Act::Ensure(items) => items.iter().try_for_each(|item| judge_item(turn, item)),
        Act::Probe { command, .. } | Act::Wait { command, .. } => judge_command(turn, command),
        Act::Run { command, doubt } => {
            judge_command(turn, command)?;
            match doubt {
                crate::Doubt::Verify(command) => judge_command(turn, command),
                crate::Doubt::Again | crate::Doubt::Ask => Ok(()),
            }
        }
        Act::Read { path, .. } | Act::Status { path } | Act::Entries { path } => {
            let path = normal(path)?;
            allow(
                turn,
                turn.rights.asks.allows_read(path),
                || format!("reading `{path}`"),
                "reads",
            )
        }
        Act::Dial { dial, .. } => {
            let port = dial.port;
            allow(
                turn,
                turn.rights.asks.allows_dial(port),
                || format!("dialing port {port}"),
                "dial",
            )
        }
        Act::Fact { .. } => Ok(()),
        Act::Pause(_) => Err(denied(turn, "modules may not pause".to_owned())),
        Act::Note { .. } => Err(denied(turn, "modules may not write records".to_owned())),
        Act::Look(_) => Err(denied(turn, "modules may not look".to_owned())),
    }
}

fn judge_item(turn: &Turn, item: &Item) -> Result<(), EffectError> {
    let asks = &turn.rights.asks;
    if let Some(path) = item.path() {
        let path = normal(path)?;
        allow(
            turn,
            asks.allows_write(path),
            || format!("writing `{path}`"),
            "paths",
        )?;
    }
    let every = |names: &std::collections::BTreeSet<String>| {
        names.iter().try_for_each(|name| {
            let allowed = asks.allows_package(name);
            allow(
                turn,
                allowed,
                || format!("the package `{name}`"),
                "packages",
            )
        })
    };
    match item {
        Item::File(file) => match &file.content {
            Content::Rendered { variables, .. } => {
                let mut names = Vec::new();
                secret_names(variables, &mut names);
                names
                    .into_iter()
                    .try_for_each(|name| judge_secret(turn, name))
            }
            Content::Bytes { .. } => Ok(()),
        },
        Item::Creation(creation) => judge_program(turn, &creation.argv, creation.user.as_deref()),
        Item::Download(download) => judge_url(turn, &download.url),
        Item::Archive(archive) => match &archive.source {
            Source::Url(url) => judge_url(turn, url),
            Source::Path(path) => {
                let path = normal(path)?;
                let what = || format!("reading `{path}`");
                allow(turn, asks.allows_read(path), what, "reads")
            }
        },
        Item::Sysctl(Sysctl { key, .. }) | Item::NoSysctl(key) => {
            let what = || format!("the kernel key `{}`", key.escape_debug());
            allow(turn, asks.allows_sysctl(key), what, "sysctl")
        }
        Item::KernelModule(module) => {
            let name = &module.name;
            let what = || format!("the kernel module `{}`", name.escape_debug());
            allow(
                turn,
                asks.allows_kernel_module(name),
                what,
                "kernel-modules",
            )
        }
        Item::Mount(mount) => judge_mount(turn, mount),
        Item::Container(container) => judge_container(turn, container),
        Item::NoContainer(container) => judge_container_name(turn, &container.name),
        Item::Cron(Cron { name, .. }) | Item::NoCron(name) => {
            let what = || format!("the cron job `{name}`");
            allow(turn, asks.allows_cron(name), what, "cron")
        }
        Item::Software(software) => every(&software.names),
        Item::NoSoftware(software) => every(&software.names),
        Item::Group(Group { name }) | Item::NoGroup(NoGroup { name }) => allow(
            turn,
            asks.allows_group(name),
            || format!("the group `{name}`"),
            "groups",
        ),
        Item::User(User { name, .. }) | Item::NoUser(NoUser { name }) => allow(
            turn,
            asks.allows_user(name),
            || format!("the user `{name}`"),
            "users",
        ),
        Item::Service(service) => {
            let name = &service.name;
            let watched = service.restart_for.iter().chain(&service.reload_for);
            watched
                .map(|path| normal(path))
                .try_for_each(|path| path.map(drop))?;
            allow(
                turn,
                asks.allows_service(name),
                || format!("the service `{name}`"),
                "services",
            )
        }
        // Whoever may write through a link may write where it points.
        Item::Link(link) => {
            let target = pointed_at(&link.path, &link.target)?;
            let what = || format!("a link to `{target}`");
            allow(turn, asks.allows_write(&target), what, "paths")
        }
        Item::Absent(absent) => whole(&absent.path).map(drop),
        Item::Directory(_) | Item::Edit(_) => Ok(()),
    }
}

/// A directory of the machine that is mounted elsewhere is written elsewhere.
fn judge_mount(turn: &Turn, mount: &Mount) -> Result<(), EffectError> {
    let asks = &turn.rights.asks;
    let path = whole(&mount.path)?;
    let what = || format!("mounting at `{path}`");
    allow(turn, asks.allows_mount(path), what, "mounts")?;
    let within = mount
        .options
        .iter()
        .flat_map(|option| option.split(['=', ':']));
    let paths = std::iter::once(mount.source.as_str()).chain(within);
    for path in paths.filter(|path| path.starts_with('/') && !path.starts_with("/dev/")) {
        let path = normal(path)?;
        let what = || format!("mounting `{path}`");
        allow(turn, asks.allows_write(path), what, "paths")?;
    }
    Ok(())
}

fn judge_container_name(turn: &Turn, name: &str) -> Result<(), EffectError> {
    let what = || format!("the container `{}`", name.escape_debug());
    let allowed = turn.rights.asks.allows_container(name);
    allow(turn, allowed, what, "containers")
}

fn judge_container(turn: &Turn, container: &crate::Container) -> Result<(), EffectError> {
    let asks = &turn.rights.asks;
    let base = &container.base;
    judge_container_name(turn, &base.name)?;
    let image = base.image.split('@').next().unwrap_or_default();
    let what = || format!("the image `{}`", image.escape_debug());
    allow(turn, asks.allows_image(image), what, "images")?;
    for volume in base
        .volumes
        .iter()
        .filter(|volume| volume.source.starts_with('/'))
    {
        let path = whole(&volume.source)?;
        let (allowed, key) = if volume.read_only {
            (asks.allows_read(path), "reads")
        } else {
            (asks.allows_write(path), "paths")
        };
        let what = || format!("a container that sees `{path}`");
        allow(turn, allowed, what, key)?;
    }
    let secrets = container.environment.iter();
    secrets
        .filter_map(|(_, text)| match text {
            Text::Secret(secret) => Some(secret.as_str()),
            Text::Plain(_) => None,
        })
        .try_for_each(|name| judge_secret(turn, name))
}

fn judge_url(turn: &Turn, url: &str) -> Result<(), EffectError> {
    let what = || format!("fetching `{}`", url.escape_debug());
    allow(turn, turn.rights.asks.allows_url(url), what, "urls")
}

fn judge_command(turn: &Turn, command: &Command) -> Result<(), EffectError> {
    judge_program(turn, &command.argv, command.user.as_deref())?;
    for (name, text) in &command.environment {
        if name.is_empty() || name.contains(['=', '\0']) || dangerous(name) {
            return Err(denied(turn, format!("the environment variable `{name}`")));
        }
        if let Text::Secret(secret) = text {
            judge_secret(turn, secret.as_str())?;
        }
    }
    match &command.input {
        Input::Secret(secret) => judge_secret(turn, secret.as_str()),
        Input::Nothing | Input::Bytes(_) => Ok(()),
    }
}

fn judge_program(turn: &Turn, argv: &[String], user: Option<&str>) -> Result<(), EffectError> {
    if argv.is_empty() {
        return Err(EffectError::invalid("a command without a program"));
    }
    if let Some(user) = user {
        let rule = || format!("running as another user, `{user}`,");
        allow(turn, turn.rights.asks.allows_become(), rule, "become")?;
    }
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    let allowed = turn.rights.asks.allows_command(&words);
    let what = || format!("the command `{}`", argv.join(" "));
    allow(turn, allowed, what, "commands")
}

/// Variables that make a program run another's code, whatever its arguments are.
fn dangerous(name: &str) -> bool {
    name.starts_with("LD_")
        || matches!(
            name,
            "PATH"
                | "IFS"
                | "ENV"
                | "BASH_ENV"
                | "SHELLOPTS"
                | "PYTHONPATH"
                | "PERL5OPT"
                | "PERL5LIB"
                | "RUBYOPT"
                | "NODE_OPTIONS"
                | "GCONV_PATH"
        )
}

fn judge_secret(turn: &Turn, name: &str) -> Result<(), EffectError> {
    if turn
        .rights
        .secrets
        .iter()
        .any(|known| known.as_str() == name)
    {
        return Ok(());
    }
    Err(denied(
        turn,
        format!("the secret `{name}` is not among its settings"),
    ))
}

fn allow(
    turn: &Turn,
    allowed: bool,
    what: impl FnOnce() -> String,
    key: &str,
) -> Result<(), EffectError> {
    if allowed {
        return Ok(());
    }
    Err(denied(
        turn,
        format!("{} is not in `{key}` of its asks", what()),
    ))
}

fn denied(turn: &Turn, rule: impl std::fmt::Display) -> EffectError {
    EffectError::Denied {
        rule: format!("module `{}` {}: {rule}", turn.module, turn.version),
    }
}

/// Where a link points, judged by its text alone.
fn pointed_at(path: &str, target: &str) -> Result<String, EffectError> {
    let mut parts: Vec<&str> = Vec::new();
    if !target.starts_with('/') {
        parts.extend(path.split('/').filter(|part| !part.is_empty()));
        parts.pop();
    }
    for part in target.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    let whole = format!("/{}", parts.join("/"));
    normal(&whole).map(str::to_owned)
}

/// A path that says what it means: absolute, without `.`, `..`, empty parts or control characters.
fn normal(path: &str) -> Result<&str, EffectError> {
    let parts_fine = path
        .strip_prefix('/')
        .is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")));
    if parts_fine && !path.chars().any(char::is_control) && path.len() <= 4000 {
        return if below(path, MEMORY) {
            Err(own(path))
        } else {
            Ok(path)
        };
    }
    Err(EffectError::invalid(format!(
        "`{}` is no plain absolute path (no `..`, `.`, `//`, trailing `/` or control characters)",
        path.escape_debug()
    )))
}

/// The same for one of which everything below is meant too.
fn whole(path: &str) -> Result<&str, EffectError> {
    let path = normal(path)?;
    if below(MEMORY, path) {
        return Err(own(path));
    }
    Ok(path)
}

fn below(path: &str, directory: &str) -> bool {
    let rest = path.strip_prefix(directory);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whatever a module asks for: who may write there could make a machine its own.
fn own(path: &str) -> EffectError {
    EffectError::Denied {
        rule: format!(
            "`{path}` is no place for modules: `{MEMORY}` is where machines keep what cellhost \
             itself remembers, and whose they are"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_cellhost_remembers_from_modules() {
        let denied =
            |result: Result<&str, EffectError>| matches!(result, Err(EffectError::Denied { .. }));
        for path in [
            MEMORY,
            "/var/lib/cellhost/lease",
            "/var/lib/cellhost/changed/x",
        ] {
            assert!(denied(normal(path)), "{path}");
            assert!(denied(whole(path)), "{path}");
        }
        assert!(pointed_at("/opt/x", "../var/lib/cellhost").is_err());
        assert!(denied(whole("/var/lib")) && denied(whole("/var")));
        assert!(normal("/var/lib").is_ok());
        assert!(whole("/var/lib/cellhostess").is_ok() && whole("/va").is_ok());
    }

    #[test]
    fn follows_the_text_of_a_link() {
        let pointed = |path: &str, target: &str| pointed_at(path, target).unwrap();
        assert_eq!(pointed("/opt/x", "x-1.2"), "/opt/x-1.2");
        assert_eq!(pointed("/opt/x", "../etc/shadow"), "/etc/shadow");
        assert_eq!(pointed("/opt/x", "/srv/"), "/srv");
        assert_eq!(pointed("/opt/x", "../../../../etc"), "/etc");
        assert_eq!(pointed("/opt/x", "./a/../b"), "/opt/b");
        assert!(pointed_at("/opt/x", "a\nb").is_err());
    }
}
