#!/usr/bin/env python3
"""A stand-in for MinIO, which no registry that tests reach has.

It takes MinIO's flags, variables and pools, refuses what MinIO's documentation does not have or what
MinIO refuses, writes `format.json` onto its drives together with its peers, and answers for its health
by asking them. It stores nothing. It is for tests and of no other use.
"""

import argparse
import hashlib
import http.server
import itertools
import json
import os
import re
import socket
import sys
import threading
import time
import urllib.parse
import urllib.request
import uuid

VARIABLES = {
    "MINIO_VOLUMES", "MINIO_OPTS", "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD", "MINIO_ADDRESS",
    "MINIO_STORAGE_CLASS_STANDARD", "MINIO_STORAGE_CLASS_RRS", "MINIO_PROMETHEUS_AUTH_TYPE",
    "MINIO_PROMETHEUS_URL", "MINIO_SERVER_URL", "MINIO_SITE_NAME", "MINIO_SITE_REGION",
    "MINIO_BROWSER", "MINIO_BROWSER_REDIRECT_URL", "MINIO_DOMAIN", "MINIO_COMPRESSION_ENABLE",
    "MINIO_KMS_SECRET_KEY", "MINIO_CI_CD",
}
PAUSE = 0.3


def fail(words):
    sys.exit(f"FATAL Unable to start the server: {words}")


def expand(argument):
    """Writes out `{a...b}`; numbers further to the right turn slower, so that sets go across hosts."""
    parts = re.split(r"\{(\d+)\.\.\.(\d+)\}", argument)
    if re.search(r"[{}]", "".join(parts[::3])):
        fail(f"invalid ellipsis in {argument}")
    fixed = parts[::3]
    ranges = [range(int(a), int(b) + 1) for a, b in zip(parts[1::3], parts[2::3])]
    found = []
    for numbers in itertools.product(*reversed(ranges)):
        numbers = [str(number) for number in reversed(numbers)]
        found.append("".join(a + b for a, b in itertools.zip_longest(fixed, numbers, fillvalue="")))
    return found, len(ranges[0]) if ranges else 0


def size_of_set(total, hosts):
    even = [n for n in range(2, 17) if total % n == 0 and (n % hosts == 0 or hosts % n == 0)]
    if not even:
        fail(f"Incorrect number of endpoints provided: {total} is not divisible by any supported "
             "erasure set sizes")
    return max(even)


def is_own(host):
    address = socket.gethostbyname(host)
    if address.startswith("127."):
        fail(f"{host} is a loopback address")
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


