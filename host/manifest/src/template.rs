use cellhost_plan::Problem;

/// How many templates a module carries at most.
pub const MOST_TEMPLATES: usize = 256;

/// How many bytes a template has at most.
pub const LARGEST_TEMPLATE: usize = 1024 * 1024;

/// Checks the name of a template: a relative path that stays where it starts.
pub fn check_template_name(text: &str) -> Result<(), Problem> {
    let plain = |part: &str| {
        !matches!(part, "" | "." | "..") && !part.contains(|c: char| c.is_control() || c == '\\')
    };
    if text.len() <= 255 && text.split('/').all(plain) {
        return Ok(());
    }
    let message = format!("`{}` cannot name a template", text.escape_debug());
    Err(Problem::new(message)
        .help("a short relative path without `.` and `..`, such as `etc/redis.conf`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_template_names_inside() {
        for name in ["redis.conf", "etc/redis.conf", "a/b/c", "..a"] {
            assert_eq!(check_template_name(name), Ok(()), "{name}");
        }
        for name in [
            "", "/a", "a/", "../a", "a/../b", "./a", "a//b", "a\\b", "a\0b",
        ] {
            assert!(check_template_name(name).is_err(), "{name:?}");
        }
        assert!(check_template_name(&"a".repeat(256)).is_err());
    }
}
