#!/usr/bin/python3
"""A stand-in for Mesos and Marathon, which no registry that tests reach has any more.

It takes their place under the names `mesos-master`, `mesos-agent` and `marathon`. It is none of them:
it runs no task and keeps no registry. It is for tests and of no other use. What it does is what a
deployment can get wrong:

- takes flags from variables and arguments as they do, and refuses one that upstream's documentation
  does not list, one that is missing, and a value that they would not take;
- meets in the real ZooKeeper that it is told of: masters below `json.info_` and `log_replicas`, of
  which the first leads; instances of Marathon below `leader`;
- a master takes part in the registry by Mesos's rule: with an empty log once so many have the
  registry as decide, or once all are empty. Where so many masters take part that two groups of them
  could each decide, it notes that in `danger` in its directory, and ends;
- an agent comes back with what it offered before, or more, and otherwise ends as Mesos's does;
- answers `/health`, `/metrics/snapshot`, `/redirect`, `/flags`, `/version`, `/slaves`; `/ping`,
  `/v2/leader`, `/v2/info`, `/v2/deployments`, out of what it found. It has the apps, tasks and all,
  that somebody posts to `/stand-in/apps`, and tells of them by `/v2/apps` and `/v2/events`.
"""

import json
import os
import re
import sys
import threading
import time
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import NoNodeError

