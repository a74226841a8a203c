"""The job for pyinfra."""

import json
import os

from pyinfra import host
from pyinfra.facts.files import File
from pyinfra.operations import files, server, systemd

FOLDER = os.environ["BENCH_JOB"]
with open(os.path.join(FOLDER, "job.json")) as text:
    JOB = json.load(text)

for directory in JOB["directories"]:
    files.directory(path=directory["path"], mode=directory["mode"])

for template in JOB["templates"]:
    files.template(
        src=os.path.join(FOLDER, "templates", template["template"]),
        dest=template["path"],
        mode=template["mode"],
        jinja_env_kwargs={"trim_blocks": True},
        name=template["path"],
        machine=host.name,
        address=host.data.ssh_hostname,
        **template["variables"],
    )

for file in JOB["files"]:
    files.put(
        src=os.path.join(FOLDER, "files", file["file"]), dest=file["path"], mode=file["mode"]
    )

units = [
    files.put(
        src=os.path.join(FOLDER, "files", unit["file"]), dest=unit["path"], mode=unit["mode"]
    )
    for unit in JOB["units"]
]

systemd.daemon_reload(_if=lambda: any(unit.did_change() for unit in units))
for service in JOB["services"]:
    systemd.service(service=service, running=True, enabled=True)

for command in JOB["commands"]:
    if not host.get_fact(File, path=command["creates"]):
        server.shell(commands=[" ".join(command["argv"])])
