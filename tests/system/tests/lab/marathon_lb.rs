//! marathon-lb in front of apps, on real machines with a real HAProxy. marathon-lb itself and Marathon
//! are stand-ins (`tests/system/stand-ins`), since no registry that tests reach has them.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::site::{Ran, Site, eventually};

const PATIENCE: Duration = Duration::from_secs(30);
/// Where the machines reach this computer, and what there is.
const HERE: &str = "10.77.255.1";
const SHELF: u16 = 8000;
const MARATHON: u16 = 8080;
const BACKENDS: [(&str, u16); 3] = [("blue-1", 31001), ("blue-2", 31002), ("green-1", 31003)];
const PASSWORD: &str = "closed sesame";
const STAND_INS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/stand-ins");

/// Says its name to whoever asks.
const BACKEND: &str = r#"
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_GET(self):
        text = sys.argv[2].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 512
Server(("10.77.255.1", int(sys.argv[1])), Handler).serve_forever()
"#;

/// Asks both load balancers for both apps until a file is there, over connections of their own and
/// over some that are used again; then writes how many were answered and what went wrong.
const LOAD: &str = r#"
import http.client, json, os, sys, threading, time
counts, wrong, lock = {"answered": 0}, [], threading.Lock()
def ask(place, host, kept, stop):
    link, used = None, 0.0
    while not os.path.exists(stop):
        # HAProxy ends a connection that nobody has used for a second.
        if link is None or not kept or time.monotonic() - used > 0.3:
            if link: link.close()
            link = http.client.HTTPConnection(place, 80, timeout=10)
        try:
            link.request("GET", "/", headers={"Host": host + ".example"})
            answer = link.getresponse()
            text = answer.read().decode()
            used = time.monotonic()
            fine = answer.status == 200 and text.startswith(host)
            why = f"{answer.status} {text[:60]}"
            if answer.will_close:
                link.close()
                link = None
        except Exception as error:
            fine, why, link = False, repr(error), None
        with lock:
            if fine: counts["answered"] += 1
            else: wrong.append(f"{place} {host} kept={kept}: {why}")
        time.sleep(0.002)
threads = [threading.Thread(target=ask, args=(place, host, kept, sys.argv[1]))
    for place in ("10.77.0.1", "10.77.0.2") for host in ("blue", "green") for kept in (False, True)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps(counts | {"wrong": wrong}))
"#;

/// What the machines find beside them: a shelf to fetch marathon-lb from, a Marathon, and apps.
struct Around {
    programs: Vec<Child>,
    apps: PathBuf,
    archive: String,
}

