//! `cellhost lab status`.

use std::{fmt::Write as _, process::ExitCode};

use cellhost_lab::{Lab, MachineStatus};
use clap::ValueEnum;

use super::failure::failed;
use crate::{
    error::{CommandError, Kind},
    terminal::Terminal,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How to write it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A table for people
    Text,
    /// A list of objects for programs
    Json,
}

/// Writes the state of every machine to stdout.
pub(super) fn run(args: &Args, lab: &Lab, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let machines = lab.status().map_err(failed)?;
    match args.format {
        Format::Text => terminal.data(table(&machines)),
        Format::Json => {
            let text = serde_json::to_string_pretty(&machines)
                .map_err(|error| CommandError::new(Kind::Bug, error))?;
            terminal.data(format_args!("{text}\n"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn table(machines: &[MachineStatus]) -> String {
    let mut text = format!(
        "{:<8} {:<14} {:<8} {:<7} {:>9}  CABLE\n",
        "MACHINE", "ADDRESS", "STATE", "SSHD", "UPTIME"
    );
    for machine in machines {
        let sshd = if machine.sshd { "answers" } else { "silent" };
        let uptime = machine
            .uptime_seconds
            .map_or_else(|| String::from("-"), duration);
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{:<8} {:<14} {:<8} {sshd:<7} {uptime:>9}  {}",
            machine.name,
            machine.address.to_string(),
            machine.state,
            cable(machine)
        );
    }
    text
}

fn cable(machine: &MachineStatus) -> String {
    match (machine.cut, machine.cut_from.as_slice()) {
        (true, _) => String::from("cut"),
        (false, []) => String::from("plugged"),
        (false, others) => format!("cut from {}", others.join(", ")),
    }
}

fn duration(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hours}:{minutes:02}:{seconds:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use cellhost_lab::{MachineNumber, MachineState};

    #[test]
    fn table_has_a_line_for_each_machine_and_names_the_cuts() {
        let machine = MachineStatus {
            name: "m1".into(),
            address: MachineNumber::new(1).unwrap().address(),
            state: MachineState::Frozen,
            cut: false,
            cut_from: vec!["m2".into()],
            sshd: false,
            uptime_seconds: Some(3725),
        };
        let text = table(&[machine]);
        let line = text.lines().nth(1).unwrap();
        assert_eq!(
            line,
            "m1       10.77.0.1      frozen   silent    1:02:05  cut from m2"
        );
    }
}
