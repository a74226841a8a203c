use cellhost_sdk::prelude::*;

/// Where the program comes from.
#[derive(Clone, Debug, Deserialize, Hash, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Source {
    /// A package that the machines can install: `telegraf`, or `telegraf=1.36.3-1`.
    Package(String),
    /// The archive of a release.
    Archive(Release),
    /// An image, run by docker or podman.
    Container(Image),
}

/// The archive of a release.
#[derive(Clone, Debug, Deserialize, Hash, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Release {
    /// Where machines fetch it.
    pub(crate) url: String,
    /// Its SHA-256, in hexadecimal.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub(crate) sha256: String,
    /// What it is called on the machines.
    #[schemars(regex(pattern = r"^[0-9A-Za-z][0-9A-Za-z._-]*$"))]
    pub(crate) version: String,
    /// How many leading parts of its members' names are dropped: two of `./telegraf-1.36.3/usr`.
    #[serde(default = "usual_strip")]
    pub(crate) strip: u8,
    /// Where the program is in what is left.
    #[serde(default = "usual_program")]
    #[schemars(regex(pattern = r"^[0-9A-Za-z][0-9A-Za-z._-]*(/[0-9A-Za-z][0-9A-Za-z._-]*)*$"))]
    pub(crate) program: String,
}

/// An image.
#[derive(Clone, Debug, Deserialize, Hash, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Image {
    /// Its name, by digest: `docker.io/library/telegraf@sha256:…`.
    #[schemars(regex(pattern = r"^[0-9A-Za-z][0-9A-Za-z._/:-]*@sha256:[0-9a-f]{64}$"))]
    pub(crate) image: String,
    /// The number of the group in it that Telegraf runs as, which gets to read the configuration.
    #[serde(default = "usual_group")]
    pub(crate) group: u32,
}

const DIRECTORY: &str = "/opt/telegraf";

impl Default for Source {
    fn default() -> Self {
        Self::Package("telegraf".to_owned())
    }
}

impl Source {
    /// Wishes for the program, but for an image, which comes with its container.
    pub(crate) fn wishes(&self) -> impl Wishes + use<> {
        match self {
            Self::Package(name) => (Some(Software::named([name])), None),
            Self::Archive(release) => {
                let Release {
                    url,
                    sha256,
                    version,
                    ..
                } = release;
                let archive = Archive::fetched(DIRECTORY, version, url, sha256);
                (None, Some(archive.strip(release.strip)))
            }
            Self::Container(_) => (None, None),
        }
    }

    /// Wishes away what of it is of no use to anybody else.
    pub(crate) fn gone(&self) -> impl Wishes + use<> {
        matches!(self, Self::Archive(_)).then(|| Absent::at(DIRECTORY))
    }

    /// Returns the image, where it is one.
    pub(crate) fn image(&self) -> Option<&Image> {
        match self {
            Self::Container(image) => Some(image),
            Self::Package(_) | Self::Archive(_) => None,
        }
    }

    /// Returns the program that a service runs.
    pub(crate) fn program(&self) -> String {
        match self {
            Self::Archive(release) => format!("{DIRECTORY}/current/{}", release.program),
            Self::Package(_) | Self::Container(_) => "/usr/bin/telegraf".to_owned(),
        }
    }

    /// Returns what a service has to restart for.
    pub(crate) fn watched(&self) -> Option<String> {
        matches!(self, Self::Archive(_)).then(|| format!("{DIRECTORY}/current"))
    }
}

fn usual_strip() -> u8 {
    2
}

fn usual_program() -> String {
    "usr/bin/telegraf".to_owned()
}

fn usual_group() -> u32 {
    999
}
