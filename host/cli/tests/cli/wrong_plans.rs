//! The plans that the plan's own tests keep, once more through the whole program.

use std::path::{Path, PathBuf};

use crate::scene::Scene;

fn plans() -> anyhow::Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plan/tests/wrong");
    let mut plans = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|own| own == "toml") {
            plans.push(path);
        }
    }
    plans.sort();
    Ok(plans)
}

/// Tells whether every error is followed by its place in the plan.
fn names_every_line(drawn: &str) -> bool {
    let lines: Vec<&str> = drawn.lines().collect();
    let place = |line: &str| {
        let place = line.trim_start().strip_prefix("--> plan.toml:");
        place.is_some_and(|place| place.split(':').all(|part| part.parse::<u32>().is_ok()))
    };
    lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.starts_with("error: "))
        .all(|(at, _)| lines.get(at + 1).is_some_and(|line| place(line)))
}

#[test]
fn refuses_every_wrong_plan_with_all_that_is_wrong_and_where() -> anyhow::Result<()> {
    let plans = plans()?;
    assert!(plans.len() >= 20, "only {} wrong plans", plans.len());
    for plan in plans {
        let name = plan.display();
        let drawn = fs_err::read_to_string(plan.with_extension("err"))?;
        let scene = Scene::new()?;
        scene.write("plan.toml", &fs_err::read_to_string(&plan)?)?;
        let ending = scene.cellhost(["check"], [])?;
        let count = drawn
            .lines()
            .filter(|line| line.starts_with("error: "))
            .count();
        let (code, last) = match count {
            // Only warned of, so that the check goes on.
            0 => (0, "plan.toml is fine: ".to_owned()),
            1 => (2, "error: the plan has 1 error; nothing was touched".into()),
            _ => (
                2,
                format!("error: the plan has {count} errors; nothing was touched"),
            ),
        };
        assert_eq!(ending.code, Some(code), "{name}: {}", ending.stderr);
        assert_eq!(ending.stdout, "", "{name}");
        let wanted = format!("{}\n\n{last}", drawn.trim_end());
        assert!(
            ending.stderr.starts_with(&wanted),
            "{name} should be\n{wanted}\nbut is\n{}",
            ending.stderr
        );
        assert!(names_every_line(&drawn), "{name} hides a place:\n{drawn}");
    }
    Ok(())
}

#[test]
fn finds_an_error_without_a_place() {
    assert!(names_every_line("error: x\n --> plan.toml:1:2\n"));
    assert!(!names_every_line("error: x\n  |\n"));
    assert!(!names_every_line("error: x\n --> plan.toml:one:2\n"));
}