# Names of flags as upstream's documentation of Mesos 1.11 and Marathon 1.11 lists them.
COMMON = """advertise_ip advertise_port authenticate_http_readonly authenticate_http_readwrite
authentication_v0_timeout domain external_log_file firewall_rules help hooks hostname
hostname_lookup http_authenticators http_credentials initialize_driver_logging ip
ip_discovery_command log_dir logbufsecs logging_level memory_profiling modules modules_dir port
quiet version zk_session_timeout""".split()
MASTER = """acls agent_ping_timeout agent_removal_rate_limit agent_reregister_timeout
allocation_interval allocator authenticate authenticate_agents authenticate_frameworks
authenticate_http_frameworks authenticate_slaves authenticators authorizers cluster credentials
fair_sharing_excluded_resource_names filter_gpu_resources framework_sorter
http_framework_authenticators log_auto_initialize master_contender master_detector
max_agent_ping_timeouts max_completed_frameworks max_completed_tasks_per_framework
max_executors_per_agent max_executors_per_slave max_operator_event_stream_subscribers
max_slave_ping_timeouts max_unreachable_tasks_per_framework min_allocatable_resources
offer_constraints_re2_max_mem offer_constraints_re2_max_program_size offer_timeout
publish_per_framework_metrics quorum rate_limits recovery_agent_removal_limit
recovery_slave_removal_limit registry registry_fetch_timeout registry_gc_interval
registry_max_agent_age registry_max_agent_count registry_store_timeout require_agent_domain
role_sorter roles root_submissions slave_ping_timeout slave_removal_rate_limit
slave_reregister_timeout webui_dir weights whitelist work_dir zk""".split()
AGENT = """allowed_devices appc_simple_discovery_uri_prefix appc_store_dir attributes
authenticate_http_executors authenticatee authentication_backoff_factor
authentication_timeout_max authentication_timeout_min authorizer bounding_capabilities
cgroups_cpu_enable_pids_and_tids_count cgroups_destroy_timeout cgroups_enable_cfs
cgroups_hierarchy cgroups_limit_swap cgroups_net_cls_primary_handle
cgroups_net_cls_secondary_handles cgroups_root check_agent_port_range_only
container_disk_watch_interval container_logger containerizers credential csi_plugin_config_dir
default_container_dns default_container_info default_container_shm_size disallow_sharing_agent_ipc_namespace
disallow_sharing_agent_pid_namespace disk_profile_adaptor disk_watch_interval docker
docker_config docker_ignore_runtime docker_kill_orphans docker_mesos_image docker_registry
docker_remove_delay docker_socket docker_stop_timeout docker_store_dir
docker_volume_checkpoint_dir docker_volume_chown effective_capabilities
enforce_container_disk_quota executor_environment_variables executor_registration_timeout
executor_reregistration_retry_interval executor_reregistration_timeout
executor_shutdown_grace_period fetcher_cache_dir fetcher_cache_size fetcher_stall_timeout
frameworks_home gc_delay gc_disk_headroom gc_non_executor_container_sandboxes hadoop_home
host_path_volume_force_creation http_command_executor http_heartbeat_interval image_gc_config
image_providers image_provisioner_backend isolation jwt_secret_key launcher launcher_dir master
master_detector max_completed_executors_per_framework network_cni_config_dir
network_cni_metrics network_cni_plugins_dir network_cni_root_dir_persist nvidia_gpu_devices
oversubscribed_resources_interval perf_duration perf_events perf_interval qos_controller
qos_correction_interval_min reconfiguration_policy recover recovery_timeout
registration_backoff_factor resource_estimator resource_provider_config_dir resources
revocable_cpu_low_priority runtime_dir sandbox_directory secret_resolver strict switch_user
systemd_enable_support systemd_runtime_directory volume_gid_range work_dir
xfs_kill_containers xfs_project_range""".split()
MARATHON = """access_control_allow_origin backup_location checkpoint decline_offer_duration
default_accepted_resource_roles default_network_name deprecated_features disable_ha
disable_http disable_http_compression draining_seconds enable_features env_vars_prefix executor
failover_timeout framework_name gpu_scheduling_behavior ha hostname http_address
http_compression http_credentials http_port https_address https_port kill_chunk_size
kill_retry_timeout launch_token_refresh_interval launch_tokens
leader_proxy_connection_timeout leader_proxy_max_open_connections leader_proxy_read_timeout
local_port_max local_port_min logging_level logstash master max_apps max_instances_per_offer
max_running_deployments max_tasks_per_offer mesos_authentication
mesos_authentication_principal mesos_authentication_secret_file mesos_bridge_name
mesos_heartbeat_failure_threshold mesos_heartbeat_interval mesos_leader_ui_url mesos_role
mesos_user metrics_datadog metrics_prometheus metrics_statsd min_revive_offers_interval
new_group_enforce_role offer_matching_timeout on_elected_prepare_timeout plugin_conf plugin_dir
reconciliation_initial_delay reconciliation_interval revive_offers_for_new_apps
revive_offers_repetitions save_tasks_to_launch_timeout scale_apps_initial_delay
scale_apps_interval ssl_keystore_password ssl_keystore_path store_cache
task_launch_confirm_timeout task_launch_timeout task_lost_expunge_initial_delay
task_lost_expunge_interval task_reservation_timeout webui_url zk zk_compression
zk_compression_threshold zk_connection_timeout zk_max_node_size zk_max_versions
zk_operation_base_retry_sleep_ms zk_operation_max_retries zk_session_timeout
zk_timeout""".split()
PROGRAMS = {
    "mesos-master": ("MESOS_", COMMON + MASTER, ["quorum", "work_dir", "zk"]),
    "mesos-agent": ("MESOS_", COMMON + AGENT, ["master", "work_dir"]),
    "marathon": ("MARATHON_", MARATHON, ["master", "zk"]),
}
VERSION = "1.11.0"
NOT_FLAGS = ["MESOS_NATIVE_JAVA_LIBRARY"]


def end(words):
    sys.stderr.write(words + "\n")
    sys.stderr.flush()
    os._exit(1)


def read_flags(program):
    prefix, known, required = PROGRAMS[program]
    flags = {}
    for name, value in os.environ.items():
        if name.startswith(prefix) and name not in NOT_FLAGS:
            flags[name[len(prefix):].lower()] = value
    for word in sys.argv[1:]:
        name, _, value = word.lstrip("-").partition("=")
        flags.setdefault(name, value)
    for name in flags:
        if name not in known:
            end("Failed to load unknown flag '%s'" % name)
    for name in required:
        if not flags.get(name):
            end("Flag '%s' is required, but it was not provided" % name)
    for name in ("ip", "advertise_ip", "hostname", "http_address"):
        if flags.get(name, "").startswith("127."):
            end("'%s' is a loopback: nobody else would reach it" % name)
    return flags


