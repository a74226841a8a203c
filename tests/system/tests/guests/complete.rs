use std::collections::BTreeSet;

use anyhow::Result;

use crate::{bench, commanding, greeting, hostile, misbehaving, rolling};

/// What is tried is what is there: whoever adds a guest says here what it is for.
#[test]
fn every_guest_has_a_test() -> Result<()> {
    let mut folders = BTreeSet::new();
    for entry in fs_err::read_dir(cellhost_system_tests::root().join("tests/guests"))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    // `pair` and `chores` are there for real machines, on which they show what was done twice, and
    // `worker` for the simulation, which deploys it behind a quorum.
    let mut tried = BTreeSet::from([
        bench::GUEST,
        commanding::GUEST,
        hostile::GUEST,
        rolling::GUEST,
    ]);
    tried.extend(["chores", "pair", "worker"]);
    tried.extend(greeting::GUESTS);
    tried.extend(misbehaving::REFUSED);
    tried.extend(misbehaving::FAULTY.map(|(name, _)| name));
    let tried: BTreeSet<String> = tried.into_iter().map(str::to_owned).collect();
    assert_eq!(folders, tried);
    Ok(())
}
