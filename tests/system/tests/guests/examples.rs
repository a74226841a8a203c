use std::process::Command;

use anyhow::Result;

/// Values for what the examples take from the environment.
const VARIABLES: [(&str, &str); 7] = [
    ("GALERA_SST_PASSWORD", "open-sesame"),
    ("GALERA_TELEGRAF_PASSWORD", "open-sesame"),
    ("INFLUXDB_PASSWORD", "open-sesame"),
    ("MESOS_SECRET", "open-sesame"),
    ("MINIO_ROOT_PASSWORD", "open-sesame"),
    ("REDIS_PASSWORD", "open-sesame"),
    ("SITE_PEM_BASE64", "open-sesame"),
];

/// Whoever adds a module says how it is used.
#[test]
fn every_module_has_a_readme_and_an_example() -> Result<()> {
    let root = cellhost_system_tests::root();
    for entry in fs_err::read_dir(root.join("modules"))? {
        let folder = entry?.path();
        let name = folder.file_name().unwrap_or_default();
        let example = root.join("examples").join(name).join("plan.toml");
        for file in [folder.join("README.md"), example] {
            assert!(file.is_file(), "{}", file.display());
        }
    }
    Ok(())
}

#[test]
fn every_example_is_right() -> Result<()> {
    let root = cellhost_system_tests::root();
    let program = cellhost_system_tests::program()?;
    let guests = cellhost_system_tests::guests().canonicalize()?;
    let mut checked = 0;
    for entry in fs_err::read_dir(root.join("examples"))? {
        let example = entry?.path().join("plan.toml");
        // A plan gets a lock beside it.
        let place = tempfile::tempdir()?;
        fs_err::copy(&example, place.path().join("plan.toml"))?;
        let output = Command::new(&program)
            .args(["check", "--modules"])
            .arg(&guests)
            .current_dir(place.path())
            .envs(VARIABLES)
            .output()?;
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {words}", example.display());
        checked += 1;
    }
    assert!(checked > 1, "there are examples");
    Ok(())
}

/// All modules share machines there, and none is in another one's way.
#[test]
fn the_example_of_a_cell_has_all_modules() -> Result<()> {
    let root = cellhost_system_tests::root();
    let plan = fs_err::read_to_string(root.join("examples/cell/plan.toml"))?;
    for entry in fs_err::read_dir(root.join("modules"))? {
        let name = entry?.file_name();
        let table = format!("\n[modules.{}]\n", name.display());
        assert!(plan.contains(&table), "{table}");
    }
    Ok(())
}