class Server:
    def __init__(self, given):
        user, password = (os.environ.get(f"MINIO_ROOT_{key}", "") for key in ("USER", "PASSWORD"))
        if len(user) < 3 or len(password) < 8:
            fail("Invalid credentials: access key length should be at least 3, and secret key length "
                 "at least 8 characters")
        unknown = {key for key in os.environ if key.startswith("MINIO_")} - VARIABLES
        if unknown:
            fail(f"unknown variables {sorted(unknown)}")
        self.port = given.address.rsplit(":", 1)[1]
        if len({"..." in argument for argument in given.volumes}) != 1:
            fail("all args must have ellipses for pool expansion")
        self.pools, own = [], []
        for argument in given.volumes:
            endpoints, hosts = expand(argument)
            size = size_of_set(len(endpoints), hosts)
            self.pools.append((size, [urllib.parse.urlsplit(one) for one in endpoints]))
        for size, endpoints in self.pools:
            if any(str(one.port) != self.port or one.scheme != "http" for one in endpoints):
                fail("mixed schemes or ports")
            own += [(size, one.path) for one in endpoints if is_own(one.hostname)]
        if not own:
            fail("no endpoint is this machine's")
        self.drives = own
        self.leader = self.pools[0][1][0].hostname
        self.leads = is_own(self.leader)
        relevant = {key: value for key, value in os.environ.items() if key in VARIABLES}
        text = json.dumps([relevant, given.volumes], sort_keys=True)
        self.configuration = hashlib.sha256(text.encode()).hexdigest()
        self.parity = {4: 2, 5: 2, 6: 3, 7: 3}.get(self.pools[0][0], 4)
        chosen = os.environ.get("MINIO_STORAGE_CLASS_STANDARD")
        if chosen:
            self.parity = int(chosen.removeprefix("EC:"))
        if any(self.parity * 2 > size for size, _ in self.pools):
            fail(f"parity {self.parity} is more than half of a set")
        self.id = None

    def look(self):
        """Looks at the own drives: the deployment that they are of, if they are of one."""
        ids = set()
        for size, drive in self.drives:
            if not os.path.isdir(drive) or not os.access(drive, os.W_OK):
                fail(f"{drive}: drive not found, or drive access denied")
            is_root = os.stat(drive).st_dev == os.stat("/").st_dev
            if is_root and os.environ.get("MINIO_CI_CD") != "1":
                fail(f"{drive}: drive is part of root drive, will not be used")
            try:
                with open(f"{drive}/.minio.sys/format.json", encoding="utf-8") as file:
                    found = json.load(file)
            except FileNotFoundError:
                continue
            ids.add(found["id"])
            if len(found["xl"]["sets"][0]) != size:
                fail(f"{drive}: set of another size")
        if len(ids) > 1:
            fail(f"inconsistent drives found: {ids}")
        self.id = ids.pop() if ids else None

    def write(self):
        for size, drive in self.drives:
            path = f"{drive}/.minio.sys/format.json"
            if os.path.exists(path):
                continue
            os.makedirs(os.path.dirname(path), exist_ok=True)
            sets = [[str(uuid.uuid4()) for _ in range(size)]]
            layout = {"version": "3", "this": sets[0][0], "sets": sets, "distributionAlgo": "SIPMOD+PARITY"}
            text = {"version": "1", "format": "xl", "id": self.id, "xl": layout}
            with open(path, "w", encoding="utf-8") as file:
                json.dump(text, file, separators=(",", ":"))

    def found(self):
        """Joins the deployment; the first member founds it once all of its pool are there."""
        while self.id is None:
            if self.leads:
                first = {one.hostname for one in self.pools[0][1]}
                told = {self.peer(host) for host in first}
                if None not in told:
                    # One that lost its drives is told by the others.
                    self.id = max(told) or str(uuid.uuid4())
                    break
            else:
                self.id = self.peer(self.leader)
            time.sleep(PAUSE)
        self.write()

    def peer(self, host):
        """The deployment that a peer is of, as text; none where it is away or configured otherwise."""
        url = f"http://{host}:{self.port}/minio/stand-in/{self.configuration}"
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:
                return answer.read().decode() or (None if host == self.leader and not self.leads else "")
        except OSError:
            return None

    def worst(self):
        """How many drives of the set that has the fewest can be reached beyond what reading needs."""
        hosts = {one.hostname for _, endpoints in self.pools for one in endpoints}
        asked = {}
        threads = [threading.Thread(target=lambda h=host: asked.update({h: self.peer(h)})) for host in hosts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        spare = []
        for size, endpoints in self.pools:
            for start in range(0, len(endpoints), size):
                online = sum(bool(asked[one.hostname]) for one in endpoints[start:start + size])
                spare.append(online - (size - self.parity))
        return min(spare)

    def answer(self, path, query):
        if path in ("/minio/health/live", "/minio/health/ready"):
            return 200, {}, ""
        if path.startswith("/minio/health/cluster"):
            needed = [size - self.parity + (size == 2 * self.parity) for size, _ in self.pools]
            more = 0 if path.endswith("/read") else max(n - size + self.parity for n, (size, _) in zip(needed, self.pools))
            if self.id is None:
                return 503, {"X-Minio-Server-Status": "offline"}, ""
            good = self.worst() >= more + (query == "maintenance=true")
            bad = 412 if query else 503
            return 200 if good else bad, {"X-Minio-Write-Quorum": str(max(needed))}, ""
        if path.startswith("/minio/stand-in/"):
            same = path.rsplit("/", 1)[1] == self.configuration
            return (200, {}, self.id or "") if same else (403, {}, "")
        if path in ("/minio/v2/metrics/node", "/minio/v2/metrics/cluster"):
            public = os.environ.get("MINIO_PROMETHEUS_AUTH_TYPE") == "public"
            return (200, {}, f"minio_node_drive_total {len(self.drives)}\n") if public else (403, {}, "")
        return 403, {}, ""


def main():
    parser = argparse.ArgumentParser(prog="minio", allow_abbrev=False)
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("server", allow_abbrev=False)
    verb.add_argument("--address", default=":9000")
    verb.add_argument("--console-address", default=":9001")
    verb.add_argument("--certs-dir")
    for flag in ("--quiet", "--anonymous", "--json"):
        verb.add_argument(flag, action="store_true")
    verb.add_argument("volumes", nargs="+")
    given = parser.parse_args()
    server = Server(given)
    server.look()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path, _, query = self.path.partition("?")
            status, headers, text = server.answer(path, query)
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    class Listener(http.server.ThreadingHTTPServer):
        allow_reuse_address = True

    for address in (given.address, given.console_address):
        host, port = address.rsplit(":", 1)
        listener = Listener((host, int(port)), Handler)
        threading.Thread(target=listener.serve_forever, daemon=True).start()
    server.found()
    print("MinIO Object Storage Server (a stand-in)", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
