//! `cellhost:state/state`: desired state.

mod edits;
mod files;
mod names;
mod system;

use std::sync::Arc;

use cellhost_effects::{Act, Cause, EffectError, Failure, Found, Item};
use cellhost_transport::resources::{container, group, link, mount, path, software, unit, user};
use wasmtime::component::Resource;

use crate::Member;
use crate::contract::cellhost::state::state::{self as wit, Host};
use crate::store::TurnState;
use names::account;

/// How many wishes there are in one list.
const WISHES: usize = 4096;

impl Host for TurnState {
    async fn ensure(
        &mut self,
        on: Resource<Arc<Member>>,
        wanted: Vec<wit::Item>,
    ) -> wasmtime::Result<Result<Vec<wit::Outcome>, wit::Error>> {
        if wanted.len() > WISHES {
            let many = format!(
                "{} wishes in one list, and {WISHES} are the most",
                wanted.len()
            );
            return Ok(Err(wit::Error::Invalid(many)));
        }
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
        wit::Item::File(wish) => files::file(wish)?,
        wit::Item::Directory(wish) => files::directory(wish)?,
        wit::Item::Link(wish) => Item::Link(link::Link {
            path: wish.path,
            target: wish.target,
        }),
        wit::Item::Absent(path) => Item::Absent(path::Absent { path }),
        wit::Item::Download(wish) => files::download(wish)?,
        wit::Item::Archive(wish) => files::archive(wish)?,
        wit::Item::UnitFile(wish) => files::unit(wish)?,
        wit::Item::NoUnitFile(name) => Item::Absent(path::Absent {
            path: unit::path(&name)?,
        }),
        wit::Item::CronJob(wish) => system::cron(wish)?,
        wit::Item::NoCronJob(name) => Item::NoCron(name),
        wit::Item::Sysctl(wish) => system::sysctl(wish),
        wit::Item::NoSysctl(key) => Item::NoSysctl(key),
        wit::Item::KernelModule(wish) => system::kernel_module(wish.name, wish.options, true),
        wit::Item::NoKernelModule(name) => system::kernel_module(name, Vec::new(), false),
        wit::Item::Mount(wish) => system::mount(wish),
        wit::Item::NoMount(path) => Item::Mount(mount::Mount::none(&path)),
        wit::Item::Container(wish) => system::container(wish)?,
        wit::Item::NoContainer(name) => Item::NoContainer(container::NoContainer { name }),
        wit::Item::Line(wish) => edits::line(wish)?,
        wit::Item::NoLine(wish) => edits::no_line(wish)?,
        wit::Item::IniKey(wish) => edits::key(wish),
        wit::Item::NoIniKey(wish) => edits::no_key(wish),
        wit::Item::Creation(wish) => system::creation(wish)?,
        wit::Item::Software(wish) => Item::Software(names::packages(wish)?),
        wit::Item::NoSoftware(wish) => Item::NoSoftware(software::NoSoftware {
            names: names::all(wish)?,
        }),
        wit::Item::Group(name) => Item::Group(group::Group {
            name: account(name)?,
        }),
        wit::Item::NoGroup(name) => Item::NoGroup(group::NoGroup {
            name: account(name)?,
        }),
        wit::Item::NoUser(name) => Item::NoUser(user::NoUser {
            name: account(name)?,
        }),
        wit::Item::User(wish) => system::user(wish)?,
        wit::Item::Service(wish) => system::service(wish)?,
    })
}

fn failure(found: Failure) -> wit::Failure {
    let places = found.settlements.iter().zip(0..);
    let missed = found.missed.iter().map(|missed| missed.index);
    let missed: std::collections::BTreeSet<u32> = missed.collect();
    let changed = places
        .filter(|(settlement, place)| settlement.changed() && !missed.contains(place))
        .map(|(_, place)| place)
        .collect();
    let stopped = found.stopped.iter().map(|stopped| stopped.index).collect();
    let troubles = found.missed.into_iter().map(|missed| wit::Trouble {
        index: missed.index,
        message: missed.trouble.message,
        cause: match missed.trouble.cause {
            Cause::DiskFull => wit::Cause::DiskFull,
            Cause::ReadOnly => wit::Cause::ReadOnly,
            Cause::NoSuchUser => wit::Cause::NoSuchUser,
            Cause::Locked => wit::Cause::Locked,
            Cause::Permission => wit::Cause::Permission,
            Cause::InTheWay => wit::Cause::InTheWay,
            Cause::Other => wit::Cause::Other,
        },
    });
    wit::Failure {
        troubles: troubles.collect(),
        stopped,
        changed,
    }
}

fn refused(error: EffectError) -> wit::Error {
    match error {
        EffectError::Denied { rule } => wit::Error::Denied(rule),
        EffectError::Invalid { reason } => wit::Error::Invalid(reason),
        EffectError::Failed(found) => wit::Error::Failed(failure(*found)),
        EffectError::Unreachable { reason, .. } => wit::Error::Unreachable(reason),
        other => wit::Error::Other(other.to_string()),
    }
}
