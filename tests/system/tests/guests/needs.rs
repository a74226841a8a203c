//! What modules require of each other, and what becomes of it.

use anyhow::Result;
use cellhost_engine::{Deployment, Provider, Status};
use cellhost_runtime::Module;

use crate::stage::{Mode, Stage, deploy_with, made_up};

/// Modules that do nothing, and what they require and provide.
fn module(name: &str) -> Result<Module> {
    let more = match name {
        "alpha" => "phase = \"pre-zk\"\nrequires = [\"gamma.url\"]\nprovides = [\"list\"]",
        "beta" => "phase = \"pre-zk\"\nrequires = [\"alpha.list\"]",
        "gamma" => "phase = \"pre-zk\"\nprovides = { url = \"url\" }",
        "zookeeper" => "phase = \"pre-zk\"\nprovides = { connect = \"servers\" }",
        _ => "requires = [\"zookeeper.connect\"]",
    };
    made_up(&format!("name = \"{name}\"\nversion = \"1.0.0\"\n{more}\n"))
}

async fn deploy(plan: &str) -> Result<Deployment> {
    deploy_with(plan, module).await
}

async fn wrong(plan: &str) -> String {
    match deploy(plan).await {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

const ALPHA: &str = "[modules.alpha]\non = \"all\"\n";
const BETA: &str = "[modules.beta]\non = \"all\"\n";
const GAMMA: &str = "[modules.gamma]\non = \"all\"\n";
const USER: &str = "[modules.user]\non = \"all\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn tells_a_circle_with_every_arrow_its_place_and_its_reason() {
    let words = wrong(&format!("{ALPHA}{BETA}{GAMMA}after = [\"beta\"]\n")).await;
    for part in [
        "modules wait for each other: alpha → gamma → beta → alpha",
        "`alpha` waits for `gamma`: it requires `gamma.url`",
        "`gamma` waits for `beta`: `after`",
        "`beta` waits for `alpha`: it requires `alpha.list`",
    ] {
        assert!(words.contains(part), "{part} is not in\n{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wants_what_is_required_from_exactly_one_that_comes_earlier() {
    let missing = wrong(ALPHA).await;
    assert!(
        missing.contains("needs `gamma.url`, which no module of this plan provides"),
        "{missing}"
    );
    let other = "[modules.other]\nmodule = \"gamma\"\non = \"all\"\n";
    let several = wrong(&format!("{ALPHA}{GAMMA}{other}")).await;
    assert!(
        several.contains("which several of this plan provide: gamma, other"),
        "{several}"
    );
    let chosen = format!("{ALPHA}after = [\"other\"]\n{GAMMA}{other}");
    let deployment = deploy(&chosen).await.ok();
    let alpha = deployment.as_ref().and_then(|one| one.modules.first());
    let provider = alpha.and_then(|alpha| Some(&alpha.needs.first()?.provider));
    assert!(matches!(provider, Some(Provider::Instance(name)) if *name == *"other"));
    let later = wrong(&format!("{ALPHA}{GAMMA}phase = \"post-zk\"\n")).await;
    assert!(
        later.contains("module `alpha` of phase pre-zk waits for `gamma` of phase post-zk"),
        "{later}"
    );
    assert!(later.contains("it requires `gamma.url`"), "{later}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fails_a_module_that_ends_without_what_another_requires() -> Result<()> {
    let stage = Stage::new()?;
    let deployment = deploy(&format!("{ALPHA}{GAMMA}")).await?;
    let told = stage.run(&deployment, Mode::Real).await?;
    let rows = told.rows("gamma");
    let Status::Failed(why) = &rows["outputs"].status else {
        panic!("{rows:?}");
    };
    assert_eq!(
        why,
        "it ended without its output `url`, which `alpha` requires"
    );
    assert!(matches!(
        told.rows("alpha")["form"].status,
        Status::Skipped(_)
    ));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn gives_the_list_of_an_ensemble_that_is_there_to_whoever_requires_it() -> Result<()> {
    let barrier = "[barrier]\nservers = [\"zk1:2181\", \"zk2:2181\"]\n";
    let deployment = deploy(&format!("{barrier}{USER}")).await?;
    assert_eq!(deployment.modules[0].needs[0].provider, Provider::Existing);
    let key = ("zookeeper".to_owned(), "connect".to_owned());
    assert_eq!(deployment.outputs[&key], "zk1:2181,zk2:2181");
    let early = wrong(&format!("{barrier}{USER}phase = \"pre-zk\"\n")).await;
    assert!(
        early.contains("needs `zookeeper.connect`, which is there behind the barrier"),
        "{early}"
    );
    let both = wrong(&format!(
        "{barrier}[modules.zookeeper]\non = \"all\"\n{USER}"
    ))
    .await;
    assert!(both.contains("has a module `zookeeper` too"), "{both}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn finds_the_ensemble_whatever_the_plan_calls_it() -> Result<()> {
    let named = "[modules.quorum]\nmodule = \"zookeeper\"\non = \"all\"\n";
    let deployment = deploy(&format!("{named}{USER}")).await?;
    let ensemble = deployment.ensemble.as_ref().map(|one| one.name.to_string());
    assert_eq!(ensemble.as_deref(), Some("quorum"));
    let second = "[modules.second]\nmodule = \"zookeeper\"\non = \"m1\"\n";
    let both = wrong(&format!("{named}{second}")).await;
    assert!(
        both.contains("`quorum` and `second` are both ensembles"),
        "{both}"
    );
    let chosen = format!("[barrier]\nensemble = \"second\"\n{named}{second}");
    let ensemble = deploy(&chosen)
        .await?
        .ensemble
        .map(|one| one.name.to_string());
    assert_eq!(ensemble.as_deref(), Some("second"));
    let late = format!("[barrier]\nensemble = \"quorum\"\n{named}phase = \"post-zk\"\n");
    assert!(wrong(&late).await.contains("the barrier stands before it"));
    Ok(())
}
