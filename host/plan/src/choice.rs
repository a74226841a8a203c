use crate::problem::Problem;
use crate::suggestion::did_you_mean;

/// Picks what a word stands for, out of a few.
pub(crate) fn choose<T: Clone, const N: usize>(
    kind: &str,
    text: &str,
    choices: [(&'static str, T); N],
) -> Result<T, Problem> {
    let words = choices.each_ref().map(|(word, _)| *word);
    let chosen = choices.into_iter().find(|(word, _)| *word == text);
    chosen.map(|(_, choice)| choice).ok_or_else(|| {
        Problem::new(format!("unknown {kind} `{text}`")).maybe_help(did_you_mean(text, words))
    })
}