impl Drop for Around {
    fn drop(&mut self) {
        for program in &mut self.programs {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

fn quiet(mut command: Command) -> Result<Child> {
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.spawn()?)
}

impl Around {
    fn of(site: &Site) -> Result<Self> {
        let shelf = site.path().join("shelf");
        let tree = site.path().join("tree/marathon-lb-1.15.0");
        fs_err::create_dir_all(&shelf)?;
        fs_err::create_dir_all(&tree)?;
        for name in ["marathon_lb.py", "getconfig.lua", "getmaps.lua"] {
            fs_err::copy(format!("{STAND_INS}/marathon-lb/{name}"), tree.join(name))?;
        }
        let archive = shelf.join("marathon-lb.tar.gz");
        let packed = Command::new("tar")
            .args(["--mode=755", "-czf"])
            .arg(&archive)
            .arg("-C")
            .arg(site.path().join("tree"))
            .arg("./marathon-lb-1.15.0")
            .status()?;
        ensure!(packed.success(), "tar: {packed}");
        let digest = cellhost_manifest::digest(&fs_err::read(&archive)?);
        let apps = site.path().join("apps.json");
        let mut around = Self {
            programs: Vec::new(),
            apps: apps.clone(),
            archive: format!(
                "source.archive = {{ url = \"http://{HERE}:{SHELF}/marathon-lb.tar.gz\", sha256 = \
                 \"{digest}\", version = \"1.15.0\", strip = 2 }}"
            ),
        };
        around.has(&[blue(&[31001]), green()])?;
        let port = SHELF.to_string();
        let mut server = site.elsewhere(&["python3", "-m", "http.server", &port, "--bind", HERE]);
        server.current_dir(&shelf);
        around.programs.push(quiet(server)?);
        let marathon = format!("{STAND_INS}/marathon_apps.py");
        let (port, known) = (MARATHON.to_string(), format!("lb:{PASSWORD}"));
        let file = apps.to_str().context("a path in UTF-8")?;
        let words = ["python3", &marathon, HERE, &port, file, &known];
        around.programs.push(quiet(site.elsewhere(&words))?);
        for (name, port) in BACKENDS {
            let words = ["python3", "-c", BACKEND, &port.to_string(), name];
            around.programs.push(quiet(site.elsewhere(&words))?);
        }
        let all = BACKENDS.map(|(_, port)| port);
        for port in all.into_iter().chain([SHELF, MARATHON]) {
            eventually("what the machines need is there", PATIENCE, || {
                let words = ["curl", "-s", "-o", "/dev/null", &format!("{HERE}:{port}")];
                Ok(site.elsewhere(&words).status()?.success())
            })?;
        }
        Ok(around)
    }

    /// Has Marathon tell of these apps.
    fn has(&self, apps: &[Value]) -> Result<()> {
        let beside = self.apps.with_extension("new");
        fs_err::write(&beside, serde_json::to_string(apps)?)?;
        Ok(fs_err::rename(&beside, &self.apps)?)
    }
}

fn app(name: &str, port: u16, tasks: &[u16]) -> Value {
    let tasks = tasks.iter().map(|port| {
        json!({
            "id": format!("{name}.{port}"), "host": HERE, "ports": [port], "state": "TASK_RUNNING",
            "healthCheckResults": [{ "alive": true }],
        })
    });
    json!({
        "id": format!("/{name}"),
        "ports": [port],
        "labels": { "HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": format!("{name}.example"),
                    "HAPROXY_0_USE_HSTS": "true" },
        "healthChecks": [{ "protocol": "HTTP", "path": "/", "portIndex": 0, "intervalSeconds": 2 }],
        "tasks": tasks.collect::<Vec<_>>(),
    })
}

fn blue(tasks: &[u16]) -> Value {
    app("blue", 10000, tasks)
}

fn green() -> Value {
    app("green", 10001, &[31003])
}

const VARIABLES: [(&str, &str); 1] = [("MARATHON", PASSWORD)];

impl Site {
    fn plan_of_balancers(&self, around: &Around, more: &str) -> Result<()> {
        let site = if more.contains("site") {
            "site = { file = \"site.pem\" }\n"
        } else {
            ""
        };
        // A machine of a lab has at most 20000 open files to a program.
        let most = if more.contains("max-connections") {
            ""
        } else {
            "max-connections = 5000\n"
        };
        self.plan(&format!(
            "[secrets]\nmarathon = {{ env = \"MARATHON\" }}\n{site}\n\
             [modules.marathon-lb]\non = \"all\"\nrolling = {{ patience = \"30s\" }}\n\n\
             [modules.marathon-lb.settings]\n{}\ngroups = [\"external\"]\n\
             marathons = [\"http://{HERE}:9\", \"http://{HERE}:{MARATHON}\"]\nmax-backoff = 2\n\
             credentials = {{ user = \"lb\", password = {{ secret = \"marathon\" }} }}\n{most}{more}\n",
            around.archive
        ))
    }

    fn run_balancers(&self) -> Result<Ran> {
        self.run(&["--format", "json"], &VARIABLES)
    }

    /// What a load balancer answers: the status and the text.
    fn asks(&self, words: &[&str]) -> Result<String> {
        let all = ["curl", "-s", "-w", " %{http_code}", "--max-time", "5"];
        let output = self.elsewhere(&[&all, words].concat()).output()?;
        Ok(String::from_utf8(output.stdout)?)
    }

    fn serves(&self, machine: u16, host: &str) -> Result<String> {
        let url = format!("http://10.77.0.{machine}/");
        self.asks(&["-H", &format!("Host: {host}"), &url])
    }

    /// Whether a load balancer has loaded these servers, and no other.
    fn has_loaded(&self, machine: u16, servers: &[u16]) -> Result<bool> {
        let read = "curl -s http://127.0.0.1:9090/_haproxy_getconfig | sed -n 's/^  server .*:\\([0-9]*\\) id.*/\\1/p' | sort -n";
        let told = self.on(machine, read)?;
        let told: Vec<u16> = told.lines().map(str::parse).collect::<Result<_, _>>()?;
        Ok(told == servers)
    }

    /// How often HAProxy was reloaded since it started.
    fn reloads(&self, machine: u16) -> Result<u64> {
        let count = "journalctl -u haproxy -o cat | grep -c '^Reloaded haproxy' || true";
        Ok(self.on(machine, count)?.parse()?)
    }

    fn changes_apps(&self, around: &Around, apps: &[Value], servers: &[u16]) -> Result<()> {
        around.has(apps)?;
        for machine in [1, 2] {
            eventually("HAProxy has what Marathon has", PATIENCE, || {
                self.has_loaded(machine, servers)
            })?;
        }
        Ok(())
    }

    /// Does something while both apps are asked for all the time on both machines, and fails where
    /// one request is not answered.
    #[expect(
        clippy::print_stdout,
        reason = "how many were answered is a figure of the test"
    )]
    fn under_load(&self, what: &str, change: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        let stop = self.path().join("stop");
        let _ = fs_err::remove_file(&stop);
        let words = [
            "python3",
            "-c",
            LOAD,
            stop.to_str().context("a path in UTF-8")?,
        ];
        let load = self
            .elsewhere(&words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        std::thread::sleep(Duration::from_secs(1));
        let changed = change(self);
        std::thread::sleep(Duration::from_secs(1));
        fs_err::write(&stop, "")?;
        let output = load.wait_with_output()?;
        changed?;
        let told: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
        let answered = told.get("answered").and_then(Value::as_u64);
        let answered = answered.context("no count")?;
        let wrong = told.get("wrong").context("no list")?;
        println!("{what}: {answered} requests answered, {wrong} not");
        assert_eq!(wrong, &json!([]), "{what}");
        assert!(answered > 500, "{what}: only {answered}");
        Ok(())
    }

    fn takes_balancers_off(&self) -> Result<()> {
        self.remove(&[], &VARIABLES)?;
        let left = "find / -xdev -path /var/lib/cellhost -prune -o -path '*marathon-lb*' -print; \
                    pidof haproxy; \
                    ls -d /etc/systemd/system/haproxy.service.d 2>/dev/null; \
                    systemctl is-enabled haproxy | grep -v disabled; \
                    dpkg --verify haproxy | grep /etc/haproxy";
        for machine in [1, 2] {
            assert_eq!(
                self.on(machine, &format!("{left} || true"))?,
                "",
                "m{machine}"
            );
        }
        Ok(())
    }
}

#[test]
fn apps_are_routed_by_host_name_and_a_reload_drops_no_request() -> Result<()> {
    let site = Site::up(2)?;
    let around = Around::of(&site)?;
    site.plan_of_balancers(&around, "")?;
    site.foresee(&VARIABLES)?;
    let (_, foretold) = site.as_foreseen(&VARIABLES)?;
    // Whether HAProxy runs once its package is there, and so restarts instead of starting, is not known.
    assert_eq!((foretold.unknown, foretold.otherwise), (0, 2), "{foretold}");
    for machine in [1, 2] {
        assert_eq!(site.serves(machine, "blue.example")?, "blue-1 200");
        assert_eq!(site.serves(machine, "green.example")?, "green-1 200");
        assert!(site.serves(machine, "red.example")?.ends_with(" 503"));
        let by_id = format!("http://10.77.0.{machine}:9091/");
        let by_id = site.asks(&["-H", "X-Marathon-App-Id: /green", &by_id])?;
        assert_eq!(by_id, "green-1 200");
        // Its own health is everybody's to know, and its configuration is not.
        let own = format!("http://10.77.0.{machine}:9090");
        let health = site.asks(&[&format!("{own}/_haproxy_health_check")])?;
        assert!(health.ends_with(" 200"), "{health}");
        let shown = site.asks(&[&format!("{own}/_haproxy_getconfig")])?;
        assert!(shown.ends_with(" 403"), "{shown}");
    }
    let again = site.run_balancers()?.ends_with(0);
    assert_eq!(again.changes()?, 0, "{}", again.written());

    let before = site.reloads(1)?;
    site.under_load("apps come and go", |site| {
        for _ in 0..3 {
            site.changes_apps(
                &around,
                &[blue(&[31001, 31002]), green()],
                &[31001, 31002, 31003],
            )?;
            site.changes_apps(&around, &[blue(&[31002]), green()], &[31002, 31003])?;
        }
        Ok(())
    })?;
    let reloads = site.reloads(1)? - before;
    assert!(reloads >= 6, "only {reloads} reloads");

    // Another head, one machine after the other.
    site.plan_of_balancers(&around, "max-connections = 8000")?;
    site.under_load("a change that rolls", |site| {
        site.run_balancers()?.ends_with(0);
        Ok(())
    })?;
    for machine in [1, 2] {
        let live = "curl -s http://127.0.0.1:9090/_haproxy_getconfig | grep -q 'maxconn 8000'";
        assert!(site.does(machine, live)?, "m{machine}");
    }
    assert_eq!(site.run_balancers()?.ends_with(0).changes()?, 0);

    // A Marathon that has lost its memory takes nothing away.
    around.has(&[])?;
    eventually("marathon-lb has written that", PATIENCE, || {
        site.does(1, "! grep -q '^  server ' /var/lib/marathon-lb/haproxy.cfg")
    })?;
    assert_eq!(site.serves(1, "blue.example")?, "blue-2 200");
    site.changes_apps(&around, &[blue(&[31001]), green()], &[31001, 31003])?;

    site.takes_balancers_off()?;
    assert!(!site.journals()?.contains(PASSWORD));
    Ok(())
}

/// A key, and a certificate of it that is good for so many days.
fn certificate(site: &Site, days: &str) -> Result<(String, String)> {
    let path = |name: &str| site.path().join(name).display().to_string();
    let (key, request, signed) = (path("key"), path("request"), path("signed"));
    let new = [
        "req",
        "-new",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=*.example",
    ];
    let sign = [
        "x509", "-req", "-in", &request, "-signkey", &key, "-days", days,
    ];
    for words in [
        [&new[..], &["-keyout", &key, "-out", &request]].concat(),
        [&sign[..], &["-out", &signed]].concat(),
    ] {
        let made = Command::new("openssl").args(&words).output()?;
        ensure!(made.status.success(), "{made:?}");
    }
    Ok((
        fs_err::read_to_string(signed)?,
        fs_err::read_to_string(key)?,
    ))
}

/// Has the plan's secret be this, as a secret can: on one line.
fn keeps(site: &Site, certificate: &str) -> Result<()> {
    let path = site.path().join("plain.pem");
    fs_err::write(&path, certificate)?;
    let encoded = Command::new("base64").arg("-w0").arg(&path).output()?;
    Ok(fs_err::write(site.path().join("site.pem"), encoded.stdout)?)
}

/// Why a turn of the module failed.
fn why(ran: &Ran) -> Result<String> {
    let summary = ran.summary()?;
    let turns = summary.get("turns").and_then(Value::as_array);
    let failed = |turn: &&Value| turn.get("status") == Some(&json!("failed"));
    let turn = turns.into_iter().flatten().find(failed);
    let reason = turn.and_then(|turn| turn.get("reason")?.as_str());
    let reason = reason.with_context(|| format!("nothing failed: {}", ran.written()))?;
    Ok(reason.to_owned())
}

#[test]
#[ignore = "takes minutes: `cargo xtask lab-test marathon-lb`"]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
fn what_would_spoil_it_is_refused_in_words_and_what_runs_goes_on() -> Result<()> {
    let site = Site::up(2)?;
    let around = Around::of(&site)?;
    let (first, key) = certificate(&site, "2")?;
    keeps(&site, &format!("{first}{key}"))?;
    let tls = "https-port = 443\ncertificates = [{ name = \"site\", pem-base64 = { secret = \"site\" } }]";

    // Somebody else listens there.
    site.on(
        1,
        "apt-get -qq update && apt-get -qq install python3 >/dev/null 2>&1; \
                systemd-run --quiet --unit=other python3 -m http.server 80",
    )?;
    site.plan_of_balancers(&around, tls)?;
    let refused = site.run_balancers()?;
    let words = refused.written();
    assert!(words.contains("cannot bind socket"), "{words}");
    site.on(1, "systemctl stop other")?;
    site.run_balancers()?.ends_with(0);

    let secure = [
        "-k",
        "-i",
        "--resolve",
        "blue.example:443:10.77.0.1",
        "https://blue.example/",
    ];
    let answer = site.asks(&secure)?;
    assert!(answer.ends_with("blue-1 200"), "{answer}");
    assert!(
        answer
            .to_lowercase()
            .contains("strict-transport-security: max-age=15768000"),
        "{answer}"
    );
    let older = [&["--tls-max", "1.1"], &secure[..]].concat();
    assert!(site.asks(&older)?.ends_with(" 000"));

    // A certificate that is none is not taken up, and a good one is without a restart.
    let shown =
        "echo | openssl s_client -connect 127.0.0.1:443 2>/dev/null | openssl x509 -noout -serial";
    let before = site.on(1, shown)?;
    let (good, good_key) = certificate(&site, "3")?;
    keeps(&site, &good)?;
    let refused = why(&site.run_balancers()?)?;
    assert!(
        refused.contains("the certificate site has no key with it"),
        "{refused}"
    );
    assert_eq!(site.on(1, shown)?, before);
    let (expired, key) = certificate(&site, "-1")?;
    keeps(&site, &format!("{expired}{key}"))?;
    let refused = why(&site.run_balancers()?)?;
    assert!(
        refused.contains("the certificate site has expired"),
        "{refused}"
    );
    assert_eq!(site.on(1, shown)?, before);
    keeps(&site, &format!("{good}{good_key}"))?;
    site.under_load("another certificate", |site| {
        site.run_balancers()?.ends_with(0);
        Ok(())
    })?;
    assert_ne!(site.on(1, shown)?, before);

    // What HAProxy does not take never goes live.
    let spoiled =
        "[modules.marathon-lb.templates]\n\"HAPROXY_BACKEND_HSTS_OPTIONS\" = \"  rspadd X\\n\"";
    site.plan_of_balancers(&around, &format!("{tls}\n\n{spoiled}"))?;
    let refused = why(&site.run_balancers()?)?;
    assert!(
        refused.contains("'rspadd' directive is not supported anymore"),
        "{refused}"
    );
    assert_eq!(site.serves(1, "blue.example")?, "blue-1 200");
    site.plan_of_balancers(&around, tls)?;
    site.run_balancers()?.ends_with(0);

    // An app that spoils the configuration is left out, and told; the others are served.
    let mut red = app("red", 10002, &[31003]);
    red["labels"]["HAPROXY_0_BACKEND_HTTP_OPTIONS"] = json!("  no-such-option\n");
    site.changes_apps(
        &around,
        &[blue(&[31001, 31002]), green(), red],
        &[31001, 31002, 31003],
    )?;
    let told = site.run_balancers()?.ends_with(0);
    assert!(
        told.written()
            .contains("HAProxy refuses what the labels of an app"),
        "{}",
        told.written()
    );

    // Marathon is away: the load balancers serve what they had, and the run says so.
    around.has(&[blue(&[31001]), green()])?;
    eventually("it is whole again", PATIENCE, || {
        site.has_loaded(1, &[31001, 31003])
    })?;
    site.plan_of_balancers(
        &around,
        &tls.replace("https-port", "max-connections = 8000\nhttps-port"),
    )?;
    let text = fs_err::read_to_string(site.path().join("plan.toml"))?;
    fs_err::write(
        site.path().join("plan.toml"),
        text.replace(
            &format!("http://{HERE}:{MARATHON}"),
            &format!("http://{HERE}:10"),
        ),
    )?;
    let refused = why(&site.run_balancers()?)?;
    assert!(refused.contains("no Marathon answers it"), "{refused}");
    assert_eq!(site.serves(1, "green.example")?, "green-1 200");
    assert_eq!(site.serves(2, "green.example")?, "green-1 200");
    site.plan_of_balancers(&around, tls)?;
    site.run_balancers()?.ends_with(0);

    // A machine that loses its power comes back by itself.
    site.fault("kill", 2)?;
    assert_eq!(site.serves(1, "green.example")?, "green-1 200");
    site.fault("start", 2)?;
    eventually("it serves again", PATIENCE, || {
        Ok(site.serves(2, "green.example")? == "green-1 200")
    })?;
    site.takes_balancers_off()
}