def place(name, url):
    """The servers and the path of a URL of ZooKeeper."""
    found = re.fullmatch(r"zk://(?:[^@/]+@)?([^/]+)(/[A-Za-z0-9._/-]+)", url)
    servers = found and found.group(1).split(",")
    if not found or not all(re.fullmatch(r"[A-Za-z0-9.-]+:[0-9]+", one) for one in servers):
        end("Error parsing ZK URL of '%s': %s" % (name, url))
    return found.group(1), found.group(2)


def connect(servers):
    client = KazooClient(hosts=servers, timeout=6)

    def heard(state):
        if state == KazooState.LOST:
            end("Lost the session with ZooKeeper")

    client.start(timeout=60)
    client.add_listener(heard)
    return client


def first(client, path, prefix=""):
    """What the first to come has left there; nothing where nobody has."""
    if not client.exists(path):
        return None
    names = [name for name in client.get_children(path) if name.startswith(prefix)]
    for name in sorted(names, key=lambda name: name[-10:]):
        try:
            return json.loads(client.get(path + "/" + name)[0])
        except Exception:
            continue
    return None


def announce(client, path, prefix, value):
    client.ensure_path(path)
    words = json.dumps(value).encode()
    client.create(path + "/" + prefix, words, ephemeral=True, sequence=True)


def fetch(address, path, value=None):
    words = None if value is None else json.dumps(value).encode()
    try:
        with urllib.request.urlopen("http://%s%s" % (address, path), words, 2) as answer:
            return json.loads(answer.read() or b"{}")
    except Exception:
        return None


def forever(what):
    def loop():
        while True:
            try:
                what()
            except Exception as error:
                sys.stderr.write("%s\n" % error)
            time.sleep(0.3)

    threading.Thread(target=loop, daemon=True).start()


def serve(address, port, answer):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, value, head = answer(self.path, self.body())
            words = json.dumps(value) if isinstance(value, (dict, list)) else value
            self.send_response(status)
            for name, text in head.items():
                self.send_header(name, text)
            self.end_headers()
            for part in [words] if isinstance(words, str) else words:
                self.wfile.write(part.encode())
                self.wfile.flush()

        do_POST = do_GET

        def body(self):
            length = int(self.headers.get("Content-Length") or 0)
            return json.loads(self.rfile.read(length)) if length else None

        def log_message(self, *_):
            pass

    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer((address, int(port)), Handler).serve_forever()


def write(path, words):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w") as file:
        file.write(words)
    os.replace(path + ".new", path)


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return ""


