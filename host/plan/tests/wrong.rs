//! Every plan under `tests/wrong` is answered with exactly the text beside it.
//!
//! To add a case, add a `.toml` file and run the test once with `UPDATE=1`.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its case has failed"
)]

use std::path::{Path, PathBuf};

use cellhost_plan::{Diagnostics, Plan};

fn answer(text: &str) -> Diagnostics {
    match Plan::parse("plan.toml", text) {
        Ok(plan) => plan.warnings.into(),
        Err(wrong) => wrong,
    }
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    cases.sort();
    cases
}

#[test]
fn answers_every_wrong_plan_as_written_beside_it() {
    let mut different = Vec::new();
    for case in cases() {
        let found = answer(&std::fs::read_to_string(&case).unwrap()).render(false);
        let beside = case.with_extension("err");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&beside, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        if found != expected || found.is_empty() {
            different.push(format!(
                "{}\nexpected:\n{expected}\nfound:\n{found}",
                case.display()
            ));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n\n"));
}

#[test]
fn gives_every_diagnostic_of_a_wrong_plan_a_place_within_it() {
    assert!(cases().len() >= 25);
    for case in cases() {
        let text = std::fs::read_to_string(&case).unwrap();
        for diagnostic in &answer(&text) {
            assert!(
                text.get(diagnostic.span.range()).is_some(),
                "{}",
                case.display()
            );
            let place = &diagnostic.to_json()["place"];
            assert!(place["line"].as_u64() <= Some(text.matches('\n').count() as u64 + 1));
        }
    }
}

#[test]
fn colours_what_it_shows_on_a_terminal_only() {
    let wrong = answer("cell = 1");
    assert!(wrong.render(true).contains("\u{1b}["));
    assert!(!wrong.render(false).contains("\u{1b}["));
}

#[test]
fn gives_lines_and_columns_as_json() {
    let wrong = answer("cell = \"x\"\n[modules.a]\non = \"all & rol:x\"\n");
    let json = wrong.to_json();
    let found = &json[0];
    assert_eq!(found["severity"], "error");
    assert_eq!(found["file"], "plan.toml");
    assert_eq!(found["path"], "modules.a.on");
    assert_eq!(found["place"]["line"], 3);
    assert_eq!(found["place"]["column"], 13);
    assert_eq!(found["place"]["end-column"], 16);
    assert_eq!(found["help"], "did you mean `role`?");
}

#[test]
fn names_the_first_error_and_counts_the_others_in_one_line() {
    let wrong = answer("cell = \"X\"\nsshh = 1\n[modules.a]\non = 3\n");
    let line = "plan.toml:1:9: `X` is not a cell name (and 2 more)";
    assert_eq!(wrong.to_string(), line);
}
