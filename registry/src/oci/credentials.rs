//! Who may fetch and publish: what docker and podman keep, and the environment.

use std::time::Duration;

use docker_credential::{
    CredentialRetrievalError, DockerCredential, get_credential, get_podman_credential,
};
use oci_client::secrets::RegistryAuth;

use super::RemoteError;

/// Where `docker login` without a host keeps what it was told.
const HUB: &str = "https://index.docker.io/v1/";
/// Programs that keep credentials may ask somebody.
const PATIENCE: Duration = Duration::from_mins(1);

/// Finds who we are to a registry: by `CELLHOST_REGISTRY_AUTH` (`host=user:password`, several with
/// spaces between them), else by what podman keeps, else by what docker keeps; else nobody.
pub(super) async fn of(host: &str) -> Result<RegistryAuth, RemoteError> {
    let given = std::env::var("CELLHOST_REGISTRY_AUTH").unwrap_or_default();
    if let Some(auth) = named(&given, host) {
        return Ok(auth);
    }
    let server = host.to_owned();
    let work = tokio::task::spawn_blocking(move || kept(&server));
    let unusable = |reason: String| RemoteError::Credentials {
        host: host.to_owned(),
        reason,
    };
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(Ok(found)) => found.map_err(unusable),
        Ok(Err(error)) => Err(unusable(error.to_string())),
        Err(_) => Err(unusable(format!(
            "the program that keeps them has not answered for {} s",
            PATIENCE.as_secs()
        ))),
    }
}

fn named(given: &str, host: &str) -> Option<RegistryAuth> {
    let all = given.split_whitespace();
    let mut all = all.filter_map(|one| one.split_once('='));
    let (_, words) = all.find(|(name, _)| *name == host)?;
    let (user, password) = words.split_once(':')?;
    Some(RegistryAuth::Basic(user.to_owned(), password.to_owned()))
}

fn kept(host: &str) -> Result<RegistryAuth, String> {
    let docker = if host == "docker.io" { HUB } else { host };
    for found in [get_podman_credential(host), get_credential(docker)] {
        return match found {
            Ok(DockerCredential::UsernamePassword(user, password)) => {
                Ok(RegistryAuth::Basic(user, password))
            }
            Ok(DockerCredential::IdentityToken(_)) => Err(
                "they are an identity token, which only docker itself can use; log in with a user \
                 and an access token"
                    .to_owned(),
            ),
            Err(error) if is_none(&error) => continue,
            Err(error) => Err(error.to_string()),
        };
    }
    Ok(RegistryAuth::Anonymous)
}

/// Whether nothing is kept, which is no trouble.
fn is_none(error: &CredentialRetrievalError) -> bool {
    match error {
        CredentialRetrievalError::NoCredentialConfigured
        | CredentialRetrievalError::ConfigNotFound
        | CredentialRetrievalError::ConfigReadError => true,
        // So say all the usual helpers.
        CredentialRetrievalError::HelperFailure { stdout, stderr, .. } => {
            let told = format!("{stdout}{stderr}");
            told.contains("credentials not found")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_gets_its_own_credentials_and_nobody_elses() {
        let given = "ghcr.io=ann:a:b=c\n127.0.0.1:5000=bob:word";
        let basic = |user: &str, word: &str| RegistryAuth::Basic(user.into(), word.into());
        assert_eq!(named(given, "ghcr.io"), Some(basic("ann", "a:b=c")));
        assert_eq!(named(given, "127.0.0.1:5000"), Some(basic("bob", "word")));
        assert_eq!(named(given, "127.0.0.1"), None);
        assert_eq!(named(given, "evil-ghcr.io"), None);
    }
}
