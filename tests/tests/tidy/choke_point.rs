//! No way to a machine but through the effects: only their lowest layer speaks to couriers.

use crate::code;
use crate::tree::Tree;
use crate::violation::{Violation, assert_none};

/// Whoever names one of these can ask a machine for something.
const WORDS: [&str; 2] = ["Courier", "Request"];

const ROOMS: [&str; 3] = [
    "host/transport/",
    "host/effects/src/layers/live.rs",
    "host/effects/src/layers/live/",
];

fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (file, text) in tree.texts() {
        let is_source = file.path.starts_with("host/") && file.ends_in(".rs") && !file.is_test();
        if !is_source || ROOMS.iter().any(|room| file.path.starts_with(room)) {
            continue;
        }
        for (number, line) in code::lines(text) {
            let named = WORDS.iter().find(|word| code::has_word(line, word));
            let Some(word) = named else { continue };
            let rule = format!("`{word}` goes past policy, secrets, preview and journal");
            let remedy = "perform an `Effect` instead; only `layers/live.rs` speaks to couriers";
            violations.push(Violation::of_file(&file.path, rule, remedy).at(number));
        }
    }
    violations
}

#[test]
fn only_the_lowest_layer_speaks_to_couriers() {
    assert_none(&check(&Tree::of_repository().unwrap()));
}

#[test]
fn refuses_a_way_past_the_effects() {
    let found = |path, line| check(&Tree::of(&[(path, line)])).len();
    let line = "courier.exchange(Request::Look(vec![])).await?;";
    assert_eq!(found("host/engine/src/x.rs", line), 1);
    assert_eq!(found("host/effects/src/layers/preview.rs", line), 1);
    assert_eq!(found("host/effects/src/layers/live.rs", line), 0);
    assert_eq!(
        found("host/cli/src/x.rs", "use cellhost_transport::Courier as C;"),
        1
    );
    assert_eq!(
        found(
            "host/effects/src/error.rs",
            "use x::CourierError; // a Courier's"
        ),
        0
    );
}
