//! Bytes that are changed on the way, or where they are kept.

use anyhow::{Context as _, Result};
use cellhost_plan::ModulePlace;
use cellhost_registry::{Cache, Offer, Pin, Registry, Remote, Resolved, Rule, Scope, Trust};
use semver::VersionReq;

use crate::modules::greeting;
use crate::server::{Files, Manner, Server};
use crate::site::{Site, publish_all};

/// Fetches the greeting into an empty cache, as a pin says where there is one.
async fn fetch(place: &ModulePlace, pin: Option<&Pin>) -> Result<Resolved> {
    let cache = tempfile::tempdir()?;
    let scope = Scope::Namespace("acme".to_owned());
    let remote = Remote::new(place.clone(), scope, Cache::new(cache.path()));
    let trust = Trust::new([("acme".to_owned(), Rule::Unsigned)].into());
    let registry = Registry::new(vec![Box::new(remote)]).trusting(trust);
    let module = "acme:greeting".parse()?;
    Ok(registry.resolve(&module, &VersionReq::STAR, pin).await?)
}

/// Each byte of the manifest and some of the module, by a server that gives whatever its files
/// are. The first pull is by tag, where nothing but the manifest says what the module is.
#[tokio::test(flavor = "multi_thread")]
async fn a_byte_that_is_changed_anywhere_is_found_and_nothing_is_run() -> Result<()> {
    let root = tempfile::tempdir()?;
    let modules = root.path().join("modules");
    fs_err::create_dir(&modules)?;
    fs_err::write(modules.join("greeting.wasm"), greeting("0.1.0")?)?;
    Offer::new(&modules).write(&root.path().join("www"))?;
    let base = root.path().join("www/v2/acme/greeting");
    let files = Files::start(root.path().join("www"))?;
    let place = files.place()?;
    let pin = fetch(&place, None).await?.pin.context("a pin")?;
    let manifest = base.join("manifests").join(&pin.manifest);
    let layer = base.join("blobs").join(&pin.layer);
    for (path, digest, step, by_tag) in [
        (&manifest, &pin.manifest, 1, false),
        (&layer, &pin.layer, 4999, true),
    ] {
        let sound = fs_err::read(path)?;
        for place_of_byte in (0..sound.len()).step_by(step) {
            let mut damaged = sound.clone();
            if let Some(byte) = damaged.get_mut(place_of_byte) {
                *byte ^= 1 << (place_of_byte % 8);
            }
            fs_err::write(path, &damaged)?;
            let known = (!by_tag || place_of_byte % 2 == 0).then_some(&pin);
            let taken = fetch(&place, known).await;
            let words = taken.err().map(|error| format!("{error:#}"));
            let words = words.with_context(|| format!("byte {place_of_byte} was taken"))?;
            assert!(words.contains(digest.as_str()), "{words}");
        }
        for length in [sound.len() - 1, 0] {
            fs_err::write(path, sound.get(..length).unwrap_or_default())?;
            assert!(fetch(&place, Some(&pin)).await.is_err());
        }
        fs_err::write(path, &sound)?;
    }
    // One more byte than the manifest says.
    let mut longer = fs_err::read(&layer)?;
    longer.push(0);
    fs_err::write(&layer, &longer)?;
    let words = fetch(&place, Some(&pin))
        .await
        .err()
        .map(|error| format!("{error:#}"));
    assert!(words.context("it was taken")?.contains("more than the"));
    longer.pop();
    fs_err::write(&layer, &longer)?;
    assert_eq!(fetch(&place, Some(&pin)).await?.pin, Some(pin));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_is_looked_at_each_time() -> Result<()> {
    let server = Server::start(Manner::default())?;
    publish_all(&server, &["0.1.0", "0.2.0"]).await?;
    let site = Site::of(&server, "^0.1")?;
    site.cellhost(&["update"])?.ends_with(0);
    let lock = site.lock()?;
    let layer = value(&lock, "layer")?;
    let kept = site.path().join("home/.cache/cellhost/modules/sha256");
    let kept = kept.join(layer.trim_start_matches("sha256:"));
    let mut bytes = fs_err::read(&kept)?;
    if let Some(byte) = bytes.last_mut() {
        *byte ^= 1;
    }
    fs_err::write(&kept, &bytes)?;
    let remove = format!("`rm {}`", kept.display());
    site.cellhost(&["check"])?
        .ends_with(1)
        .says(&["is damaged", &layer, "was expected", &remove]);
    fs_err::remove_file(&kept)?;
    site.cellhost(&["check", "--locked"])?.ends_with(0);

    // A lock that names another module's bytes for this one, and one that names what is not there.
    let other = Site::of(&server, "^0.2")?;
    other.cellhost(&["update"])?.ends_with(0);
    for key in ["manifest", "layer"] {
        let swapped = lock.replace(&value(&lock, key)?, &value(&other.lock()?, key)?);
        fs_err::write(site.path().join("cellhost.lock"), swapped)?;
        site.cellhost(&["check"])?.ends_with(1);
    }
    let nowhere = lock.replace(
        &value(&lock, "manifest")?,
        &format!("sha256:{}", "0".repeat(64)),
    );
    fs_err::write(site.path().join("cellhost.lock"), nowhere)?;
    site.cellhost(&["check"])?
        .ends_with(1)
        .says(&["it is not there any more"]);
    Ok(())
}

fn value(lock: &str, key: &str) -> Result<String> {
    let mut lines = lock.lines().map(str::trim);
    let line = lines.find_map(|line| line.strip_prefix(key)?.trim().strip_prefix('='));
    let value = line.with_context(|| format!("no `{key}` in {lock}"))?;
    Ok(value.trim().trim_matches('"').to_owned())
}
