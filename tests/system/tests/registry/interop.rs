//! What other tools put into registries and take from them: wkg, which knows WebAssembly, and skopeo,
//! which knows containers.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::modules::greeting;
use crate::server::{Manner, Server};
use crate::serving::shop;
use crate::signing::{ANN, manifest, with_keys};
use crate::site::{Ran, Site, publish_all, ran};

const GREETING: &str = "modules/acme/greeting";
const FILE: [&str; 4] = ["--config", "wkg.toml", "--cache", "wkg"];

impl Site {
    fn wkg(&self, arguments: &[&str]) -> Result<Ran> {
        let program = cellhost_system_tests::root().join("target/tools/bin/wkg");
        let ended = self.foreign(program, arguments).output();
        let missing = "wkg is missing: run `cargo xtask registry-test`, which builds it";
        Ok(ran(&ended.context(missing)?).ends_with(0))
    }

    fn skopeo(&self, arguments: &[&str]) -> Result<Ran> {
        let ended = self.foreign("skopeo", arguments).output();
        let missing = "skopeo is missing: `apt-get install skopeo`";
        Ok(ran(&ended.context(missing)?).ends_with(0))
    }

    /// Copies with skopeo, which asks nobody for certificates.
    fn copied(&self, words: &[&str]) -> Result<()> {
        let without_tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
        self.skopeo(&[&["--insecure-policy"], words, &without_tls].concat())?;
        Ok(())
    }

    fn copy(&self, from: &str, to: &str) -> Result<()> {
        self.copied(&[
            "copy",
            &format!("docker://{from}"),
            &format!("docker://{to}"),
        ])
    }

    /// What the lock says of the one module in it.
    fn locked(&self, key: &str) -> Result<String> {
        let lock = self.lock()?;
        let begin = format!("{key} = \"");
        let said = lock.lines().find_map(|line| line.strip_prefix(&begin));
        let said = said.with_context(|| format!("no `{key}` in: {lock}"))?;
        Ok(said.trim_end_matches('"').to_owned())
    }

    /// Fails unless an update takes exactly these bytes, by the manifest with this hash.
    fn takes(&self, manifest: &str, bytes: &[u8]) -> Result<()> {
        self.cellhost(&["update"])?.ends_with(0);
        assert_eq!(self.locked("manifest")?, manifest);
        let layer = self.locked("layer")?.replace(':', "/");
        self.has(&format!("home/.cache/cellhost/modules/{layer}"), bytes)
    }

    /// Fails unless a file here has exactly these bytes.
    fn has(&self, file: &str, bytes: &[u8]) -> Result<()> {
        let found = fs_err::read(self.path().join(file))?;
        assert!(found == bytes, "{} bytes and {}", found.len(), bytes.len());
        Ok(())
    }

    /// Tells wkg that `acme` is below this prefix of a registry, and more of that registry.
    fn configure_wkg(&self, host: &str, prefix: &str, more: &str) -> Result<()> {
        let oci = format!("{{ registry = \"{host}\", namespacePrefix = \"{prefix}\" }}");
        let metadata = format!("{{ preferredProtocol = \"oci\", oci = {oci} }}");
        let text = format!(
            "[namespace_registries]\nacme = {{ registry = \"{host}\", metadata = {metadata} }}\n\
             [registry.\"{host}\".oci]\n{more}\n"
        );
        Ok(fs_err::write(self.path().join("wkg.toml"), text)?)
    }
}

/// The hash of the manifest that `wkg oci push` wrote.
fn pushed(ran: &Ran) -> Result<&str> {
    let mut lines = ran.data.lines();
    let digest = lines.find_map(|line| line.strip_prefix("digest: "));
    digest.context("a digest")
}

