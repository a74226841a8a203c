//! This computer as a machine.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cellhost_plan::MachineName;
use tokio::process::Command;
use tokio::sync::Mutex;

use crate::shell::{Failure, Line, Memory, Pipes, ShellCourier};
use crate::{Courier, CourierError, Fleet, Stage};

/// Hands out couriers that speak to a shell on this computer, whatever machine is asked for.
pub struct LocalFleet {
    shell: Vec<String>,
    environment: BTreeMap<String, String>,
    memory: Memory,
    couriers: Mutex<BTreeMap<MachineName, Arc<ShellCourier<LocalLine>>>>,
}

impl Default for LocalFleet {
    fn default() -> Self {
        Self::new()
    }
}

impl LocalFleet {
    /// Makes a fleet whose couriers speak to `sh`.
    pub fn new() -> Self {
        Self {
            shell: vec!["sh".to_owned()],
            environment: BTreeMap::new(),
            memory: Memory::default(),
            couriers: Mutex::new(BTreeMap::new()),
        }
    }

    /// Speaks to another shell, such as `busybox sh`.
    pub fn with_shell<W: Into<String>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.shell = words.into_iter().map(Into::into).collect();
        self
    }

    /// Sets a variable for the shell.
    pub fn with_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Remembers what outlives a run in another directory than `/var/lib/cellhost`.
    pub fn with_memory(mut self, directory: impl Into<String>) -> Self {
        self.memory = Memory(directory.into());
        self
    }
}

#[async_trait]
impl Fleet for LocalFleet {
    async fn courier(&self, machine: &MachineName) -> Result<Arc<dyn Courier>, CourierError> {
        let mut couriers = self.couriers.lock().await;
        let courier = couriers.entry(machine.clone()).or_insert_with(|| {
            let line = LocalLine {
                machine: machine.clone(),
                shell: self.shell.clone(),
                environment: self.environment.clone(),
            };
            Arc::new(ShellCourier::new(line, self.memory.clone()))
        });
        Ok(Arc::clone(courier) as Arc<dyn Courier>)
    }

    async fn close(&self) {
        for courier in std::mem::take(&mut *self.couriers.lock().await).values() {
            courier.close().await;
        }
    }
}

/// Starts a shell on this computer.
struct LocalLine {
    machine: MachineName,
    shell: Vec<String>,
    environment: BTreeMap<String, String>,
}

impl LocalLine {
    fn broken(&self, reason: impl Into<String>) -> CourierError {
        CourierError::Unreachable {
            machine: self.machine.clone(),
            stage: Stage::Start,
            reason: reason.into(),
            in_doubt: false,
        }
    }
}

#[async_trait]
impl Line for LocalLine {
    fn machine(&self) -> &MachineName {
        &self.machine
    }

    async fn open(&self) -> Result<Pipes, CourierError> {
        let (program, arguments) = self
            .shell
            .split_first()
            .ok_or_else(|| self.broken("no shell is named"))?;
        let mut child = Command::new(program)
            .args(arguments)
            .envs(&self.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Its own group, so that Ctrl-C here does not end what runs there half way.
            .process_group(0)
            .spawn()
            .map_err(|error| self.broken(format!("cannot start `{program}`: {error}")))?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(self.broken("the shell has no pipes"));
        };
        Ok(Pipes {
            input: Box::new(input),
            output: Box::new(output),
            errors: Box::new(errors),
            keeper: Box::new(child),
            gate: None,
        })
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(20)
    }

    fn explain(&self, words: &str, late: bool) -> Failure {
        let reason = match (words.is_empty(), late) {
            (false, _) => words.to_owned(),
            (true, true) => "no greeting in time".to_owned(),
            (true, false) => "the shell ended without a word".to_owned(),
        };
        Failure::Unreachable {
            stage: Stage::Start,
            reason,
            sent: true,
        }
    }
}
