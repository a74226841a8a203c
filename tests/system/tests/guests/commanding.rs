use anyhow::Result;
use cellhost_engine::Status;

use crate::stage::{Mode, NAMES, Stage, deploy};

/// The guest that runs a command.
pub(crate) const GUEST: &str = "sleeps";

const PLAN: &str = "[modules.sleeps]\non = \"all\"\nsettings = { seconds = 3 }\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_where_the_run_is_real_and_is_only_shown_where_it_is_not() -> Result<()> {
    let stage = Stage::new()?;
    for machine in stage.fleet.machines() {
        machine.answer(&["sleep", "*"], |_, _| 0.into());
    }
    let deployment = deploy(PLAN).await?;
    let dry = stage.run(&deployment, Mode::Dry).await?;
    for machine in stage.fleet.machines() {
        assert!(machine.commands().is_empty());
    }
    let real = stage.run(&deployment, Mode::Real).await?;
    for machine in stage.fleet.machines() {
        assert_eq!(machine.commands(), [["sleep", "3"]]);
    }
    assert_eq!(dry.changes(), real.changes());
    for name in NAMES {
        assert_eq!(real.rows(GUEST)[name].status, Status::Changed(1));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_fails_fails_its_turn_in_the_words_of_the_program() -> Result<()> {
    let stage = Stage::new()?;
    for machine in stage.fleet.machines() {
        let fails = machine.name().as_str() == "m2";
        machine.answer(&["sleep", "*"], move |_, _| {
            let mut answer: cellhost_effects::Answer = i32::from(fails).into();
            answer.errors = b"sleep: no rest\n".to_vec();
            answer
        });
    }
    let told = stage.run(&deploy(PLAN).await?, Mode::Real).await?;
    let rows = told.rows(GUEST);
    assert!(rows["m1"].status.is_good() && rows["m3"].status.is_good());
    let Status::Failed(reason) = &rows["m2"].status else {
        panic!("{:?}", rows["m2"]);
    };
    assert!(reason.contains("sleep: no rest"), "{reason}");
    let skipped = Status::Skipped("not all members were applied: m2".to_owned());
    assert_eq!(rows["form"].status, skipped);
    Ok(())
}
