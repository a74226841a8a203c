//! `cellhost:state/state`: desired state.

use std::sync::Arc;
use std::time::Duration;

use cellhost_effects::{
    Act, Change, Content, Edit, EffectError, File, Found, Item, Key, Line, NoKey, NoLine, Pattern,
    Place, Service,
};
use cellhost_transport::resources::{
    archive, creation, cron, directory, download, group, link, path, software, unit, user,
};
use wasmtime::component::Resource;

use super::json_object;
use crate::Member;
use crate::contract::cellhost::state::state::{self as wit, Host};
use crate::store::TurnState;

impl Host for TurnState {
    async fn ensure(
        &mut self,
        on: Resource<Arc<Member>>,
        wanted: Vec<wit::Item>,
    ) -> wasmtime::Result<Result<Vec<wit::Outcome>, wit::Error>> {
        let items = match wanted.into_iter().map(item).collect::<Result<Vec<_>, _>>() {
            Ok(items) => items,
            Err(reason) => return Ok(Err(wit::Error::Invalid(reason))),
        };
        Ok(match self.perform(&on, Act::Ensure(items)).await? {
            Ok(outcome) => match outcome.found {
                Found::Settled(settlements) => Ok(settlements
                    .iter()
                    .map(|settlement| {
                        if settlement.changed() {
                            wit::Outcome::Changed
                        } else {
                            wit::Outcome::Unchanged
                        }
                    })
                    .collect()),
                _ => Err(wit::Error::Other("no answer to the list".to_owned())),
            },
            Err(error) => Err(refused(error)),
        })
    }
}

fn item(item: wit::Item) -> Result<Item, String> {
    Ok(match item {
        wit::Item::File(file) => Item::File(File {
            path: file.path,
            content: content(file.content)?,
            mode: mode(file.mode)?,
            owner: file.owner,
            group: file.group,
        }),
        wit::Item::Directory(wish) => Item::Directory(directory::Directory {
            path: wish.path,
            mode: mode(wish.mode)?,
            owner: wish.owner,
            group: wish.group,
        }),
        wit::Item::Link(wish) => Item::Link(link::Link {
            path: wish.path,
            target: wish.target,
        }),
        wit::Item::Absent(path) => Item::Absent(path::Absent { path }),
        wit::Item::Download(wish) => Item::Download(download::Download {
            path: wish.path,
            url: wish.url,
            hash: sha256(wish.sha256)?,
            mode: mode(wish.mode)?,
            owner: wish.owner,
            group: wish.group,
        }),
        wit::Item::Archive(wish) => Item::Archive(archive::Archive {
            directory: wish.directory,
            version: wish.version,
            source: match wish.source {
                wit::ArchiveSource::Url(url) => archive::Source::Url(url),
                wit::ArchiveSource::Path(path) => archive::Source::Path(path),
            },
            hash: sha256(wish.sha256)?,
            strip: wish.strip,
            owner: wish.owner,
            group: wish.group,
        }),
        wit::Item::UnitFile(wish) => Item::File(File {
            path: unit::path(&wish.name)?,
            content: content(wish.content)?,
            mode: Some(0o644),
            owner: Some("root".to_owned()),
            group: Some("root".to_owned()),
        }),
        wit::Item::NoUnitFile(name) => Item::Absent(path::Absent {
            path: unit::path(&name)?,
        }),
        wit::Item::CronJob(wish) => Item::Cron(cron::Cron {
            name: wish.name,
            schedule: wish.schedule,
            user: account(wish.user)?,
            command: wish.command,
            environment: wish.environment,
        }),
        wit::Item::NoCronJob(name) => Item::NoCron(name),
        wit::Item::Line(wish) => {
            let line = Line {
                line: wish.line,
                matching: pattern(wish.matching.as_deref())?,
                place: match wish.place {
                    wit::Place::End => Place::End,
                    wit::Place::Start => Place::Start,
                    wit::Place::Before(text) => Place::Before(Pattern::new(&text)?),
                    wit::Place::After(text) => Place::After(Pattern::new(&text)?),
                },
            };
            edit(wish.path, wish.create, Change::Line(line))
        }
        wit::Item::NoLine(wish) => {
            let line = NoLine {
                line: wish.line,
                matching: pattern(wish.matching.as_deref())?,
            };
            edit(wish.path, false, Change::NoLine(line))
        }
        wit::Item::IniKey(wish) => {
            let key = Key {
                section: wish.section,
                key: wish.key,
                value: wish.value,
            };
            edit(wish.path, wish.create, Change::Key(key))
        }
        wit::Item::NoIniKey(wish) => {
            let key = NoKey {
                section: wish.section,
                key: wish.key,
            };
            edit(wish.path, false, Change::NoKey(key))
        }
        wit::Item::Creation(wish) => Item::Creation(creation::Creation {
            path: wish.path,
            argv: wish.argv,
            user: wish.user.map(account).transpose()?,
            deadline: Duration::from_millis(u64::from(wish.deadline)),
        }),
        wit::Item::Software(wish) => Item::Software(packages(wish)?),
        wit::Item::NoSoftware(wish) => Item::NoSoftware(software::NoSoftware {
            names: names(wish)?,
        }),
        wit::Item::Group(name) => Item::Group(group::Group {
            name: account(name)?,
        }),
        wit::Item::User(wish) => Item::User(user::User {
            name: account(wish.name)?,
            group: account(wish.group)?,
            home: wish.home,
            shell: wish.shell,
            groups: wish
                .groups
                .into_iter()
                .map(account)
                .collect::<Result<_, _>>()?,
        }),
        wit::Item::Service(wish) => Item::Service(Service {
            name: service(wish.name)?,
            enabled: wish.enabled,
            running: wish.running,
            restart_for: wish.restart_for,
            reload_for: wish.reload_for,
        }),
    })
}

