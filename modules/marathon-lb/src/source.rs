use cellhost_sdk::prelude::*;

/// Where archives are unpacked.
pub(crate) const ROOM: &str = "/opt/marathon-lb";
/// Where upstream's templates look for it, wherever it is.
const USUAL: &str = "/marathon-lb";

/// Where marathon-lb comes from.
#[derive(Clone, Debug, Deserialize, Hash, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Source {
    /// The archive of a release.
    Archive(Release),
    /// A package that somebody has made.
    Package(Package),
}

/// The archive of a release.
#[derive(Clone, Debug, Deserialize, Hash, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    /// Where machines fetch it.
    pub(crate) url: String,
    /// Its SHA-256, in hexadecimal.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub(crate) sha256: String,
    /// What it is called on the machines.
    #[schemars(regex(pattern = r"^[0-9A-Za-z][0-9A-Za-z._-]*$"))]
    pub(crate) version: String,
    /// How many leading parts of its members' names are dropped.
    #[serde(default = "usual_strip")]
    pub(crate) strip: u8,
}

/// A package.
#[derive(Clone, Debug, Deserialize, Hash, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Package {
    /// `name`, or `name=version`.
    pub(crate) name: String,
    /// Where it puts `marathon_lb.py`.
    #[schemars(regex(pattern = r"^(/[A-Za-z0-9._-]+)+$"))]
    pub(crate) directory: String,
}

impl Source {
    /// Wishes for it.
    pub(crate) fn wishes(&self) -> impl Wishes + use<> {
        match self {
            Self::Archive(release) => {
                let Release {
                    url,
                    sha256,
                    version,
                    strip,
                } = release;
                let archive = Archive::fetched(ROOM, version, url, sha256).strip(*strip);
                let link = Link::at(USUAL, format!("{ROOM}/current"));
                (None, Some((archive, link)))
            }
            Self::Package(package) => (Some(Software::named([&package.name])), None),
        }
    }

    /// Wishes away what of it is of no use to anybody else.
    pub(crate) fn gone(&self) -> impl Wishes + use<> {
        matches!(self, Self::Archive(_)).then(|| [USUAL, ROOM].map(Absent::at))
    }

    /// Returns where the program and its Lua files are.
    pub(crate) fn directory(&self) -> &str {
        match self {
            Self::Archive(_) => USUAL,
            Self::Package(package) => &package.directory,
        }
    }

    /// Returns what the service has to restart for.
    pub(crate) fn watched(&self) -> Option<String> {
        matches!(self, Self::Archive(_)).then(|| format!("{ROOM}/current"))
    }
}

fn usual_strip() -> u8 {
    1
}
