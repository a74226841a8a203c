//! The module `marathon-lb` on simulated machines. What it has written is run by real shells, and
//! marathon-lb is a stand-in that knows the flags and templates of its documentation.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, Result};
use cellhost_engine::{Event, Happening, Status};
use cellhost_transport::{DialOutcome, Package, Request, SimulatedMachine};
use tempfile::TempDir;

use crate::mesos::MACHINES;
use crate::mesos::world::World;
use crate::stage::{Mode, NAMES, Stage, Told, deploy, deploy_on};

const MODULE: &str = "marathon-lb";
const STATS: u16 = 9090;
const HOME: &str = "/etc/marathon-lb/cell";
const STATE: &str = "/var/lib/marathon-lb";
const UNIT: &str = "/etc/systemd/system/marathon-lb.service";
const DROP_IN: &str = "/etc/systemd/system/haproxy.service.d/cell.conf";
const URL: &str = "https://releases.example/marathon-lb-1.15.0.tar.gz";
const STAND_INS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/stand-ins");
const PACKAGES: [&str; 10] = [
    "curl",
    "haproxy",
    "openssl",
    "python3-cryptography",
    "python3-dateutil",
    "python3-jwt",
    "python3-pycurl",
    "python3-requests",
    "python3-six",
    "socat",
];

fn source() -> String {
    let digest = cellhost_manifest::digest(b"marathon-lb");
    format!("source.archive = {{ url = \"{URL}\", sha256 = \"{digest}\", version = \"1.15.0\" }}\n")
}

fn plan(settings: &str) -> String {
    format!(
        "[modules.marathon-lb]\non = \"all\"\n\n[modules.marathon-lb.settings]\n{}\
         groups = [\"external\"]\nmarathons = [\"http://10.0.0.8:8080\", \"http://10.0.0.9:8080\"]\n\
         {settings}\n",
        source()
    )
}

fn stage_knowing(secrets: &[(&str, &str)]) -> Result<Stage> {
    let stage = Stage::knowing(secrets)?;
    stage.fleet.machines().for_each(|machine| prepare(machine));
    Ok(stage)
}

/// A machine whose HAProxy answers once it runs, and has what Marathon has.
fn prepare(machine: &SimulatedMachine) {
    for name in PACKAGES {
        let package = Package::new("1.0");
        let package = if name == "haproxy" {
            package.with_service("haproxy")
        } else {
            package
        };
        machine.state().offer(name, package);
    }
    let web = (URL.to_owned(), b"marathon-lb".to_vec());
    machine.state().web.insert(web.0, web.1);
    machine.answer(&["sleep", "1"], |_, _| 0.into());
    says(machine, "");
    machine.listen(STATS, |_, _| {
        DialOutcome::Bytes(b"HTTP/1.0 200 OK\r\n\r\nfrontend marathon_http_in\n".to_vec())
    });
    machine.state().ports.remove(&STATS);
    machine.start("haproxy", |state| {
        state.ports.insert(STATS);
        Ok(())
    });
}

/// What the script says that compares HAProxy with Marathon.
fn says(machine: &SimulatedMachine, words: &'static str) {
    machine.answer(&["sh", "/etc/marathon-lb/cell/state"], move |_, _| {
        words.into()
    });
}

fn machine<'a>(stage: &'a Stage, name: &str) -> &'a SimulatedMachine {
    stage.fleet.machine(name).expect("a machine of the stage")
}

