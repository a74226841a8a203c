//! Finding, fetching, keeping to what was found.

use std::collections::BTreeSet;
use std::process::Stdio;

use anyhow::Result;

use crate::modules::greeting;
use crate::server::{Manner, Server};
use crate::site::{Site, publish_all, ran};

#[tokio::test(flavor = "multi_thread")]
async fn the_highest_that_will_do_is_taken_and_kept_to_without_a_network() -> Result<()> {
    let mut server = Server::start(Manner::default())?;
    publish_all(
        &server,
        &["0.1.0", "0.1.2", "0.1.10", "0.2.0-rc.1", "0.2.0"],
    )
    .await?;
    let site = Site::of(&server, "^0.1")?;
    site.cellhost(&["why", "greeting"])?.ends_with(0).says(&[
        "acme:greeting ^0.1, asked for at plan.toml:",
        "0.1.10 from oci+http://",
        "0.2.0, 0.2.0-rc.1, 0.1.10, 0.1.2, 0.1.0",
    ]);
    site.cellhost(&["check", "--locked"])?
        .ends_with(2)
        .says(&["cellhost.lock does not say", "`cellhost update`"]);
    site.cellhost(&["update"])?.ends_with(0).says(&[
        "acme:greeting ^0.1: 0.1.10",
        "+ writes /etc/greeting",
        "+ imports cellhost:",
        "cellhost.lock is written",
    ]);
    let lock = site.lock()?;
    assert!(lock.contains("version = \"0.1.10\""), "{lock}");

    // What is published later is for another update, and nobody is asked meanwhile.
    publish_all(&server, &["0.1.11"]).await?;
    let before = server.asked()?.len();
    site.cellhost(&["check", "--locked"])?.ends_with(0);
    assert_eq!(server.asked()?.len(), before);
    server.stop();
    for arguments in [["check", "--offline"], ["check", "--locked"]] {
        site.cellhost(&arguments)?.ends_with(0);
    }
    site.plan(&server.place()?, "^0.2")?;
    site.cellhost(&["check", "--offline"])?.ends_with(1).says(&[
        "the network is not to be used",
        "run once without `--offline`",
    ]);
    assert_eq!(site.lock()?, lock);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_says_what_a_newer_version_would_do_more() -> Result<()> {
    let server = Server::start(Manner::default())?;
    publish_all(&server, &["1.0.0"]).await?;
    let site = Site::of(&server, "^1")?;
    site.cellhost(&["update"])?.ends_with(0);
    site.cellhost(&["update"])?
        .ends_with(0)
        .says(&["acme:greeting ^1: 1.0.0 as before"]);
    let wider = crate::modules::changed("1.1.0", |embedded| {
        let asks = "[[asks]]\nwhy = \"more\"\npaths = [\"/etc/shadow\"]\n";
        let text = format!("name = \"greeting\"\nversion = \"1.1.0\"\n{asks}");
        let manifest = cellhost_manifest::Manifest::parse("module.toml", &text);
        embedded.manifest.asks = manifest.expect("a manifest").asks;
    })?;
    cellhost_registry::publish(&server.place()?, &wider, 0, None).await?;
    let lock = site.lock()?;
    let told = [
        "1.1.0 in the place of 1.0.0",
        "+ writes /etc/shadow",
        "- writes /etc/greeting",
    ];
    site.cellhost(&["update", "--dry-run"])?
        .ends_with(0)
        .says(&told)
        .says(&["nothing was written"]);
    assert_eq!(site.lock()?, lock);
    site.cellhost(&["update", "--module", "greeting"])?
        .ends_with(2)
        .says(&told)
        .says(&[
            "modules ask for more than cellhost.lock has",
            "+ acme:greeting 1.1.0: writes /etc/shadow",
            "`cellhost update --accept`",
        ]);
    assert_eq!(site.lock()?, lock);
    // A plan that wants the newer one itself has not seen what it asks for either.
    site.plan(&server.place()?, "^1.1")?;
    site.cellhost(&["check"])?
        .ends_with(2)
        .says(&["+ acme:greeting 1.1.0: writes /etc/shadow"]);
    site.plan(&server.place()?, "^1")?;
    site.cellhost(&["check"])?.ends_with(0);
    site.cellhost(&["update", "--module", "greeting", "--accept"])?
        .ends_with(0)
        .says(&told);
    assert!(site.lock()?.contains("version = \"1.1.0\""));
    site.cellhost(&["update", "--module", "nothing"])?
        .ends_with(2)
        .says(&["the plan has no module `nothing`"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_highest_of_500_versions_is_found_over_pages() -> Result<()> {
    let server = Server::start(Manner::default())?;
    let bytes = greeting("1.0.0")?;
    // One module under many tags, of which the highest by number is not the last by letter.
    let place = server.place()?;
    cellhost_registry::publish(&place, &bytes, 0, None).await?;
    let repository = format!("http://{}/v2/{}", server.host(), "modules/acme/greeting");
    let client = reqwest::Client::new();
    let manifest = client
        .get(format!("{repository}/manifests/1.0.0"))
        .header("Accept", "application/vnd.oci.image.manifest.v1+json")
        .send()
        .await?
        .bytes()
        .await?;
    for minor in 1..500 {
        let put = client
            .put(format!("{repository}/manifests/1.{minor}.0"))
            .header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
            .body(manifest.clone())
            .send()
            .await?;
        assert!(put.status().is_success());
    }
    cellhost_registry::publish(&place, &greeting("1.500.0")?, 0, None).await?;
    let site = Site::of(&server, "^1")?;
    site.cellhost(&["why", "greeting"])?
        .ends_with(0)
        .says(&["1.500.0 from", "1.499.0", "1.0.0"]);
    let pages = server.asked()?;
    let pages = pages.iter().filter(|line| line.contains("/tags/list"));
    assert!(pages.count() >= 6);
    // A tag that is not what it says is refused.
    site.plan(&place, "=1.499.0")?;
    site.cellhost(&["check"])?
        .ends_with(1)
        .says(&["gave `acme:greeting 1.0.0` for module `acme:greeting` 1.499.0"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_programs_at_once_fetch_it_once() -> Result<()> {
    let server = Server::start(Manner::default())?;
    publish_all(&server, &["0.1.0"]).await?;
    let site = Site::of(&server, "*")?;
    let before = server.asked()?.len();
    let mut all = Vec::new();
    for _ in 0..50 {
        let mut command = site.command(&["why", "greeting"])?;
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        all.push(command.spawn()?);
    }
    for one in all {
        ran(&one.wait_with_output()?).ends_with(0);
    }
    let asked = server.asked()?;
    // The configuration and the module.
    let blobs = asked.iter().skip(before);
    let blobs = blobs.filter_map(|line| line.split("/blobs/").nth(1));
    let once: BTreeSet<&str> = blobs.clone().collect();
    assert_eq!((blobs.count(), once.len()), (2, 2), "{asked:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_is_its_registrys_alone_and_the_rest_are_the_defaults() -> Result<()> {
    let server = Server::start(Manner::default())?;
    publish_all(&server, &["0.1.0"]).await?;
    let site = Site::of(&server, "*")?;
    let place = server.place()?;
    let plan = fs_err::read_to_string(site.path().join("plan.toml"))?;
    let by_default = plan.replace(
        &format!("[registry.namespaces]\nacme = \"{place}\""),
        &format!("[registry]\ndefault = \"{place}\""),
    );
    fs_err::write(site.path().join("plan.toml"), by_default)?;
    site.cellhost(&["check"])?.ends_with(0);
    let elsewhere = plan.replace("acme = ", "others = ");
    fs_err::write(site.path().join("plan.toml"), elsewhere)?;
    site.cellhost(&["check"])?.ends_with(2).says(&[
        "there is no module `acme:greeting`",
        "known are `cellhost:galera`",
    ]);
    Ok(())
}
