#!/usr/bin/env python3
"""A stand-in for marathon-lb, which no registry that tests reach has.

It takes marathon-lb's flags and templates, refuses what its documentation does not have, asks Marathon
as it does, and writes a configuration of the same shape for a real HAProxy. It is for tests and of no
other use: of the labels it knows those that the tests have.
"""

import argparse
import base64
import hashlib
import importlib.util
import itertools
import json
import os
import random
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

# What the real one is written with: who installs it has to bring that.
NEEDED = ["cryptography", "dateutil", "jwt", "pycurl", "requests", "six"]
# The documentation's templates, without their HAPROXY_.
TEMPLATES = set(
    """
    BACKEND_HEAD BACKEND_HSTS_OPTIONS BACKEND_HTTP_HEALTHCHECK_OPTIONS BACKEND_HTTP_OPTIONS
    BACKEND_REDIRECT_HTTP_TO_HTTPS BACKEND_REDIRECT_HTTP_TO_HTTPS_WITH_PATH
    BACKEND_SERVER_HTTP_HEALTHCHECK_OPTIONS BACKEND_SERVER_OPTIONS
    BACKEND_SERVER_TCP_HEALTHCHECK_OPTIONS BACKEND_STICKY_OPTIONS BACKEND_TCP_HEALTHCHECK_OPTIONS
    FRONTEND_BACKEND_GLUE FRONTEND_HEAD HEAD HTTPS_FRONTEND_ACL HTTPS_FRONTEND_ACL_ONLY_WITH_PATH
    HTTPS_FRONTEND_ACL_WITH_AUTH HTTPS_FRONTEND_ACL_WITH_AUTH_AND_PATH HTTPS_FRONTEND_ACL_WITH_PATH
    HTTPS_FRONTEND_AUTH_ACL_ONLY HTTPS_FRONTEND_AUTH_REQUEST_ONLY HTTPS_FRONTEND_HEAD
    HTTPS_FRONTEND_ROUTING_ONLY_WITH_PATH_AND_AUTH HTTPS_GROUPED_FRONTEND_HEAD
    HTTPS_GROUPED_VHOST_BACKEND_HEAD HTTPS_GROUPED_VHOST_FRONTEND_ACL
    HTTPS_GROUPED_VHOST_FRONTEND_HEAD HTTP_BACKEND_ACL_ALLOW_DENY HTTP_BACKEND_NETWORK_ALLOWED_ACL
    HTTP_BACKEND_PROXYPASS_GLUE HTTP_BACKEND_REDIR HTTP_BACKEND_REVPROXY_GLUE HTTP_FRONTEND_ACL
    HTTP_FRONTEND_ACL_ONLY HTTP_FRONTEND_ACL_ONLY_WITH_PATH HTTP_FRONTEND_ACL_ONLY_WITH_PATH_AND_AUTH
    HTTP_FRONTEND_ACL_WITH_AUTH HTTP_FRONTEND_ACL_WITH_AUTH_AND_PATH HTTP_FRONTEND_ACL_WITH_PATH
    HTTP_FRONTEND_APPID_ACL HTTP_FRONTEND_APPID_HEAD HTTP_FRONTEND_HEAD HTTP_FRONTEND_ROUTING_ONLY
    HTTP_FRONTEND_ROUTING_ONLY_WITH_AUTH HTTP_FRONTEND_ROUTING_ONLY_WITH_PATH
    HTTP_FRONTEND_ROUTING_ONLY_WITH_PATH_AND_AUTH MAP_HTTPS_FRONTEND_ACL MAP_HTTP_FRONTEND_ACL
    MAP_HTTP_FRONTEND_ACL_ONLY MAP_HTTP_FRONTEND_APPID_ACL TCP_BACKEND_ACL_ALLOW_DENY
    TCP_BACKEND_NETWORK_ALLOWED_ACL USERLIST_HEAD
    """.split()
)
# As in the real one, with what HAProxy has not known since 2.1.
HSTS = "  rspadd  Strict-Transport-Security:\\ max-age=15768000\n"
EVENTS = {"api_post_event", "health_status_changed_event", "status_update_event"}
GONE = {
    "TASK_STAGING", "TASK_STARTING", "TASK_KILLING", "TASK_FINISHED", "TASK_FAILED", "TASK_KILLED",
    "TASK_ERROR", "TASK_DROPPED", "TASK_GONE", "TASK_GONE_BY_OPERATOR", "TASK_UNKNOWN",
}
LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


