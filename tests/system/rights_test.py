# SPDX-License-Identifier: Apache-2.0
"""Each capability that deploy/caplet.yaml gives to the Caplet's pod is one that functions may be granted, or without it
nothing can be attached from such a pod."""

import subprocess

import pytest
import yaml

from testlib import host, lab
from testlib.kube.machine import Machine
from testlib.recap import ROOT, program
from testlib.waiting import until

CAPLET = yaml.safe_load((ROOT / "deploy/caplet.yaml").read_text())["spec"]["template"]["spec"]["containers"][0]
RIGHTS = CAPLET["securityContext"]["capabilities"]["add"]
PLATFORM = list(yaml.safe_load_all((ROOT / "deploy/policies.yaml").read_text()))[1]
GRANTED = PLATFORM["spec"]["allow"]["capabilities"]
OWN = [right for right in RIGHTS if right not in GRANTED]


@pytest.fixture(scope="module")
def machine(work, nothing_stays):
    """A host with an init that may be looked at."""
    folder = work / "rights"
    folder.mkdir()
    machine = Machine(work, folder)
    yield machine
    machine.stop()


@pytest.fixture(scope="module")
def target(machine):
    words = ["unshare", "--net", "--ipc", "--uts", "--pid", "--fork", "sleep", "7951"]
    child = subprocess.Popen([*machine.enter, *words], stdin=subprocess.DEVNULL)
    yield until(lambda: machine.run("pgrep", "-x", "-f", "sleep 7951", check=False).split(), 10, "target")[-1]
    host.run(*machine.enter, "pkill", "-KILL", "-x", "-f", "sleep 7951")
    child.wait()


@pytest.fixture(scope="module")
def image(machine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("image")
    root = lab.toolbox_root(folder / "root")
    image = lab.image("rights", root, folder, Env=["PATH=/usr/bin:/bin"])
    machine.run(program(), "import", image.oci_archive)
    return image.reference


def run_with(rights, machine, image, target):
    """`recap run` in a mount namespace of its own, as in a pod, with these capabilities and no other."""
    bound = ",".join(["-all", *(f"+{right.lower()}" for right in rights)])
    words = ["unshare", "--mount", "setpriv", f"--bounding-set={bound}", program(), "run", "--share", "net,pid",
             image, f"pid:{target}", "--", "echo", "hello"]  # fmt: skip
    words = [*machine.enter, *words]
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def test_with_all_of_them_a_capsule_runs(machine, image, target):
    done = run_with(RIGHTS, machine, image, target)
    assert (done.returncode, done.stdout) == (0, "hello\n"), done.stderr


@pytest.mark.parametrize("right", OWN)
def test_without_this_one_none_does(machine, image, target, right):
    assert OWN == ["SYS_ADMIN", "SYS_CHROOT", "SETPCAP", "WAKE_ALARM", "MKNOD"]
    done = run_with([each for each in RIGHTS if each != right], machine, image, target)
    assert done.returncode == 125 and "not permitted" in done.stderr, done.stderr
