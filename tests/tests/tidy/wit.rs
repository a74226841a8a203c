//! Every item of the contract says what it is.

use crate::tree::Tree;
use crate::violation::{Violation, assert_none};

/// What begins lines that bring in what is described elsewhere.
const REFERENCES: [&str; 4] = ["use ", "import ", "export ", "include "];

fn check(tree: &Tree) -> Vec<Violation> {
    let files = tree
        .texts()
        .filter(|(file, _)| file.path.starts_with("wit/") && file.ends_in(".wit"));
    files
        .flat_map(|(file, text)| check_file(&file.path, text))
        .collect()
}

/// Goes by lines: the contract is written with one item to a line, which is checked too.
fn check_file(path: &str, text: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut documented = false;
    // How many brackets are open in an item of several lines, such as a list of parameters.
    let mut open = 0_usize;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with("///") {
            documented = true;
            continue;
        }
        let code = line.split("//").next().unwrap_or(line).trim();
        if code.is_empty() || code.starts_with('@') {
            continue;
        }
        let refers = REFERENCES.iter().any(|word| code.starts_with(word));
        let is_item = open == 0 && !refers && !code.starts_with('}');
        let mut complain = |rule: &str, remedy: &str| {
            violations.push(Violation::of_file(path, rule, remedy).at(index + 1));
        };
        if is_item && !documented {
            let name = code.trim_end_matches(['{', ',', ';']).trim();
            complain(
                &format!("`{name}` has no description"),
                "say above it with `///` what it is or does",
            );
        }
        if is_item
            && code
                .split_once('{')
                .is_some_and(|(_, rest)| !rest.is_empty())
        {
            complain(
                "several items stand on one line",
                "give each a line and a description of its own",
            );
        }
        let count = |bracket| code.matches(bracket).count();
        let opened = count('(') + if refers { count('{') } else { 0 };
        let closed = count(')') + if refers || open > 0 { count('}') } else { 0 };
        open = (open + opened).saturating_sub(closed);
        documented = false;
    }
    violations
}

#[test]
fn every_item_of_the_contract_is_described() {
    let tree = Tree::of_repository().unwrap();
    assert!(tree.text("wit/world.wit").is_some());
    assert_none(&check(&tree));
}

#[cfg(test)]
const GOOD: &str = "\
/// A package.
package a:b@0.1.0;

/// An interface.
interface c {
  use d:e/f@0.1.0.{g};

  /// A record.
  record h {
    /// A field.
    i: string,
  }

  /// A function of several lines.
  j: func(
    k: string,
    l: h,
  ) -> result<_, string>;
}
";

#[test]
fn accepts_a_contract_that_is_described() {
    assert_none(&check(&Tree::of(&[("wit/a.wit", GOOD)])));
}

#[test]
fn refuses_every_item_without_a_description() {
    let comments: Vec<usize> = GOOD
        .lines()
        .enumerate()
        .filter_map(|(index, line)| line.trim().starts_with("///").then_some(index))
        .collect();
    assert_eq!(comments.len(), 5);
    for left_out in comments {
        let kept = GOOD
            .lines()
            .enumerate()
            .filter(|(index, _)| *index != left_out);
        let text: Vec<&str> = kept.map(|(_, line)| line).collect();
        let found = check(&Tree::of(&[("wit/a.wit", &text.join("\n"))]));
        assert_eq!(found.len(), 1, "without line {left_out}");
    }
}

#[test]
fn refuses_several_items_on_one_line() {
    let text = "/// A package.\npackage a:b;\n/// Some.\nenum c { d, e }\n";
    assert_eq!(check(&Tree::of(&[("wit/a.wit", text)])).len(), 1);
}
