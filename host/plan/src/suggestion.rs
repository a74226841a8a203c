/// Finds the known word that an unknown one was most likely meant to be.
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = unknown.chars().count();
    let allowed = (length / 3).max(1);
    known
        .into_iter()
        .filter(|word| word.len().abs_diff(unknown.len()) <= 4 * allowed)
        .map(|word| (strsim::damerau_levenshtein(unknown, word), word))
        .filter(|(distance, word)| *distance <= allowed && *distance < word.chars().count())
        .min()
        .map(|(_, word)| word)
}

/// So many words are too many to list.
const MANY: usize = 20;

/// Words the suggestion as help, or lists the known words when there are few.
pub fn did_you_mean<'a, I>(unknown: &str, known: I) -> Option<String>
where
    I: IntoIterator<Item = &'a str>,
    I::IntoIter: Clone,
{
    let known = known.into_iter();
    if let Some(word) = nearest(unknown, known.clone()) {
        return Some(format!("did you mean `{word}`?"));
    }
    let mut few: Vec<String> = known.take(MANY).map(|word| format!("`{word}`")).collect();
    match few.len() {
        0 | MANY => None,
        1 => few
            .pop()
            .map(|word| format!("the only one known is {word}")),
        _ => {
            let last = few.pop()?;
            Some(format!("known are {} and {last}", few.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_a_word_that_is_close() {
        assert_eq!(nearest("adress", ["address", "roles"]), Some("address"));
        assert_eq!(nearest("zoen", ["zone", "roles"]), Some("zone"));
    }

    #[test]
    fn suggests_nothing_that_is_far() {
        assert_eq!(nearest("colour", ["address", "roles"]), None);
        assert_eq!(nearest("a", ["b"]), None);
    }

    #[test]
    fn lists_the_known_words_when_none_is_close() {
        let help = did_you_mean("colour", ["address", "roles", "zone"]);
        assert_eq!(
            help.as_deref(),
            Some("known are `address`, `roles` and `zone`")
        );
    }
}
