//! Shows a run while it goes on. Only renders: what happens is decided elsewhere.

mod barrier;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::time::Duration;

use cellhost_effects::Hook;
use cellhost_engine::{Event, Evidence, Happening, Status};
use cellhost_plan::{InstanceName, MachineName};
use cellhost_runtime::Level;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::report::{self, Options};
use crate::terminal::Terminal;

type Place = (InstanceName, Hook, Option<MachineName>);

/// The view of a run under way: finished turns as blocks of text, those under way on one line.
pub(crate) struct Progress {
    terminal: Terminal,
    options: Options,
    /// Whether only the line of what is under way is shown.
    silent: bool,
    line: Option<ProgressBar>,
    turns: BTreeMap<Place, Turn>,
    barrier: barrier::Told,
}

/// How many lines of a failed command's output are shown where all of it is not.
const LAST_LINES: usize = 10;

/// How often it is told again what is waited for, where no line moves.
const TELL: Duration = Duration::from_secs(30);

/// A turn under way.
#[derive(Default)]
struct Turn {
    block: String,
    doing: String,
    /// How long it had waited when that was last told, where it waits.
    waited: Option<Duration>,
    /// What machines wrote last, and where, until a command or a list ends.
    wrote: VecDeque<(MachineName, String)>,
}

impl Turn {
    fn heard(&mut self, machine: MachineName, line: String) {
        if self.wrote.len() == LAST_LINES {
            self.wrote.pop_front();
        }
        self.wrote.push_back((machine, line));
    }

    /// Takes what a machine wrote last.
    fn take(&mut self, machine: &MachineName) -> Vec<String> {
        let (taken, kept) = std::mem::take(&mut self.wrote)
            .into_iter()
            .partition(|(at, _)| at == machine);
        self.wrote = kept;
        let taken: VecDeque<_> = taken;
        taken.into_iter().map(|(_, line)| line).collect()
    }
}

