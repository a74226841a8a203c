//! A container of docker or podman.

use std::fmt::Write as _;

use super::Difference;
use crate::digest::digest;
use crate::shell::{Misread, Part, Refusal, Script, Sections, Settling};

/// A container that runs.
#[derive(Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image by digest.
    pub image: String,
    /// The program and its arguments; none for the image's own.
    pub command: Vec<String>,
    /// Variables set in it, secrets and all; for that reason no part of any record.
    #[serde(skip)]
    pub environment: Vec<(String, String)>,
    /// Ports of the machine that lead to ports of it, such as `8080:80`.
    pub ports: Vec<String>,
    /// What of the machine it sees.
    pub volumes: Vec<Volume>,
    /// The network it is in; none for the usual one.
    pub network: Option<String>,
    /// Whether the engine starts it again when it ends, and when the machine starts.
    pub restart: bool,
}

/// What of the machine a container sees.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Volume {
    /// A directory or file of the machine, or the name of a volume of the engine.
    pub source: String,
    /// Where it is in the container.
    pub target: String,
    /// Whether the container can only read it.
    pub read_only: bool,
}

/// No container by this name.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NoContainer {
    /// Its name.
    pub name: String,
}

/// How a container is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerFacts {
    /// There is none, and maybe no engine either.
    Absent,
    /// No engine answers.
    Unknown,
    /// There is one.
    There {
        /// Whether it runs.
        running: bool,
        /// The hash of what it was started as; empty where it is not ours.
        spec: String,
    },
}

impl std::fmt::Debug for Container {
    // The values of variables may be secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Container")
            .field("name", &self.name)
            .field("image", &self.image)
            .finish_non_exhaustive()
    }
}

impl Container {
    /// What is wrong with the wish, if anything.
    pub fn check(&self) -> Result<(), String> {
        let wrong = |text: &str, what: &str| Err(format!("`{}` is no {what}", text.escape_debug()));
        let plain = |text: &str, allowed: &str| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || allowed.contains(c))
        };
        check_name(&self.name)?;
        let digest = self.image.split_once("@sha256:");
        let fine = digest.is_some_and(|(name, hash)| plain(name, "._-/:") && is_hash(hash));
        if !fine {
            return wrong(&self.image, "image by digest, such as `redis@sha256:…`");
        }
        for (name, value) in &self.environment {
            let named = !name.starts_with(|c: char| c.is_ascii_digit())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if name.is_empty() || !named || value.contains(['\n', '\r', '\0']) {
                return wrong(
                    name,
                    "variable that a container can be given, with a value of one line",
                );
            }
        }
        if let Some(port) = self.ports.iter().find(|port| !plain(port, ".:/[]")) {
            return wrong(port, "port of a container, such as `127.0.0.1:8080:80`");
        }
        for volume in &self.volumes {
            let strange =
                |path: &str| path.contains([':', ',']) || path.chars().any(char::is_control);
            let source_fine = volume.source.starts_with('/') || plain(&volume.source, "._-");
            if strange(&volume.source) || !source_fine {
                return wrong(&volume.source, "source of a volume");
            }
            if strange(&volume.target) || !volume.target.starts_with('/') {
                return wrong(&volume.target, "place in a container");
            }
        }
        match &self.network {
            Some(network) if !plain(network, "._-") => wrong(network, "network of containers"),
            _ => Ok(()),
        }
    }

    /// The hash of all that it is started as.
    fn spec(&self) -> String {
        let mut text = String::new();
        for part in self.arguments() {
            let _ = write!(text, "{}:{part}", part.len());
        }
        for (name, value) in &self.environment {
            let _ = write!(text, "{}:{name}={value}", name.len() + value.len());
        }
        digest(text.as_bytes())
    }

    /// The arguments behind the engine's `run`, but for its name, label and variables.
    fn arguments(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
        for port in &self.ports {
            option("--publish", port.clone());
        }
        for volume in &self.volumes {
            let how = if volume.read_only { "ro" } else { "rw" };
            option(
                "--volume",
                format!("{}:{}:{how}", volume.source, volume.target),
            );
        }
        if let Some(network) = &self.network {
            option("--network", network.clone());
        }
        let restart = if self.restart { "always" } else { "no" };
        option("--restart", restart.to_owned());
        words.push(self.image.clone());
        words.extend(self.command.iter().cloned());
        words
    }

    /// Returns what differs, if anything.
    pub fn compare(&self, facts: &ContainerFacts) -> Option<Difference> {
        let line = match facts {
            ContainerFacts::There { running, spec } if *spec == self.spec() => {
                if *running {
                    return None;
                }
                "start anew".to_owned()
            }
            ContainerFacts::There { .. } => format!("replace by {}", self.image),
            ContainerFacts::Absent | ContainerFacts::Unknown => format!("run {}", self.image),
        };
        Some(Difference {
            lines: vec![line],
            content: false,
        })
    }

    /// Writes how it is replaced and started.
    pub(crate) fn settle(&self, settling: &mut Settling) -> Result<(), Refusal> {
        settling
            .script
            .need(&[Part::File, Part::Memory, Part::Container]);
        self.check().map_err(Refusal)?;
        let variables = format!("{}/variables", settling.memory());
        let beside = settling.beside(&variables);
        let count = self.environment.len().to_string();
        let mut words = vec![
            self.name.clone(),
            pattern(&self.name),
            self.spec(),
            self.image.clone(),
            beside,
            count,
        ];
        words.extend(
            self.environment
                .iter()
                .map(|(name, value)| format!("{name}={value}")),
        );
        words.extend(self.arguments());
        settling.script.call("ch_do ch_container", words)
    }

    /// The facts once the wish is met.
    pub fn met(&self) -> ContainerFacts {
        ContainerFacts::There {
            running: true,
            spec: self.spec(),
        }
    }
}

