//! What this program offers to others: over HTTP, and as files for any web server.

use anyhow::Result;
use cellhost_plan::ModulePlace;

use crate::modules::greeting;
use crate::server::Files;
use crate::site::Site;

pub(crate) fn shop() -> Result<Site> {
    let site = Site::new()?;
    let modules = site.path().join("modules");
    fs_err::create_dir(&modules)?;
    for version in ["1.0.0", "1.9.0", "1.10.0"] {
        fs_err::write(modules.join(format!("{version}.wasm")), greeting(version)?)?;
    }
    fs_err::write(modules.join("other.wasm"), b"no module")?;
    Ok(site)
}

/// Takes the greeting from a place that knows 1.10.0 and nothing above, and keeps to it.
fn takes_from(place: &ModulePlace) -> Result<Site> {
    let site = Site::new()?;
    site.plan(place, "^1")?;
    site.cellhost(&["why", "greeting"])?
        .ends_with(0)
        .says(&["1.10.0 from", "1.10.0, 1.9.0, 1.0.0"]);
    site.cellhost(&["update"])?.ends_with(0);
    site.cellhost(&["check", "--locked", "--offline"])?
        .ends_with(0);
    Ok(site)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_a_registry_that_can_be_read_and_nothing_else() -> Result<()> {
    let shop = shop()?;
    let (place, _running) = shop.serve("modules")?;
    let site = takes_from(&place)?;
    // What is added is there at once.
    fs_err::write(shop.path().join("modules/new.wasm"), greeting("1.11.0")?)?;
    site.cellhost(&["why", "greeting"])?
        .ends_with(0)
        .says(&["1.11.0, 1.10.0"]);
    fs_err::write(site.path().join("greeting.wasm"), greeting("2.0.0")?)?;
    let to = place.to_string();
    site.cellhost(&["module", "publish", "greeting.wasm", "--to", &to])?
        .ends_with(1)
        .says(&["this registry can only be read"]);
    // What is no address of anything is nothing.
    let client = reqwest::Client::new();
    for address in [
        "v2/acme/greeting/blobs/..%2f..%2fetc%2fpasswd",
        "v2/acme/greeting/manifests/9.9.9",
        "v2/acme/nothing/tags/list",
        "v2/../etc/passwd",
        "etc/passwd",
    ] {
        let url = format!("http://{}/{address}", place.host);
        assert_eq!(client.get(&url).send().await?.status(), 404, "{url}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn any_web_server_is_a_registry_of_what_index_writes() -> Result<()> {
    let shop = shop()?;
    shop.cellhost(&["registry", "index", "modules", "-o", "www"])?
        .ends_with(0)
        .says(&["3 modules"]);
    let files = Files::start(shop.path().join("www"))?;
    takes_from(&files.place()?)?;
    Ok(())
}

#[test]
fn two_files_that_say_they_are_the_same_are_offered_to_nobody() -> Result<()> {
    let shop = shop()?;
    fs_err::write(shop.path().join("modules/twin.wasm"), greeting("1.0.0")?)?;
    shop.cellhost(&["registry", "index", "modules", "-o", "www"])?
        .ends_with(1)
        .says(&["1.0.0.wasm", "twin.wasm", "are both acme:greeting 1.0.0"]);
    Ok(())
}
