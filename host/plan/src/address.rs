use crate::problem::Problem;

/// Checks an address: it becomes an argument of `ssh`, so it must not be able to become an option.
pub fn check_address(text: &str) -> Result<(), Problem> {
    let help = "an address is a host name or an IP address";
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    check("address", text, help, allowed)
}

/// Checks the name of the user to log in as, for the same reason.
pub fn check_user(text: &str) -> Result<(), Problem> {
    let help = "a user name has no spaces and none of the characters a shell gives a meaning to";
    let allowed =
        |c: char| !c.is_whitespace() && !c.is_control() && !"'\"`$\\;&<>|(){}".contains(c);
    check("user name", text, help, allowed)
}

fn check(
    kind: &str,
    text: &str,
    help: &str,
    allowed: impl Fn(char) -> bool,
) -> Result<(), Problem> {
    if text.is_empty() {
        return Err(Problem::new(format!("the {kind} is empty")).help(help));
    }
    if text.starts_with('-') {
        let message = format!("the {kind} begins with `-`, which ssh would take for an option");
        return Err(Problem::new(message).within(0..1).help(help));
    }
    match text.char_indices().find(|(_, c)| !allowed(*c)) {
        None => Ok(()),
        Some((at, c)) => {
            let message = format!("the {kind} contains `{c}`");
            Err(Problem::new(message)
                .within(at..at + c.len_utf8())
                .help(help))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_addresses_that_ssh_could_misread() {
        for text in [
            "",
            "-oProxyCommand=x",
            "a b",
            "a\n",
            "a\u{7}",
            "u@h",
            "$(x)",
            "a/b",
            "é",
        ] {
            assert!(check_address(text).is_err(), "{text:?}");
        }
        for text in ["10.0.0.1", "db-1.example.org", "fe80::1%eth0", "alias_1"] {
            assert_eq!(check_address(text), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn refuses_users_that_ssh_could_misread() {
        for text in ["", "-l", "a b", "a;b", "`x`", "a\\"] {
            assert!(check_user(text).is_err(), "{text:?}");
        }
        for text in ["root", "ec2-user", "ann@realm"] {
            assert_eq!(check_user(text), Ok(()), "{text:?}");
        }
    }
}
