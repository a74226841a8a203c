//! A module that tries one forbidden thing on each machine: which, the plan says.

use std::sync::atomic::{AtomicU32, Ordering};

use cellhost_sdk::prelude::*;
use cellhost_sdk::{log, render};

/// Whoever tests puts bytes in the place of this that are no text.
static NO_TEXT: &str = "/etc/hostile/bytes-that-are-no-text";

/// Would be known to a later turn, if turns knew of each other.
static TURNS: AtomicU32 = AtomicU32::new(0);

/// What can be set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// What is tried.
    deed: String,
}

struct Hostile;

impl Module for Hostile {
    type Settings = Settings;

    fn validate(cell: &Cell<Settings>) -> Vec<Problem> {
        match cell.settings().deed.as_str() {
            "validates-for-ever" => endless(),
            "judges-by-escapes" => vec![Problem::of_all("\u{1b}[2Jfine\r\u{7}")],
            _ => Vec::new(),
        }
    }

    fn outputs(cell: &Cell<Settings>) -> Vec<(String, String)> {
        match cell.settings().deed.as_str() {
            "puts-out-for-ever" => endless(),
            _ => Vec::new(),
        }
    }

    fn order(cell: &Cell<Settings>) -> Result<Vec<u32>, Failure> {
        match cell.settings().deed.as_str() {
            "orders-for-ever" => endless(),
            _ => Ok(Vec::new()),
        }
    }

    fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
        if TURNS.fetch_add(1, Ordering::Relaxed) > 0 {
            return Err(Failure::failed("a turn knows of another one"));
        }
        attempt(&cell.settings().deed, machine)
    }

    fn form(cell: &Cell<Settings>) -> Result<(), Failure> {
        match cell.settings().deed.as_str() {
            "forms-for-ever" => endless(),
            _ => Ok(()),
        }
    }

    fn health(cell: &Cell<Settings>, machine: &Machine) -> Result<Condition, Failure> {
        match cell.settings().deed.as_str() {
            "changes-when-asked-how-it-is" => {
                machine.ensure(File::at("/etc/hostile/health").text("changed"))?;
            }
            "is-asked-for-ever" => endless(),
            "remembers" if TURNS.load(Ordering::Relaxed) > 0 => {
                return Ok(Condition::down("a turn knows of another one"));
            }
            _ => {}
        }
        Ok(Condition::Healthy)
    }

    fn remove(cell: &Cell<Settings>, _: &Machine, _: bool) -> Result<(), Failure> {
        match cell.settings().deed.as_str() {
            "removes-for-ever" => endless(),
            _ => Ok(()),
        }
    }
}

cellhost_sdk::export!(Hostile);