#[test]
fn wkg_pulls_what_is_published_and_what_it_pushes_is_taken() -> Result<()> {
    let server = Server::start(Manner::default())?;
    let (place, host) = (server.place()?, server.host());
    let site = Site::of(&server, "^1")?;
    let at = |version: &str| format!("{host}/{GREETING}:{version}");
    site.publish(&place, "1.0.0", None)?;
    let from = at("1.0.0");
    site.wkg(&["oci", "pull", &from, "-o", "a.wasm", "--insecure", &host])?;
    site.has("a.wasm", &greeting("1.0.0")?)?;

    let next = greeting("1.1.0")?;
    fs_err::write(site.path().join("next.wasm"), &next)?;
    let to = at("1.1.0");
    let push = site.wkg(&["oci", "push", &to, "next.wasm", "--insecure", &host])?;
    site.takes(pushed(&push)?, &next)?;
    // A version like any other: it is never replaced, and whoever has a key signs it.
    site.publish(&place, "1.1.0", None)?
        .says(&["is there already, just as it is here"]);
    let signing = with_keys()?;
    signing
        .publish(&place, "1.1.0", Some("ann"))?
        .says(&["signed"]);
    signing.checked(&place, "^1.1", ANN)?.ends_with(0);
    Ok(())
}

#[test]
fn wkg_gets_the_highest_version_of_a_package_by_its_name() -> Result<()> {
    let server = Server::start(Manner::default())?;
    let site = with_keys()?;
    site.configure_wkg(&server.host(), "modules/", "protocol = \"http\"")?;
    // Signatures are tags beside the versions.
    for version in ["1.0.0", "1.9.0", "1.10.0"] {
        site.publish(&server.place()?, version, Some("ann"))?;
    }
    for (package, version) in [
        ("acme:greeting@1.0.0", "1.0.0"),
        ("acme:greeting", "1.10.0"),
    ] {
        let file = format!("./{version}.wasm");
        site.wkg(&[&["get", package, "-o", &file], &FILE[..]].concat())?;
        site.has(&file, &greeting(version)?)?;
    }
    Ok(())
}

#[test]
fn wkg_and_skopeo_come_in_where_a_registry_lets_nobody_else_in() -> Result<()> {
    let server = Server::start(Manner {
        tls: true,
        auth: true,
    })?;
    let (place, host) = (server.place()?, server.host());
    let mut site = Site::of(&server, "^1")?;
    site.trust(&server)?;
    // `ann:word`, as docker keeps it.
    let kept = json!({ "auths": { &host: { "auth": "YW5uOndvcmQ=" } } });
    fs_err::create_dir(site.path().join("home/.docker"))?;
    fs_err::write(
        site.path().join("home/.docker/config.json"),
        kept.to_string(),
    )?;
    site.publish(&place, "1.0.0", None)?;
    let bytes = greeting("1.0.0")?;
    let certificate = fs_err::read_to_string(server.certificate())?;
    let more =
        format!("extra_root_certificates = [{{ encoding = \"pem\", data = '''{certificate}''' }}]");
    site.configure_wkg(&host, "modules/", &more)?;
    let get = ["get", "acme:greeting@1.0.0", "-o", "./a.wasm"];
    site.wkg(&[&get, &FILE[..]].concat())?;
    site.has("a.wasm", &bytes)?;

    let open = Server::start(Manner::default())?;
    let of = |host: &str| format!("docker://{host}/{GREETING}:1.0.0");
    let words = ["--insecure-policy", "copy", "--dest-tls-verify=false"];
    site.skopeo(&[&words[..], &[&of(&host), &of(&open.host())]].concat())?;
    Site::of(&open, "^1")?.cellhost(&["check"])?.ends_with(0);

    let (name, path) = ("SSL_CERT_FILE", server.certificate().display().to_string());
    site.variables.push((name.to_owned(), path));
    let next = greeting("1.1.0")?;
    fs_err::write(site.path().join("next.wasm"), &next)?;
    let push = site.wkg(&[
        "oci",
        "push",
        &format!("{host}/{GREETING}:1.1.0"),
        "next.wasm",
    ])?;
    site.takes(pushed(&push)?, &next)?;
    Ok(())
}

