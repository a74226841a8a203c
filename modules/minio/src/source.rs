use cellhost_sdk::prelude::*;

/// Where the program comes from.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Source {
    /// A package that the machines can install: `minio`, or `minio=20250907161309.0.0`.
    Package(String),
    /// The program of a release.
    Download(Release),
    /// An image by digest, run by docker or podman: `docker.io/minio/minio@sha256:…`.
    Container(
        #[schemars(regex(pattern = r"^[0-9A-Za-z][0-9A-Za-z._/:-]*@sha256:[0-9a-f]{64}$"))] String,
    ),
}

/// The program of a release.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Release {
    /// Where machines fetch it.
    pub(crate) url: String,
    /// Its SHA-256, in hexadecimal.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub(crate) sha256: String,
}

const DIRECTORY: &str = "/opt/minio";
const PROGRAM: &str = "/opt/minio/minio";

impl Default for Source {
    fn default() -> Self {
        Self::Package("minio".to_owned())
    }
}

impl Source {
    /// Wishes for the program, but for an image, which comes with its container.
    pub(crate) fn wishes(&self) -> impl Wishes + use<> {
        match self {
            Self::Package(name) => (Some(Software::named([name])), None),
            Self::Download(Release { url, sha256 }) => {
                let program = Download::at(PROGRAM, url, sha256).mode(0o755);
                (None, Some((Directory::at(DIRECTORY).mode(0o755), program)))
            }
            Self::Container(_) => (None, None),
        }
    }

    /// Wishes away what of it is of no use to anybody else.
    pub(crate) fn gone(&self) -> impl Wishes + use<> {
        matches!(self, Self::Download(_)).then(|| Absent::at(DIRECTORY))
    }

    /// Returns the image, where it is one.
    pub(crate) fn image(&self) -> Option<&str> {
        match self {
            Self::Container(image) => Some(image),
            Self::Package(_) | Self::Download(_) => None,
        }
    }

    /// Returns the program that a service runs.
    pub(crate) fn program(&self) -> &'static str {
        match self {
            Self::Download(_) => PROGRAM,
            Self::Package(_) | Self::Container(_) => "/usr/local/bin/minio",
        }
    }
}
