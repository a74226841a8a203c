//! One registry, spoken to with patience.

use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use cellhost_artifact::{Blob, LARGEST_MANIFEST, MANIFEST, named};
use cellhost_plan::ModulePlace;
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::errors::{DigestError, OciDistributionError, OciErrorCode};
use oci_client::manifest::OciDescriptor;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client as Inner, Reference};
use rand::RngExt as _;
use tokio::io::AsyncWrite;
use tokio::sync::OnceCell;

use super::{RemoteError, credentials};

/// How often something is tried that may come about the next time.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const CONNECTING: Duration = Duration::from_secs(15);
/// How long a registry may say nothing.
const SILENCE: Duration = Duration::from_mins(1);
const PAGE: usize = 100;
/// More versions than any module has.
const MOST_TAGS: usize = 100_000;
/// Where docker and podman look for the certificates of a registry's own authority.
const CERTIFICATES: [&str; 2] = ["/etc/containers/certs.d", "/etc/docker/certs.d"];

pub(super) struct Client {
    inner: Inner,
    host: String,
    auth: OnceCell<RegistryAuth>,
}

impl Client {
    pub(super) fn new(place: &ModulePlace) -> Result<Self, RemoteError> {
        // Somebody else in this program may have chosen the same before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = ClientConfig {
            protocol: if place.is_secure {
                ClientProtocol::Https
            } else {
                ClientProtocol::Http
            },
            extra_root_certificates: certificates(&place.host),
            connect_timeout: Some(CONNECTING),
            read_timeout: Some(SILENCE),
            user_agent: concat!("cellhost/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let inner = Inner::try_from(config).map_err(|error| RemoteError::Refused {
            address: place.to_string(),
            words: error.to_string(),
        })?;
        Ok(Self {
            inner,
            host: place.host.clone(),
            auth: OnceCell::new(),
        })
    }

    /// All tags of a repository; none where there is no such repository.
    pub(super) async fn tags(&self, repository: &str) -> Result<Vec<String>, RemoteError> {
        let image = self.tagged(repository, "latest");
        let auth = self.auth().await?;
        let mut tags: Vec<String> = Vec::new();
        loop {
            let last = tags.last().cloned();
            let ask = || {
                self.inner
                    .list_tags(&image, auth, Some(PAGE), last.as_deref())
            };
            let Some(page) = self.patiently(repository, ask).await? else {
                return Ok(tags);
            };
            // A registry that does not know pages gives everything each time.
            let is_news = page.tags.last().is_some_and(|tag| !tags.contains(tag));
            let is_full = page.tags.len() >= PAGE;
            if is_news {
                tags.extend(page.tags);
            }
            if !is_news || !is_full {
                return Ok(tags);
            }
            if tags.len() > MOST_TAGS {
                return Err(RemoteError::Refused {
                    address: self.address(repository),
                    words: format!("it has more than {MOST_TAGS} tags"),
                });
            }
        }
    }

    /// A manifest by its tag or its hash; none where there is none.
    pub(super) async fn manifest(
        &self,
        repository: &str,
        name: &str,
    ) -> Result<Option<Vec<u8>>, RemoteError> {
        let image = self.reference(repository, name);
        let auth = self.auth().await?;
        let ask = || self.inner.pull_manifest_raw(&image, auth, &[MANIFEST]);
        let Some((bytes, _)) = self.patiently(repository, ask).await? else {
            return Ok(None);
        };
        if bytes.len() as u64 > LARGEST_MANIFEST {
            return Err(RemoteError::Refused {
                address: self.address(repository),
                words: format!("a manifest of {} bytes", bytes.len()),
            });
        }
        // Whatever a registry says its hash is.
        let found = named(&bytes);
        if name.starts_with("sha256:") && name != found {
            return Err(RemoteError::Swapped {
                address: self.address(repository),
                expected: name.to_owned(),
                found,
            });
        }
        Ok(Some(bytes.to_vec()))
    }

    /// A part of an artifact; never more of it than it should have.
    pub(super) async fn blob(&self, repository: &str, blob: &Blob) -> Result<Vec<u8>, RemoteError> {
        let image = self.reference(repository, &blob.digest);
        let auth = self.auth().await?;
        self.inner.store_auth_if_needed(&self.host, auth).await;
        let descriptor = OciDescriptor {
            digest: blob.digest.clone(),
            ..OciDescriptor::default()
        };
        let ask = || async {
            let mut sink = Sink {
                bytes: Vec::new(),
                limit: blob.size,
            };
            self.inner
                .pull_blob(&image, &descriptor, &mut sink)
                .await
                .map(|()| sink.bytes)
        };
        let found = self.patiently(repository, ask).await?;
        found.ok_or_else(|| RemoteError::Refused {
            address: self.address(repository),
            words: format!("`{}` is not there, which the manifest names", blob.digest),
        })
    }

    /// Puts bytes there, unless they are there.
    pub(super) async fn push_blob(
        &self,
        repository: &str,
        bytes: &[u8],
    ) -> Result<(), RemoteError> {
        let digest = named(bytes);
        let image = self.tagged(repository, "latest");
        let auth = self.auth_to_push(&image).await?;
        self.inner.store_auth_if_needed(&self.host, auth).await;
        let there = || self.inner.blob_exists(&image, &digest);
        if self.patiently(repository, there).await? == Some(true) {
            return Ok(());
        }
        let push = || self.inner.push_blob(&image, bytes.to_vec(), &digest);
        let pushed = self.patiently(repository, push).await?;
        pushed.map(drop).ok_or_else(|| self.nowhere(repository))
    }

    /// Puts a manifest there under a tag.
    pub(super) async fn push_manifest(
        &self,
        repository: &str,
        tag: &str,
        bytes: &[u8],
    ) -> Result<(), RemoteError> {
        let image = self.tagged(repository, tag);
        let kind = reqwest::header::HeaderValue::from_static(MANIFEST);
        let push = || {
            self.inner
                .push_manifest_raw(&image, bytes.to_vec(), kind.clone())
        };
        let pushed = self.patiently(repository, push).await?;
        pushed.map(drop).ok_or_else(|| self.nowhere(repository))
    }

    fn nowhere(&self, repository: &str) -> RemoteError {
        RemoteError::Refused {
            address: self.address(repository),
            words: "there is no such repository, and none is made".to_owned(),
        }
    }

    fn address(&self, repository: &str) -> String {
        format!("{}/{repository}", self.host)
    }

    fn tagged(&self, repository: &str, tag: &str) -> Reference {
        Reference::with_tag(self.host.clone(), repository.to_owned(), tag.to_owned())
    }

    fn reference(&self, repository: &str, name: &str) -> Reference {
        if name.starts_with("sha256:") {
            let (host, repository) = (self.host.clone(), repository.to_owned());
            return Reference::with_digest(host, repository, name.to_owned());
        }
        self.tagged(repository, name)
    }

    async fn auth(&self) -> Result<&RegistryAuth, RemoteError> {
        self.auth
            .get_or_try_init(|| credentials::of(&self.host))
            .await
    }

    /// Registries that give tokens give one for each sort of use.
    async fn auth_to_push(&self, image: &Reference) -> Result<&RegistryAuth, RemoteError> {
        let auth = self.auth().await?;
        let ask = || {
            self.inner
                .auth(image, auth, oci_client::RegistryOperation::Push)
        };
        self.patiently(image.repository(), ask).await?;
        Ok(auth)
    }

    /// Tries again what may come about the next time. None where something is not there.
    async fn patiently<T, F>(
        &self,
        repository: &str,
        ask: impl Fn() -> F,
    ) -> Result<Option<T>, RemoteError>
    where
        F: Future<Output = Result<T, OciDistributionError>>,
    {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let error = match ask().await {
                Ok(value) => return Ok(Some(value)),
                Err(error) if is_missing(&error) => return Ok(None),
                Err(error) => error,
            };
            if attempt >= ATTEMPTS || !is_passing(&error) {
                return Err(self.told(repository, error));
            }
            tracing::debug!(%error, attempt, "a registry is asked again");
            // Those who were refused together come back apart.
            let share = rand::rng().random_range(0.5..1.5);
            tokio::time::sleep(pause.mul_f64(share)).await;
            pause *= 2;
        }
        Ok(None)
    }

    fn told(&self, repository: &str, error: OciDistributionError) -> RemoteError {
        let address = self.address(repository);
        if is_denied(&error) {
            return RemoteError::Denied {
                address,
                host: self.host.clone(),
                is_known: !matches!(self.auth.get(), None | Some(RegistryAuth::Anonymous)),
            };
        }
        match error {
            OciDistributionError::RegistryError { envelope, .. } => {
                let words = envelope.errors.iter().map(|error| error.message.clone());
                RemoteError::Refused {
                    address,
                    words: words.collect::<Vec<_>>().join("; "),
                }
            }
            OciDistributionError::DigestError(DigestError::VerificationError {
                expected,
                actual,
            }) => RemoteError::Swapped {
                address,
                expected,
                found: actual,
            },
            OciDistributionError::RequestError(source) => RemoteError::Unreachable {
                address: self.host.clone(),
                reason: causes(&source),
            },
            other => RemoteError::Refused {
                address,
                words: causes(&other),
            },
        }
    }
}

