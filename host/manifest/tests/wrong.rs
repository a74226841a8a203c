//! Every manifest under `tests/wrong` is answered with exactly the text beside it.
//!
//! To add a case, add a `.toml` file and run the test once with `UPDATE=1`.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its case has failed"
)]

use std::path::{Path, PathBuf};

use cellhost_manifest::Manifest;

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
fn answers_every_wrong_manifest_as_written_beside_it() {
    assert!(!cases().is_empty());
    let mut different = Vec::new();
    for case in cases() {
        let text = std::fs::read_to_string(&case).unwrap();
        let found = Manifest::parse("module.toml", &text)
            .unwrap_err()
            .render(false);
        let beside = case.with_extension("err");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&beside, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        if found != expected {
            different.push(format!(
                "{}\nexpected:\n{expected}\nfound:\n{found}",
                case.display()
            ));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n\n"));
}
