//! How the program ends and where it writes, whatever the subcommand.

use std::process::{Command, Output};

fn cellhost(arguments: &[&str]) -> anyhow::Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cellhost"));
    let directory = tempfile::tempdir()?;
    command.args(arguments).env_remove("CLICOLOR_FORCE");
    Ok(command
        .env("CELLHOST_LAB_DIR", directory.path().join("lab"))
        .output()?)
}

#[test]
fn help_that_was_asked_for_is_data() -> anyhow::Result<()> {
    let output = cellhost(&["--help"])?;
    assert_eq!(output.status.code(), Some(0));
    assert!(!output.stdout.is_empty() && output.stderr.is_empty());
    Ok(())
}

#[test]
fn a_wrong_argument_is_a_usage_error_without_data() -> anyhow::Result<()> {
    for wrong in [&["no-such-command"][..], &["lab", "up", "many"], &[]] {
        let output = cellhost(wrong)?;
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(
            output.stdout.is_empty() && !output.stderr.is_empty(),
            "{wrong:?}"
        );
    }
    Ok(())
}

#[test]
fn an_error_is_one_plain_line_where_nobody_watches() -> anyhow::Result<()> {
    let output = cellhost(&["lab", "up", "0"])?;
    assert_eq!(output.status.code(), Some(2));
    let wanted = "error: a lab has between 1 and 500 machines, not 0\n";
    assert_eq!(String::from_utf8(output.stderr)?, wanted);
    Ok(())
}

#[test]
fn a_failure_ends_with_one() -> anyhow::Result<()> {
    let output = cellhost(&["lab", "status"])?;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr)?.starts_with("error: "));
    Ok(())
}
