#!/usr/bin/env python3
"""A stand-in for Telegraf, which no registry that tests reach has.

It takes Telegraf's flags and file, refuses what Telegraf's documentation does not have, gathers a
little with each input and hands it on as the outputs say. It is for tests and of no other use.
"""

import argparse
import http.server
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
import urllib.parse
import urllib.request

COMMON = {"alias", "interval", "namepass", "namedrop", "tagpass", "tagdrop", "tags", "log_level"}
AGENT = {
    "interval", "round_interval", "metric_batch_size", "metric_buffer_limit", "collection_jitter",
    "collection_offset", "flush_interval", "flush_jitter", "precision", "debug", "quiet", "logtarget",
    "logfile", "hostname", "omit_hostname", "skip_processors_after_aggregators",
}
HTTP = {"timeout", "tls_ca", "tls_cert", "tls_key", "insecure_skip_verify"}
OPTIONS = {
    "outputs.influxdb": HTTP | {
        "urls", "database", "database_tag", "skip_database_creation", "retention_policy",
        "write_consistency", "username", "password", "user_agent", "http_proxy", "content_encoding",
    },
    "outputs.influxdb_v2": HTTP | {
        "urls", "token", "organization", "bucket", "bucket_tag", "user_agent", "content_encoding",
    },
    "outputs.prometheus_client": {
        "listen", "metric_version", "basic_username", "basic_password", "ip_range", "path",
        "expiration_interval", "collectors_exclude", "string_as_label", "tls_cert", "tls_key",
    },
    "outputs.health": {"service_address", "read_timeout", "write_timeout", "compares", "contains"},
    "inputs.cpu": {"percpu", "totalcpu", "collect_cpu_time", "report_active", "core_tags"},
    "inputs.disk": {"mount_points", "ignore_fs", "ignore_mount_opts"},
    "inputs.diskio": {"devices", "skip_serial_number", "device_tags", "name_templates"},
    "inputs.docker": {"endpoint", "gather_services", "container_name_include", "timeout", "perdevice"},
    "inputs.haproxy": HTTP | {"servers", "username", "password", "keep_field_names"},
    "inputs.internal": {"collect_memstats", "collect_gostats"},
    "inputs.kernel": {"collect"},
    "inputs.mem": set(),
    "inputs.mysql": {"servers", "metric_version", "gather_global_variables", "gather_slave_status"},
    "inputs.net": {"interfaces", "ignore_protocol_stats"},
    "inputs.netstat": set(),
    "inputs.processes": {"force_ps", "use_sudo"},
    "inputs.prometheus": HTTP | {"urls", "metric_version", "bearer_token", "bearer_token_string"},
    "inputs.redis": {"servers", "username", "password", "commands"},
    "inputs.swap": set(),
    "inputs.system": {"include"},
    "inputs.zookeeper": {"servers", "timeout", "parse_floats"},
}


class Wrong(Exception):
    pass