def flags():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add = parser.add_argument
    add("--marathon", "-m", nargs="+", required=True)
    add("--haproxy-config", default="/etc/haproxy/haproxy.cfg")
    add("--group", action="append", default=[])
    add("--command", "-c")
    add("--ssl-certs", default="/etc/ssl/cert.pem")
    add("--log-format")
    add("--log-level", default="DEBUG", choices=LEVELS)
    add("--syslog-socket", default="/dev/log")
    add("--marathon-auth-credential-file")
    add("--auth-credentials")
    add("--dcos-auth-credentials")
    add("--marathon-ca-cert")
    for name, usual in [
        ("max-reload-retries", 10), ("reload-interval", 10), ("archive-versions", 5),
        ("lru-cache-capacity", 1000), ("min-serv-port-ip-per-task", 10050),
        ("max-serv-port-ip-per-task", 10100), ("max-backoff", 300),
    ]:
        add(f"--{name}", type=int, default=usual)
    for name in [
        "longhelp", "strict-mode", "sse", "health-check", "haproxy-map", "dont-bind-http-https",
        "group-https-by-vhost", "skip-validation", "skip-config-cleanup", "dry",
    ]:
        add(f"--{name}", action="store_true")
    found = parser.parse_args()
    if not found.group:
        parser.error("argument --group is required: please specify at least one group name")
    return found


def say(level, words):
    if LEVELS.index(level) >= LEVELS.index(args.log_level):
        print(f"marathon_lb: {words}", file=sys.stderr, flush=True)


def templates():
    found = {}
    for name in sorted(os.listdir("templates")) if os.path.isdir("templates") else []:
        if name.removeprefix("HAPROXY_") not in TEMPLATES:
            sys.exit(f"templates/{name}: there is no such template")
        with open(f"templates/{name}", encoding="utf-8") as file:
            found[name.removeprefix("HAPROXY_")] = file.read()
    return found


class Marathon:
    """Asks whichever instance answers."""

    def __init__(self):
        self.hosts = list(args.marathon)
        self.turn = itertools.cycle(self.hosts)
        self.headers = {"User-Agent": "marathon-lb"}
        known = args.auth_credentials
        if args.marathon_auth_credential_file:
            with open(args.marathon_auth_credential_file, encoding="utf-8") as file:
                known = file.readline().rstrip("\r\n")
        if known:
            if known.count(":") != 1:
                sys.exit("Please provide marathon credentials in user:pass format")
            secret = base64.b64encode(known.encode()).decode()
            self.headers["Authorization"] = f"Basic {secret}"

    def open(self, url, accept, timeout):
        headers = self.headers | {"Accept": accept}
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout)

    def apps(self):
        for host in self.hosts:
            try:
                url = f"{host}/v2/apps?embed=apps.tasks"
                with self.open(url, "application/json", 5) as answer:
                    return json.load(answer)["apps"]
            except (OSError, ValueError, KeyError) as error:
                say("INFO", f"Error calling GET {host}, trying next host: {error}")
        raise OSError("no Marathon answers")

    def events(self):
        query = "&".join(["plan-format=light"] + [f"event_type={one}" for one in sorted(EVENTS)])
        with self.open(f"{next(self.turn)}/v2/events?{query}", "text/event-stream", 300) as stream:
            for line in stream:
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])


def services(apps):
    """Each port of each app that is to be served, with where its tasks are."""
    for app in apps:
        labels = app["labels"]
        group = labels.get("HAPROXY_GROUP", "")
        for index, port in enumerate(app["ports"]):
            label = lambda name, usual=None: labels.get(f"HAPROXY_{index}_{name}", usual)
            groups = label("GROUP", group).split(",")
            if "*" not in args.group and not set(groups) & set(args.group):
                continue
            if label("ENABLED", "false" if args.strict_mode else "true") != "true":
                continue
            checks = app.get("healthChecks", [])
            servers = set()
            for task in app["tasks"]:
                well = any(one["alive"] for one in task.get("healthCheckResults", []))
                if task.get("state") in GONE or (args.health_check and checks and not well):
                    continue
                servers.add((task["host"], task["ports"][index]))
            if not servers:
                say("ERROR", f"skipping app {app['id']} as it has no servers")
                continue
            host = label("VHOST")
            yield {
                "id": app["id"],
                "port": label("PORT", port),
                "backend": f"{app['id'][1:].replace('/', '_')}_{port}",
                "vhosts": host.split(",") if host else [],
                "path": label("PATH"),
                "mode": label("MODE", "http" if host else "tcp"),
                "balance": label("BALANCE", "roundrobin"),
                "hsts": label("USE_HSTS") == "true",
                "options": label("BACKEND_HTTP_OPTIONS", "  option forwardfor\n"),
                "check": next((one for one in checks if one.get("portIndex", 0) == index), None),
                "servers": sorted(servers),
            }