class Master:
    def __init__(self, flags):
        self.flags = flags
        servers, self.path = place("zk", flags["zk"])
        self.quorum = int(flags["quorum"])
        if self.quorum < 1:
            end("'quorum' must be at least 1")
        if flags.get("registry", "replicated_log") != "replicated_log":
            end("this 'registry' forgets everything")
        if flags.get("authenticate_agents") == "true":
            self.secrets = {
                one["principal"]: one["secret"]
                for one in json.loads(read(flags["credentials"]))["credentials"]
            }
        else:
            self.secrets = None
        self.address = "%s:%s" % (flags["advertise_ip"], flags.get("port", "5050"))
        self.log = flags["work_dir"] + "/replicated_log"
        os.makedirs(flags["work_dir"], exist_ok=True)
        self.agents = {}
        self.replicas = []
        self.leader = None
        self.client = connect(servers)
        own = {"address": self.address, "hostname": flags["hostname"]}
        announce(self.client, self.path + "/log_replicas", "", own)
        announce(self.client, self.path, "json.info_", own)
        forever(self.look)
        serve(flags["ip"], flags.get("port", "5050"), self.answer)

    def look(self):
        path = self.path + "/log_replicas"
        found = []
        for name in self.client.get_children(path):
            found.append(json.loads(self.client.get(path + "/" + name)[0])["address"])
        self.replicas = sorted(set(found))
        if len(self.replicas) >= 2 * self.quorum:
            words = "%s of %s could decide, and so could the others" % (self.quorum, found)
            write(self.flags["work_dir"] + "/danger", words)
            end(words)
        self.leader = first(self.client, self.path, "json.info_")
        self.recover()

    def recover(self):
        """Takes part by the rules of Mesos's log. Through `STARTING`, so that nobody who is late finds
        others that are further already and are too few to decide."""
        own = read(self.log)
        if own == "VOTING":
            return
        others = [fetch(one, "/stand-in/replica") for one in self.replicas]
        told = [one["log"] for one in others if one]
        count, all_of_them = told.count, 2 * self.quorum - 1
        if count("VOTING") >= self.quorum:
            write(self.log, "VOTING")
        elif own == "" and count("") + count("STARTING") >= all_of_them:
            write(self.log, "STARTING")
        elif own == "STARTING" and count("STARTING") + count("VOTING") >= all_of_them:
            write(self.log, "VOTING")

    def has_log(self):
        return read(self.log) == "VOTING"

    def leads(self):
        return bool(
            self.leader
            and self.leader["address"] == self.address
            and len(self.replicas) >= self.quorum
        )

    def active(self):
        now = time.monotonic()
        return {key: one for key, one in self.agents.items() if now - one["seen"] < 5}

    def answer(self, path, body):
        if path == "/health":
            return 200, "", {}
        if path == "/metrics/snapshot":
            return 200, {
                "master/elected": float(self.leads()),
                "master/slaves_active": float(len(self.active())),
                "registrar/log/recovered": float(self.has_log()),
                "registrar/log/ensemble_size": float(len(self.replicas)),
            }, {}
        if path == "/flags":
            return 200, {"flags": self.flags}, {}
        if path == "/version":
            return 200, {"version": VERSION}, {}
        if path == "/stand-in/replica":
            return 200, {"log": read(self.log)}, {}
        if path == "/redirect":
            if self.leader:
                return 307, "", {"Location": "//" + self.leader["address"]}
            return 503, "", {}
        if not self.leads():
            return 307, "", {"Location": "//%s%s" % ((self.leader or {}).get("address"), path)}
        if path == "/slaves":
            agents = [
                {
                    "id": key,
                    "hostname": one["hostname"],
                    "active": key in self.active(),
                    "attributes": one["attributes"],
                    "version": VERSION,
                    **({"drain_info": {"state": "DRAINED"}} if one.get("drained") else {}),
                }
                for key, one in self.agents.items()
            ]
            return 200, {"slaves": agents}, {}
        if path == "/stand-in/drained":
            for one in self.agents.values():
                one["drained"] = one.get("drained") or one["hostname"] == body["hostname"]
            return 200, {}, {}
        if path == "/stand-in/register":
            if self.secrets is not None:
                shown = body.get("credential") or {}
                if self.secrets.get(shown.get("principal")) != shown.get("secret"):
                    return 401, {}, {}
            known = self.agents.get(body["id"], {})
            self.agents[body["id"]] = {**known, **body, "seen": time.monotonic()}
            return 200, {}, {}
        return 404, "", {}


def pairs(text):
    found = [one.partition(":")[::2] for one in text.split(";") if one]
    for key, value in found:
        if not re.fullmatch(r"[A-Za-z0-9_/.-]+", key) or not re.fullmatch(r"[][A-Za-z0-9_/.,-]+", value):
            end("Bad value for '%s'" % key)
    if len(dict(found)) != len(found):
        end("a key is there twice: %s" % text)
    return dict(found)


class Agent:
    def __init__(self, flags):
        self.flags = flags
        servers, self.path = place("master", flags["master"])
        if flags.get("reconfiguration_policy", "equal") not in ("equal", "additive"):
            end("Unknown 'reconfiguration_policy'")
        if flags.get("launcher", "posix") not in ("posix", "linux"):
            end("Unknown 'launcher'")
        info = {name: pairs(flags.get(name, "")) for name in ("attributes", "resources")}
        self.id = self.recover(info)
        credential = read(flags["credential"]) if "credential" in flags else ""
        self.own = {
            "id": self.id,
            "hostname": flags["hostname"],
            "attributes": info["attributes"],
            "credential": json.loads(credential) if credential else None,
        }
        self.seen = 0
        self.client = connect(servers)
        forever(self.register)
        serve(flags["ip"], flags.get("port", "5051"), self.answer)

    def recover(self, info):
        meta = self.flags["work_dir"] + "/meta/slaves"
        known = read(meta + "/latest/slave.info")
        if known:
            known = json.loads(known)
            same = known["attributes"] == info["attributes"]
            is_more = known["attributes"].items() <= info["attributes"].items()
            policy = self.flags.get("reconfiguration_policy", "equal")
            if not (same or policy == "additive" and is_more):
                end("Incompatible agent info detected")
            return known["id"]
        key = str(uuid.uuid4())
        write("%s/%s/slave.info" % (meta, key), json.dumps({**info, "id": key}))
        os.symlink(key, meta + "/latest")
        return key

    def register(self):
        leader = first(self.client, self.path, "json.info_")
        if leader and fetch(leader["address"], "/stand-in/register", self.own) is not None:
            self.seen = time.monotonic()

    def answer(self, path, _):
        registered = time.monotonic() - self.seen < 5
        if path == "/health":
            return 200, "", {}
        if path == "/metrics/snapshot":
            return 200, {"slave/registered": float(registered)}, {}
        if path == "/flags":
            return 200, {"flags": self.flags}, {}
        if path == "/state":
            return 200, {"id": self.id, "hostname": self.flags["hostname"]}, {}
        return 404, "", {}


