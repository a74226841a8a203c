/// A package that a simulated machine can install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    pub(super) version: String,
    pub(super) files: Vec<(String, Vec<u8>)>,
    pub(super) services: Vec<String>,
    pub(super) users: Vec<String>,
    pub(super) provides: Vec<String>,
}

impl Package {
    /// Makes a package of this version that brings nothing.
    pub fn new(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            files: Vec::new(),
            services: Vec::new(),
            users: Vec::new(),
            provides: Vec::new(),
        }
    }

    /// Brings a file, and the directories it stands in.
    pub fn with_file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((path.to_owned(), content.into()));
        self
    }

    /// Brings a service, enabled, and started where the installation may. A name that ends in
    /// `@` is a template of services.
    pub fn with_service(mut self, name: &str) -> Self {
        self.services.push(name.to_owned());
        self
    }

    /// Counts as another package too, such as `mail-transport-agent`.
    pub fn with_provided(mut self, name: &str) -> Self {
        self.provides.push(name.to_owned());
        self
    }

    /// Brings a user with a group of its name.
    pub fn with_user(mut self, name: &str) -> Self {
        self.users.push(name.to_owned());
        self
    }
}
