//! Who vouches for a module, and what becomes of one that nobody vouches for.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use cellhost_plan::ModulePlace;
use serde_json::{Value, json};

use crate::modules::greeting;
use crate::server::{Manner, Server};
use crate::site::{Ran, Site};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A site with two keys, `ann` and `bob`.
pub(crate) fn with_keys() -> Result<Site> {
    let site = Site::new()?;
    for name in ["ann", "bob"] {
        site.cellhost(&["key", "new", name])?.ends_with(0);
    }
    Ok(site)
}

impl Site {
    /// Publishes the greeting, signed by this key if by any.
    pub(crate) fn publish(
        &self,
        place: &ModulePlace,
        version: &str,
        key: Option<&str>,
    ) -> Result<Ran> {
        fs_err::write(self.path().join("greeting.wasm"), greeting(version)?)?;
        let place = place.to_string();
        let mut words = vec!["module", "publish", "greeting.wasm", "--to", &place];
        let file = key.map(|key| format!("{key}.key"));
        if let Some(file) = &file {
            words.extend(["--key", file]);
        }
        Ok(self.cellhost(&words)?.ends_with(0))
    }

    /// What `check` says where the plan trusts like this.
    pub(crate) fn checked(
        &self,
        place: &ModulePlace,
        requirement: &str,
        trust: &str,
    ) -> Result<Ran> {
        self.plan_trusting(place, requirement, trust)?;
        self.cellhost(&["check"])
    }
}

/// The hash of the manifest in the address that `publish` writes.
pub(crate) fn manifest(ran: &Ran) -> Result<String> {
    let digest = ran.data.trim().rsplit('@').next();
    Ok(digest.context("an address")?.to_owned())
}