/// What another attempt may bring.
fn is_passing(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::RequestError(error) => {
            let is_of_trust = causes(error).contains("certificate");
            !is_of_trust
                && (error.is_connect()
                    || error.is_timeout()
                    || error.is_body()
                    || error.is_request())
        }
        OciDistributionError::ServerError { code, .. } => *code == 429 || *code >= 500,
        error => says(error, |code| *code == OciErrorCode::Toomanyrequests),
    }
}

/// Whether it is a matter of who we are.
fn is_denied(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::UnauthorizedError { .. }
        | OciDistributionError::AuthenticationFailure(_)
        | OciDistributionError::ServerError {
            code: 401 | 403, ..
        } => true,
        error => says(error, |code| {
            matches!(code, OciErrorCode::Denied | OciErrorCode::Unauthorized)
        }),
    }
}

fn is_missing(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::ImageManifestNotFoundError(_)
        | OciDistributionError::ServerError { code: 404, .. } => true,
        error => says(error, |code| {
            matches!(
                code,
                OciErrorCode::ManifestUnknown
                    | OciErrorCode::NameUnknown
                    | OciErrorCode::NotFound
                    | OciErrorCode::BlobUnknown
            )
        }),
    }
}

/// Whether a registry gives a reason of this sort.
fn says(error: &OciDistributionError, is: impl Fn(&OciErrorCode) -> bool) -> bool {
    let OciDistributionError::RegistryError { envelope, .. } = error else {
        return false;
    };
    envelope.errors.iter().any(|error| is(&error.code))
}

