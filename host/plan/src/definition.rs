use crate::address::check_address;
use crate::attributes::Attributes;
use crate::document::{Text, Value};
use crate::host_key::HostKey;
use crate::name::MachineName;
use crate::problem::Problem;
use crate::range::{expand, is_range};
use crate::source::Span;
use crate::ssh::read_user;

/// One entry of `[machines]`, which makes one machine or a range of them.
#[derive(Debug)]
pub(crate) struct Definition<'a> {
    pub(crate) key: Text<'a>,
    pub(crate) names: Vec<MachineName>,
    /// One for each name, or empty when they could not be read.
    pub(crate) addresses: Vec<String>,
    pub(crate) address_span: Span,
    pub(crate) user: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) host_keys: Vec<HostKey>,
    pub(crate) attributes: Attributes,
}

impl<'a> Definition<'a> {
    /// Reads an entry; nothing when its name cannot be used.
    pub(crate) fn read(key: Text<'a>, value: &Value<'a>) -> Option<Self> {
        let names = key.parse(new_machine_names);
        let mut table = value.table()?;
        let address = table
            .require("address", "\"10.0.0.1\"")
            .and_then(|value| value.text());
        let user = table.get("user").and_then(|value| read_user(&value));
        let port = table
            .get("port")
            .and_then(|value| value.integer(1..=u16::MAX));
        let one = names.as_ref().is_none_or(|names| names.len() == 1);
        let host_keys = table.get("host-key").map(|value| {
            if !one {
                let problem = Problem::new("a range of machines cannot share a host key");
                value.reject(problem.help("whoever has the key of one could pass for all of them; give each machine an entry of its own"));
            }
            HostKey::read(&value)
        });
        let attributes = Attributes::read(&mut table);
        table.finish();
        let names = names?;
        let addresses = address
            .as_ref()
            .and_then(|text| addresses(text, &key, names.len()));
        Some(Self {
            address_span: address.map_or(key.span(), |text| text.span()),
            addresses: addresses.unwrap_or_default(),
            key,
            names,
            user,
            port,
            host_keys: host_keys.unwrap_or_default(),
            attributes,
        })
    }
}

/// Expands the name or range of machines that a text stands for.
pub(crate) fn machine_names(text: &str) -> Result<Vec<MachineName>, Problem> {
    if !is_range(text) {
        return Ok(vec![MachineName::new(text)?]);
    }
    let whole = |problem: Problem| Problem {
        within: None,
        ..problem
    };
    expand(text)?
        .iter()
        .map(|name| MachineName::new(name).map_err(whole))
        .collect()
}

/// Expands the key of an entry; `all` already means something in a selector.
fn new_machine_names(text: &str) -> Result<Vec<MachineName>, Problem> {
    let names = machine_names(text)?;
    if names.iter().any(|name| *name == "all") {
        let help = "`all` selects every machine; give this machine another name";
        return Err(Problem::new("a machine cannot be named `all`").help(help));
    }
    Ok(names)
}

fn addresses(text: &Text<'_>, key: &Text<'_>, names: usize) -> Option<Vec<String>> {
    let addresses = text.parse(|written| {
        if !is_range(written) {
            check_address(written)?;
        }
        let addresses = expand(written)?;
        let whole = |problem: Problem| Problem {
            within: None,
            ..problem
        };
        addresses
            .iter()
            .try_for_each(|one| check_address(one).map_err(whole))?;
        Ok(addresses)
    })?;
    if addresses.len() == names {
        return Some(addresses);
    }
    let found = addresses.len();
    let message = format!("`{}` and its address differ in length", key.as_str());
    let help = "name and address expand side by side, such as `db[1-3]` with `10.0.0.[21-23]`";
    let counted = |count: usize, one: &str, many: &str| match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {many}"),
    };
    text.reject(
        Problem::new(message)
            .label(counted(found, "address", "addresses"))
            .related(key.span(), counted(names, "machine", "machines"))
            .help(help),
    );
    None
}
