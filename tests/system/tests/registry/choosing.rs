//! Which bytes a plan means where it says more than a version: what it never takes, what was yanked,
//! what it names by a hash, and mirrors.

use anyhow::{Context as _, Result};

use crate::modules::greeting;
use crate::server::{Manner, Server};
use crate::site::{Site, publish_all};

#[tokio::test(flavor = "multi_thread")]
async fn a_yanked_version_is_taken_by_its_name_only_and_everybody_is_told_why() -> Result<()> {
    let server = Server::start(Manner::default())?;
    let place = server.place()?;
    publish_all(&server, &["1.0.0", "1.1.0"]).await?;
    let early = Site::of(&server, "^1")?;
    early.cellhost(&["update"])?.ends_with(0);
    let yank = |version: &str, reason: &str| {
        let place = place.to_string();
        let words = ["module", "yank", "acme:greeting", version, "--from", &place];
        early.cellhost(&[&words[..], &["--reason", reason]].concat())
    };
    yank("1.1.0", "it greets\u{1b}[2J the wrong ones")?
        .ends_with(0)
        .says(&["yanked acme:greeting 1.1.0"]);
    yank("1.1.0", "something else")?
        .ends_with(0)
        .says(&["was yanked before"]);
    yank("1.2.0", "it is not there")?
        .ends_with(1)
        .says(&["there is no such version"]);

    // Who has it goes on with it, until an update.
    early.cellhost(&["check", "--locked"])?.ends_with(0);
    let late = Site::of(&server, "^1")?;
    let told = late.cellhost(&["why", "greeting"])?.ends_with(0).says(&[
        "1.0.0 from",
        "1.1.0 (yanked: it greets",
        "the wrong ones)",
    ]);
    assert!(!told.data.contains('\u{1b}'), "{}", told.data);
    early
        .cellhost(&["update"])?
        .ends_with(0)
        .says(&["1.0.0 in the place of 1.1.0"]);
    late.plan(&place, "^1.1")?;
    late.cellhost(&["check"])?
        .ends_with(2)
        .says(&["1.1.0 (", "yanked)"]);
    late.plan(&place, "=1.1.0")?;
    late.cellhost(&["update"])?
        .ends_with(0)
        .says(&["acme:greeting 1.1.0 was yanked: it greets"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plan_denies_is_not_taken_though_it_is_locked() -> Result<()> {
    let server = Server::start(Manner::default())?;
    publish_all(&server, &["1.0.0", "1.1.0"]).await?;
    let site = Site::of(&server, "^1")?;
    site.cellhost(&["update"])?.ends_with(0);
    let plan = site.path().join("plan.toml");
    let text = fs_err::read_to_string(&plan)?;
    let deny =
        "[registry.deny]\n\"acme:greeting\" = { versions = \">=1.1\", reason = \"CVE-1\" }\n";
    fs_err::write(&plan, format!("{text}\n{deny}"))?;
    site.cellhost(&["check"])?.ends_with(2).says(&[
        "the plan takes no `acme:greeting` 1.1.0: CVE-1",
        "`cellhost update --module acme:greeting`",
    ]);
    site.cellhost(&["update", "--module", "acme:greeting"])?
        .ends_with(0)
        .says(&["1.0.0 in the place of 1.1.0"]);
    site.cellhost(&["why", "greeting"])?
        .ends_with(0)
        .says(&["1.1.0 (denied by the plan)"]);
    // This holds for what is inside the program as well.
    let deny = "[registry.deny]\nzookeeper = \"*\"\n\n[modules.zookeeper]\non = \"m1\"\n";
    fs_err::write(&plan, format!("{text}\n{deny}"))?;
    site.cellhost(&["check"])?
        .ends_with(2)
        .says(&["(builtin, denied)"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_in_the_plan_says_which_bytes_and_needs_nobodys_word() -> Result<()> {
    let mut server = Server::start(Manner::default())?;
    let published = publish_all(&server, &["1.0.0", "1.1.0"]).await?;
    let site = Site::new()?;
    let plan = |address: &str, more: &str| {
        let text = format!(
            "cell = \"greetings\"\n\n[machines]\nm1 = {{ address = \"192.0.2.1\" }}\n\n\
             [modules.greeting]\nmodule = \"{address}\"\non = \"m1\"\ngrants = \"asked\"\n{more}\
             settings = {{ greeting = \"hello\" }}\n"
        );
        fs_err::write(site.path().join("plan.toml"), text)
    };
    // As `publish` prints it, with the version before the hash.
    let address = &published.first().context("one")?.address;
    plan(address, "")?;
    site.cellhost(&["why", "greeting"])?.ends_with(0).says(&[
        "1.0.0 from oci+http://",
        "whose manifest the plan names: sha256:",
    ]);
    site.cellhost(&["update"])?.ends_with(0);
    assert!(!site.path().join("cellhost.lock").exists());
    let hash = address.rsplit('@').next().context("a hash")?;
    let other = published.last().context("one")?.address.rsplit('@').next();
    let swapped = address.replace(hash, other.context("a hash")?);
    plan(&swapped, "version = \"^1.1\"\n")?;
    site.cellhost(&["check"])?.ends_with(0);
    plan(address, "version = \"^1.1\"\n")?;
    site.cellhost(&["check"])?.ends_with(2).says(&[
        "no version of module `acme:greeting` matches",
        "there are 1.0.0",
    ]);
    let nothing = address.replace(hash, &format!("sha256:{}", "0".repeat(64)));
    plan(&nothing, "")?;
    site.cellhost(&["check"])?
        .ends_with(1)
        .says(&["it is not there any more"]);
    // What was fetched is enough.
    server.stop();
    plan(address, "")?;
    site.cellhost(&["check", "--locked", "--offline"])?
        .ends_with(0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_gives_what_the_registry_would_and_nothing_else() -> Result<()> {
    let mut server = Server::start(Manner::default())?;
    let mirror = Server::start(Manner::default())?;
    publish_all(&server, &["1.0.0", "1.1.0"]).await?;
    let site = Site::of(&server, "^1")?;
    site.cellhost(&["update"])?.ends_with(0);
    let lock = site.lock()?;

    // The same artifact is in the mirror, below another prefix.
    let file = site.path().join("greeting.wasm");
    let to = format!("oci+http://{}/copies/modules", mirror.host());
    for version in ["1.0.0", "1.1.0"] {
        fs_err::write(&file, greeting(version)?)?;
        site.cellhost(&["module", "publish", "greeting.wasm", "--to", &to])?
            .ends_with(0);
    }
    server.stop();
    let other = Site::of(&server, "^1")?;
    let plan = other.path().join("plan.toml");
    let rule = format!(
        "\n[registry.mirrors]\n\"oci+http://{}\" = \"oci+http://{}/copies\"\n",
        server.host(),
        mirror.host()
    );
    fs_err::write(&plan, fs_err::read_to_string(&plan)? + &rule)?;
    other.cellhost(&["update"])?.ends_with(0);
    assert_eq!(other.lock()?, lock, "the lock keeps the origin");
    other.cellhost(&["why", "greeting"])?.ends_with(0).says(&[
        "by way of oci+http://",
        "/copies/modules, as cellhost.lock says",
        "1.1.0, 1.0.0",
    ]);
    let third = Site::new()?;
    for name in ["plan.toml", "cellhost.lock"] {
        fs_err::copy(other.path().join(name), third.path().join(name))?;
    }
    third.cellhost(&["check", "--locked"])?.ends_with(0);
    Ok(())
}
