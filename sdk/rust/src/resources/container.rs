use super::Resource;
use crate::Secret;
use crate::bindings::cellhost::state::state::{self, Item, Value, Volume};

/// A container that docker or podman runs, started again whenever it ends.
#[derive(Clone, Debug)]
pub struct Container(state::Container);

impl Container {
    /// Wishes for a container of this name from an image by digest,
    /// `<name>@sha256:<64 hexadecimal digits>`.
    pub fn named(name: impl Into<String>, image: impl Into<String>) -> Self {
        Self(state::Container {
            name: name.into(),
            image: image.into(),
            command: Vec::new(),
            environment: Vec::new(),
            ports: Vec::new(),
            volumes: Vec::new(),
            network: None,
            restart: true,
        })
    }

    /// Sets the program and its arguments; unset leaves the image's own.
    pub fn command<W: Into<String>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.0.command = words.into_iter().map(Into::into).collect();
        self
    }

    /// Sets a variable in it.
    pub fn environment(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let value = Value::Plain(value.into());
        self.0.environment.push((name.into(), value));
        self
    }

    /// Sets a variable in it to the value of a secret.
    pub fn environment_secret(mut self, name: impl Into<String>, secret: &Secret) -> Self {
        let value = Value::Secret(secret.name().to_owned());
        self.0.environment.push((name.into(), value));
        self
    }

    /// Leads a port of the machine to one of it, such as `127.0.0.1:8080:80`.
    pub fn port(mut self, port: impl Into<String>) -> Self {
        self.0.ports.push(port.into());
        self
    }

    /// Lets it read and write a directory of the machine, or a volume of the engine.
    pub fn volume(self, source: impl Into<String>, target: impl Into<String>) -> Self {
        self.seeing(source.into(), target.into(), false)
    }

    /// Lets it read a directory or file of the machine.
    pub fn read_only_volume(self, source: impl Into<String>, target: impl Into<String>) -> Self {
        self.seeing(source.into(), target.into(), true)
    }

    /// Puts it into a network, such as `host`.
    pub fn network(mut self, network: impl Into<String>) -> Self {
        self.0.network = Some(network.into());
        self
    }

    /// Lets it stay ended when it ends. The next run starts it anew.
    pub fn once(mut self) -> Self {
        self.0.restart = false;
        self
    }

    fn seeing(mut self, source: String, target: String, read_only: bool) -> Self {
        self.0.volumes.push(Volume {
            source,
            target,
            read_only,
        });
        self
    }
}

impl From<Container> for Resource {
    fn from(container: Container) -> Self {
        Self(Item::Container(container.0))
    }
}

/// No container by a name. Its image and its volumes stay.
#[derive(Clone, Debug)]
pub struct NoContainer(String);

impl NoContainer {
    /// Wishes it away.
    pub fn named(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl From<NoContainer> for Resource {
    fn from(wish: NoContainer) -> Self {
        Self(Item::NoContainer(wish.0))
    }
}
