//! Who may come in, and over what.

use anyhow::Result;

use crate::modules::greeting;
use crate::server::{Manner, Server};
use crate::site::Site;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_known_is_told_how_to_log_in() -> Result<()> {
    let server = Server::start(Manner {
        auth: true,
        ..Manner::default()
    })?;
    let mut site = Site::of(&server, "*")?;
    let file = site.path().join("greeting.wasm");
    fs_err::write(&file, greeting("0.1.0")?)?;
    let place = server.place()?.to_string();
    let publish = ["module", "publish", "greeting.wasm", "--to", &place];
    let host = server.host();
    let log_in = format!("docker login {host}");
    site.cellhost(&publish)?
        .ends_with(1)
        .says(&["may not be used by nobody", &log_in]);
    site.variables = vec![(
        "CELLHOST_REGISTRY_AUTH".to_owned(),
        format!("{host}=ann:wrong"),
    )];
    site.cellhost(&publish)?.ends_with(1).says(&[&log_in]);
    site.variables.clear();
    site.log_in(&server);
    site.cellhost(&publish)?
        .ends_with(0)
        .says(&["published acme:greeting 0.1.0", "@sha256:"]);
    site.cellhost(&["check"])?.ends_with(0);

    // The same by what docker and podman keep: `ann:word`.
    site.variables.clear();
    let kept = format!(r#"{{"auths": {{"{host}": {{"auth": "YW5uOndvcmQ="}}}}}}"#);
    for (name, place) in [
        ("docker", "home/.docker/config.json"),
        ("podman", "run/containers/auth.json"),
    ] {
        let other = Site::of(&server, "*")?;
        let file = other.path().join(place);
        fs_err::create_dir_all(file.parent().unwrap_or(&file))?;
        fs_err::write(&file, &kept)?;
        let mut command = other.command(&["check"])?;
        command.env("XDG_RUNTIME_DIR", other.path().join("run"));
        let ran = crate::site::ran(&command.output()?);
        assert_eq!(ran.code, Some(0), "{name}: {}", ran.words);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_with_an_authority_of_its_own_is_trusted_where_it_is_named() -> Result<()> {
    let server = Server::start(Manner {
        tls: true,
        auth: true,
    })?;
    let mut site = Site::of(&server, "*")?;
    fs_err::write(site.path().join("greeting.wasm"), greeting("0.1.0")?)?;
    let place = server.place()?.to_string();
    let publish = ["module", "publish", "greeting.wasm", "--to", &place];
    site.log_in(&server);
    site.cellhost(&publish)?
        .ends_with(1)
        .says(&["cannot be reached", "certificate"]);
    site.trust(&server)?;
    site.cellhost(&publish)?.ends_with(0);
    site.cellhost(&["update"])?.ends_with(0);
    site.cellhost(&["check", "--locked", "--offline"])?
        .ends_with(0);
    Ok(())
}