/// Says why, down to the cause.
fn causes(error: &dyn std::error::Error) -> String {
    let mut words = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push(error.to_string());
        cause = error.source();
    }
    words.dedup();
    words.join(": ")
}

/// The certificates of a registry's own authority.
fn certificates(host: &str) -> Vec<Certificate> {
    let own = std::env::var_os("XDG_CONFIG_HOME")
        .map(Into::into)
        .or_else(|| {
            let home = std::env::var_os("HOME")?;
            Some(Path::new(&home).join(".config"))
        });
    let own = own.map(|path: std::path::PathBuf| path.join("containers/certs.d"));
    let all = own.into_iter().chain(CERTIFICATES.map(Into::into));
    let mut found = Vec::new();
    for directory in all.map(|path| path.join(host)) {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "crt")
                && let Ok(data) = fs_err::read(&path)
            {
                found.push(Certificate {
                    encoding: CertificateEncoding::Pem,
                    data,
                });
            }
        }
    }
    found
}

/// Takes so many bytes and no more.
struct Sink {
    bytes: Vec<u8>,
    limit: u64,
}

impl AsyncWrite for Sink {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let limit = self.limit;
        if (self.bytes.len() + bytes.len()) as u64 > limit {
            return Poll::Ready(Err(std::io::Error::other(format!(
                "more than the {limit} bytes come that the manifest names"
            ))));
        }
        self.bytes.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
