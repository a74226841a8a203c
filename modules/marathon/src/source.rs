use cellhost_sdk::prelude::*;

/// Where the directory of unpacked archives is.
const ROOM: &str = "/opt/marathon";
/// What Marathon runs in, what Mesos's library in it is linked to, and what fetches it.
const LIBRARIES: [&str; 7] = [
    "curl",
    "default-jre-headless",
    "libapr1",
    "libcurl4",
    "libsasl2-2",
    "libsasl2-modules",
    "libsvn1",
];

/// Where programs come from: packages, an archive or a container's image.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Source {
    /// Packages of the machine's distribution, `name` or `name=version`; with a `url` or an `image`
    /// those that it needs, instead of the usual ones.
    pub(crate) packages: Option<Vec<String>>,
    /// Where an archive is fetched from.
    pub(crate) url: Option<String>,
    /// The archive's SHA-256.
    pub(crate) sha256: Option<String>,
    /// How many leading parts of the names in the archive are dropped, one unless said otherwise.
    pub(crate) strip: Option<u8>,
    /// An image of docker's, by digest: `name@sha256:…`.
    pub(crate) image: Option<String>,
    /// The directory of the programs, if not `/usr/share/marathon/bin`, or `bin` in the archive.
    #[schemars(regex(pattern = r"^[A-Za-z0-9/._-]+$"))]
    pub(crate) programs: Option<String>,
}

impl Source {
    /// Finds what is wrong with it.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |setting: &str, words: String| {
            problems.push(Problem::with(format!("/source{setting}"), words));
        };
        match (&self.packages, &self.url, &self.image) {
            (None, None, None) => wrong(
                "",
                "does not say where the programs come from: `packages`, a `url` with its \
                 `sha256`, or an `image`"
                    .to_owned(),
            ),
            (_, Some(_), Some(_)) => {
                wrong(
                    "",
                    "has both a `url` and an `image`: one is enough".to_owned(),
                );
            }
            _ => {}
        }
        if let (Some(url), None) = (&self.url, &self.sha256) {
            wrong(
                "",
                format!(
                    "lacks `sha256`: what comes from {} runs as root, so the plan has to say \
                     what it is",
                    url.escape_debug()
                ),
            );
        }
        if let Some(hash) = &self.sha256
            && !is_digest(hash)
        {
            wrong(
                "/sha256",
                "is no SHA-256: 64 digits of 0-9 and a-f".to_owned(),
            );
        }
        if let Some(image) = &self.image
            && !is_pinned(image)
        {
            wrong(
                "/image",
                format!(
                    "`{}` is no image by digest, `name@sha256:…`: a tag may be another image \
                     tomorrow",
                    image.escape_debug()
                ),
            );
        }
        problems
    }

    /// Returns what has to be on a machine.
    pub(crate) fn wishes(&self) -> impl Wishes {
        let packages = self
            .packages
            .clone()
            .unwrap_or_else(|| self.usual_packages());
        let archive = self.url.as_ref().zip(self.sha256.as_ref());
        (
            (!packages.is_empty()).then(|| Software::named(packages)),
            archive.map(|(url, hash)| {
                let version = hash.get(..12).unwrap_or(hash);
                Archive::fetched(ROOM, version, url, hash).strip(self.strip.unwrap_or(1))
            }),
        )
    }

    /// Returns how the program is called. An image knows its own.
    pub(crate) fn program(&self) -> String {
        let place = self.programs.as_deref();
        if self.url.is_some() {
            return format!("{ROOM}/current/{}/marathon", place.unwrap_or("bin"));
        }
        format!("{}/marathon", place.unwrap_or("/usr/share/marathon/bin"))
    }

    /// Returns the link whose change is another version.
    pub(crate) fn link(&self) -> Option<String> {
        self.url.as_ref().map(|_| format!("{ROOM}/current"))
    }

    /// Returns what a removal takes away: all but packages.
    pub(crate) fn remains(&self) -> Option<Absent> {
        self.url.as_ref().map(|_| Absent::at(ROOM))
    }

    /// Tells whether it comes in another way than by packages.
    pub(crate) fn is_brought(&self) -> bool {
        self.url.is_some() || self.image.is_some()
    }

    fn usual_packages(&self) -> Vec<String> {
        if self.image.is_some() {
            return vec!["docker.io".to_owned()];
        }
        LIBRARIES.map(str::to_owned).to_vec()
    }
}

fn is_digest(text: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    text.len() == 64 && text.chars().all(is_digit)
}

fn is_pinned(image: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || "._-/:".contains(c);
    let named = |name: &str| name.starts_with(|c: char| c.is_ascii_alphanumeric());
    image
        .split_once("@sha256:")
        .is_some_and(|(name, hash)| named(name) && name.chars().all(fine) && is_digest(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        let source: Source = cellhost_sdk::serde_json::from_str(text).unwrap();
        let words = source.problems().into_iter();
        words
            .map(|one| format!("{}: {}", one.setting, one.message))
            .collect()
    }

    #[test]
    fn what_is_fetched_or_pulled_has_a_checksum() {
        let hash = "0".repeat(64);
        for fine in [
            r#"{"packages": ["marathon=1.11.24-1"]}"#.to_owned(),
            format!(r#"{{"url": "https://a.org/m.tar.gz", "sha256": "{hash}"}}"#),
            format!(r#"{{"image": "a.org/marathon@sha256:{hash}"}}"#),
        ] {
            assert_eq!(said(&fine), [""; 0], "{fine}");
        }
        assert_eq!(
            said(r#"{"url": "https://a.org/m.tar.gz"}"#),
            [
                "/source: lacks `sha256`: what comes from https://a.org/m.tar.gz runs as root, so \
                 the plan has to say what it is"
            ]
        );
        assert_eq!(
            said(r#"{"image": "mesosphere/marathon:v1.11.24"}"#),
            [
                "/source/image: `mesosphere/marathon:v1.11.24` is no image by digest, `name@sha256:…`: \
                 a tag may be another image tomorrow"
            ]
        );
        assert_eq!(
            said(r#"{"url": "https://a.org/m.tar.gz", "sha256": "abc"}"#),
            ["/source/sha256: is no SHA-256: 64 digits of 0-9 and a-f"]
        );
        assert_eq!(
            said("{}"),
            [
                "/source: does not say where the programs come from: `packages`, a `url` with its \
                 `sha256`, or an `image`"
            ]
        );
    }
}