fn attempt(deed: &str, machine: &Machine) -> Result<(), Failure> {
    if let Some(path) = path(deed) {
        machine.ensure(File::at(path).text("x"))?;
        return Ok(());
    }
    if let Some(argv) = argv(deed) {
        Command::new(argv.iter().copied()).run(machine, Doubt::Again)?;
        return Ok(());
    }
    let other = Secret::named("other");
    let given = |text: &str| json!({ "text": text });
    match deed {
        "reads-elsewhere" => drop(machine.read("/etc/shadow", 100)?),
        "looks-elsewhere" => drop(machine.entries("/root")?),
        "links-out" => drop(machine.ensure(Link::at("/etc/hostile/l", "/etc/shadow"))?),
        "links-out-by-parents" => {
            machine.ensure(Link::at("/etc/hostile/l", "../../srv/keys"))?;
        }
        "removes-all" => drop(machine.ensure(Absent::at("/etc"))?),
        "preloads" => tool("LD_PRELOAD", "/etc/hostile/x.so")
            .run(machine, Doubt::Again)
            .map(drop)?,
        "names-a-variable-twice" => tool("A=B", "C").run(machine, Doubt::Again).map(drop)?,
        "becomes-another" => {
            let tool = Command::new(["hostile-tool", "x"]).user("postgres");
            tool.run(machine, Doubt::Again)?;
        }
        "takes-a-secret" => {
            let tool = Command::new(["hostile-tool", "x"]).input_secret(&other);
            tool.run(machine, Doubt::Again)?;
        }
        "renders-a-secret" => {
            let variables = json!({ "text": other });
            machine.ensure(File::at("/etc/hostile/s").rendered("given.txt", &variables)?)?;
        }
        "injects-a-template" => {
            let text = given("{{ 7 * 7 }}{% include 'x' %}");
            let wish = File::at("/etc/hostile/t").rendered("given.txt", &text)?;
            machine.ensure((Directory::at("/etc/hostile"), wish))?;
        }
        "includes-itself" => drop(render("itself.txt", &given(""))?),
        "renders-for-ever" => drop(render("endless.txt", &given(""))?),
        "renders-a-flood" => drop(render("flood.txt", &given(&"x".repeat(9000)))?),
        "renders-what-is-not-there" => drop(render("../../etc/passwd", &given(""))?),
        "installs-another" => drop(machine.ensure(Software::named(["openssh-server"]))?),
        "installs-an-option" => drop(machine.ensure(Software::named(["--allow-downgrades"]))?),
        "serves-another" => drop(machine.ensure(Service::named("ssh").running())?),
        "serves-an-option" => drop(machine.ensure(Service::named("--root=/x").running())?),
        "makes-root" => drop(machine.ensure(User::named("root"))?),
        "makes-a-group" => drop(machine.ensure(Group::named("sudo"))?),
        "dials-ssh" => drop(machine.dial("127.0.0.1", 22).send("")?),
        "fetches" => {
            let hash = "0".repeat(64);
            machine.ensure(Download::at("/etc/hostile/d", "http://10.0.0.9/x", hash))?;
        }
        "sets-the-kernel" => {
            machine.ensure(Sysctl::set("kernel.core_pattern", "|/etc/hostile/x"))?;
        }
        "loads-into-the-kernel" => drop(machine.ensure(KernelModule::named("rootkit"))?),
        "mounts" => drop(machine.ensure(Mount::at("/etc/hostile/m", "/", "none"))?),
        "contains" => drop(machine.ensure(Container::named("x", "evil/image:1"))?),
        "computes-for-ever" => endless(),
        "overflows-the-stack" => {
            let depth = deeper(std::hint::black_box(0));
            return Err(Failure::failed(format!("{depth} deep and no end")));
        }
        "eats-memory" => {
            let eaten: Vec<Vec<u8>> = (0..64)
                .map(|_| std::hint::black_box(vec![1; 16 << 20]))
                .collect();
            return Err(Failure::failed(format!("{} and not full", eaten.len())));
        }
        "holds-memory" => {
            // What it needs, and holds while it waits for the machine.
            let held: Vec<Vec<u8>> = (0..6)
                .map(|_| std::hint::black_box(vec![1; 16 << 20]))
                .collect();
            Command::new(["hostile-tool", "x"]).run(machine, Doubt::Again)?;
            drop(std::hint::black_box(held));
        }
        "asks-for-ever" => loop {
            machine.fact("os.id")?;
        },
        "floods-the-log" => (0..300_000).for_each(|_| log::info(&"x".repeat(100))),
        "floods-the-log-with-nothing" => (0..3_000_000).for_each(|_| log::info("")),
        "steers-the-terminal" => log::warn("\u{1b}]0;owned\u{7}\u{1b}[2J\r\nbe quiet"),
        "names-one-text-often" => {
            let text = "x".repeat(8 << 20);
            let wish = |number| File::at(format!("/etc/hostile/{number}")).text(text.as_str());
            // Each of them is copied here already, so that few of them fit.
            machine.ensure((0..20).map(wish).collect::<Vec<_>>())?;
        }
        "wishes-without-number" => {
            let wish = |number| Directory::at(format!("/etc/hostile/{number}"));
            machine.ensure((0..200_000).map(wish).collect::<Vec<_>>())?;
        }
        "says-what-is-no-text" => drop(machine.ensure(File::at(NO_TEXT).text("x"))?),
        _ => {}
    }
    Ok(())
}

/// Paths that lead, or could lead, somewhere else than below `/etc/hostile`.
fn path(deed: &str) -> Option<String> {
    Some(match deed {
        "climbs-by-parents" => "/etc/hostile/../shadow".to_owned(),
        "doubles-a-slash" => "/etc//hostile/x".to_owned(),
        "writes-from-nowhere" => "etc/hostile/x".to_owned(),
        "hides-behind-a-zero" => "/etc/hostile/x\0/../../shadow".to_owned(),
        "breaks-the-line" => "/etc/hostile/x\n/etc/shadow".to_owned(),
        "names-an-escape" => "/etc/hostile/\u{1b}[2J".to_owned(),
        "names-at-length" => format!("/etc/hostile/{}", "x".repeat(5000)),
        "writes-elsewhere" => "/etc/shadow".to_owned(),
        "writes-beside" => "/etc/hostile2".to_owned(),
        "writes-what-the-host-remembers" => "/var/lib/cellhost/lease".to_owned(),
        _ => return None,
    })
}

/// Commands that are, or could be, others than `hostile-tool` with one argument.
fn argv(deed: &str) -> Option<&'static [&'static str]> {
    Some(match deed {
        "calls-a-shell" => &["sh", "-c", "id"],
        "calls-its-own" => &["/etc/hostile/hostile-tool", "x"],
        "calls-with-more" => &["hostile-tool", "x", "--exec=sh"],
        "calls-nothing" => &[],
        "injects-a-command" => &["hostile-tool", "x; touch /etc/shadow $(id) `id` \n id"],
        _ => return None,
    })
}

fn tool(name: &str, value: &str) -> Command {
    Command::new(["hostile-tool", "x"]).environment(name, value)
}

fn endless() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

#[expect(unconditional_recursion, reason = "this is what it is for")]
fn deeper(depth: u64) -> u64 {
    std::hint::black_box(deeper(std::hint::black_box(depth + 1))) + 1
}
