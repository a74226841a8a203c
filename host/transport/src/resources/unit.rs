//! A unit of systemd, which is a file by its name.

/// What units' names end with.
const ENDS: [&str; 8] = [
    ".service",
    ".socket",
    ".timer",
    ".target",
    ".path",
    ".mount",
    ".automount",
    ".slice",
];

/// The file of the unit of this name, as an operator's own: it goes before those of packages.
pub fn path(name: &str) -> Result<String, String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "_-.@:\\".contains(c);
    if name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && name.chars().all(fine)
        && name.len() <= 200
        && ENDS
            .iter()
            .any(|end| name.len() > end.len() && name.ends_with(end))
    {
        return Ok(format!("/etc/systemd/system/{name}"));
    }
    Err(format!(
        "`{}` is no name of a unit, such as `mine.service` or `mine.timer`",
        name.escape_debug()
    ))
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn knows_names_of_units() {
        let found = path("redis@.service").unwrap();
        assert_eq!(found, "/etc/systemd/system/redis@.service");
        for name in [
            "",
            "mine",
            ".service",
            "../x.service",
            "a b.service",
            "a/b.timer",
            "x.conf",
        ] {
            assert!(path(name).is_err(), "{name}");
        }
    }
}
