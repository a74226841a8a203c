//! What may be published, and what never is.

use anyhow::Result;
use serde_json::json;

use crate::modules::{changed, greeting};
use crate::server::{Manner, Server};
use crate::site::Site;

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_published_stays_what_it_is() -> Result<()> {
    let server = Server::start(Manner::default())?;
    let site = Site::of(&server, "*")?;
    let place = server.place()?.to_string();
    let publish = ["module", "publish", "greeting.wasm", "--to", &place];
    let file = site.path().join("greeting.wasm");
    fs_err::write(&file, greeting("0.1.0")?)?;
    let first = site.cellhost(&publish)?.ends_with(0);
    site.cellhost(&publish)?
        .ends_with(0)
        .says(&["is there already, just as it is here"]);
    let other = changed("0.1.0", |embedded| {
        embedded.manifest.description = "Something else".to_owned();
    })?;
    fs_err::write(&file, other)?;
    site.cellhost(&publish)?
        .ends_with(1)
        .says(&["is there already, and is something else", "another version"]);
    // The same module is the same artifact, wherever and whenever it is published.
    let elsewhere = Server::start(Manner::default())?;
    let there = elsewhere.place()?.to_string();
    fs_err::write(&file, greeting("0.1.0")?)?;
    let again = site
        .cellhost(&["module", "publish", "greeting.wasm", "--to", &there])?
        .ends_with(0);
    let digest = |text: &str| text.trim().rsplit('@').next().map(str::to_owned);
    assert_eq!(digest(&first.data), digest(&again.data));
    fs_err::write(&file, b"nothing")?;
    site.cellhost(&publish)?
        .ends_with(1)
        .says(&["this is no finished module", "cellhost module build"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_are_refused_from_now_on_need_a_version_that_says_so() -> Result<()> {
    let server = Server::start(Manner::default())?;
    let site = Site::of(&server, "*")?;
    let place = server.place()?.to_string();
    let with = |version: &str, heap: serde_json::Value| {
        changed(version, |embedded| {
            embedded.schema = Some(json!({
                "type": "object", "properties": { "heap": heap }, "additionalProperties": false,
            }));
        })
    };
    let publish = |bytes: Vec<u8>| {
        fs_err::write(site.path().join("greeting.wasm"), bytes)?;
        site.cellhost(&["module", "publish", "greeting.wasm", "--to", &place])
    };
    publish(with("1.0.0", json!({ "type": "string" }))?)?.ends_with(0);
    publish(with("1.1.0", json!({ "type": "integer" }))?)?
        .ends_with(1)
        .says(&[
            "1.1.0 refuses settings that 1.0.0 accepts",
            "`heap` may be string no more",
            "call it 2.0.0",
        ]);
    publish(with("1.1.0", json!({ "type": ["integer", "string"] }))?)?.ends_with(0);
    publish(with("2.0.0", json!({ "type": "integer" }))?)?.ends_with(0);
    Ok(())
}