async fn deployed(secrets: &[(&str, &str)], plan: &str) -> Result<Stage> {
    let stage = stage_knowing(secrets)?;
    let told = stage.run(&deploy(plan).await?, Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    Ok(stage)
}

fn warnings(told: &Told) -> Vec<&str> {
    let said = told.events.iter().filter_map(|event| match event {
        Event::Turn {
            happening: Happening::Said(_, words),
            ..
        } => Some(words.as_str()),
        _ => None,
    });
    said.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_it_is_foretold_and_the_next_run_looks_once() -> Result<()> {
    let stage = stage_knowing(&[])?;
    let deployment = deploy(&plan("")).await?;
    let foretold = stage.as_foreseen(&deployment).await?;
    // Whether HAProxy runs once its package is there, and so restarts instead of starting, is not known.
    let each = NAMES.len();
    assert_eq!(
        (foretold.unknown, foretold.otherwise),
        (0, each),
        "{foretold}"
    );
    for name in NAMES {
        machine(&stage, name).forget_requests();
    }
    let again = stage.run(&deployment, Mode::Real).await?;
    assert!(again.changes().is_empty(), "{:?}", again.changes());
    for name in NAMES {
        let requests = machine(&stage, name).requests();
        let looks = requests.iter();
        let looks = looks.filter(|request| matches!(request, Request::Look(_)));
        assert_eq!(looks.count(), 1, "{name}: {requests:?}");
    }
    let key = (MODULE.to_owned(), "stats".to_owned());
    assert_eq!(
        deployment.outputs.get(&key).map(String::as_str),
        Some("10.0.0.1:9090,10.0.0.2:9090,10.0.0.3:9090")
    );
    let environment = stage.text("m1", &format!("{HOME}/environment"));
    assert!(
        environment.contains("\nPORTS=80,9090,9091\n"),
        "{environment}"
    );
    let drop_in = stage.text("m1", DROP_IN);
    assert!(
        drop_in.contains("\nExecStart=/usr/sbin/haproxy -Ws -f /var/lib/marathon-lb/haproxy.cfg "),
        "{drop_in}"
    );
    // HAProxy's own file is its package's, and the one that is generated is marathon-lb's.
    let paths: Vec<String> = machine(&stage, "m1")
        .state()
        .nodes
        .keys()
        .cloned()
        .collect();
    for path in [
        "/etc/haproxy/haproxy.cfg",
        "/var/lib/marathon-lb/haproxy.cfg",
    ] {
        assert!(!paths.iter().any(|own| own == path), "{path} is written");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn marathon_is_found_by_what_its_module_tells() -> Result<()> {
    let stage = Stage::new()?;
    let _world = World::on(&stage);
    stage.fleet.machines().for_each(|machine| prepare(machine));
    let text = format!(
        "{}{}",
        crate::marathon::plan("user = \"app\""),
        plan("").replace(
            "marathons = [\"http://10.0.0.8:8080\", \"http://10.0.0.9:8080\"]\n",
            ""
        )
    );
    let text = text.replace(
        "[modules.marathon-lb]\non = \"all\"\n",
        "[modules.marathon-lb]\non = \"all\"\nafter = [\"marathon\"]\n",
    );
    let deployment = deploy_on(MACHINES, &text).await?;
    let told = stage.run(&deployment, Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    let unit = stage.text("m3", UNIT);
    let urls = ["1", "2", "3"].map(|own| format!("    'http://10.0.0.{own}:8080' \\\n"));
    assert!(unit.contains(&urls.concat()), "{unit}");
    Ok(())
}

/// What a machine was given, here: paths lead to this place, and programs to stand-ins.
struct Copy {
    place: TempDir,
}

impl Copy {
    fn of(stage: &Stage) -> Result<Self> {
        let place = tempfile::tempdir()?;
        let copy = Self { place };
        let state = machine(stage, "m1").state().clone();
        let own = |path: &&String| path.starts_with(HOME) || path.starts_with(STATE);
        for path in state.nodes.keys().filter(own) {
            let here = copy.path(path);
            match state.text(path) {
                Some(text) => {
                    fs_err::create_dir_all(here.parent().context("a directory")?)?;
                    fs_err::write(&here, copy.led_here(text))?;
                }
                None => fs_err::create_dir_all(&here)?,
            }
        }
        let bin = copy.place.path().join("bin");
        fs_err::create_dir_all(&bin)?;
        let python = copy.place.path().join("python");
        fs_err::create_dir_all(&python)?;
        for name in [
            "cryptography",
            "dateutil",
            "jwt",
            "pycurl",
            "requests",
            "six",
        ] {
            fs_err::write(python.join(format!("{name}.py")), "")?;
        }
        for name in ["certify", "reload", "state", "try"] {
            Self::make_executable(&copy.path(&format!("{HOME}/{name}")))?;
        }
        Ok(copy)
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.place.path().join(path.trim_start_matches('/'))
    }

    fn led_here(&self, text: &str) -> String {
        let here = |path: &str| self.path(path).display().to_string();
        text.replace(HOME, &here(HOME)).replace(STATE, &here(STATE))
    }

    fn make_executable(path: &Path) -> Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        Ok(fs_err::set_permissions(
            path,
            std::fs::Permissions::from_mode(0o755),
        )?)
    }

    /// Puts a program in the place of one of this computer's.
    fn program(&self, name: &str, script: &str) -> Result<()> {
        let path = self.place.path().join("bin").join(name);
        fs_err::write(&path, format!("#!/bin/sh\n{script}\n"))?;
        Self::make_executable(&path)
    }

    fn runs(&self, shell: &[&str], script: &str, words: &[&str]) -> Result<Output> {
        let (program, options) = shell.split_first().context("a shell")?;
        let path = std::env::var("PATH").unwrap_or_default();
        let bin = self.place.path().join("bin").display().to_string();
        Ok(Command::new(program)
            .args(options)
            .arg(self.path(&format!("{HOME}/{script}")))
            .args(words)
            .env("PATH", format!("{bin}:{path}"))
            .output()?)
    }
}

const SHELLS: [&[&str]; 2] = [&["dash"], &["busybox", "sh"]];

/// Every flag and every template is one that marathon-lb documents: its stand-in refuses others.
#[tokio::test(flavor = "multi_thread")]
async fn what_marathon_lb_is_told_is_what_it_documents() -> Result<()> {
    let settings = "https-port = 443\nself-signed = true\nstrict-mode = true\nmax-backoff = 5\n\
                    credentials = { user = \"lb\", password = { secret = \"p\" } }\n\
                    ca-certificate = \"-----BEGIN CERTIFICATE-----\"\n";
    let secrets = "[secrets]\np = { env = \"P\" }\n\n";
    let stage = deployed(
        &[("p", "open-sesame")],
        &format!("{secrets}{}", plan(settings)),
    )
    .await?;
    let copy = Copy::of(&stage)?;
    assert_eq!(
        fs_err::read_to_string(copy.path(&format!("{HOME}/credentials")))?,
        "lb:open-sesame\n"
    );
    let unit = copy.led_here(&stage.text("m1", UNIT));
    let start = unit
        .lines()
        .skip_while(|line| !line.starts_with("ExecStart="));
    let words = start.take_while(|line| !line.starts_with("Restart="));
    let words: String = words.map(|line| line.trim_end_matches('\\')).collect();
    assert!(!words.contains("open-sesame"), "{words}");
    let words = words
        .replace(
            "ExecStart=/usr/bin/python3 /marathon-lb/marathon_lb.py --sse",
            "",
        )
        .replace("http://10.0.0.8:8080", "http://127.0.0.1:1");
    let apps = r#"[{"id": "/shop", "ports": [10000], "labels": {"HAPROXY_GROUP": "external",
        "HAPROXY_0_VHOST": "shop.example", "HAPROXY_0_USE_HSTS": "true", "HAPROXY_0_ENABLED": "true"},
        "tasks": [{"host": "10.0.0.5", "ports": [31001], "state": "TASK_RUNNING"}]}]"#;
    let answer = format!(
        "import json, sys\nsys.argv = ['marathon_lb.py'] + sys.argv[1:]\n\
         import urllib.request\nsource = open('{STAND_INS}/marathon-lb/marathon_lb.py').read()\n\
         source = source.replace('    regenerate(Marathon())', \
         '    Marathon.apps = lambda _: json.loads(APPS)\\n    regenerate(Marathon())')\n\
         exec(compile(source, 'marathon_lb.py', 'exec'), {{'APPS': '''{apps}''', '__name__': 'lb'}})"
    );
    let run = |more: &str| -> Result<Output> {
        Ok(Command::new("sh")
            .args([
                "-c",
                &format!("exec python3 -c \"$0\" {words} {more}"),
                &answer,
            ])
            .current_dir(copy.path(HOME))
            .env("PYTHONPATH", copy.place.path().join("python"))
            .output()?)
    };
    let output = run("--dry")?;
    let text = String::from_utf8(output.stdout)?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for part in [
        "hard-stop-after 10m\n",
        "ssl-min-ver TLSv1.2",
        "expose-fd listeners\n",
        "frontend marathon_https_in\n  bind *:443 ssl crt /",
        "certificates/self-signed.pem\n",
        "acl host_shop_example hdr(host) -i shop.example\n  use_backend shop_10000 if host_shop_example\n",
        "  http-response set-header Strict-Transport-Security max-age=15768000\n",
        "  server 10_0_0_5_31001 10.0.0.5:31001 id ",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    // Those have not been known to HAProxy since 2.1.
    for part in ["rspadd", "reqirep", "rspirep", "no-tlsv10"] {
        assert!(!text.contains(part), "{part} is in\n{text}");
    }
    let unknown = run("--dry --no-such-flag")?;
    assert_eq!(unknown.status.code(), Some(2));
    fs_err::write(copy.path(&format!("{HOME}/templates/HAPROXY_NONE")), "")?;
    let unknown = run("--dry")?;
    let words = String::from_utf8(unknown.stderr)?;
    assert!(words.contains("there is no such template"), "{words}");
    Ok(())
}

fn base64(text: &str) -> Result<String> {
    let place = tempfile::NamedTempFile::new()?;
    fs_err::write(place.path(), text)?;
    let encoded = Command::new("base64")
        .arg("-w0")
        .arg(place.path())
        .output()?;
    Ok(String::from_utf8(encoded.stdout)?)
}

fn certificate(place: &Path, name: &str, key: &str, days: &str) -> Result<String> {
    let path = |name: &str| place.join(name).display().to_string();
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", days,
        ])
        .args(["-subj", "/CN=site", "-keyout", &path(key)])
        .args(["-out", &path(name)])
        .output()?;
    assert!(made.status.success(), "{made:?}");
    Ok(fs_err::read_to_string(place.join(name))?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_without_its_key_or_expired_is_named_and_not_taken_up() -> Result<()> {
    let settings = "https-port = 443\ncertificates = [{ name = \"site\", pem-base64 = { secret = \"site\" } }]";
    let secrets = "[secrets]\nsite = { env = \"S\" }\n\n";
    let stage = deployed(
        &[("site", "none-4711")],
        &format!("{secrets}{}", plan(settings)),
    )
    .await?;
    for shell in SHELLS {
        let copy = Copy::of(&stage)?;
        let reloads = copy.place.path().join("reloads");
        copy.program(
            "systemctl",
            &format!(
                "[ \"$1\" != reload ] || echo \"$2\" >>{}",
                reloads.display()
            ),
        )?;
        let place = tempfile::tempdir()?;
        let fine = certificate(place.path(), "one", "key", "2")?;
        let key = fs_err::read_to_string(place.path().join("key"))?;
        let other = certificate(place.path(), "other", "other-key", "2")?;
        let file = copy.path(&format!("{HOME}/certificates/site.base64"));
        let live = copy.path(&format!("{STATE}/certificates"));
        let stale = live.join("gone.pem");
        fs_err::write(&stale, "")?;
        for (text, words) in [
            ("none".to_owned(), "certificate site is none\n"),
            (fine.clone(), "certificate site has no key with it\n"),
            (
                format!("{other}{key}"),
                "certificate site has a key with it that is not its own\n",
            ),
        ] {
            fs_err::write(&file, base64(&text)?)?;
            let output = copy.runs(shell, "certify", &["take"])?;
            assert_eq!(String::from_utf8(output.stdout)?, words, "{shell:?}");
            assert!(!live.join("site.pem").exists() && !reloads.exists());
        }
        assert!(!stale.exists(), "a key that nobody needs is left");
        fs_err::write(&file, base64(&format!("{fine}{key}"))?)?;
        let output = copy.runs(shell, "certify", &["check"])?;
        assert_eq!(String::from_utf8(output.stdout)?, "", "{shell:?}");
        assert!(!live.join("site.pem").exists());
        for _ in 0..2 {
            copy.runs(shell, "certify", &["take"])?;
        }
        assert_eq!(
            fs_err::read_to_string(live.join("site.pem"))?,
            format!("{fine}{key}")
        );
        assert_eq!(fs_err::read_to_string(&reloads)?, "haproxy\n", "{shell:?}");
        // One that is shown already stays until there is a better one.
        copy.program(
            "openssl",
            "case \" $* \" in *' -checkend '*) exit 1 ;; esac\nexec /usr/bin/openssl \"$@\"",
        )?;
        let output = copy.runs(shell, "certify", &["take"])?;
        assert_eq!(
            String::from_utf8(output.stdout)?,
            "certificate site has expired\n"
        );
        assert!(live.join("site.pem").exists());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marathon_that_names_no_app_does_not_empty_haproxy() -> Result<()> {
    for (settings, is_kept) in [("", true), ("allow-empty = true", false)] {
        let stage = deployed(&[], &plan(settings)).await?;
        for shell in SHELLS {
            let copy = Copy::of(&stage)?;
            let reloads = copy.place.path().join("reloads");
            copy.program("systemctl", &format!("echo \"$*\" >>{}", reloads.display()))?;
            let written = copy.path(&format!("{STATE}/haproxy.cfg"));
            let serves = "cat >/dev/null; printf '# pxname,svname\\nshop,one\\nshop,two\\n\\n'";
            copy.program("socat", serves)?;
            fs_err::write(&written, "backend shop\n  server one 10.0.0.5:31001\n")?;
            assert!(copy.runs(shell, "reload", &[])?.status.success());
            fs_err::write(&written, "frontend marathon_http_in\n")?;
            let output = copy.runs(shell, "reload", &[])?;
            assert_eq!(output.status.success(), !is_kept, "{shell:?}");
            if is_kept {
                let words = String::from_utf8(output.stderr)?;
                assert_eq!(
                    words,
                    "Marathon names no app any more, and HAProxy goes on with 2 servers\n"
                );
                // One that serves nothing yet is given what there is.
                copy.program("socat", "cat >/dev/null; printf '# pxname,svname\\n\\n'")?;
                assert!(copy.runs(shell, "reload", &[])?.status.success());
            }
            let told = fs_err::read_to_string(&reloads)?;
            assert_eq!(told, "reload haproxy\nreload haproxy\n", "{shell:?}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_haproxy_does_not_take_is_not_noted_and_what_it_takes_is_what_it_begins_with()
-> Result<()> {
    // As few as any machine allows that tests run on.
    let stage = deployed(&[], &plan("max-connections = 100")).await?;
    for shell in SHELLS {
        let copy = Copy::of(&stage)?;
        let mark = copy.path(&format!("{HOME}/tried/mark"));
        let words = [mark.to_str().context("a path in UTF-8")?];
        let begun = copy.path(&format!("{STATE}/haproxy.cfg"));
        copy.program("systemctl", "echo active")?;
        copy.program("haproxy", "echo 'unknown keyword' >&2; exit 1")?;
        let output = copy.runs(shell, "try", &words)?;
        assert!(!output.status.success() && !mark.exists() && !begun.exists());
        assert_eq!(String::from_utf8(output.stderr)?, "unknown keyword\n");
        copy.program("haproxy", "grep -q '^backend tried$' \"$3\"")?;
        let output = copy.runs(shell, "try", &words)?;
        assert!(output.status.success() && mark.exists(), "{output:?}");
        let text = fs_err::read_to_string(&begun)?;
        assert!(text.ends_with("  bind *:9091\n  mode http\n"), "{text}");
        fs_err::write(&begun, "of marathon-lb")?;
        copy.runs(shell, "try", &words)?;
        assert_eq!(fs_err::read_to_string(&begun)?, "of marathon-lb");
        let left = fs_err::read_dir(copy.path(STATE))?.count();
        assert_eq!(left, 2, "the configuration and the certificates");
        // One that HAProxy fails to start with is not kept.
        copy.program("systemctl", "echo activating; exit 3")?;
        copy.runs(shell, "try", &words)?;
        assert_eq!(fs_err::read_to_string(&begun)?, text);
        let head = copy.path(&format!("{HOME}/templates/HAPROXY_HEAD"));
        let older = fs_err::read_to_string(&head)?.replace(" expose-fd listeners", "");
        fs_err::write(&head, older)?;
        let output = copy.runs(shell, "try", &words)?;
        let words = String::from_utf8(output.stderr)?;
        assert!(words.contains("a reload drops connections"), "{words}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_a_machine_has_files_for_are_refused_before_anything_goes_live()
-> Result<()> {
    let stage = deployed(&[], &plan("max-connections = 5000")).await?;
    for shell in SHELLS {
        let copy = Copy::of(&stage)?;
        copy.program("haproxy", ":")?;
        let mark = copy.path(&format!("{HOME}/tried/mark"));
        // Whoever may raise limits is not held by them.
        let held = [
            "setpriv",
            "--bounding-set=-sys_resource",
            "--inh-caps=-sys_resource",
        ];
        let limited = ["sh", "-c", "ulimit -n 2000 && exec \"$@\"", "sh"];
        let words = [mark.to_str().context("a path in UTF-8")?];
        let output = copy.runs(&[&held[..], &limited, shell].concat(), "try", &words)?;
        let words = String::from_utf8(output.stderr)?;
        assert_eq!(
            words,
            "max-connections is 5000, for which HAProxy needs 10100 open files, and this machine \
             lets nobody have more than 2000: say fewer, or let it have more (for a container that \
             is said where it is started)\n",
            "{shell:?}"
        );
        assert!(!output.status.success() && !mark.exists());
        assert!(!copy.path(&format!("{STATE}/haproxy.cfg")).exists());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_goes_to_one_after_the_other_and_ends_with_one_that_is_behind() -> Result<()> {
    let stage = deployed(&[], &plan("")).await?;
    let change = plan("max-connections = 20000");
    says(machine(&stage, "m2"), "stale\n");
    let quick = change.replace(
        "[modules.marathon-lb.settings]",
        "rolling = { patience = \"2s\" }\n\n[modules.marathon-lb.settings]",
    );
    let told = stage.run(&deploy(&quick).await?, Mode::Real).await?;
    let rows = told.rows(MODULE);
    let Some(Status::Failed(why)) = rows.get("m2").map(|row| &row.status) else {
        panic!("{rows:?}");
    };
    assert!(
        why.contains("m2 does not serve what Marathon has: marathon-lb has not written it"),
        "{why}"
    );
    let has = |name: &str| {
        let head = stage.text(name, &format!("{HOME}/templates/HAPROXY_HEAD"));
        head.contains("maxconn 20000")
    };
    assert_eq!(NAMES.map(has), [true, true, false]);
    says(machine(&stage, "m2"), "");
    let told = stage.run(&deploy(&change).await?, Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    assert_eq!(NAMES.map(has), [true; 3]);
    for name in NAMES {
        let state = machine(&stage, name).state().clone();
        let restarts = |service: &str| state.services.get(service).map(|one| one.restarts);
        assert_eq!(restarts("haproxy"), Some(0), "{name} was cut off");
        assert_eq!(restarts(MODULE), Some(1), "{name}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_works_and_should_not_be_left_so_is_told() -> Result<()> {
    let stage = stage_knowing(&[])?;
    let one = plan("").replace("on = \"all\"", "on = \"m1\"");
    machine(&stage, "m1").listen(STATS, |_, _| {
        let text = "frontend marathon_http_in\n  acl h hdr(host) -i a.org\n  use_backend x if h\n  \
                    acl h hdr(host) -i a.org\n  use_backend y if h\nfrontend x\n  bind *:31000\n";
        DialOutcome::Bytes(format!("HTTP/1.0 200 OK\r\n\r\n{text}").into_bytes())
    });
    machine(&stage, "m1").state().ports.remove(&STATS);
    says(machine(&stage, "m1"), "refused\n");
    let told = stage.run(&deploy(&one).await?, Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    let all = warnings(&told).join("\n");
    for part in [
        "one load balancer alone",
        "HAProxy refuses what the labels of an app make of its configuration",
        "a.org is the host name of several apps (x, y)",
        "x is served at port 31000, which Mesos may give to a task",
    ] {
        assert!(all.contains(part), "{part} is not in\n{all}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_there_already_is_told_in_the_words_of_the_service() -> Result<()> {
    let stage = stage_knowing(&[])?;
    machine(&stage, "m2").start("haproxy", |_| {
        Err(
            "Starting frontend marathon_http_in: cannot bind socket (Address already in use)"
                .to_owned(),
        )
    });
    let told = stage.run(&deploy(&plan("")).await?, Mode::Real).await?;
    let rows = told.rows(MODULE);
    let Some(Status::Failed(why)) = rows.get("m2").map(|row| &row.status) else {
        panic!("{rows:?}");
    };
    assert!(
        why.contains("cannot bind socket (Address already in use)"),
        "{why}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn removal_leaves_nothing_but_packages() -> Result<()> {
    let stage = stage_knowing(&[])?;
    let deployment = deploy(&plan("")).await?;
    stage.run(&deployment, Mode::Real).await?;
    stage.remove_all(&deployment, false).await?;
    for name in NAMES {
        let state = machine(&stage, name).state();
        let ours = |path: &&String| path.contains(MODULE) || path.contains("haproxy.service.d");
        assert_eq!(state.nodes.keys().find(ours), None, "{name}");
        for service in ["haproxy", MODULE] {
            let service = state.services.get(service).context("a service")?;
            assert!(!service.running && !service.enabled, "{name}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_plan_gets_wrong_is_told_before_any_machine_is_touched() -> Result<()> {
    let second = plan("").replace("[modules.marathon-lb", "[modules.other");
    let second = second.replace("on = \"all\"", "on = \"all\"\nmodule = \"marathon-lb\"");
    let cases = [
        (
            plan("").replace(&source(), ""),
            "does not say where marathon-lb comes from",
        ),
        (
            plan("").replace("groups = [\"external\"]\n", ""),
            "so no app would be served",
        ),
        (
            plan("").replace(
                "marathons = [\"http://10.0.0.8:8080\", \"http://10.0.0.9:8080\"]\n",
                "",
            ),
            "no module of the plan tells where Marathon is",
        ),
        (plan("https-port = 443"), "needs a certificate"),
        (plan("skip-validation = true"), "skip-validation"),
        (
            plan("app-id-port = 31005"),
            "31005 is one that Mesos gives to tasks",
        ),
        (plan("http-port = 9090"), "9090 is taken by `http-port`"),
        (
            format!("{}{second}", plan("")),
            "both listen on port 80 of m1, m2, m3",
        ),
        (
            format!(
                "{}{}",
                plan(""),
                second.replace("groups", "http-port = 81\ngroups")
            ),
            "both listen on port 9090 of m1, m2, m3",
        ),
        (plan("hard-stop-after = \"soon\""), "hard-stop-after"),
    ];
    for (text, why) in cases {
        let Err(wrong) = deploy(&text).await else {
            panic!("{text} is accepted");
        };
        assert!(wrong.to_string().contains(why), "{text}: {wrong}");
    }
    Ok(())
}
