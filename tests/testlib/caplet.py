# SPDX-License-Identifier: Apache-2.0
"""The real `caplet` without Kubernetes, as tests drive it: a directory of manifests, its log, its metrics."""

import contextlib
import json
import os
import signal
import subprocess
import urllib.error
import urllib.request

import yaml

from . import lab
from .waiting import until

API = "recap.dev/v1alpha1"


def import_tools(recap, folder):
    """A Capsule image with a shell and real tools, for what is declared; its reference in the store."""
    root = lab.toolbox_root(folder / "root")
    image = lab.image("caplet-tools", root, folder, Cmd=["/bin/sh"], Env=["PATH=/usr/bin:/bin"])
    return recap.import_image(image)


def capsule(name, function, execution, selector=None, **spec):
    """A Capsule's manifest; `function` is an image reference, `execution` is e.g. {"type": "Continuous"}."""
    selector = selector or {"matchLabels": {"app": "web"}}
    return {"apiVersion": API, "kind": "Capsule", "metadata": {"name": name},
            "spec": {"selector": selector, "image": function, "execution": execution, **spec}}  # fmt: skip


def periodic(schedule="@every 1s", **rest):
    return {"type": "Periodic", "periodic": {"schedule": schedule, **rest}}


def event(*types, debounceSeconds=0, cooldownSeconds=0, **rest):
    sources = [each if isinstance(each, dict) else {"type": each} for each in types]
    return {"type": "Event", "event": {"triggers": sources, "debounceSeconds": debounceSeconds,
                                       "cooldownSeconds": cooldownSeconds, **rest}}  # fmt: skip


def capsule_run(name, function, selector=None, **spec):
    selector = selector or {"matchLabels": {"app": "web"}}
    return {"apiVersion": API, "kind": "CapsuleRun", "metadata": {"name": name},
            "spec": {"selector": selector, "image": function, "requestedBy": "test", **spec}}  # fmt: skip


class Caplet:
    def __init__(self, recap, folder):
        """`recap`: whose directories and runtimes it shares; `folder`: for manifests and logs, private."""
        self.recap, self.manifests = recap, folder / "manifests"
        self.manifests.mkdir(parents=True)
        self.program = recap.program.parent / "caplet"
        self.log_path, self.child, self.read_from = folder / "log", None, 0
        self.words = ["--manifests", self.manifests]

    def declare(self, manifest):
        """Writes a manifest as an editor would; it takes effect within a second."""
        path = self.manifests / f"{manifest['metadata']['name']}.yaml"
        fresh = path.with_suffix(".new")
        fresh.write_text(yaml.safe_dump(manifest))
        fresh.rename(path)

    def withdraw(self, name):
        (self.manifests / f"{name}.yaml").unlink()

    def start(self, *flags):
        assert self.child is None
        self.read_from = len(self.log())
        with self.log_path.open("ab") as log:
            argv = [self.program, *self.words, "--listen", "127.0.0.1:0", *flags]
            self.child = subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=log, env=self.recap.env)  # fmt: skip
        self.port = self.wait_for("listening")["port"]
        return self

    def end(self, number=signal.SIGTERM, timeout=10):
        """Ends the process with a signal; returns its exit code. Nothing happens where it has ended."""
        if self.child is None:
            return None
        child, self.child = self.child, None
        child.send_signal(number)
        return child.wait(timeout)

    def log(self):
        """The log's lines so far; what is no JSON is {"raw": line}."""
        lines = []
        for line in self.log_path.read_text().splitlines() if self.log_path.exists() else ():
            try:
                lines.append(json.loads(line))
            except ValueError:
                lines.append({"raw": line})
        return lines

    def said(self, message, **fields):
        """Lines of this process's log with this message and these fields."""
        return [line for line in self.log()[self.read_from:]
                if line.get("msg") == message and all(line.get(key) == value for key, value in fields.items())]

    def wait_for(self, message, count=1, timeout=15, **fields):
        """The count-th such line, as soon as it is there."""
        def found():
            code = self.child.poll()
            assert code is None, f"the Caplet ended with {code}"
            return self.said(message, **fields)[count - 1:count]
        try:
            return until(found, timeout)[0]
        except AssertionError as error:
            raise AssertionError(f"{error}: no {count} x {message!r} {fields} in {timeout} s; the log ends with "
                                 + "\n".join(map(str, self.log()[-12:]))) from None

    def started(self, name):
        return self.said("a run has started", capsule=f"Capsule/{name}")

    def ended(self, name):
        return self.said("a run has ended", capsule=f"Capsule/{name}")

    def get(self, path):
        """(status, body) of the Caplet's own HTTP."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, name):
        """The value of a series, e.g. 'recap_runs_total{policy="Periodic"…}'; 0 where there is none."""
        for line in self.get("/metrics")[1].splitlines():
            series, _, value = line.rpartition(" ")
            if series == name:
                return float(value)
        return 0.0

    def output(self, run):
        """What a run wrote to its standard output."""
        return (self.recap.data / "records" / f"{run}.stdout").read_text()

    def state(self):
        """What it remembers of each assignment, by Capsule and target."""
        states = {}
        for path in (self.recap.data / "caplet/assignments").glob("*"):
            if "." not in path.name:
                with contextlib.suppress(FileNotFoundError):  # it was just forgotten
                    state = json.loads(path.read_text())
                    states[state["capsule"], state["target"]] = state
        return states

    def clean(self):
        """Ends the Caplet and all that it may have left."""
        if self.child is not None and self.child.poll() is None:
            self.end(signal.SIGKILL)
        self.child = None
        self.recap.clean()
        for path in [*self.manifests.iterdir(), *(self.recap.data / "caplet/assignments").glob("*")]:
            os.unlink(path)
