//! `crash-test`: plays schedules and says what broke. `cargo xtask crash-test` starts it.
#![expect(clippy::print_stdout, reason = "a program tells people what it does")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
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
    /// Kills the host with one record in so many; but for 1 the matrix is not compared.
    #[arg(long, default_value_t = 1)]
    every: usize,
    /// Where the kill matrix stands.
    #[arg(long, value_name = "FILE")]
    matrix: Option<PathBuf>,
}

/// How many seeds a broken host may take until it is caught.
const SEEDS: u64 = 20_000;
/// How many effects the run of the kill matrix has at least.
const LEAST: usize = 300;

/// How many things were tried, and how many of them were as they should be.
#[derive(Default)]
struct Results {
    passed: u32,
    failed: u32,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let theatre = Theatre::open()?;
    if let Some(seed) = arguments.seed {
        return tell(&theatre, seed);
    }
    let mut results = Results::default();
    if !arguments.skip_mutations {
        mutations(&theatre, &mut results)?;
    }
    if let Some(file) = &arguments.matrix {
        matrix(&theatre, file, &arguments, &mut results)?;
    }
    if arguments.schedules > 0 {
        let begun = Instant::now();
        let tally = theatre.play_all(arguments.first, arguments.schedules)?;
        report(&tally);
        let name = format!(
            "{} schedules break no rule ({:.1} s)",
            tally.schedules,
            begun.elapsed().as_secs_f64()
        );
        results.add(&name, tally.broken.is_empty());
    }
    Ok(results.close())
}

impl Results {
    fn add(&mut self, name: &str, good: bool) {
        println!("test {name} ... {}", if good { "ok" } else { "FAILED" });
        self.passed += u32::from(good);
        self.failed += u32::from(!good);
    }

    /// Says it as any runner of tests does.
    fn close(&self) -> ExitCode {
        let (passed, failed) = (self.passed, self.failed);
        let good = failed == 0;
        let word = if good { "ok" } else { "FAILED" };
        println!("test result: {word}. {passed} passed; {failed} failed");
        if good {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// Tells what happened in the world of one seed.
fn tell(theatre: &Theatre, seed: u64) -> Result<ExitCode> {
    let told = theatre.play(seed, None, true)?;
    for arrival in &told.arrivals {
        println!("{arrival}");
    }
    for said in &told.said {
        println!("{said}");
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
fn mutations(theatre: &Theatre, results: &mut Results) -> Result<()> {
    let begun = Instant::now();
    for (mutation, caught) in theatre.catches_all(SEEDS)? {
        let words = mutation.words();
        let name = match caught {
            Some(seed) => format!("seed {seed} catches {words}"),
            None => format!("{SEEDS} seeds catch {words}"),
        };
        results.add(&name, caught.is_some());
    }
    println!("broken hosts: {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

fn matrix(
    theatre: &Theatre,
    file: &Path,
    arguments: &Arguments,
    results: &mut Results,
) -> Result<()> {
    let begun = Instant::now();
    let matrix = theatre.matrix(arguments.every)?;
    for (death, violations) in matrix.broken.iter().take(10) {
        for violation in violations {
            println!("BROKEN after {death:?}: {violation}");
        }
    }
    if matrix.effects < LEAST {
        bail!("the run of the kill matrix has less than {LEAST} effects");
    }
    let deaths: usize = matrix.rows.values().map(|row| row.places).sum();
    let name = format!(
        "a host that dies with any of {} records of {} effects is gone on with ({deaths} deaths, \
         {:.1} s)",
        matrix.records,
        matrix.effects,
        begun.elapsed().as_secs_f64()
    );
    results.add(&name, matrix.broken.is_empty());
    if arguments.every > 1 {
        return Ok(());
    }
    let stands = fs_err::read_to_string(file)?;
    let page = matrix.within(&stands)?;
    if arguments.write {
        fs_err::write(file, &page)?;
    } else {
        let same = stands == page;
        if !same {
            println!("{page}");
            println!("`cargo xtask crash-test --write` writes it anew");
        }
        results.add(&format!("`{}` says so", file.display()), same);
    }
    Ok(())
}

fn report(tally: &Tally) {
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
}
