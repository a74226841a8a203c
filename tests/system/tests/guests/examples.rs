use std::process::Command;

use anyhow::Result;

/// Values for what the examples take from the environment.
const VARIABLES: [(&str, &str); 3] = [
    ("GALERA_SST_PASSWORD", "open-sesame"),
    ("MINIO_ROOT_PASSWORD", "open-sesame"),
    ("REDIS_PASSWORD", "open-sesame"),
];

/// Whoever adds a module says how it is used.
#[test]
fn every_module_has_a_readme_and_an_example_that_is_right() -> Result<()> {
    let root = cellhost_system_tests::root();
    let program = cellhost_system_tests::program()?;
    let guests = cellhost_system_tests::guests().canonicalize()?;
    let mut checked = 0;
    for entry in fs_err::read_dir(root.join("modules"))? {
        let folder = entry?.path();
        let name = folder.file_name().unwrap_or_default();
        assert!(folder.join("README.md").is_file(), "{}", folder.display());
        let example = root.join("examples").join(name).join("plan.toml");
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
    assert!(checked > 1, "there are modules");
    Ok(())
}
