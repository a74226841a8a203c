//! Files that a rule lets pass, each for a reason.

use crate::violation::Violation;

/// Lets one file pass.
pub(crate) struct Excuse {
    /// The file.
    pub(crate) file: &'static str,
    /// Why it may.
    pub(crate) reason: &'static str,
}

/// Takes away what is excused, and complains about excuses that nothing needs any more.
pub(crate) fn excused(found: Vec<Violation>, excuses: &[Excuse], list: &str) -> Vec<Violation> {
    let needless = excuses.iter().filter(|excuse| {
        let needed = found.iter().any(|violation| violation.file == excuse.file);
        !needed || excuse.reason.is_empty()
    });
    let needless: Vec<Violation> = needless
        .map(|excuse| {
            let rule = format!("`{}` has an excuse without need or reason", excuse.file);
            Violation::of_file(list, rule, "take it off the list, or give it a reason")
        })
        .collect();
    let mut left = found;
    left.retain(|violation| !excuses.iter().any(|excuse| excuse.file == violation.file));
    left.extend(needless);
    left
}

#[test]
fn refuses_an_excuse_that_nothing_needs() {
    let excuse = |file, reason| Excuse { file, reason };
    let found = || vec![Violation::of_file("a.rs", "wrong", "mend it")];
    assert_eq!(excused(found(), &[], "list.rs").len(), 1);
    assert!(excused(found(), &[excuse("a.rs", "it must")], "list.rs").is_empty());
    assert_eq!(excused(found(), &[excuse("a.rs", "")], "list.rs").len(), 1);
    assert_eq!(
        excused(vec![], &[excuse("a.rs", "it must")], "list.rs").len(),
        1
    );
}