impl Progress {
    /// A view for this terminal.
    pub(crate) fn new(terminal: &Terminal, options: Options, silent: bool) -> Self {
        let line = terminal.is_interactive().then(|| {
            let line = ProgressBar::new_spinner();
            line.enable_steady_tick(Duration::from_millis(120));
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
                line.set_style(style);
            }
            line
        });
        if let Some(line) = &line {
            terminal.shows(line.clone());
        }
        Self {
            terminal: terminal.clone(),
            options,
            silent,
            line,
            turns: BTreeMap::new(),
            barrier: barrier::Told::default(),
        }
    }

    /// Follows a run to its end.
    pub(crate) async fn follow(mut self, mut events: UnboundedReceiver<Event>) {
        while let Some(event) = events.recv().await {
            let over = matches!(event, Event::Ended(_));
            self.show(event);
            if over {
                break;
            }
        }
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
    }

    fn show(&mut self, event: Event) {
        match event {
            Event::Phase(phase) => self.write(format!("{phase}")),
            Event::Barrier(evidence) => self.stand(&evidence),
            Event::Module {
                module,
                version,
                machines,
            } => {
                let machines = crate::commands::counted(machines, "machine");
                self.write(format!("  {module} {version} on {machines}"));
            }
            Event::Turn {
                module,
                hook,
                machine,
                happening,
            } => {
                self.turn(&(module, hook, machine), happening);
            }
            Event::ModuleEnded {
                module,
                status,
                took,
            } => {
                let why = match &status {
                    Status::Skipped(why) => format!(": {}", report::clean(why)),
                    _ => String::new(),
                };
                let took = report::seconds(took);
                self.write(format!("  {module} {}{why} ({took})", status.word()));
            }
            Event::Ended(_) => {}
        }
    }

    /// Shows how a barrier waits: on the line that moves, or whenever there is something new.
    fn stand(&mut self, evidence: &Evidence) {
        let place = (evidence.ensemble.clone(), Hook::Gate, None);
        let turn = self.turns.entry(place).or_default();
        turn.doing = barrier::line(evidence);
        if evidence.is_held() {
            let _ = writeln!(turn.block, "      {}", turn.doing);
        } else if self.line.is_some() {
            self.redraw();
        } else if let Some(news) = self.barrier.news(evidence) {
            self.write(format!("  waiting for {}: {news}", evidence.ensemble));
        }
    }

    fn turn(&mut self, place: &Place, happening: Happening) {
        let turn = self.turns.entry(place.clone()).or_default();
        match happening {
            Happening::Doing(what) => turn.doing = what,
            Happening::Said(Level::Warn, words) => {
                let _ = writeln!(turn.block, "      warning: {}", report::clean(&words));
            }
            Happening::Waiting {
                why,
                waited,
                patience,
            } => self.wait(place, &why, waited, patience),
            Happening::Began | Happening::Said(..) | Happening::Looked { .. } => {}
            Happening::Wrote { machine, line } => {
                let line = report::clean(&line);
                if self.options.output {
                    let (module, _, _) = place;
                    self.write(format!("      {module} {machine} | {line}"));
                } else {
                    turn.heard(machine, line);
                }
            }
            Happening::Retrying {
                machine,
                pause,
                reason,
                ..
            } => {
                let (module, ..) = place;
                let pause = report::seconds(pause);
                let reason = report::clean(&reason);
                self.write(format!(
                    "    {module} {machine}: retrying in {pause} because {reason}"
                ));
            }
            Happening::Failed { machine, .. } => {
                for line in turn.take(&machine) {
                    let _ = writeln!(turn.block, "        | {line}");
                }
            }
            Happening::Settled { machine, changed } => {
                drop(turn.take(&machine));
                let on = elsewhere(place, &machine);
                for settlement in &changed {
                    report::settlement(&mut turn.block, on, settlement, self.options);
                }
            }
            Happening::Ran {
                machine,
                argv,
                status,
                certainty,
            } => {
                let on = elsewhere(place, &machine);
                report::command(&mut turn.block, on, &argv, status, certainty, self.options);
                let wrote = turn.take(&machine);
                if status != Some(0) {
                    for line in wrote {
                        let _ = writeln!(turn.block, "        | {line}");
                    }
                }
            }
            Happening::Ended {
                status,
                hints,
                took,
            } => {
                let turn = self.turns.remove(place).unwrap_or_default();
                if place.1 == Hook::Gate && place.2.is_some() && status.is_good() {
                    // What was waited for has come about; what comes next says so.
                    return self.redraw();
                }
                let mut block = report::turn(place.1, place.2.as_ref(), &status, took);
                block.push_str(&turn.block);
                for hint in hints {
                    let _ = writeln!(block, "      hint: {hint}");
                }
                self.write(block.trim_end().to_owned());
            }
        }
        self.redraw();
    }

    /// Shows what is waited for: on the line that moves, or else every now and then.
    fn wait(&mut self, place: &Place, why: &str, waited: Duration, patience: Duration) {
        let mut words = report::clean(why);
        if !patience.is_zero() {
            let (waited, patience) = (report::seconds(waited), report::seconds(patience));
            let _ = write!(words, " ({waited} of {patience})");
        }
        let turn = self.turns.entry(place.clone()).or_default();
        let due = turn.waited.is_none_or(|told| waited >= told + TELL);
        if self.line.is_none() && due {
            turn.waited = Some(waited);
            let (module, hook, machine) = place;
            let machine = report::place_of(*hook, machine.as_ref());
            self.write(format!("    {module} {machine}: waits: {words}"));
        } else {
            turn.doing = format!("waits: {words}");
        }
    }

    /// Writes above the line of what is under way.
    fn write(&self, text: String) {
        if self.silent {
            return;
        }
        match &self.line {
            Some(line) => line.suspend(|| self.terminal.note(text)),
            None => self.terminal.note(text),
        }
    }

    fn redraw(&self) {
        let Some(line) = &self.line else { return };
        let doing: Vec<String> = self
            .turns
            .iter()
            .take(4)
            .map(|((module, hook, machine), turn)| {
                let place = machine
                    .as_ref()
                    .map_or_else(|| hook.to_string(), ToString::to_string);
                let wrote = turn.wrote.back().map_or("", |(_, line)| line.as_str());
                let words = [turn.doing.as_str(), wrote];
                let doing: String = words
                    .iter()
                    .filter(|words| !words.is_empty())
                    .fold(String::new(), |doing, words| format!("{doing}: {words}"));
                format!("{module} {place}{doing}")
            })
            .collect();
        let more = self.turns.len().saturating_sub(doing.len());
        let more = if more == 0 {
            String::new()
        } else {
            format!(" and {more} more")
        };
        line.set_message(report::clean(&format!("{}{more}", doing.join(" · "))));
    }
}

/// The machine, where it is not the turn's own.
fn elsewhere<'a>(place: &Place, machine: &'a MachineName) -> Option<&'a MachineName> {
    (place.2.as_ref() != Some(machine)).then_some(machine)
}