pub(crate) const ANN: &str = "{ keys = [\"ann.pub\"] }";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_signed_is_taken_and_stays_verified_without_a_network() -> Result<()> {
    let mut server = Server::start(Manner::default())?;
    let place = server.place()?;
    let site = with_keys()?;
    site.publish(&place, "1.0.0", Some("ann"))?
        .says(&["signed"]);
    site.checked(&place, "^1", ANN)?.ends_with(0);
    site.cellhost(&["update"])?.ends_with(0);
    server.stop();
    site.cellhost(&["check", "--locked", "--offline"])?
        .ends_with(0);
    // The lock is nobody's word: what it says is verified each time, by the keys of the plan.
    site.plan_trusting(&place, "^1", "{ keys = [\"bob.pub\"] }")?;
    site.cellhost(&["check", "--offline"])?
        .ends_with(1)
        .says(&["is signed, and by none of the keys", "bob.pub"]);
    site.plan_trusting(&place, "^1", ANN)?;
    let lock = site.lock()?;
    let begin = lock.find("signature = \"").context("a signature")? + 30;
    let mut damaged = lock.clone();
    let other = if lock.get(begin..=begin) == Some("A") {
        "B"
    } else {
        "A"
    };
    damaged.replace_range(begin..=begin, other);
    fs_err::write(site.path().join("cellhost.lock"), damaged)?;
    site.cellhost(&["check", "--offline"])?
        .ends_with(1)
        .says(&["by none of the keys"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_trusted_has_signed_is_not_run_and_told_why() -> Result<()> {
    let server = Server::start(Manner::default())?;
    let place = server.place()?;
    let site = with_keys()?;

    // Nobody has signed it, and the plan says nothing, or wants a signature.
    site.publish(&place, "1.0.0", None)?.says(&["not signed"]);
    site.plan(&place, "^1")?;
    let unsaid =
        fs_err::read_to_string(site.path().join("plan.toml"))?.replace("acme = \"unsigned\"", "");
    fs_err::write(site.path().join("plan.toml"), unsaid)?;
    site.cellhost(&["check"])?.ends_with(1).says(&[
        "the plan does not say whom to trust for `acme`",
        "acme = \"unsigned\"",
    ]);
    site.checked(&place, "^1", ANN)?
        .ends_with(1)
        .says(&["nobody has signed `acme:greeting`", "--key"]);

    // An unknown key; then one that replaces it, whose owner signs what was there already.
    site.publish(&place, "1.0.0", Some("bob"))?;
    site.checked(&place, "^1", ANN)?
        .ends_with(1)
        .says(&["by none of the keys that the plan trusts: ", "ann.pub"]);
    let both = "{ keys = [\"ann.pub\", \"bob.pub\"], need = \"all\" }";
    site.checked(&place, "^1", both)?.ends_with(1).says(&[
        "is not signed by",
        "ann.pub",
        "each of its keys",
    ]);
    site.publish(&place, "1.0.0", Some("ann"))?
        .says(&["is there already", "signed"]);
    site.checked(&place, "^1", ANN)?.ends_with(0);
    site.checked(&place, "^1", both)?.ends_with(0);

    // A key that counted until yesterday, and one that counts for long.
    let until = |day: &str| format!("{{ keys = [{{ file = \"ann.pub\", until = \"{day}\" }}] }}");
    site.checked(&place, "^1", &until("2020-12-31"))?
        .ends_with(1)
        .says(&["which is trusted until 2020-12-31 and no longer"]);
    site.checked(&place, "^1", &until("9999-12-31"))?
        .ends_with(0);

    // Signatures of another artifact.
    let first = manifest(&site.publish(&place, "1.0.0", None)?)?;
    let second = manifest(&site.publish(&place, "2.0.0", None)?)?;
    let client = reqwest::Client::new();
    let base = format!(
        "http://{}/v2/modules/acme/greeting/manifests",
        server.host()
    );
    let tag = |manifest: &str| format!("{base}/{}.sig", manifest.replace(':', "-"));
    let get = client.get(tag(&first)).header("Accept", MANIFEST);
    let signatures = get.send().await?.bytes().await?;
    let put = client
        .put(tag(&second))
        .header("Content-Type", MANIFEST)
        .body(signatures);
    assert!(put.send().await?.status().is_success());
    site.checked(&place, "^2", ANN)?.ends_with(1).says(&[
        "what is signed is not this",
        &first,
        &second,
    ]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_never_replaced_and_what_is_none_is_named() -> Result<()> {
    let site = with_keys()?;
    site.cellhost(&["key", "new", "ann"])?
        .ends_with(1)
        .says(&["cannot write `ann.key`"]);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs_err::metadata(site.path().join("ann.key"))?.permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    let public = site.cellhost(&["key", "public", "ann.key"])?.ends_with(0);
    assert_eq!(
        public.data,
        fs_err::read_to_string(site.path().join("ann.pub"))?
    );
    fs_err::write(site.path().join("bob.pub"), "no key")?;
    let place = ModulePlace::parse("oci+http://127.0.0.1:1")?;
    for (file, words) in [("bob.pub", "this is no public key"), ("eve.pub", "eve.pub")] {
        let trust = format!("{{ keys = [\"{file}\"] }}");
        site.checked(&place, "^1", &trust)?
            .ends_with(2)
            .says(&[words]);
    }
    Ok(())
}

/// cosign itself is not here. openssl stands in for it: the same keys, hashes and signatures, over a text
/// and in a place that are written as cosign's specification has them.
#[tokio::test(flavor = "multi_thread")]
async fn signatures_are_those_of_cosign() -> Result<()> {
    let server = Server::start(Manner::default())?;
    let place = server.place()?;
    let site = with_keys()?;
    let own = site.path();
    let published = manifest(&site.publish(&place, "1.0.0", Some("ann"))?)?;
    let base = format!("http://{}/v2/modules/acme/greeting", server.host());
    let client = reqwest::Client::new();
    let tag = format!("{base}/manifests/{}.sig", published.replace(':', "-"));
    let text = client
        .get(&tag)
        .header("Accept", MANIFEST)
        .send()
        .await?
        .text()
        .await?;
    let beside: Value = serde_json::from_str(&text)?;
    let layer = beside.pointer("/layers/0").context("a layer")?;
    assert_eq!(
        layer["mediaType"],
        "application/vnd.dev.cosign.simplesigning.v1+json"
    );
    let signature = layer["annotations"]["dev.cosignproject.cosign/signature"].as_str();
    let digest = layer["digest"].as_str().context("a digest")?;
    let payload = client
        .get(format!("{base}/blobs/{digest}"))
        .send()
        .await?
        .bytes()
        .await?;
    fs_err::write(own.join("payload"), &payload)?;
    let signature = openssl(
        own,
        "base64 -d -A",
        signature.context("a signature")?.as_bytes(),
    )?;
    fs_err::write(own.join("signature"), signature)?;
    let said = openssl(
        own,
        "dgst -sha256 -verify ann.pub -signature signature payload",
        b"",
    )?;
    assert_eq!(String::from_utf8_lossy(&said).trim(), "Verified OK");

    // The other way round: a key and a signature that were made elsewhere.
    openssl(
        own,
        "ecparam -genkey -name prime256v1 -noout -out eve.key",
        b"",
    )?;
    openssl(own, "ec -in eve.key -pubout -out eve.pub", b"")?;
    let payload = format!(
        "{{\"critical\":{{\"identity\":{{\"docker-reference\":\"\"}},\"image\":{{\
         \"docker-manifest-digest\":\"{published}\"}},\"type\":\"cosign container image signature\"}},\
         \"optional\":{{\"creator\":\"eve\"}}}}"
    );
    let signed = openssl(own, "dgst -sha256 -sign eve.key", payload.as_bytes())?;
    let signed = String::from_utf8(openssl(own, "base64 -A", &signed)?)?;
    let digest = put_blob(&client, &base, own, payload.as_bytes()).await?;
    let config = put_blob(&client, &base, own, b"{}").await?;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2 },
        "layers": [{
            "mediaType": layer["mediaType"], "digest": digest, "size": payload.len(),
            "annotations": { "dev.cosignproject.cosign/signature": signed },
        }],
    });
    let put = client
        .put(&tag)
        .header("Content-Type", MANIFEST)
        .body(manifest.to_string());
    assert!(put.send().await?.status().is_success());
    site.checked(&place, "^1", "{ keys = [\"eve.pub\"] }")?
        .ends_with(0);
    site.checked(&place, "^1", ANN)?.ends_with(1);
    Ok(())
}

async fn put_blob(
    client: &reqwest::Client,
    base: &str,
    place: &Path,
    bytes: &[u8],
) -> Result<String> {
    let digest = String::from_utf8(openssl(place, "dgst -sha256 -r", bytes)?)?;
    let digest = format!("sha256:{}", digest.split(' ').next().unwrap_or_default());
    let begun = client.post(format!("{base}/blobs/uploads/")).send().await?;
    let location = begun.headers().get("location").context("a location")?;
    let url = format!("{}&digest={digest}", location.to_str()?);
    let put = client.put(url).body(bytes.to_vec()).send().await?;
    assert!(put.status().is_success());
    Ok(digest)
}

fn openssl(place: &Path, words: &str, input: &[u8]) -> Result<Vec<u8>> {
    let mut child = Command::new("openssl")
        .args(words.split(' '))
        .current_dir(place)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("openssl is missing: `apt-get install openssl`")?;
    child.stdin.take().context("its input")?.write_all(input)?;
    let ended = child.wait_with_output()?;
    if !ended.status.success() {
        bail!("{words}: {}", String::from_utf8_lossy(&ended.stderr));
    }
    Ok(ended.stdout)
}
