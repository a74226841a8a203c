//! Where the values of secrets are read.

use std::path::{Path, PathBuf};
use std::process::Command;

use cellhost_plan::{SecretName, SecretSource, at_home};
use zeroize::Zeroizing;

use super::program;
use super::{Ask, VaultError};

/// Reads one value, without the line end that it has at its end.
pub(super) fn read(
    name: &SecretName,
    source: &SecretSource,
    ask: Ask<'_>,
) -> Result<Zeroizing<String>, VaultError> {
    let begun = |what: &str, command: Command| {
        program::output(command).map_err(|refusal| VaultError::Program {
            name: name.clone(),
            program: what.to_owned(),
            refusal,
        })
    };
    let value = match source {
        SecretSource::Env(variable) => {
            let value = std::env::var(variable).map(Zeroizing::new);
            return value.map_err(|_| VaultError::NoVariable {
                name: name.clone(),
                variable: variable.clone(),
            });
        }
        SecretSource::File(path) => {
            let text = fs_err::read_to_string(home(path));
            text.map(Zeroizing::new)
                .map_err(|source| VaultError::Unreadable {
                    name: name.clone(),
                    source,
                })?
        }
        SecretSource::Exec { words, folder } => {
            let mut words = words.iter();
            let program = words.next().map_or("", String::as_str);
            let mut command = Command::new(program);
            command.args(words);
            if !folder.as_os_str().is_empty() {
                command.current_dir(folder);
            }
            begun(program, command)?
        }
        SecretSource::Age { file, identity } => {
            let mut command = Command::new("age");
            command
                .arg("--decrypt")
                .arg("--identity")
                .arg(home(identity));
            command.arg("--").arg(home(file));
            begun("age", command)?
        }
        SecretSource::Sops { file, key } => {
            let mut command = Command::new("sops");
            command.args(["--decrypt", "--extract", &way(key)]);
            command.arg(home(file));
            begun("sops", command)?
        }
        SecretSource::Prompt => {
            return ask(name).map_err(|reason| VaultError::Unasked {
                name: name.clone(),
                reason,
            });
        }
        _ => {
            return Err(VaultError::Unfit {
                name: name.clone(),
                reason: "its source is not known here",
            });
        }
    };
    Ok(without_line_end(value))
}

/// Editors and programs end a text with a line end that is no part of the secret.
fn without_line_end(mut text: Zeroizing<String>) -> Zeroizing<String> {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

fn home(path: &Path) -> PathBuf {
    let path = at_home(path, std::env::var_os("HOME").as_deref());
    // One that begins with a dash would be taken for an option.
    if path.is_relative() {
        Path::new(".").join(path)
    } else {
        path
    }
}

/// The keys on the way to a value, as sops takes them: `["redis"]["password"]`.
fn way(keys: &[String]) -> String {
    let keys = keys.iter().map(|key| {
        let key = key.replace('\\', r"\\").replace('"', "\\\"");
        format!("[\"{key}\"]")
    });
    keys.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_way_to_a_value_as_sops_reads_it() {
        let keys = ["redis".to_owned(), "a \"b\"\\".to_owned()];
        assert_eq!(way(&keys), r#"["redis"]["a \"b\"\\"]"#);
    }
}
