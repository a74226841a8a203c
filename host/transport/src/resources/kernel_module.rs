//! A module of the kernel.

use super::Difference;
use crate::shell::{Misread, Part, Refusal, Script, Sections, Settling};

/// A module of the kernel that is loaded, or is not.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct KernelModule {
    /// Its name.
    pub name: String,
    /// What it is loaded with.
    pub options: Vec<String>,
    /// Whether it is loaded.
    pub loaded: bool,
}

/// How a module of the kernel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelModuleFacts {
    /// Not there.
    Absent,
    /// Loaded.
    Loaded,
    /// A part of the kernel itself.
    BuiltIn,
}

impl KernelModule {
    /// What is wrong with the wish, if anything.
    pub fn check(&self) -> Result<(), String> {
        name(&self.name)?;
        let fine = |c: char| c.is_ascii_graphic() && !"#\"'\\".contains(c);
        match self
            .options
            .iter()
            .find(|option| option.is_empty() || !option.chars().all(fine))
        {
            Some(option) => Err(format!(
                "`{}` is no option of a kernel's module",
                option.escape_debug()
            )),
            None => Ok(()),
        }
    }

    /// The file that has it loaded when the machine starts, and the one with its options.
    pub fn files(&self) -> (String, String) {
        let name = &self.name;
        (
            format!("/etc/modules-load.d/cellhost-{name}.conf"),
            format!("/etc/modprobe.d/cellhost-{name}.conf"),
        )
    }

    /// Returns what differs, if anything.
    pub fn compare(&self, facts: KernelModuleFacts) -> Option<Difference> {
        let line = match (self.loaded, facts) {
            (true, KernelModuleFacts::Absent) => "load",
            (false, KernelModuleFacts::Loaded) => "unload",
            (false, KernelModuleFacts::BuiltIn) => "unload what is a part of the kernel",
            (true, _) | (false, KernelModuleFacts::Absent) => return None,
        };
        Some(Difference {
            lines: vec![line.to_owned()],
            content: false,
        })
    }

    /// Writes how it is loaded or unloaded.
    pub(crate) fn settle(&self, settling: &mut Settling) -> Result<(), Refusal> {
        settling.script.need(&[Part::KernelModule]);
        let name = name(&self.name).map_err(Refusal)?;
        let wanted = if self.loaded { "loaded" } else { "absent" };
        settling
            .script
            .call("ch_do ch_kernel_module", [wanted, name])
    }

    /// The facts once the wish is met.
    pub fn met(&self) -> KernelModuleFacts {
        if self.loaded {
            KernelModuleFacts::Loaded
        } else {
            KernelModuleFacts::Absent
        }
    }
}

fn name(name: &str) -> Result<&str, String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && name.chars().all(fine) && name.len() <= 60 {
        return Ok(name);
    }
    let name = name.escape_debug();
    Err(format!("`{name}` is no name of a kernel's module"))
}

/// Asks about a module.
pub(crate) fn ask(script: &mut Script, module: &str) -> Result<(), Refusal> {
    script.need(&[Part::KernelModule]);
    let module = name(module).map_err(Refusal)?;
    // The kernel writes the one for the other, and files do as they like.
    let loaded = module.replace('-', "_");
    let either = module.replace(['-', '_'], "[-_]");
    script.call("ch_ask ch_kernel_module_look", [loaded, either])
}

/// Reads the answer.
pub(crate) fn read(sections: &mut Sections) -> Result<KernelModuleFacts, Misread> {
    match sections.take("module")?.as_slice() {
        b"" => Ok(KernelModuleFacts::Absent),
        b"l" => Ok(KernelModuleFacts::Loaded),
        b"b" => Ok(KernelModuleFacts::BuiltIn),
        _ => Err(Misread::new("no state of a kernel's module")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_names_and_options_that_would_be_something_else() {
        let module = |name: &str, options: &[&str]| KernelModule {
            name: name.to_owned(),
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            loaded: true,
        };
        assert!(module("nf_conntrack", &["hashsize=65536"]).check().is_ok());
        for (name, options) in [
            ("-r", &[][..]),
            ("../x", &[]),
            ("a b", &[]),
            ("dummy", &["a b"]),
            ("dummy", &["a=1\ninstall dummy /bin/sh"]),
            ("dummy", &[""]),
        ] {
            assert!(module(name, options).check().is_err(), "{name} {options:?}");
        }
    }
}
