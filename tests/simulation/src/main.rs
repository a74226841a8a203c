//! `crash-test`: plays schedules and says what broke. `cargo xtask crash-test` starts it.
#![expect(clippy::print_stdout, reason = "a program tells people what it does")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use cellhost_simulation::mutation::Mutation;
use cellhost_simulation::theatre::{Tally, Theatre};
use clap::Parser;

/// Plays whole deployments with faults over simulated machines, kills their host with every record,
/// and breaks hosts on purpose to see that the rules notice.
#[derive(Parser)]
#[command(name = "crash-test")]
struct Arguments {
    /// Plays only this seed, and tells what happened.
    #[arg(long)]
    seed: Option<u64>,
    /// How many schedules to play.
    #[arg(long, default_value_t = 100_000)]
    schedules: u64,
    /// The first seed of them.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Writes the kill matrix here; without it, compares it with what stands there.
    #[arg(long)]
    write: bool,
    /// Leaves out the hosts that are broken on purpose.
    #[arg(long)]
    skip_mutations: bool,
    /// Where the kill matrix stands.
    #[arg(long, value_name = "FILE")]
    matrix: Option<PathBuf>,
}

/// How many seeds a broken host may take until it is caught.
const SEEDS: u64 = 2_000;

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let theatre = Theatre::open()?;
    if let Some(seed) = arguments.seed {
        return tell(&theatre, seed);
    }
    let mut good = arguments.skip_mutations || mutations(&theatre)?;
    if let Some(file) = &arguments.matrix {
        good &= matrix(&theatre, file, arguments.write)?;
    }
    let begun = Instant::now();
    let tally = theatre.play_all(arguments.first, arguments.schedules)?;
    good &= report(&tally);
    println!("schedules: {:.1} s", begun.elapsed().as_secs_f64());
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Tells what happened in the world of one seed.
fn tell(theatre: &Theatre, seed: u64) -> Result<ExitCode> {
    let told = theatre.play(seed, None, true)?;
    for arrival in &told.arrivals {
        println!("{arrival}");
    }
    for (number, run) in (1..).zip(&told.runs) {
        println!("run {number}: {run}");
    }
    for sum in &told.sums {
        println!("record {sum}");
    }
    for violation in &told.violations {
        println!("BROKEN {violation}");
    }
    Ok(if told.violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Breaks hosts on purpose: every one of them has to be noticed.
fn mutations(theatre: &Theatre) -> Result<bool> {
    let mut good = true;
    for mutation in Mutation::ALL {
        let words = mutation.words();
        if !theatre.has(mutation) {
            println!("not tried, since no cell has a barrier yet: {words}");
            continue;
        }
        if let Some(seed) = theatre.catches(mutation, SEEDS)? {
            println!("caught at seed {seed}: {words}");
        } else {
            println!("NOT CAUGHT within {SEEDS} seeds: {words}");
            good = false;
        }
    }
    Ok(good)
}

fn matrix(theatre: &Theatre, file: &PathBuf, write: bool) -> Result<bool> {
    let begun = Instant::now();
    let matrix = theatre.matrix()?;
    for (death, violations) in matrix.broken.iter().take(10) {
        for violation in violations {
            println!("BROKEN after {death:?}: {violation}");
        }
    }
    let deaths: usize = matrix.rows.values().map(|row| row.places).sum();
    println!(
        "kill matrix: {} effects, {} records, {deaths} deaths, {} broken, {:.1} s",
        matrix.effects,
        matrix.records,
        matrix.broken.len(),
        begun.elapsed().as_secs_f64()
    );
    if matrix.effects < 300 {
        bail!("the run of the kill matrix has less than 300 effects");
    }
    let page = matrix.page();
    if write {
        fs_err::write(file, &page)?;
    } else if fs_err::read_to_string(file)? != page {
        println!("{page}");
        println!(
            "`{}` says otherwise: write it anew with `--write`",
            file.display()
        );
        return Ok(false);
    }
    Ok(matrix.broken.is_empty())
}

fn report(tally: &Tally) -> bool {
    for (seed, violations) in tally.broken.iter().take(10) {
        for violation in violations {
            println!("seed {seed}: BROKEN {violation}");
        }
        println!("  cargo xtask crash-test --seed {seed}");
    }
    println!(
        "{} schedules, {} runs, {} requests at machines; {} first runs went well, {} were stopped, \
         the host died in {}, {} runs went on with one before; {} were played twice",
        tally.schedules,
        tally.runs,
        tally.requests,
        tally.good,
        tally.stopped,
        tally.died,
        tally.resumed,
        tally.repeated
    );
    let met: Vec<String> = tally
        .met
        .iter()
        .map(|(trouble, count)| format!("{} {count}", trouble.words()))
        .collect();
    println!("met: {}", met.join(", "));
    println!("violations: {}", tally.broken.len());
    tally.broken.is_empty()
}
