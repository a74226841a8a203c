//! Objects by name, in whatever store: the only place that knows its library.

use std::path::Path as FilePath;
use std::time::Duration;

use cellhost_plan::{State, StoreKind};
use futures_util::TryStreamExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    ClientOptions, Error, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload,
    RetryConfig,
};

use crate::StoreError;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// The objects below one name.
pub(crate) struct Objects {
    inner: Box<dyn ObjectStore>,
    root: Path,
}

/// Why something could not be asked or done.
pub(crate) enum Trouble {
    /// It may be otherwise in a while.
    Passing(String),
    /// It will be so again.
    Lasting(String),
}

impl Objects {
    /// Prepares to speak to a store about what is below a name; says nothing to it yet.
    pub(crate) fn open(state: &State, below: &str) -> Result<Self, StoreError> {
        let unusable = |reason: String| StoreError::Unusable {
            url: state.url(),
            reason,
        };
        let inner: Box<dyn ObjectStore> = match state.kind {
            StoreKind::S3 => Box::new(s3(state).map_err(|error| unusable(words(&error)))?),
            StoreKind::Google => Box::new(google(state).map_err(|error| unusable(words(&error)))?),
            StoreKind::Azure => Box::new(azure(state).map_err(|error| unusable(words(&error)))?),
            StoreKind::Directory => {
                Box::new(directory(FilePath::new(&state.prefix)).map_err(unusable)?)
            }
        };
        let root = match state.kind {
            StoreKind::Directory => Path::from(below),
            _ => Path::from(format!("{}/{below}", state.prefix)),
        };
        Ok(Self { inner, root })
    }

    fn path(&self, name: &str) -> Path {
        Path::from(format!("{}/{name}", self.root))
    }

    /// Creates an object. False where there is one.
    pub(crate) async fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, Trouble> {
        let payload = PutPayload::from(bytes.to_vec());
        let options = PutOptions::from(PutMode::Create);
        match self
            .inner
            .put_opts(&self.path(name), payload, options)
            .await
        {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// What an object holds, where there is one.
    pub(crate) async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Trouble> {
        let found = match self.inner.get(&self.path(name)).await {
            Ok(found) => found.bytes().await,
            Err(error) => Err(error),
        };
        match found {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether there is one.
    pub(crate) async fn has(&self, name: &str) -> Result<bool, Trouble> {
        match self.inner.head(&self.path(name)).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The last parts of the names of all objects in a folder.
    pub(crate) async fn files(&self, folder: &str) -> Result<Vec<String>, Trouble> {
        let found = self.inner.list(Some(&self.path(folder)));
        let found: Vec<_> = found.try_collect().await?;
        let names = found.iter().filter_map(|object| object.location.filename());
        Ok(names.map(str::to_owned).collect())
    }

    /// The last parts of the names of all folders in a folder.
    pub(crate) async fn folders(&self, folder: &str) -> Result<Vec<String>, Trouble> {
        let folder = self.path(folder);
        let found = self.inner.list_with_delimiter(Some(&folder)).await?;
        let found = found.common_prefixes;
        let names = found.iter().filter_map(Path::filename);
        Ok(names.map(str::to_owned).collect())
    }

    /// Removes an object; there need not be one.
    pub(crate) async fn remove(&self, name: &str) -> Result<(), Trouble> {
        match self.inner.delete(&self.path(name)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let reason = words(&error);
        match error {
            // A network that fails and a server that is too busy come in here too.
            Error::Generic { .. } | Error::JoinError { .. } => Self::Passing(reason),
            _ => Self::Lasting(reason),
        }
    }
}

/// What went wrong, on one line. The library's errors repeat their causes.
fn words(error: &Error) -> String {
    let text = error.to_string();
    let line: Vec<&str> = text.split_whitespace().collect();
    line.join(" ").chars().take(400).collect()
}

fn s3(state: &State) -> Result<impl ObjectStore + use<>, Error> {
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(&state.bucket)
        // Deletions are rare, and some that speak like S3 know but the plain one.
        .with_disable_bulk_delete(true)
        .with_retry(once());
    if let Some(region) = &state.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &state.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    let builder = builder.with_client_options(client(state));
    builder.build()
}

fn google(state: &State) -> Result<impl ObjectStore + use<>, Error> {
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(&state.bucket)
        .with_retry(once());
    if let Some(endpoint) = &state.endpoint {
        builder = builder.with_base_url(endpoint);
    }
    builder.with_client_options(client(state)).build()
}

fn azure(state: &State) -> Result<impl ObjectStore + use<>, Error> {
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(&state.bucket)
        .with_retry(once());
    if let Some(endpoint) = &state.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    builder.with_client_options(client(state)).build()
}

/// A directory that is there, and that nobody but operators can look into: records are in it.
fn directory(path: &FilePath) -> Result<impl ObjectStore + use<>, String> {
    use std::os::unix::fs::PermissionsExt as _;
    let found = fs_err::metadata(path).map_err(|error| error.to_string())?;
    if found.permissions().mode() & 0o007 != 0 {
        return Err(format!(
            "others can look into it, and it is for operators alone: `chmod o= {}`",
            path.display()
        ));
    }
    let store = LocalFileSystem::new_with_prefix(path).map_err(|error| words(&error))?;
    Ok(store.with_fsync(true))
}

/// Attempts are counted and spaced by whoever asks.
fn once() -> RetryConfig {
    RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    }
}

fn client(state: &State) -> ClientOptions {
    // Somebody may have installed another one; either will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let plain = state.endpoint.as_deref();
    let plain = plain.is_some_and(|endpoint| endpoint.starts_with("http://"))
        || std::env::var("AWS_ALLOW_HTTP").is_ok_and(|word| word == "true");
    ClientOptions::new()
        .with_connect_timeout(CONNECT)
        .with_allow_http(plain)
}
