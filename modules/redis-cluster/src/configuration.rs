//! An instance's configuration, and whether another one stands on the machine.

use cellhost_sdk::prelude::*;
use cellhost_sdk::render;

use crate::settings::Settings;
use crate::users;

const TEMPLATE: &str = "redis.conf";
const LONGEST: u32 = 1 << 20;
/// How the host writes a secret that it takes out of a text.
const MARK: &str = "[secret:";
const KEPT_BY_SUPERVISOR: &str = "# Kept by supervisor";

/// How what stands on the machine compares with what will.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Whether there is one.
    pub(crate) is_there: bool,
    /// Whether there is one that will be replaced, and its instance restarted.
    pub(crate) is_due: bool,
    /// Whether supervisor keeps its instance by now.
    pub(crate) is_supervised: bool,
}

/// Says where an instance's configuration is.
pub(crate) fn path(port: u16) -> String {
    format!("/etc/redis/redis-{port}.conf")
}

/// Says where an instance's data is.
pub(crate) fn data(port: u16) -> String {
    format!("/var/lib/redis/{port}")
}

/// Says where an instance keeps who it is and whom it knows. It is with its data.
pub(crate) fn identity(port: u16) -> String {
    format!("{}/nodes-{port}.conf", data(port))
}

/// Returns what stands with the data and is included by the configuration: without it, nobody starts
/// the instance.
pub(crate) fn seal(port: u16) -> File {
    File::at(format!("{}/data-is-here.conf", data(port)))
        .text("# The configuration includes this, so that Redis does not start without its data.\n")
        .mode(0o640)
        .owner("redis")
        .group("redis")
}

/// Returns the file.
pub(crate) fn file(settings: &Settings, machine: &Machine, port: u16) -> Result<File, Failure> {
    let (variables, _) = complete(settings, machine, port)?;
    let file = File::at(path(port)).rendered(TEMPLATE, &variables)?;
    Ok(file.mode(0o640).owner("redis").group("redis"))
}

/// Looks at what stands there. It has to be known before it is replaced: whoever serves hands over
/// first.
pub(crate) fn standing(
    settings: &Settings,
    machine: &Machine,
    port: u16,
) -> Result<Standing, Failure> {
    let Some(bytes) = machine.read_if_any(&path(port), LONGEST)? else {
        return Ok(Standing::default());
    };
    let (_, wanted) = complete(settings, machine, port)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(Standing {
        is_there: true,
        is_due: is_due(&text, &wanted),
        is_supervised: text.contains(KEPT_BY_SUPERVISOR),
    })
}

/// Returns the template's variables, and the text as it may be shown.
fn complete(
    settings: &Settings,
    machine: &Machine,
    port: u16,
) -> Result<(impl Serialize, String), Failure> {
    let keeper = match &settings.supervisor {
        None => "# Kept by systemd".to_owned(),
        Some(supervisor) => format!(
            "{KEPT_BY_SUPERVISOR}, with a page at {} for `{}`, whose password is `{}`",
            supervisor.page(machine),
            supervisor.page_user,
            supervisor.page_password.name(),
        ),
    };
    let mut variables = json!({
        "name": machine.name(),
        "address": machine.address(),
        "port": port,
        "password": settings.password,
        "users": users::variables(settings),
        "node_timeout": settings.node_timeout,
        "maxmemory": settings.maxmemory,
        "maxmemory_policy": settings.maxmemory_policy,
        "keeper": keeper,
        "fingerprint": 0,
    });
    // With the names of secrets in it: two that change places are another configuration.
    let fingerprint = hash(&render(TEMPLATE, &variables)?);
    if let Some(own) = variables.get_mut("fingerprint") {
        *own = json!(fingerprint);
    }
    let text = render(TEMPLATE, &variables)?;
    Ok((variables, text))
}

/// Tells whether a text is another than the one that is wanted.
fn is_due(text: &str, wanted: &str) -> bool {
    let is_as_long = text.lines().count() == wanted.lines().count();
    let mut lines = text.lines().zip(wanted.lines());
    !is_as_long || !lines.all(|(own, wanted)| is_same(own, wanted))
}

/// Whatever looks like a secret was taken out of what was read, and a secret may look like anything:
/// a line from which more was taken counts as the same. Nor does it matter which of several secrets
/// of one value was named.
fn is_same(line: &str, wanted: &str) -> bool {
    let count = |text: &str| text.matches(MARK).count();
    count(line) > count(wanted) || unnamed(line) == unnamed(wanted)
}

fn unnamed(line: &str) -> String {
    let mut parts = line.split(MARK);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let rest = part.split_once(']').map_or("", |(_, rest)| rest);
        format!("{text}{MARK}{rest}")
    })
}

/// Fowler, Noll and Vo's, of 64 bits: it has to tell texts apart, and not to withstand anybody.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(fingerprint: &str, password: &str) -> String {
        format!(
            "# Fingerprint {fingerprint}\nport 7000\nrequirepass \"{password}\"\n\
             user shop on \">[secret:shop]\" ~shop:* +@all\n"
        )
    }

    fn wanted() -> String {
        text("42", "[secret:redis]")
    }

    #[test]
    fn the_same_is_not_due() {
        assert!(!is_due(&wanted(), &wanted()));
    }

    #[test]
    fn another_text_is_due() {
        assert!(is_due(&text("43", "[secret:redis]"), &wanted()));
        assert!(is_due("port 7000\n", &wanted()));
        assert!(is_due(&format!("{}# by hand\n", wanted()), &wanted()));
    }

    #[test]
    fn another_value_of_the_same_secret_is_due() {
        for value in ["older", "[secret:redis]older", "a\\\"b"] {
            assert!(is_due(&text("42", value), &wanted()), "{value}");
        }
    }

    #[test]
    fn what_was_taken_for_a_secret_makes_nothing_due() {
        let scrubbed = wanted().replace("port 7000", "port [secret:short]");
        assert!(!is_due(&scrubbed, &wanted()));
        let twin = wanted().replace("[secret:redis]", "[secret:of-the-same-value]");
        assert!(!is_due(&twin, &wanted()));
    }

    #[test]
    fn texts_have_hashes_of_their_own() {
        assert_eq!(hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
    }
}