impl NoContainer {
    /// Returns what has to go, if anything.
    pub fn compare(&self, facts: &ContainerFacts) -> Option<Difference> {
        (*facts != ContainerFacts::Absent).then(|| Difference {
            lines: vec!["remove".to_owned()],
            content: false,
        })
    }

    /// Writes how it is removed.
    pub(crate) fn settle(&self, settling: &mut Settling) -> Result<(), Refusal> {
        settling.script.need(&[Part::Container]);
        let name = check_name(&self.name).map_err(Refusal)?;
        let words = [name, &pattern(name)];
        settling.script.call("ch_do ch_no_container", words)
    }
}

/// What engines filter names by; docker's begin with a slash.
fn pattern(name: &str) -> String {
    format!("^/?{}$", name.replace('.', "[.]"))
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit())
}

fn check_name(name: &str) -> Result<&str, String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && name.chars().all(fine) && (2..=100).contains(&name.len()) {
        return Ok(name);
    }
    Err(format!(
        "`{}` is no name of a container",
        name.escape_debug()
    ))
}

/// Asks about a container.
pub(crate) fn ask(script: &mut Script, container: &str) -> Result<(), Refusal> {
    script.need(&[Part::Container]);
    let name = check_name(container).map_err(Refusal)?;
    script.call("ch_ask ch_container_look", [name, &pattern(name)])
}

/// Reads the answer.
pub(crate) fn read(sections: &mut Sections) -> Result<ContainerFacts, Misread> {
    let data = sections.take("container")?;
    let text = String::from_utf8_lossy(&data);
    let mut words = text.split_whitespace();
    Ok(match (words.next(), words.next()) {
        (None, _) => ContainerFacts::Absent,
        (Some("unknown"), None) => ContainerFacts::Unknown,
        // One that is starting over and over, or paused, does not run.
        (Some(state), spec) => ContainerFacts::There {
            running: state == "running",
            // Engines have words for a label that is not there.
            spec: spec
                .filter(|spec| is_hash(spec))
                .unwrap_or_default()
                .to_owned(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container() -> Container {
        Container {
            name: "cache".to_owned(),
            image: format!("127.0.0.1:5000/redis@sha256:{}", "a".repeat(64)),
            command: Vec::new(),
            environment: vec![("A".to_owned(), "b".to_owned())],
            ports: vec!["127.0.0.1:6379:6379".to_owned()],
            volumes: vec![Volume {
                source: "/srv/cache".to_owned(),
                target: "/data".to_owned(),
                read_only: true,
            }],
            network: None,
            restart: true,
        }
    }

    #[test]
    fn is_another_where_anything_differs() {
        let met = container().met();
        assert!(container().compare(&met).is_none());
        let others = [
            Container {
                command: vec!["x".to_owned()],
                ..container()
            },
            Container {
                environment: Vec::new(),
                ..container()
            },
            Container {
                ports: Vec::new(),
                ..container()
            },
            Container {
                volumes: Vec::new(),
                ..container()
            },
            Container {
                network: Some("host".to_owned()),
                ..container()
            },
            Container {
                restart: false,
                ..container()
            },
        ];
        for other in others {
            assert!(other.compare(&met).is_some());
        }
    }

    #[test]
    fn refuses_what_would_be_another_option() {
        let volume = |source: &str, target: &str| {
            vec![Volume {
                source: source.to_owned(),
                target: target.to_owned(),
                read_only: false,
            }]
        };
        let wrong = [
            Container {
                name: "-x".to_owned(),
                ..container()
            },
            Container {
                image: "redis:7".to_owned(),
                ..container()
            },
            Container {
                image: format!("--privileged@sha256:{}", "a".repeat(64)),
                ..container()
            },
            Container {
                ports: vec!["--privileged".to_owned()],
                ..container()
            },
            Container {
                volumes: volume("/a:/b", "/c"),
                ..container()
            },
            Container {
                volumes: volume("../a", "/c"),
                ..container()
            },
            Container {
                volumes: volume("/a", "c"),
                ..container()
            },
            Container {
                network: Some("container:other".to_owned()),
                ..container()
            },
            Container {
                environment: vec![("A".to_owned(), "b\nC=d".to_owned())],
                ..container()
            },
            Container {
                environment: vec![("#A".to_owned(), String::new())],
                ..container()
            },
        ];
        assert!(container().check().is_ok());
        for wrong in wrong {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }
}