#[test]
fn what_skopeo_copies_is_the_same_and_signed_where_its_signatures_come_along() -> Result<()> {
    let [server, other, third] = [(); 3].map(|()| Server::start(Manner::default()));
    let (server, other, third) = (server?, other?, third?);
    let site = with_keys()?;
    let published = manifest(&site.publish(&server.place()?, "1.0.0", Some("ann"))?)?;
    let of = |server: &Server, tag: &str| format!("{}/{GREETING}:{tag}", server.host());
    site.copy(&of(&server, "1.0.0"), &of(&other, "1.0.0"))?;
    site.plan(&other.place()?, "^1")?;
    site.takes(&published, &greeting("1.0.0")?)?;
    site.checked(&other.place()?, "^1", ANN)?
        .ends_with(1)
        .says(&["nobody has signed `acme:greeting`"]);
    let signature = format!("{}.sig", published.replace(':', "-"));
    site.copy(&of(&server, &signature), &of(&other, &signature))?;
    site.checked(&other.place()?, "^1", ANN)?.ends_with(0);

    // All that there is of a module, at once.
    let from = format!("{}/{GREETING}", server.host());
    let to = format!("{}/modules/acme", third.host());
    site.copied(&["sync", "--src", "docker", "--dest", "docker", &from, &to])?;
    let mirrored = Site::new()?;
    fs_err::copy(site.path().join("ann.pub"), mirrored.path().join("ann.pub"))?;
    mirrored.checked(&third.place()?, "^1", ANN)?.ends_with(0);
    mirrored.takes(&published, &greeting("1.0.0")?)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_is_there_for_wkg_and_skopeo() -> Result<()> {
    let shop = shop()?;
    let (place, _running) = shop.serve("modules")?;
    let host = place.host.as_str();
    let bytes = greeting("1.10.0")?;
    // As it would be had it been published.
    let server = Server::start(Manner::default())?;
    let published = publish_all(&server, &["1.10.0"]).await?;
    let (_, digest) = published[0].address.split_once('@').context("a hash")?;
    for (name, file) in [
        (format!("{host}/acme/greeting:1.10.0"), "tag.wasm"),
        (format!("{host}/acme/greeting@{digest}"), "hash.wasm"),
    ] {
        shop.wkg(&["oci", "pull", &name, "-o", file, "--insecure", host])?;
        shop.has(file, &bytes)?;
    }
    shop.configure_wkg(host, "", "protocol = \"http\"")?;
    shop.wkg(&[&["get", "acme:greeting", "-o", "./last.wasm"], &FILE[..]].concat())?;
    shop.has("last.wasm", &bytes)?;

    let other = Server::start(Manner::default())?;
    let from = format!("{host}/acme/greeting:1.10.0");
    shop.copy(&from, &format!("{}/{GREETING}:1.10.0", other.host()))?;
    Site::of(&other, "^1")?.takes(digest, &bytes)?;
    let ask = |words: &[&str]| shop.skopeo(&[words, &["--tls-verify=false"]].concat());
    let from = format!("docker://{from}");
    let raw = ask(&["inspect", "--raw", &from])?;
    fs_err::write(shop.path().join("manifest.json"), &raw.data)?;
    let hash = shop.skopeo(&["manifest-digest", "manifest.json"])?;
    assert_eq!(hash.data.trim(), digest);
    let config: Value = serde_json::from_str(&ask(&["inspect", "--config", "--raw", &from])?.data)?;
    assert_eq!(config["architecture"], "wasm");
    let tags = ask(&["list-tags", &format!("docker://{host}/acme/greeting")])?;
    let tags: Value = serde_json::from_str(&tags.data)?;
    assert_eq!(tags["Tags"], json!(["1.0.0", "1.10.0", "1.9.0"]));
    Ok(())
}
