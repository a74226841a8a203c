//! Who may come in, and over what.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};

use anyhow::Result;
use cellhost_plan::ModulePlace;

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

#[test]
fn the_words_of_a_registry_do_nothing_to_the_terminal() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let place = format!("oci+http://{}", listener.local_addr()?);
    let answering = std::thread::spawn(move || {
        let body = r#"{"errors": [{"code": "UNSUPPORTED", "message": "no\u001b[2J\u202e luck"}]}"#;
        for stream in listener.incoming().take(3) {
            let Ok(mut stream) = stream else { continue };
            let _ = stream.read(&mut [0; 4096]);
            let length = body.len();
            let head = format!("HTTP/1.1 400 Bad Request\r\nContent-Length: {length}\r\n");
            let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes());
        }
    });
    let site = Site::new()?;
    site.plan(&ModulePlace::parse(&place)?, "*")?;
    let refused = site.cellhost(&["check"])?.ends_with(1).says(&["luck"]);
    let written = refused.words + &refused.data;
    assert!(!written.contains(['\u{1b}', '\u{202e}']), "{written:?}");
    drop(answering);
    Ok(())
}
