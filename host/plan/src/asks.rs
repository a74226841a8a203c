mod ask;
mod command;
mod glob;
mod image;
mod ports;
mod prefix;
mod url;

pub use ask::Ask;
pub use command::{CommandPattern, WrongPart};
pub use glob::Glob;
pub use image::ImagePattern;
pub use ports::PortRange;
pub use prefix::PathPrefix;
use serde::Serialize;
pub use url::UrlPattern;

use crate::document::{Kind, Value};
use crate::problem::Problem;

/// Everything a module asks for; what is not asked for is denied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Asks(pub Vec<Ask>);

impl Asks {
    /// Reads a list of tables.
    pub fn read(value: Option<Value<'_>>) -> Self {
        let Some(value) = value else {
            return Self::default();
        };
        if let Kind::Table(_) = value.node().kind {
            let problem = Problem::new("`asks` must be a list of tables, not one table");
            value.reject(problem.help("write `[[asks]]`, with two brackets"));
            return Self::default();
        }
        let asks = value.list().unwrap_or_default();
        Self(
            asks.iter()
                .filter_map(Value::table)
                .map(Ask::read)
                .collect(),
        )
    }

    /// Gives the asks one by one, each with its reason.
    pub fn iter(&self) -> std::slice::Iter<'_, Ask> {
        self.0.iter()
    }

    /// Tells whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells whether a path may be written; it must be normalised already.
    pub fn allows_write(&self, path: &str) -> bool {
        self.any(|ask| ask.paths.iter().any(|prefix| prefix.covers(path)))
    }

    /// Tells whether a path may be read; what may be written may be read.
    pub fn allows_read(&self, path: &str) -> bool {
        self.allows_write(path)
            || self.any(|ask| ask.reads.iter().any(|prefix| prefix.covers(path)))
    }

    /// Tells whether a command may be run, given as program and arguments.
    pub fn allows_command<T: AsRef<str>>(&self, command: &[T]) -> bool {
        self.any(|ask| ask.commands.iter().any(|pattern| pattern.matches(command)))
    }

    /// Tells whether a package may be installed or removed.
    pub fn allows_package(&self, name: &str) -> bool {
        self.any_name(name, |ask| &ask.packages)
    }

    /// Tells whether a service may be changed.
    pub fn allows_service(&self, name: &str) -> bool {
        self.any_name(name, |ask| &ask.services)
    }

    /// Tells whether a user may be created or removed.
    pub fn allows_user(&self, name: &str) -> bool {
        self.any_name(name, |ask| &ask.users)
    }

    /// Tells whether a group may be created or removed.
    pub fn allows_group(&self, name: &str) -> bool {
        self.any_name(name, |ask| &ask.groups)
    }

    /// Tells whether a URL may be fetched.
    pub fn allows_url(&self, url: &str) -> bool {
        self.any(|ask| ask.urls.iter().any(|pattern| pattern.matches(url)))
    }

    /// Tells whether a cron job may be written or removed.
    pub fn allows_cron(&self, name: &str) -> bool {
        self.any_name(name, |ask| &ask.cron)
    }

    /// Tells whether a key of the kernel may be set.
    pub fn allows_sysctl(&self, key: &str) -> bool {
        self.any_name(&key.replace('/', "."), |ask| &ask.sysctl)
    }

    /// Tells whether a module of the kernel may be loaded or unloaded.
    pub fn allows_kernel_module(&self, name: &str) -> bool {
        self.any_name(name, |ask| &ask.kernel_modules)
    }

    /// Tells whether something may be mounted at a path; it must be normalised already.
    pub fn allows_mount(&self, path: &str) -> bool {
        self.any(|ask| ask.mounts.iter().any(|prefix| prefix.covers(path)))
    }

    /// Tells whether a container may be run or removed.
    pub fn allows_container(&self, name: &str) -> bool {
        self.any_name(name, |ask| &ask.containers)
    }

    /// Tells whether containers may be run from an image, given without its digest.
    pub fn allows_image(&self, name: &str) -> bool {
        self.any(|ask| ask.images.iter().any(|pattern| pattern.matches(name)))
    }

    /// Tells whether a port may be connected to.
    pub fn allows_dial(&self, port: u16) -> bool {
        self.any(|ask| ask.dial.iter().any(|range| range.contains(port)))
    }

    /// Tells whether things may be done as root where the login user is someone else.
    pub fn allows_become(&self) -> bool {
        self.any(|ask| ask.r#become)
    }

    fn any(&self, test: impl Fn(&Ask) -> bool) -> bool {
        self.0.iter().any(test)
    }

    fn any_name(&self, name: &str, globs: impl Fn(&Ask) -> &Vec<Glob>) -> bool {
        self.any(|ask| globs(ask).iter().any(|glob| glob.matches(name)))
    }
}

impl<'a> IntoIterator for &'a Asks {
    type Item = &'a Ask;
    type IntoIter = std::slice::Iter<'a, Ask>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
