"""A greeting in a file and a service that sleeps: the smallest module that uses every hook."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import lifecycle
from wit_world.imports import cell, exec, state

UNIT = "/etc/systemd/system/greeting.service"


class Lifecycle(exports.Lifecycle):
    def validate(self):
        if settings_of_all()["greeting"] == "":
            return [lifecycle.Problem("/greeting", "is empty; say something")]
        return []

    def outputs(self):
        return [("path", file(settings_of_all()))]

    def order(self):
        return []

    def apply(self, on):
        settings = settings_of(on)
        variables = {
            "greeting": settings["greeting"],
            "name": on.name(),
            "ordinal": on.ordinal(),
            "peers": [
                f"{peer.name()} {peer.address()}"
                for peer in cell.members()
                if peer.ordinal() != on.ordinal()
            ],
        }
        ensure(
            on,
            [
                state.Item_Directory(state.Directory(settings["path"], 0o755, None, None)),
                rendered(file(settings), "greeting.txt", variables),
                rendered(UNIT, "greeting.service", {}),
                service(True, [file(settings), UNIT]),
            ],
        )

    def form(self):
        cell.publish("members", str(len(cell.members())))

    def health(self, on):
        command = exec.Command(
            ["systemctl", "is-active", "greeting"], exec.Input_Nothing(), [], None, 10_000
        )
        try:
            answer = exec.probe(on, command, exec.Answer(0, b"active\n", b""))
        except Err as error:
            return lifecycle.Condition_Down(words(error.value))
        if answer.status == 0:
            return lifecycle.Condition_Healthy()
        text = answer.output.decode(errors="replace").strip()
        return lifecycle.Condition_Down(f"greeting is {text}")

    def remove(self, on, purge):
        settings = settings_of(on)
        wanted = [
            service(False, []),
            state.Item_Absent(UNIT),
            state.Item_Absent(file(settings)),
        ]
        if purge:
            wanted.append(state.Item_Absent(settings["path"]))
        ensure(on, wanted)


def settings_of(machine):
    return {"path": "/etc/greeting"} | json.loads(cell.settings(machine))


def settings_of_all():
    return settings_of(cell.members()[0])


def file(settings):
    return f"{settings['path']}/greeting.txt"


def rendered(path, template, variables):
    text = json.dumps(variables, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    content = state.Content_Rendered(state.Rendering(template, text))
    return state.Item_File(state.File(path, content, 0o644, None, None, False))


def service(wanted, restart_for):
    return state.Item_Service(state.Service("greeting", wanted, wanted, restart_for, []))


def ensure(machine, wanted):
    try:
        state.ensure(machine, wanted)
    except Err as error:
        raise Err(lifecycle.Failure_Failed(words(error.value)))


def words(error):
    """Every case of the interfaces' errors holds a text, and one of them troubles with wishes."""
    if isinstance(error, state.Error_Failed):
        return "; ".join(f"wish {t.index}: {t.message}" for t in error.value.troubles)
    return error.value