class Marathon:
    def __init__(self, flags):
        self.flags = flags
        servers, self.masters = place("master", flags["master"])
        own, self.path = place("zk", flags["zk"])
        if self.path == self.masters:
            end("Marathon and Mesos are at the same path")
        library = os.environ.get("MESOS_NATIVE_JAVA_LIBRARY", "")
        if not os.path.exists(library):
            end("Failed to load native library from '%s'" % library)
        secret = flags.get("mesos_authentication_secret_file")
        if "mesos_authentication" in flags and not (secret and read(secret)):
            end("there is no secret to authenticate with")
        self.address = "%s:%s" % (flags["hostname"], flags.get("http_port", "8080"))
        self.mesos = connect(servers)
        self.client = connect(own)
        announce(self.client, self.path + "/leader", "member_", {"address": self.address})
        self.leader = None
        self.framework = None
        forever(self.look)
        serve(flags.get("http_address", ""), flags.get("http_port", "8080"), self.answer)

    def look(self):
        self.leader = first(self.client, self.path + "/leader")
        if self.framework or not first(self.mesos, self.masters, "json.info_"):
            return
        state = self.path + "/state/framework:id"
        if not self.client.exists(state):
            self.client.create(state, str(uuid.uuid4()).encode(), makepath=True)
        self.framework = self.client.get(state)[0].decode()

    def apps(self):
        try:
            return json.loads(self.client.get(self.path + "/state/apps")[0])
        except NoNodeError:
            return []

    def events(self):
        """Tells of each change of the apps, for as long as somebody listens."""
        kind, known = "event_stream_attached", self.apps()
        while True:
            yield "event: %s\r\ndata: %s\r\n\r\n" % (kind, json.dumps({"eventType": kind}))
            waited = 0
            while (now := self.apps()) == known and waited < 15:
                time.sleep(0.3)
                waited += 0.3
            kind, known = "status_update_event" if now != known else "keep_alive", now

    def answer(self, path, body):
        if path == "/ping":
            return 200, "pong", {}
        if path == "/v2/apps?embed=apps.tasks":
            return 200, {"apps": self.apps()}, {}
        if path.startswith("/v2/events?"):
            return 200, self.events(), {"Content-Type": "text/event-stream"}
        if path == "/stand-in/apps":
            state = self.path + "/state/apps"
            self.client.ensure_path(state)
            self.client.set(state, json.dumps(body).encode())
            return 200, {}, {}
        if path == "/v2/leader":
            if self.leader and self.framework:
                return 200, {"leader": self.leader["address"]}, {}
            return 404, {"message": "There is no leader"}, {}
        if path == "/v2/info":
            elected = bool(self.leader and self.leader["address"] == self.address)
            settings = {"zk": self.flags["zk"]}
            return 200, {
                "frameworkId": self.framework,
                "elected": elected,
                "zookeeper_config": settings,
            }, {}
        if path == "/v2/deployments":
            return 200, [], {}
        return 404, "", {}


if __name__ == "__main__":
    name = os.path.basename(sys.argv[0])
    kinds = {"mesos-master": Master, "mesos-agent": Agent, "marathon": Marathon}
    kinds[name](read_flags(name))