def clean(name):
    return re.sub(r"[^a-zA-Z0-9-]", "_", name)


def numbered(servers):
    """A number for each that is the same after a reload."""
    taken = set()
    for host, port in servers:
        name = clean(f"{host}_{port}")
        number = int(hashlib.sha1(name.encode()).hexdigest()[:6], 16) + 1
        while number in taken:
            number += 1
        taken.add(number)
        yield name, host, port, number


def generate(apps):
    """The configuration and its two maps."""
    known = templates()
    head = known.get("HEAD", "")
    if "daemon" in head.split() or "expose-fd listeners" not in head:
        raise ValueError("Error in custom HAPROXY_HEAD template")
    http = known.get("HTTP_FRONTEND_HEAD", "\nfrontend marathon_http_in\n  bind *:80\n  mode http\n")
    https = known.get(
        "HTTPS_FRONTEND_HEAD", "\nfrontend marathon_https_in\n  bind *:443 ssl {sslCerts}\n  mode http\n"
    ).format(sslCerts=" ".join(f"crt {path}" for path in args.ssl_certs.split(",")))
    by_id = known.get(
        "HTTP_FRONTEND_APPID_HEAD", "\nfrontend marathon_http_appid_in\n  bind *:9091\n  mode http\n"
    )
    place = os.path.dirname(args.haproxy_config)
    domains, ids, fronts, backs = "", "", "", ""
    for one in sorted(services(apps), key=lambda one: (one["id"], one["port"])):
        backend = one["backend"]
        fronts += f"\nfrontend {backend}\n  bind *:{one['port']}\n  mode {one['mode']}\n"
        fronts += f"  use_backend {backend}\n"
        backs += f"\nbackend {backend}\n  balance {one['balance']}\n  mode {one['mode']}\n"
        for host in one["vhosts"]:
            path = f" path_{backend}" if one["path"] else ""
            if args.haproxy_map and not path:
                domains += f"{host} {backend}\n"
                continue
            acl = f"host_{clean(host)}"
            lines = f"  acl path_{backend} path_beg {one['path']}\n" if path else ""
            http += f"{lines}  acl {acl} hdr(host) -i {host}\n  use_backend {backend} if {acl}{path}\n"
            https += f"{lines}  use_backend {backend} if {{ ssl_fc_sni {host} }}{path}\n"
        if one["mode"] == "http":
            if args.haproxy_map:
                ids += f"{one['id']} {backend}\n"
            else:
                acl = f"app_{clean(one['id'])}"
                by_id += f"  acl {acl} hdr(x-marathon-app-id) -i {one['id']}\n"
                by_id += f"  use_backend {backend} if {acl}\n"
            backs += known.get("BACKEND_HSTS_OPTIONS", HSTS) if one["hsts"] else ""
            backs += one["options"]
        check = ""
        if one["check"]:
            if one["mode"] == "http":
                backs += f"  option httpchk GET {one['check'].get('path', '/')}\n"
            check = f" check inter {one['check'].get('intervalSeconds', 60)}s fall 3"
        for name, host, port, number in numbered(one["servers"]):
            backs += f"  server {name} {host}:{port} id {number}{check}\n"
    if args.haproxy_map:
        lower = "lower,regsub(:.*$,,)"
        http += f"  use_backend %[req.hdr(host),{lower},map({place}/domain2backend.map)]\n"
        https += f"  use_backend %[ssl_fc_sni,lower,map({place}/domain2backend.map)]\n"
        by_id += f"  use_backend %[req.hdr(x-marathon-app-id),lower,map({place}/app2backend.map)]\n"
    if args.dont_bind_http_https:
        http = https = ""
    return head + http + by_id + https + fronts + backs, domains, ids


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def beside(text, target):
    """A file that may take another's place."""
    number, path = tempfile.mkstemp()
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(text)
    is_there = os.path.isfile(target)
    os.chmod(path, stat.S_IMODE(os.lstat(target).st_mode) if is_there else 0o644)
    return path


