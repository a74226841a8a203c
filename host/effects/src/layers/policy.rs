//! Allows or denies, before anything else looks at an effect.

use async_trait::async_trait;
use cellhost_plan::{Asks, PathPrefix};
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
            let what = || format!("reading `{path}`");
            allow(turn, |asks| asks.allows_read(path), what, "reads")
        }
        Act::Dial { dial, .. } => {
            let port = dial.port;
            let what = || format!("dialing port {port}");
            allow(turn, |asks| asks.allows_dial(port), what, "dial")
        }
        Act::Fact { .. } => Ok(()),
        Act::Pause(_) => Err(denied(turn, "modules may not pause".to_owned())),
        Act::Note { .. } => Err(denied(turn, "modules may not write records".to_owned())),
        Act::Look(_) => Err(denied(turn, "modules may not look".to_owned())),
    }
}

fn judge_item(turn: &Turn, item: &Item) -> Result<(), EffectError> {
    if let Some(path) = item.path() {
        let path = normal(path)?;
        judge_write(turn, path, || format!("writing `{path}`"))?;
    }
    let every = |names: &std::collections::BTreeSet<String>| {
        names.iter().try_for_each(|name| {
            let what = || format!("the package `{name}`");
            allow(turn, |asks| asks.allows_package(name), what, "packages")
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
                allow(turn, |asks| asks.allows_read(path), what, "reads")
            }
        },
        Item::Sysctl(Sysctl { key, .. }) | Item::NoSysctl(key) => {
            let what = || format!("the kernel key `{}`", key.escape_debug());
            allow(turn, |asks| asks.allows_sysctl(key), what, "sysctl")
        }
        Item::KernelModule(module) => {
            let name = &module.name;
            let what = || format!("the kernel module `{}`", name.escape_debug());
            let allowed = |asks: &Asks| asks.allows_kernel_module(name);
            allow(turn, allowed, what, "kernel-modules")
        }
        Item::Mount(mount) => judge_mount(turn, mount),
        Item::Container(container) => judge_container(turn, container),
        Item::NoContainer(container) => judge_container_name(turn, &container.name),
        Item::Cron(Cron { name, .. }) | Item::NoCron(name) => {
            let what = || format!("the cron job `{name}`");
            allow(turn, |asks| asks.allows_cron(name), what, "cron")
        }
        Item::Software(software) => every(&software.names),
        Item::NoSoftware(software) => every(&software.names),
        Item::Group(Group { name }) | Item::NoGroup(NoGroup { name }) => {
            let what = || format!("the group `{name}`");
            allow(turn, |asks| asks.allows_group(name), what, "groups")
        }
        Item::User(User { name, .. }) | Item::NoUser(NoUser { name }) => {
            let what = || format!("the user `{name}`");
            allow(turn, |asks| asks.allows_user(name), what, "users")
        }
        Item::Service(service) => {
            let name = &service.name;
            let watched = service.restart_for.iter().chain(&service.reload_for);
            watched
                .map(|path| normal(path))
                .try_for_each(|path| path.map(drop))?;
            let what = || format!("the service `{name}`");
            allow(turn, |asks| asks.allows_service(name), what, "services")
        }
        // Whoever may write through a link may write where it points.
        Item::Link(link) => {
            let target = pointed_at(&link.path, &link.target)?;
            judge_write(turn, &target, || format!("a link to `{target}`"))
        }
        Item::Absent(absent) => whole(turn, &absent.path).map(drop),
        Item::Directory(_) | Item::Edit(_) => Ok(()),
    }
}

/// A directory of the machine that is mounted elsewhere is written elsewhere.
fn judge_mount(turn: &Turn, mount: &Mount) -> Result<(), EffectError> {
    let path = whole(turn, &mount.path)?;
    let what = || format!("mounting at `{path}`");
    allow(turn, |asks| asks.allows_mount(path), what, "mounts")?;
    let within = mount
        .options
        .iter()
        .flat_map(|option| option.split(['=', ':']));
    let paths = std::iter::once(mount.source.as_str()).chain(within);
    for path in paths.filter(|path| path.starts_with('/') && !path.starts_with("/dev/")) {
        let path = normal(path)?;
        judge_write(turn, path, || format!("mounting `{path}`"))?;
    }
    Ok(())
}

fn judge_container_name(turn: &Turn, name: &str) -> Result<(), EffectError> {
    let what = || format!("the container `{}`", name.escape_debug());
    allow(turn, |asks| asks.allows_container(name), what, "containers")
}

