//! Wishes about what a system has and does beside files.

use std::time::Duration;

use cellhost_effects::{Container, Item, Service, Text};
use cellhost_plan::SecretName;
use cellhost_transport::resources::{
    container, creation, cron, kernel_module, mount, sysctl, user,
};

use super::names::{self, account};
use super::wit;

pub(super) fn cron(wish: wit::CronJob) -> Result<Item, String> {
    Ok(Item::Cron(cron::Cron {
        name: wish.name,
        schedule: wish.schedule,
        user: account(wish.user)?,
        command: wish.command,
        environment: wish.environment,
    }))
}

pub(super) fn creation(wish: wit::Creation) -> Result<Item, String> {
    Ok(Item::Creation(creation::Creation {
        path: wish.path,
        argv: wish.argv,
        user: wish.user.map(account).transpose()?,
        deadline: Duration::from_millis(u64::from(wish.deadline)),
    }))
}

pub(super) fn user(wish: wit::User) -> Result<Item, String> {
    Ok(Item::User(user::User {
        name: account(wish.name)?,
        group: account(wish.group)?,
        home: wish.home,
        shell: wish.shell,
        groups: wish
            .groups
            .into_iter()
            .map(account)
            .collect::<Result<_, _>>()?,
    }))
}

pub(super) fn service(wish: wit::Service) -> Result<Item, String> {
    Ok(Item::Service(Service {
        name: names::service(wish.name)?,
        enabled: wish.enabled,
        running: wish.running,
        restart_for: wish.restart_for,
        reload_for: wish.reload_for,
    }))
}

pub(super) fn sysctl(wish: wit::Sysctl) -> Item {
    Item::Sysctl(sysctl::Sysctl {
        key: wish.key,
        value: wish.value,
        live: wish.live,
    })
}

pub(super) fn kernel_module(name: String, options: Vec<String>, loaded: bool) -> Item {
    Item::KernelModule(kernel_module::KernelModule {
        name,
        options,
        loaded,
    })
}

pub(super) fn mount(wish: wit::Mount) -> Item {
    Item::Mount(mount::Mount {
        path: wish.path,
        source: wish.source,
        kind: wish.file_system,
        options: wish.options,
        mounted: true,
    })
}

pub(super) fn container(wish: wit::Container) -> Result<Item, String> {
    let volumes = wish.volumes.into_iter().map(|volume| container::Volume {
        source: volume.source,
        target: volume.target,
        read_only: volume.read_only,
    });
    let text = |value| match value {
        wit::Value::Plain(text) => Ok(Text::Plain(text)),
        wit::Value::Secret(name) => match SecretName::new(&name) {
            Ok(name) => Ok(Text::Secret(name)),
            Err(_) => Err(format!("`{}` is no name of a secret", name.escape_debug())),
        },
    };
    let environment = wish.environment.into_iter();
    Ok(Item::Container(Container {
        base: container::Container {
            name: wish.name,
            image: wish.image,
            command: wish.command,
            environment: Vec::new(),
            ports: wish.ports,
            volumes: volumes.collect(),
            network: wish.network,
            restart: wish.restart,
        },
        environment: environment
            .map(|(name, value)| Ok((name, text(value)?)))
            .collect::<Result<_, String>>()?,
    }))
}
