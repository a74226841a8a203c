//! `cargo xtask demo`: from a fresh checkout to a running cluster, on machines of one's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::guests::{self, Workshop};
use crate::setup;
use crate::step::{output, step, succeed};

const PLAN: &str = "examples/redis-cluster/plan.toml";
/// Stands in for what an operator would keep in a vault.
const PASSWORD: &str = "only-for-this-demo";

/// What `cargo xtask demo` is told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Leaves the machines up, to look around.
    #[arg(long)]
    keep: bool,
}

/// Runs the demo and takes its machines down again.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let workshop = Workshop::here()?;
    step("what this computer needs", || setup::ensure(&[setup::LAB]))?;
    step("modules", || {
        guests::build(&workshop, &guests::modules(&workshop)?)
    })?;
    step("cellhost", || {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        succeed(
            command
                .args(["build", "--package", "cellhost"])
                .current_dir(workshop.root()),
        )
    })?;
    let demo = Demo::new(workshop.root());
    step("three machines", || {
        succeed(demo.cellhost().args(["lab", "up", "3"]))
    })?;
    let shown = demo.show();
    if arguments.keep {
        eprintln!(
            "the machines are up; CELLHOST_LAB_DIR={}",
            demo.lab.display()
        );
    } else {
        succeed(demo.cellhost().args(["lab", "down"]))?;
    }
    shown
}

struct Demo {
    root: PathBuf,
    program: PathBuf,
    lab: PathBuf,
}

impl Demo {
    fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            program: root.join("target/debug/cellhost"),
            lab: root.join("target/demo-lab"),
        }
    }

    /// Begins a call of cellhost.
    fn cellhost(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(&self.root)
            .env("CELLHOST_LAB_DIR", &self.lab)
            .env("REDIS_PASSWORD", PASSWORD);
        command
    }

    /// Begins a call of cellhost inside the lab's network.
    fn inside(&self, words: &[&str]) -> Command {
        let mut command = self.cellhost();
        command
            .args(["lab", "exec", "--"])
            .arg(&self.program)
            .args(words);
        command
    }

    /// Asks the cluster itself.
    fn redis(&self, words: &[&str]) -> Result<String> {
        let password = format!("REDISCLI_AUTH={PASSWORD}");
        let mut command = self.cellhost();
        command
            .args([
                "lab",
                "ssh",
                "m1",
                "--",
                "env",
                password.as_str(),
                "redis-cli",
                "-p",
                "7000",
            ])
            .args(words);
        output(&mut command)
    }

    fn show(&self) -> Result<()> {
        step("cellhost run", || succeed(&mut self.inside(&["run", PLAN])))?;
        step("what the cluster says", || {
            let info = self.redis(&["cluster", "info"])?;
            let nodes = self.redis(&["cluster", "nodes"])?;
            print!("{info}{nodes}");
            check_info(&info)?;
            check_nodes(&nodes)
        })?;
        step("cellhost run, a second time", || {
            let text = output(&mut self.inside(&["run", PLAN, "--format", "json"]))?;
            let summary: Value = serde_json::from_str(&text)?;
            let changes = summary
                .get("changes")
                .and_then(Value::as_u64)
                .context("a summary without changes")?;
            println!("{changes} changed");
            ensure!(changes == 0, "the second run changed {changes} things");
            Ok(())
        })
    }
}

fn check_info(info: &str) -> Result<()> {
    for wanted in [
        "cluster_state:ok",
        "cluster_slots_assigned:16384",
        "cluster_slots_ok:16384",
        "cluster_known_nodes:6",
        "cluster_size:3",
    ] {
        ensure!(
            info.lines().any(|line| line.trim() == wanted),
            "the cluster has no `{wanted}`"
        );
    }
    Ok(())
}

/// Each replica has to stand on another machine than its master, and no machine may have two
/// masters.
fn check_nodes(nodes: &str) -> Result<()> {
    let nodes: Vec<Vec<&str>> = nodes
        .lines()
        .map(|line| line.split(' ').collect())
        .collect();
    let word = |node: &[&str], place: usize| node.get(place).copied().unwrap_or("").to_owned();
    let machine = |node: &[&str]| {
        let address = word(node, 1);
        address.split(':').next().unwrap_or("").to_owned()
    };
    let mut masters: Vec<String> = Vec::new();
    for node in &nodes {
        if word(node, 2).contains("master") {
            let home = machine(node);
            ensure!(!masters.contains(&home), "two masters are on {home}");
            masters.push(home);
            continue;
        }
        let master = word(node, 3);
        let Some(master) = nodes.iter().find(|other| word(other, 0) == master) else {
            bail!("a replica without a master: {}", node.join(" "));
        };
        ensure!(
            machine(node) != machine(master),
            "a replica beside its master on {}",
            machine(node)
        );
    }
    ensure!(
        masters.len() == 3 && nodes.len() == 6,
        "{} of 6 nodes",
        nodes.len()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
a 10.0.0.1:7000@17000 myself,master - 0 1 1 connected 0-5460
b 10.0.0.2:7000@17000 master - 0 1 2 connected 5461-10921
c 10.0.0.3:7000@17000 master - 0 1 3 connected 10922-16383
d 10.0.0.2:7001@17001 slave a 0 1 1 connected
e 10.0.0.3:7001@17001 slave b 0 1 2 connected
f 10.0.0.1:7001@17001 slave c 0 1 3 connected";

    #[test]
    fn accepts_a_cluster_that_is_spread() {
        check_nodes(GOOD).unwrap();
    }

    #[test]
    fn refuses_a_replica_beside_its_master() {
        let bad = GOOD.replace("f 10.0.0.1:7001@17001", "f 10.0.0.3:7001@17001");
        assert!(
            check_nodes(&bad)
                .unwrap_err()
                .to_string()
                .contains("beside its master")
        );
    }

    #[test]
    fn refuses_two_masters_on_one_machine() {
        let bad = GOOD.replace("b 10.0.0.2:7000", "b 10.0.0.1:7000");
        assert!(
            check_nodes(&bad)
                .unwrap_err()
                .to_string()
                .contains("two masters")
        );
    }
}
