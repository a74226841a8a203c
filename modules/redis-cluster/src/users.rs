//! Users of Redis for clients, beside the one that the instances themselves log in as.

use std::collections::BTreeMap;

use cellhost_sdk::prelude::*;

use crate::settings::Settings;

/// Who the instances themselves are.
const OWN: &str = "default";

/// What a client logs in with, and what it may do then.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct User {
    /// What the user logs in with.
    pub(crate) password: Secret,
    /// What the user may log in with as well, while a password gives way to another.
    #[serde(default)]
    pub(crate) also_accepted: Vec<Secret>,
    /// Patterns of the keys that the user reaches: `shop:*`.
    pub(crate) keys: Vec<String>,
    /// Patterns of the channels that the user reaches.
    #[serde(default)]
    pub(crate) channels: Vec<String>,
    /// What the user may do, in Redis' own words and order: `+@read`, `-keys`.
    #[serde(default = "usual_commands")]
    pub(crate) commands: Vec<String>,
}

fn usual_commands() -> Vec<String> {
    Vec::from(["+@all", "-@admin", "-@dangerous"].map(str::to_owned))
}

impl User {
    /// Returns what the user may do and reach, as the configuration has it.
    fn rules(&self) -> Vec<String> {
        let keys = self.keys.iter().map(|pattern| format!("~{pattern}"));
        let channels = self.channels.iter().map(|pattern| format!("&{pattern}"));
        keys.chain(channels)
            .chain(self.commands.iter().cloned())
            .collect()
    }
}

/// Returns all users as the template takes them: the instances' own only where it has more than one
/// password, which `requirepass` cannot say.
pub(crate) fn variables(settings: &Settings) -> Vec<impl Serialize> {
    let own = (!settings.also_accepted.is_empty()).then(|| {
        let all = ["~*", "&*", "+@all"].map(str::to_owned);
        line(OWN, &settings.password, &settings.also_accepted, &all)
    });
    let others = settings
        .users
        .iter()
        .map(|(name, user)| line(name, &user.password, &user.also_accepted, &user.rules()));
    own.into_iter().chain(others).collect()
}

fn line(name: &str, first: &Secret, others: &[Secret], rules: &[String]) -> impl Serialize + use<> {
    let passwords: Vec<&Secret> = std::iter::once(first).chain(others).collect();
    json!({ "name": name, "passwords": passwords, "rules": rules })
}

/// Finds what is wrong with users: whatever an instance would not start with, or could be taken for
/// another rule.
pub(crate) fn problems(users: &BTreeMap<String, User>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, user) in users {
        let place = format!("/users/{name}");
        if name == OWN {
            let words = "is who the instances themselves are; its password is `password`";
            problems.push(Problem::with(&place, words));
        } else if name.is_empty() || !name.chars().all(|c| is_plain(c) || c == '.') {
            let words = "is no name of a user: letters, digits, `.`, `_` and `-`";
            problems.push(Problem::with(&place, words));
        }
        for command in user.commands.iter().filter(|word| !is_command(word)) {
            problems.push(Problem::with(
                format!("{place}/commands"),
                format!("`{command}` neither allows nor denies: such as `+get`, `-@dangerous`, `+config|get`"),
            ));
        }
        for (setting, patterns) in [("keys", &user.keys), ("channels", &user.channels)] {
            for pattern in patterns.iter().filter(|pattern| !is_pattern(pattern)) {
                problems.push(Problem::with(
                    format!("{place}/{setting}"),
                    format!("`{pattern}` is no pattern: no spaces, quotes or brackets in it"),
                ));
            }
        }
    }
    problems
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn is_command(word: &str) -> bool {
    let Some(rest) = word.strip_prefix(['+', '-']) else {
        return false;
    };
    let name = rest.strip_prefix('@').unwrap_or(rest);
    let mut parts = name.split('|');
    parts.all(|part| !part.is_empty() && part.chars().all(is_plain))
}

fn is_pattern(pattern: &str) -> bool {
    let fine = |c: char| c.is_ascii_graphic() && !"\"'\\()".contains(c);
    !pattern.is_empty() && pattern.chars().all(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(more: &str) -> User {
        let text = format!(r#"{{"password": {{"secret": "p"}}, "keys": ["shop:*"]{more}}}"#);
        cellhost_sdk::serde_json::from_str(&text).unwrap()
    }

    fn told(name: &str, user: User) -> Vec<(String, String)> {
        let problems = problems(&BTreeMap::from([(name.to_owned(), user)]));
        let pairs = problems.into_iter().map(|one| (one.setting, one.message));
        pairs.collect()
    }

    #[test]
    fn one_who_is_told_nothing_may_not_do_what_administrators_do() {
        let rules = user("").rules();
        assert_eq!(rules, ["~shop:*", "+@all", "-@admin", "-@dangerous"]);
        assert!(told("shop", user("")).is_empty());
    }

    #[test]
    fn a_rule_that_is_none_of_commands_is_refused() {
        for word in [
            "nopass",
            ">open",
            "#0a",
            "on",
            "~*",
            "+get nopass",
            "+",
            "allcommands",
        ] {
            let commands = format!(r#", "commands": ["+@read", "{word}"]"#);
            let told = told("shop", user(&commands));
            assert_eq!(told.len(), 1, "{word}: {told:?}");
            assert_eq!(told[0].0, "/users/shop/commands");
            assert!(told[0].1.contains("neither allows nor denies"), "{told:?}");
        }
        for word in ["+get", "-@dangerous", "+config|get", "+@all"] {
            assert!(is_command(word), "{word}");
        }
    }

    #[test]
    fn a_pattern_cannot_bring_another_rule() {
        for pattern in ["", "a b", "a\\\" nopass", "(x"] {
            let channels = format!(r#", "channels": ["{pattern}"]"#);
            let told = told("shop", user(&channels));
            assert_eq!(told.len(), 1, "{pattern}: {told:?}");
            assert_eq!(told[0].0, "/users/shop/channels");
        }
    }

    #[test]
    fn the_instances_own_user_is_nobody_elses() {
        let told = told("default", user(""));
        assert!(told[0].1.contains("the instances themselves"), "{told:?}");
        assert_eq!(told.len(), 1);
    }
}