def is_valid(path):
    words = ["haproxy", "-f", path, "-c"]
    quiet = subprocess.DEVNULL
    return args.skip_validation or subprocess.call(words, stdout=quiet, stderr=quiet) == 0


def maps(domains, ids):
    place = os.path.dirname(args.haproxy_config)
    all_maps = [(f"{place}/domain2backend.map", domains), (f"{place}/app2backend.map", ids)]
    return all_maps if args.haproxy_map else []


def tried(text, domains, ids):
    """Files that may take the others' places, each with its place, and whether they are valid."""
    files = [(beside(map, path), path) for path, map in maps(domains, ids)]
    trial = text
    for temporary, path in files:
        trial = trial.replace(path, temporary)
    candidate = beside(trial, args.haproxy_config)
    return files + [(candidate, args.haproxy_config)], is_valid(candidate)


def take(text, domains, ids):
    """Whether the configuration is valid; one that is new is taken up."""
    is_known = all(read(path) == map for path, map in maps(domains, ids))
    if is_known and read(args.haproxy_config) == text:
        return True
    if args.dry:
        print(text)
        sys.exit()
    files, valid = tried(text, domains, ids)
    candidate = files[-1][0]
    if not valid:
        shutil.move(candidate, "haproxy_tmp_conf_fail")
        for temporary, _ in files[:-1]:
            os.remove(temporary)
        return False
    with open(candidate, "w", encoding="utf-8") as file:
        file.write(text)
    for temporary, path in files:
        shutil.move(temporary, path)
    reload()
    return True


def processes():
    found = subprocess.run(["pidof", "haproxy"], capture_output=True, text=True, check=False)
    return set(found.stdout.split())


def reload():
    if not args.command:
        sys.exit("the stand-in needs --command")
    words = shlex.split(args.command)
    say("INFO", f"reloading using {' '.join(words)}")
    before = processes()
    for _ in range(max(args.max_reload_retries, 1)):
        ended = subprocess.call(words, close_fds=True)
        if ended != 0:
            say("ERROR", f"reload returned non-zero: {ended}")
            return
        end = time.monotonic() + args.reload_interval
        while time.monotonic() < end:
            if processes() - before:
                return
            time.sleep(0.1)


def regenerate(marathon):
    apps = marathon.apps()
    if take(*generate(apps)) or args.skip_config_cleanup:
        return
    kept = []
    for app in apps:
        files, valid = tried(*generate(kept + [app]))
        if valid:
            kept.append(app)
        else:
            say("WARNING", f"invalid configuration caused by app {app['id']}; it will be excluded")
        for temporary, _ in files:
            os.remove(temporary)
    if kept:
        take(*generate(kept))
    else:
        say("ERROR", "A valid config file could not be generated after excluding all apps")


def follow(marathon):
    """Writes anew with each event, each signal, and every five minutes."""
    due = threading.Event()

    def write():
        while True:
            due.wait(300)
            due.clear()
            try:
                regenerate(marathon)
            except (OSError, ValueError, KeyError) as error:
                say("ERROR", f"Unexpected error: {error}")

    signal.signal(signal.SIGHUP, lambda *_: due.set())
    signal.signal(signal.SIGUSR1, lambda *_: subprocess.call(shlex.split(args.command)))
    due.set()
    threading.Thread(target=write, daemon=True).start()
    wait = 3
    while True:
        try:
            due.set()
            for event in marathon.events():
                if event["eventType"] in EVENTS:
                    due.set()
        except (OSError, ValueError, KeyError, urllib.error.URLError) as error:
            say("ERROR", f"Caught exception: {error}")
        time.sleep(random.random() * wait)
        wait = min(wait * 1.5, args.max_backoff)


args = flags()
missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
if missing:
    sys.exit(f"No module named {', '.join(missing)}")
if args.sse:
    follow(Marathon())
else:
    regenerate(Marathon())
