//! Templates that a plan puts in the place of a module's own.

use anyhow::Result;

use crate::stage::{Mode, Stage, deploy};

fn plan(templates: &str) -> String {
    format!(
        "[modules.greeting-rust]\non = \"all\"\nsettings = {{ greeting = \"hello\" }}\n\
         [modules.greeting-rust.templates]\n{templates}\n"
    )
}

async fn wrong(templates: &str) -> String {
    match deploy(&plan(templates)).await {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_of_the_plan_takes_the_place_of_the_modules() -> Result<()> {
    let stage = Stage::new()?;
    let own = deploy(&plan("\"greeting.txt\" = '{{ greeting }}, {{ name }}!'")).await?;
    let told = stage.run(&own, Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    assert_eq!(stage.text("m2", "/etc/greeting/greeting.txt"), "hello, m2!");
    // The other one is still the module's.
    let unit = "/etc/systemd/system/greeting.service";
    assert!(stage.text("m2", unit).contains("Keeps a greeting"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_replaces_nothing_or_does_not_parse_is_an_error_of_the_plan() {
    let words = wrong("\"greting.txt\" = 'x'\n\"greeting.service\" = \"a\\n{{ x\"").await;
    for part in [
        "module `cellhost:greeting-rust` has no template `greting.txt`",
        "did you mean `greeting.txt`?",
        "template `greeting.service`, line 2: ",
    ] {
        assert!(words.contains(part), "{part} is not in\n{words}");
    }
}
