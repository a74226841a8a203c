use super::Resource;
use crate::bindings::cellhost::state::state::{self, Item};

/// A service of the machine's service manager: disabled and stopped unless said otherwise.
#[derive(Clone, Debug)]
pub struct Service(state::Service);

impl Service {
    /// Names the service as the machine's manager does, such as `redis-server@7000`.
    pub fn named(name: impl Into<String>) -> Self {
        Self(state::Service {
            name: name.into(),
            enabled: false,
            running: false,
            restart_for: Vec::new(),
            reload_for: Vec::new(),
        })
    }

    /// Names a program of supervisord, or a group of programs. It is enabled where its
    /// configuration says `autostart=true`; name that file in [`Self::restart_for`].
    pub fn supervised(program: impl AsRef<str>) -> Self {
        Self::named(format!("supervisor:{}", program.as_ref()))
    }

    /// Wishes that it starts when the machine does.
    pub fn enabled(mut self) -> Self {
        self.0.enabled = true;
        self
    }

    /// Wishes that it does not start when the machine does.
    pub fn disabled(mut self) -> Self {
        self.0.enabled = false;
        self
    }

    /// Wishes that it runs now.
    pub fn running(mut self) -> Self {
        self.0.running = true;
        self
    }

    /// Wishes that it does not run now.
    pub fn stopped(mut self) -> Self {
        self.0.running = false;
        self
    }

    /// Names files whose change restarts it. A restart owed is never lost, not even by a crash.
    pub fn restart_for<P: Into<String>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.0.restart_for.extend(paths.into_iter().map(Into::into));
        self
    }

    /// Names files whose change only reloads it.
    pub fn reload_for<P: Into<String>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.0.reload_for.extend(paths.into_iter().map(Into::into));
        self
    }
}

impl From<Service> for Resource {
    fn from(service: Service) -> Self {
        Self(Item::Service(service.0))
    }
}
