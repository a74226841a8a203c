//! Whatever the text, nothing panics and every place lies within it.

use cellhost_plan::{Diagnostic, Plan, Selector, expand, parse_duration};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

const ORDERS: &str = include_str!("orders.toml");

const FRAGMENTS: [&str; 40] = [
    "cell",
    " = ",
    "\"orders\"",
    "\n",
    "[machines]",
    "[ssh]",
    "[secrets]",
    "[modules.a]",
    "a",
    "b",
    "[groups.g]",
    "machines = [\"m[1-3]\"]",
    "\"m[1-3]\" = { address = \"10.0.0.[1-3]\" }",
    "{",
    "}",
    "on = \"all\"",
    "on = [\"role:a & !m1\"]",
    "address",
    "after = [\"a\"]",
    "phase = \"pre-zk\"",
    "settings = { secret = \"s\" }",
    "s = { env = \"S\" }",
    "zone = \"z\"",
    "é",
    "\\u00e9",
    "\"",
    "'",
    "\"\"\"",
    "[[",
    "]]",
    "[",
    "]",
    ".",
    ",",
    "1",
    "99999999999999999999",
    "inf",
    "true",
    "\r\n",
    "#",
];

fn lies_within(text: &str, diagnostic: &Diagnostic) -> bool {
    let related = diagnostic.related.iter().map(|other| other.span);
    std::iter::once(diagnostic.span)
        .chain(related)
        .all(|span| text.get(span.range()).is_some())
}

fn survives(text: &str) -> Result<(), TestCaseError> {
    let found = match Plan::parse("plan.toml", text) {
        Ok(plan) => plan.warnings.into(),
        Err(wrong) => {
            prop_assert!(wrong.has_errors());
            wrong
        }
    };
    for diagnostic in &found {
        prop_assert!(lies_within(text, diagnostic), "{diagnostic:?}");
    }
    prop_assert_eq!(found.render(false).is_empty(), found.is_empty());
    Ok(())
}

proptest! {
    #[test]
    fn any_text_is_a_plan_or_is_answered_within_it(text in any::<String>()) {
        survives(&text)?;
    }

    #[test]
    fn any_pieces_of_a_plan_are_a_plan_or_are_answered_within_it(
        pieces in vec(select(&FRAGMENTS[..]), 0..40),
    ) {
        survives(&pieces.concat())?;
    }

    #[test]
    fn a_damaged_plan_is_a_plan_or_is_answered_within_it(
        at in any::<Index>(),
        gone in 0..20_usize,
        instead in "\\PC{0,3}|[\"'\\[\\]{}=\\n]{0,3}",
    ) {
        let start = ORDERS.floor_char_boundary(at.index(ORDERS.len()));
        let end = ORDERS.ceil_char_boundary((start + gone).min(ORDERS.len()));
        survives(&[&ORDERS[..start], &instead, &ORDERS[end..]].concat())?;
    }

    #[test]
    fn a_selector_parses_or_points_within_itself(text in "\\PC{0,30}|[a-z0-9:=&!|, \\[\\]-]{0,30}") {
        match Selector::parse(&text) {
            Ok(selector) => for term in selector.terms {
                prop_assert_eq!(text[term.within.clone()].trim(), &text[term.within]);
            },
            Err(problem) => {
                let within = problem.within.unwrap_or(0..text.len());
                prop_assert!(text.get(within).is_some());
            }
        }
    }

    #[test]
    fn a_range_makes_as_many_names_as_it_spans(first in 0..2000_u32, more in 0..50_u32, tail in "[a-z]{0,3}") {
        let last = first + more;
        let names = expand(&format!("m[{first}-{last}]{tail}")).unwrap();
        let expected: Vec<String> = (first..=last).map(|n| format!("m{n}{tail}")).collect();
        prop_assert_eq!(names, expected);
    }

    #[test]
    fn a_padded_range_makes_names_of_one_length_in_order(first in 0..500_u32, more in 0..50_u32) {
        let last = first + more;
        let names = expand(&format!("m[{first:04}-{last:04}]")).unwrap();
        prop_assert!(names.iter().all(|name| name.len() == 5));
        prop_assert!(names.is_sorted());
    }

    #[test]
    fn two_ranges_make_the_product(a in 1..20_usize, b in 1..20_usize) {
        let names = expand(&format!("r[1-{a}]n[1-{b}]")).unwrap();
        prop_assert_eq!(names.len(), a * b);
        prop_assert_eq!(names.last(), Some(&format!("r{a}n{b}")));
    }

    #[test]
    fn small_texts_never_panic(text in "\\PC{0,20}|[0-9dhms\\[\\]-]{0,20}") {
        let points_within = |problem: cellhost_plan::Problem| {
            text.get(problem.within.unwrap_or(0..text.len())).is_some()
        };
        prop_assert!(expand(&text).map_or_else(points_within, |names| !names.is_empty()));
        prop_assert!(parse_duration(&text).map_or_else(points_within, |_| true));
    }
}