fn judge_container(turn: &Turn, container: &crate::Container) -> Result<(), EffectError> {
    let base = &container.base;
    judge_container_name(turn, &base.name)?;
    let image = base.image.split('@').next().unwrap_or_default();
    let what = || format!("the image `{}`", image.escape_debug());
    allow(turn, |asks| asks.allows_image(image), what, "images")?;
    for volume in base
        .volumes
        .iter()
        .filter(|volume| volume.source.starts_with('/'))
    {
        let what = || format!("a container that sees `{}`", volume.source);
        if volume.read_only {
            let path = plain(&volume.source)?;
            allow(turn, |asks| asks.allows_read(path), what, "reads")?;
        } else {
            judge_write(turn, whole(turn, &volume.source)?, what)?;
        }
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
    allow(turn, |asks| asks.allows_url(url), what, "urls")
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
        allow(turn, Asks::allows_become, rule, "become")?;
    }
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    let what = || format!("the command `{}`", argv.join(" "));
    allow(turn, |asks| asks.allows_command(&words), what, "commands")
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

/// Holds something against what the module asks for, and against what the plan grants of that.
fn allow(
    turn: &Turn,
    test: impl Fn(&Asks) -> bool,
    what: impl FnOnce() -> String,
    key: &str,
) -> Result<(), EffectError> {
    let is_granted = turn.rights.grants.as_ref().is_none_or(&test);
    let of = match (test(&turn.rights.asks), is_granted) {
        (false, _) => "its asks",
        (true, false) => "what the plan grants it",
        (true, true) => return Ok(()),
    };
    Err(denied(
        turn,
        format!("{} is not in `{key}` of {of}", what()),
    ))
}

/// What may be written is not what nobody may touch.
fn judge_write(turn: &Turn, path: &str, what: impl Fn() -> String) -> Result<(), EffectError> {
    let mut untouched = turn.rights.untouched.iter();
    if let Some(kept) = untouched.find(|kept| kept.covers(path)) {
        return Err(untouchable(turn, kept, &what()));
    }
    allow(turn, |asks| asks.allows_write(path), what, "paths")
}

fn untouchable(turn: &Turn, kept: &PathPrefix, what: &str) -> EffectError {
    denied(
        turn,
        format!("{what}, and `{kept}` is in `untouched` of the plan's rules"),
    )
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
fn whole<'a>(turn: &Turn, path: &'a str) -> Result<&'a str, EffectError> {
    let path = plain(path)?;
    let mut untouched = turn.rights.untouched.iter();
    match untouched.find(|kept| below(kept.as_str(), path)) {
        Some(kept) => Err(untouchable(turn, kept, &format!("all below `{path}`"))),
        None => Ok(path),
    }
}

/// The same for one of which everything below is meant too, whoever may touch that.
fn plain(path: &str) -> Result<&str, EffectError> {
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
            assert!(denied(plain(path)), "{path}");
        }
        assert!(pointed_at("/opt/x", "../var/lib/cellhost").is_err());
        assert!(denied(plain("/var/lib")) && denied(plain("/var")));
        assert!(normal("/var/lib").is_ok());
        assert!(plain("/var/lib/cellhostess").is_ok() && plain("/va").is_ok());
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

    fn rights(asks: &str, grants: Option<&str>, untouched: &[&str]) -> crate::Rights {
        let paths = |path: &str| {
            let paths = vec![PathPrefix::new(path).unwrap()];
            Asks(vec![cellhost_plan::Ask {
                paths,
                ..Default::default()
            }])
        };
        crate::Rights {
            asks: paths(asks),
            grants: grants.map(paths),
            untouched: untouched
                .iter()
                .map(|path| PathPrefix::new(path).unwrap())
                .collect(),
            machines: [cellhost_plan::MachineName::new("m1").unwrap()].into(),
            ..Default::default()
        }
    }

    fn removing(path: &str, rights: &crate::Rights) -> String {
        let absent = cellhost_transport::resources::path::Absent {
            path: path.to_owned(),
        };
        let mut effect = crate::testing::effect(Act::Ensure(vec![Item::Absent(absent)]));
        let turn = std::sync::Arc::get_mut(&mut effect.turn).unwrap();
        turn.rights = std::sync::Arc::new(rights.clone());
        judge(&effect)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn a_grant_takes_from_what_is_asked_for_and_adds_nothing() {
        let rights = rights("/etc/tool", Some("/etc"), &[]);
        assert_eq!(removing("/etc/tool/x", &rights), "");
        let told = removing("/etc/other", &rights);
        assert!(
            told.ends_with("`/etc/other` is not in `paths` of its asks"),
            "{told}"
        );
        let less = super::tests::rights("/etc", Some("/etc/tool"), &[]);
        assert_eq!(removing("/etc/tool/x", &less), "");
        let told = removing("/etc/other", &less);
        assert!(
            told.ends_with("is not in `paths` of what the plan grants it"),
            "{told}"
        );
    }

    #[test]
    fn what_nobody_may_touch_is_kept_from_whoever_may_write_it() {
        let rights = rights("/", None, &["/etc/ssh", "/boot"]);
        for path in ["/etc/ssh", "/etc/ssh/sshd_config", "/boot/x", "/etc", "/"] {
            let told = removing(path, &rights);
            assert!(
                told.contains("is in `untouched` of the plan's rules") || path == "/",
                "{path}: {told}"
            );
            assert!(!told.is_empty());
        }
        for path in ["/etc/sshd", "/etc/hosts", "/bootx"] {
            assert_eq!(removing(path, &rights), "", "{path}");
        }
    }
}