def load(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for name in re.findall(r"\$\{?(\w+)", text):
        if name not in os.environ:
            raise Wrong(f"the variable {name} is not set")
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Wrong(f"error parsing data: {error}") from None
    check("agent", found.get("agent", {}), AGENT)
    if not all(isinstance(value, str) for value in found.get("global_tags", {}).values()):
        raise Wrong("global_tags: a tag is a string")
    for kind in found.keys() - {"agent", "global_tags", "inputs", "outputs"}:
        raise Wrong(f"undefined but requested {kind}")
    for kind in ("inputs", "outputs"):
        for name, plugins in found.get(kind, {}).items():
            if f"{kind}.{name}" not in OPTIONS:
                raise Wrong(f"undefined but requested {kind[:-1]}: {name}")
            for plugin in plugins:
                check(f"plugin {kind}.{name}", plugin, OPTIONS[f"{kind}.{name}"] | COMMON)
    for kind in ("inputs", "outputs"):
        if not found.get(kind):
            raise Wrong(f"no {kind} found, did you provide a valid config file?")
    return found


def check(what, table, known):
    unknown = sorted(table.keys() - known)
    if unknown:
        words = ", ".join(f'"{key}"' for key in unknown)
        raise Wrong(f"{what}: configuration specified the fields [{words}], but they weren't used")


def talk(host, port, question):
    with socket.create_connection((host, int(port)), timeout=3) as peer:
        peer.sendall(question)
        peer.shutdown(socket.SHUT_WR)
        answer = b""
        while part := peer.recv(65536):
            answer += part
    return answer.decode(errors="replace")


def fetch(url, headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=3) as answer:
        return answer.read().decode()


def gather(name, plugin):
    """What one input has to tell: names and numbers."""
    if name == "zookeeper":
        for server in plugin["servers"]:
            answer = talk(*server.rsplit(":", 1), b"mntr\n")
            if "zk_server_state" not in answer:
                raise OSError(f"{server} answers {answer[:60]!r}")
    elif name == "redis":
        for server in plugin["servers"]:
            host, port = server.removeprefix("tcp://").rsplit(":", 1)
            words = [b"AUTH", plugin.get("password", "").encode()]
            login = b"*2\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
            answer = talk(host, port, login + b"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n")
            if "+PONG" not in answer:
                raise OSError(f"{server} answers {answer[:60]!r}")
    elif name in ("prometheus", "haproxy"):
        token = plugin.get("bearer_token_string")
        for url in plugin.get("urls") or plugin["servers"]:
            fetch(url, {"Authorization": f"Bearer {token}"} if token else {})
    elif name == "mysql":
        for server in plugin["servers"]:
            who, path = re.fullmatch(r"(.*)@unix\((.*)\)/", server).groups()
            user, _, password = who.partition(":")
            words = ["mariadb", "--no-defaults", f"--user={user}", f"--socket={path}"]
            # What needs the privileges that Telegraf's documentation asks for.
            question = "SHOW GLOBAL STATUS; SHOW MASTER STATUS; " \
                "SELECT COUNT(*) FROM information_schema.INNODB_METRICS"
            told = subprocess.run(
                [*words, "--execute", question],
                env={**os.environ, "MYSQL_PWD": password}, capture_output=True, text=True, timeout=5,
            )
            if told.returncode:
                raise OSError(f"{path} answers {told.stderr.strip()!r}")
    elif name == "docker":
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(plugin["endpoint"].removeprefix("unix://"))
    load1 = os.getloadavg()[0]
    return {"system": {"load1": load1}, "mem": {"total": os.sysconf("SC_PHYS_PAGES")}}.get(name, {"ok": 1})


class Agent:
    def __init__(self, found):
        self.outputs, self.inputs = found["outputs"], found["inputs"]
        agent = found.get("agent", {})
        self.interval = float(agent.get("interval", "10s").removesuffix("s"))
        self.limit = agent.get("metric_buffer_limit", 10000)
        self.host = agent.get("hostname") or socket.gethostname()
        self.tags = found.get("global_tags", {})
        self.waiting, self.last, self.ended = [], [], threading.Event()
        self.servers = []

    def collect(self):
        """Gathers once; gives the lines, and what went wrong."""
        lines, errors = [], []
        escape = lambda text: re.sub(r"([,= ])", r"\\\1", text)
        tags = "".join(f",{escape(k)}={escape(v)}" for k, v in {**self.tags, "host": self.host}.items() if v)
        for name, plugins in self.inputs.items():
            for plugin in plugins:
                try:
                    values = gather(name, plugin)
                    text = ",".join(f"{key}={value}" for key, value in values.items())
                    lines.append(f"{name}{tags} {text}")
                except OSError as error:
                    errors.append(f"[inputs.{name}] Error in plugin: {error}")
        return lines, errors

    def write(self):
        """Hands on what waits; what is not taken goes on waiting."""
        for output in self.outputs.get("influxdb", []):
            who = {"db": output["database"], "u": output.get("username", ""), "p": output.get("password", "")}
            url = output["urls"][0] + "/write?" + urllib.parse.urlencode(who)
            try:
                urllib.request.urlopen(url, "\n".join(self.waiting).encode(), timeout=3).close()
            except OSError as error:
                print(f"E! [outputs.influxdb] {error}", file=sys.stderr, flush=True)
                return
        self.waiting = []

    def healthy(self):
        limits = [one["lt"] for plugin in self.outputs.get("health", []) for one in plugin.get("compares", [])]
        return all(len(self.waiting) < limit for limit in limits)

    def serve(self, address, answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, text = answer()
                self.send_response(status)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            allow_reuse_address = True

        host, port = address.rsplit(":", 1)
        server = Server((host, int(port)), Handler)
        self.servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def run(self):
        for plugin in self.outputs.get("health", []):
            address = plugin["service_address"].removeprefix("http://")
            self.serve(address, lambda: (200, "OK") if self.healthy() else (503, "unhealthy"))
        for plugin in self.outputs.get("prometheus_client", []):
            line = lambda text: re.sub(r"^(\w+),.* (\w+)=(\S+)$", rf'\1_\2{{host="{self.host}"}} \3', text)
            self.serve(plugin["listen"], lambda: (200, "".join(line(text) + "\n" for text in self.last)))
        while not self.ended.is_set():
            self.last, errors = self.collect()
            for words in errors:
                print(f"E! {words}", file=sys.stderr, flush=True)
            self.waiting = (self.waiting + self.last)[-self.limit:]
            self.write()
            self.ended.wait(self.interval)
        for server in self.servers:
            server.shutdown()
            server.server_close()


def main():
    parser = argparse.ArgumentParser(prog="telegraf", allow_abbrev=False)
    parser.add_argument("--config", required=True)
    parser.add_argument("--watch-config", choices=["notify", "poll"])
    for flag in ("--test", "--quiet", "--debug", "--once", "--strict-env-handling"):
        parser.add_argument(flag, action="store_true")
    given = parser.parse_args()
    try:
        agent = Agent(load(given.config))
    except (OSError, Wrong) as error:
        sys.exit(f"E! [telegraf] Error running agent: error loading config file {given.config}: {error}")
    if given.test:
        lines, errors = agent.collect()
        print("\n".join(f"> {line}" for line in lines))
        for words in errors:
            print(f"E! {words}", file=sys.stderr)
        if errors:
            sys.exit(f"E! [telegraf] Error running agent: input plugins recorded {len(errors)} errors")
        return
    again = True

    def hear(number, _):
        nonlocal again
        again = number == signal.SIGHUP
        agent.ended.set()

    signal.signal(signal.SIGHUP, hear)
    signal.signal(signal.SIGTERM, hear)
    while again:
        again = False
        agent.run()
        if again:
            try:
                agent = Agent(load(given.config))
            except (OSError, Wrong) as error:
                sys.exit(f"E! [telegraf] Error running agent: {error}")


if __name__ == "__main__":
    main()