fn edit(path: String, create: bool, change: Change) -> Item {
    Item::Edit(Edit {
        path,
        create,
        change,
    })
}

fn pattern(text: Option<&str>) -> Result<Option<Pattern>, String> {
    text.map(Pattern::new).transpose()
}

fn content(content: wit::Content) -> Result<Content, String> {
    Ok(match content {
        wit::Content::Text(text) => Content::Bytes {
            bytes: text.into_bytes(),
            shown: None,
        },
        wit::Content::Bytes(bytes) => Content::Bytes { bytes, shown: None },
        wit::Content::Rendered(rendering) => Content::Rendered {
            template: rendering.template,
            variables: json_object(&rendering.variables)?,
        },
    })
}

fn mode(mode: Option<u16>) -> Result<Option<u32>, String> {
    match mode {
        Some(mode) if mode > 0o7777 => Err(format!("{mode:o} are no permission bits")),
        mode => Ok(mode.map(u32::from)),
    }
}

/// Names that reach other programs' arguments must be names, never options or paths.
fn plain(name: String, allowed: &str, what: &str) -> Result<String, String> {
    let first_fine = name
        .chars()
        .next()
        .is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    let rest_fine = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || allowed.contains(c));
    if first_fine && rest_fine && name.len() <= 200 {
        Ok(name)
    } else {
        Err(format!("`{}` is no name of a {what}", name.escape_debug()))
    }
}

fn sha256(text: String) -> Result<String, String> {
    let fine = text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit());
    if fine {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!("`{}` is no SHA-256", text.escape_debug()))
    }
}

fn account(name: String) -> Result<String, String> {
    plain(name, "_-.", "user or group")
}

fn service(name: String) -> Result<String, String> {
    plain(name, "_-.@:\\", "service")
}

/// Takes names apart from the versions that some of them are asked for in.
fn packages(wish: wit::Software) -> Result<software::Software, String> {
    let mut software = software::Software {
        start: wish.start,
        ..software::Software::default()
    };
    for wanted in wish.names {
        let (name, version) = match wanted.split_once('=') {
            Some((name, version)) => (name.to_owned(), Some(version.to_owned())),
            None => (wanted, None),
        };
        let name = plain(name, "_-.+:", "package")?;
        if let Some(version) = version {
            let version = plain(version, "-.+:~^", "version")?;
            software.versions.insert(name.clone(), version);
        }
        software.names.insert(name);
    }
    Ok(software)
}

fn names(names: Vec<String>) -> Result<std::collections::BTreeSet<String>, String> {
    names
        .into_iter()
        .map(|name| plain(name, "_-.+:", "package"))
        .collect()
}

fn refused(error: EffectError) -> wit::Error {
    match error {
        EffectError::Denied { rule } => wit::Error::Denied(rule),
        EffectError::Invalid { reason } => wit::Error::Invalid(reason),
        EffectError::Failed { index, message, .. } => {
            wit::Error::Failed(wit::Trouble { index, message })
        }
        EffectError::Unreachable { reason, .. } => wit::Error::Unreachable(reason),
        other => wit::Error::Other(other.to_string()),
    }
}
