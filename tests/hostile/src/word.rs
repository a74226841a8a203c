use std::fmt::{Debug, Display};
use std::str::FromStr;

use cellhost_effects::record::EffectName;
use cellhost_plan::{
    HostKey, MachineName, ModuleId, ModulePlace, Problem, Selector, expand, parse_duration,
};

use crate::assert_harmless;

/// What a registry can be asked for.
const MODULE: &str = "acme:cache";

/// Short texts that stand for something: places in registries, names, ranges, selectors, keys.
pub fn word(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(place) = understood(text, ModulePlace::parse(text)) {
        comes_back(&place, &ModulePlace::parse(&place.to_string()));
        if let Ok(module) = MODULE.parse() {
            let repository = place.repository(&module);
            let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/".contains(c);
            assert!(repository.chars().all(good), "{repository:?}");
            let steps = repository
                .split('/')
                .any(|part| matches!(part, "" | "." | ".."));
            assert!(!steps, "{repository:?}");
        }
    }
    if let Some(module) = understood(text, ModuleId::from_str(text)) {
        comes_back(&module, &ModuleId::from_str(&module.to_string()));
    }
    if let Some(key) = understood(text, HostKey::parse(text)) {
        comes_back(&key, &HostKey::parse(&key.to_string()));
    }
    if let Ok(name) = EffectName::from_str(text) {
        comes_back(&name, &EffectName::from_str(&name.to_string()));
    }
    if let Some(names) = understood(text, expand(text)) {
        assert!(!names.is_empty(), "a range of nothing: {text:?}");
    }
    if let Some(selector) = understood(text, Selector::parse(text)) {
        for term in selector.terms {
            assert!(text.get(term.within.clone()).is_some(), "{term:?}");
        }
    }
    understood(text, parse_duration(text));
    understood(text, MachineName::new(text));
}

/// Gives what was understood; what was not is told of within the text.
fn understood<T>(text: &str, read: Result<T, Problem>) -> Option<T> {
    read.map_err(|problem| {
        let within = problem.within.clone().unwrap_or(0..text.len());
        assert!(text.get(within).is_some(), "{problem:?}");
        let (label, help) = (problem.label.as_ref(), problem.help.as_ref());
        for words in [Some(&problem.message), label, help].into_iter().flatten() {
            assert_harmless(words);
        }
    })
    .ok()
}

fn comes_back<T: PartialEq + Debug + Display, E: Debug>(thing: &T, again: &Result<T, E>) {
    assert!(
        again.as_ref().is_ok_and(|again| again == thing),
        "{again:?} was {thing:?}"
    );
}
