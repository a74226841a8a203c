//! Bytes that are changed on the way, or where they are kept.

use anyhow::{Context as _, Result};
use cellhost_plan::{ModulePlace, Need};
use cellhost_registry::{
    Cache, Offer, Pin, Registry, Remote, Resolved, Rule, Scope, SecretKey, Trust, TrustedKey,
    publish,
};
use semver::VersionReq;
use tempfile::TempDir;

use crate::modules::greeting;
use crate::server::{Files, Manner, Server};
use crate::site::{Site, publish_all};

/// The registry of a place whose modules are kept in this directory.
fn registry(place: &ModulePlace, kept: &TempDir) -> Registry {
    let scope = Scope::Namespace("acme".to_owned());
    let remote = Remote::new(place.clone(), scope, Cache::new(kept.path()));
    let trust = Trust::new([("acme".to_owned(), Rule::Unsigned)].into());
    Registry::new(vec![Box::new(remote)]).trusting(trust)
}

/// Takes the greeting, as a pin says where there is one.
async fn fetch(registry: &Registry, pin: Option<&Pin>) -> Result<Resolved> {
    let module = "acme:greeting".parse()?;
    Ok(registry.resolve(&module, &VersionReq::STAR, pin).await?)
}

/// Each byte of the manifest and of the configuration and some of the module, by a server that gives whatever its files
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
    let first = tempfile::tempdir()?;
    let pin = fetch(&registry(&place, &first), None).await?.pin;
    let pin = pin.context("a pin")?;
    // What is sound is kept from one damage to the next, and what is damaged never is.
    let kept = tempfile::tempdir()?;
    let registry = registry(&place, &kept);
    let manifest = base.join("manifests").join(&pin.manifest);
    let layer = base.join("blobs").join(&pin.layer);
    let read: serde_json::Value = serde_json::from_slice(&fs_err::read(&manifest)?)?;
    let config = read["config"]["digest"].as_str().context("a digest")?;
    let (config, configured) = (base.join("blobs").join(config), config.to_owned());
    for (path, digest, step, by_tag) in [
        (&manifest, &pin.manifest, 1, false),
        (&config, &configured, 1, true),
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
            let taken = fetch(&registry, known).await;
            let words = taken.err().map(|error| format!("{error:#}"));
            let words = words.with_context(|| format!("byte {place_of_byte} was taken"))?;
            assert!(words.contains(digest.as_str()), "{words}");
        }
        for length in [sound.len() - 1, 0] {
            fs_err::write(path, sound.get(..length).unwrap_or_default())?;
            assert!(fetch(&registry, Some(&pin)).await.is_err());
        }
        fs_err::write(path, &sound)?;
    }
    // One more byte than the manifest says.
    let mut longer = fs_err::read(&layer)?;
    longer.push(0);
    fs_err::write(&layer, &longer)?;
    let words = fetch(&registry, Some(&pin))
        .await
        .err()
        .map(|error| format!("{error:#}"));
    assert!(words.context("it was taken")?.contains("more than the"));
    longer.pop();
    fs_err::write(&layer, &longer)?;
    assert_eq!(fetch(&registry, Some(&pin)).await?.pin, Some(pin));
    Ok(())
}

/// A pin as `cellhost.lock` has it, with each byte changed in its turn: it is refused, or what it comes to is
/// not what is written, which `--locked` refuses; or it says the same as before.
#[tokio::test(flavor = "multi_thread")]
async fn a_byte_that_is_changed_in_a_pin_or_its_signature_is_found() -> Result<()> {
    let mut server = Server::start(Manner::default())?;
    let (place, key) = (server.place()?, SecretKey::generate());
    publish(&place, &greeting("0.1.0")?, 0, Some(&key)).await?;
    let kept = tempfile::tempdir()?;
    let registry = |is_offline| {
        let scope = Scope::Namespace("acme".to_owned());
        let remote = Remote::new(place.clone(), scope, Cache::new(kept.path()));
        let ann = TrustedKey {
            name: "ann.pub".to_owned(),
            key: key.public(),
            until: None,
        };
        let (keys, need) = (vec![ann], Need::Any);
        let trust = Trust::new([("acme".to_owned(), Rule::Signed { keys, need })].into());
        Registry::new(vec![Box::new(remote.offline(is_offline))]).trusting(trust)
    };
    let module = "acme:greeting".parse()?;
    let any = VersionReq::STAR;
    let found = registry(false).resolve(&module, &any, None).await?;
    let pin = found.pin.context("a pin")?;
    let registry = registry(true);
    server.stop();
    let text = serde_json::to_string(&pin)?;
    let mut changed = 0;
    for place_of_byte in 0..text.len() {
        let mut damaged = text.clone().into_bytes();
        if let Some(byte) = damaged.get_mut(place_of_byte) {
            *byte ^= 1 << (place_of_byte % 7);
        }
        let Ok(written) = serde_json::from_slice::<Pin>(&damaged) else {
            continue;
        };
        if written == pin {
            continue;
        }
        changed += 1;
        // Who asks for nothing that is pinned is nobody that a pin is used for.
        if written.module != pin.module || written.requirement != pin.requirement {
            continue;
        }
        let taken = registry.resolve(&module, &any, Some(&written)).await;
        let is_refused = taken.map_or(true, |found| found.pin != Some(written));
        assert!(is_refused, "byte {place_of_byte} of {text}");
    }
    assert!(changed > 300, "{changed} of {}", text.len());
    registry.resolve(&module, &any, Some(&pin)).await?;
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
