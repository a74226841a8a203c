use cellhost_plan::{Diagnostic, Diagnostics, Plan, check_address, check_user};

use crate::assert_harmless;

/// A plan, or what is wrong with it, each within the text.
pub fn plan(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match Plan::parse("plan.toml", text) {
        Ok(plan) => {
            for machine in &plan.machines {
                assert_eq!(check_address(&machine.address), Ok(()));
                let user = machine.user.as_deref();
                assert_eq!(user.map_or(Ok(()), check_user), Ok(()));
            }
            assert_lie_within(text, &plan.warnings.into());
        }
        Err(wrong) => {
            assert!(wrong.has_errors(), "no plan and nothing wrong");
            assert_lie_within(text, &wrong);
        }
    }
}

/// Holds what is wrong with a text to its place in there, and its words to do no harm.
pub(crate) fn assert_lie_within(text: &str, found: &Diagnostics) {
    for diagnostic in found {
        let Diagnostic {
            message,
            label,
            help,
            ..
        } = diagnostic;
        let related = diagnostic.related.iter().map(|other| other.span);
        for span in related.chain([diagnostic.span]) {
            assert!(text.get(span.range()).is_some(), "{diagnostic:?}");
        }
        let words = [Some(message), label.as_ref(), help.as_ref()];
        for words in words.into_iter().flatten() {
            assert_harmless(words);
        }
    }
    assert_harmless(&found.render(false));
}
