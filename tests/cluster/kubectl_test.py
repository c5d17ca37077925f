# SPDX-License-Identifier: Apache-2.0
"""`kubectl recap` as people use it: the real kubectl, a user's own credentials, recap-controller and a Caplet with the
rights of deploy/, on real pods."""

import json
import os
import re
import signal
import subprocess

import pytest

from testlib.caplet import Caplet, capsule
from testlib.recap import BUILD
from testlib.waiting import until

PROGRAMS = BUILD / "src/main"


class Daemon(Caplet):
    """A daemon of ours that is told by the API server."""

    def __init__(self, recap, folder, program, *words):
        super().__init__(recap, folder)
        self.program, self.words = PROGRAMS / program, words

    def clean(self):
        if self.child is not None and self.child.poll() is None:
            self.end(signal.SIGTERM)
        self.child = None


@pytest.fixture(scope="module")
def caplet(recap_there, tmp_path_factory, node, caplet_kubeconfig):
    folder = tmp_path_factory.mktemp("caplet")
    caplet = Daemon(recap_there, folder, "caplet", "--node-name", node.name, "--kubeconfig", caplet_kubeconfig)
    caplet.start()
    until(lambda: caplet.get("/readyz")[0] == 200)
    yield caplet
    caplet.clean()


@pytest.fixture(scope="module")
def controller(recap_there, tmp_path_factory, controller_kubeconfig):
    folder = tmp_path_factory.mktemp("controller")
    controller = Daemon(recap_there, folder, "recap-controller", "--kubeconfig", controller_kubeconfig,
                        "--namespace", "recap-system", "--lease", "3s")  # fmt: skip
    controller.start()
    until(lambda: controller.get("/readyz")[0] == 200, 30, "recap-controller")
    yield controller
    controller.clean()


@pytest.fixture(scope="module")
def agents(caplet, controller):
    return caplet, controller


@pytest.fixture
def web(cluster, namespace, pause_image):
    return cluster.run_pod("web", pause_image, namespace, labels={"app": "web"})


class Kubectl:
    """`kubectl recap` of one user in one namespace."""

    def __init__(self, cluster, namespace, kubeconfig=None):
        self.program, self.namespace = cluster.program("kubectl"), namespace
        self.env = {**os.environ, "KUBECONFIG": str(kubeconfig or cluster.kubeconfig), "HOME": str(cluster.work),
                    "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}  # fmt: skip

    def words(self, verb, *words):
        return [str(word) for word in (self.program, "recap", verb, "-n", self.namespace, *words)]

    def __call__(self, verb, *words):
        return subprocess.run(self.words(verb, *words), stdin=subprocess.DEVNULL, capture_output=True, env=self.env,
                              timeout=120)  # fmt: skip

    def start(self, verb, *words):
        return subprocess.Popen(self.words(verb, *words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=self.env)  # fmt: skip


@pytest.fixture
def kubectl(cluster, namespace):
    return Kubectl(cluster, namespace)


@pytest.fixture
def eve(cluster, namespace):
    """A user of the namespace, with the role that docs tell administrators to give."""
    cluster.kubectl("create", "rolebinding", "eve", "-n", namespace, "--clusterrole=recap-user", "--user=eve")
    return user_of(cluster, namespace, "eve")


def user_of(cluster, namespace, name):
    if not cluster.pki.path(f"{name}.crt").exists():
        cluster.pki.certificate(name, name)
    return Kubectl(cluster, namespace, cluster.pki.kubeconfig(name, cluster.server))


def sh(tools, script, *flags, target=("web",)):
    """The words of a run of the image of tools."""
    return [*flags, "--entrypoint", "/bin/sh", tools, *target, "--", "-c", script]


def said(done):
    return done.stderr.decode()


def test_exit_codes_arrive(kubectl, agents, tools, web):
    for script, flags, code in (("true", (), 0), ("exit 42", (), 42), ("kill -9 $$", (), 137),
                                ("sleep 60", ("--timeout", "1s", "--grace", "0s"), 124)):  # fmt: skip
        done = kubectl("run", *sh(tools, script, *flags))
        assert done.returncode == code, (script, done)
    for program, code in (("/bin/not-executable", 126), ("/no/such/program", 127)):
        done = kubectl("run", "--entrypoint", program, tools, "web")
        assert done.returncode == code and done.stderr, done


def test_output_arrives_byte_by_byte(kubectl, agents, tools, web):
    every = bytes(range(128, 256)) + bytes(range(128))  # begins in the middle of a character
    script = ("import sys; every = bytes(range(128, 256)) + bytes(range(128))\n"
              "sys.stdout.buffer.write(every * 40); sys.stderr.buffer.write(every)")  # fmt: skip
    done = kubectl("run", "-q", "--entrypoint", "/usr/bin/python3", tools, "web", "--", "-c", script)
    assert done.returncode == 0 and done.stdout == every * 40 and done.stderr == every, done


def test_what_does_not_fit_is_counted_and_where_it_is_is_said(kubectl, agents, recap_there, tools, web):
    done = kubectl("run", *sh(tools, "seq 1 20000"))
    whole = "".join(f"{number}\n" for number in range(1, 20001)).encode()
    assert done.returncode == 0 and len(done.stdout) >= 16000 and whole.endswith(done.stdout), said(done)
    found = re.search(rf"the last {len(done.stdout)} of {len(whole)} bytes of stdout of pod web; more is on node "
                      r"node1: recap logs (\S+)", said(done))  # fmt: skip
    assert found, said(done)
    assert recap_there("logs", found[1]).stdout == whole


def test_what_a_user_may_not_is_refused_with_the_reason(cluster, kubectl, eve, agents, tools, web):
    refused = eve("run", *sh(tools, "true"))
    assert refused.returncode == 125 and "recap run: " in said(refused), refused
    assert "CapsulePolicy" in said(refused) or "policy" in said(refused), said(refused)
    stranger = user_of(cluster, kubectl.namespace, "stranger")
    refused = stranger("run", "ps", "web")
    assert refused.returncode == 125 and len(said(refused).splitlines()) == 1, refused
    assert "stranger" in said(refused) and "Forbidden" in said(refused), said(refused)
    refused = kubectl("run", *sh(tools, "true", "--memory", "1Ki"))  # the schema
    assert refused.returncode == 125 and "at least 4Mi" in said(refused), refused


def test_ctrl_c_leaves_nothing(cluster, kubectl, agents, recap_there, tools, web):
    caplet, _ = agents
    caplet.read_from = len(caplet.log())
    child = kubectl.start("run", *sh(tools, "trap '' INT TERM; sleep 7931", "--grace", "1s", "--name", "held"))
    caplet.wait_for("a run has started", trigger="OnDemand")
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130 and b"ending the run held" in err, (out, err)
    gone = cluster.admin.get(f"/apis/recap.dev/v1alpha1/namespaces/{kubectl.namespace}/capsuleruns/held")
    assert gone.code == 404, gone.body
    until(lambda: not recap_there.live(), 10, "Escape")
    assert recap_there.wait_until_idle() == []
    assert caplet.wait_for("a run has ended")["residue"] == 0


def test_every_pod_of_a_selector(cluster, kubectl, agents, tools, pause_image):
    for name in ("one", "two", "three"):
        cluster.run_pod(name, pause_image, kubectl.namespace, labels={"app": "fleet"})
    script = 'case $RECAP_TARGET in */two/*) echo no >&2; exit 3;; esac; echo fine'
    done = kubectl("run", "-l", "app in (fleet)", "--parallelism", "2", *sh(tools, script, target=()))
    assert done.returncode == 3, done
    assert sorted(done.stdout.decode().splitlines()) == ["[one] fine", "[three] fine"], done
    assert "[two] no" in said(done) and "2 of 3 succeeded, 1 failed, 0 skipped" in said(done), said(done)
    done = kubectl("run", "-l", "app=nobody", *sh(tools, "true", target=()))
    assert done.returncode == 125 and "recap run: " in said(done), done


def test_ctrl_c_ends_the_run_in_every_pod(cluster, kubectl, agents, recap_there, tools, pause_image):
    for name in ("one", "two"):
        cluster.run_pod(name, pause_image, kubectl.namespace, labels={"app": "fleet"})
    child = kubectl.start("run", "-l", "app=fleet", *sh(tools, "sleep 7933", "--grace", "0s", target=()))
    until(lambda: len(recap_there.live()) == 2, 30, "both runs")
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 143, (out, err)
    assert cluster.admin.get(f"/apis/recap.dev/v1alpha1/namespaces/{kubectl.namespace}/capsuleruns").body["items"] == []
    until(lambda: not recap_there.live(), 10, "Escape")


def test_a_capsule_now(cluster, kubectl, agents, tools, web, any_image):
    item = capsule("who", tools, {"type": "OnDemand"}, command=["/bin/sh", "-c", "echo from a Capsule"])
    item["metadata"]["namespace"] = kubectl.namespace
    assert cluster.admin.create(item).ok
    done = kubectl("run", "-q", "--from", "capsule/who", "web")
    assert done.returncode == 0 and done.stdout == b"from a Capsule\n", done


@pytest.fixture
def any_image(cluster):
    """Images that are no function of the catalogue need a policy of their own."""
    item = {"apiVersion": "recap.dev/v1alpha1", "kind": "CapsulePolicy", "metadata": {"name": "any-image"},
            "spec": {"namespaceSelector": {}, "images": ["*"]}}  # fmt: skip
    assert cluster.admin.create(item).ok
    yield
    cluster.admin.delete("/apis/recap.dev/v1alpha1/capsulepolicies/any-image")


def test_a_detached_run_is_listed_followed_and_stopped(kubectl, agents, recap_there, tools, web):
    name = kubectl("run", "-d", *sh(tools, "sleep 1; echo done; exit 4")).stdout.decode().strip()
    assert re.fullmatch(r"caplet-tools-[a-z0-9]{6}", name), name
    followed = kubectl("logs", "-f", name)
    assert followed.returncode == 0 and followed.stdout == b"done\n", followed
    assert kubectl("ps", "-q").stdout == b""
    row = kubectl("ps", "-a").stdout.decode().splitlines()[1]
    assert name in row and "web" in row and "node1" in row and "Failed (4)" in row, row
    assert kubectl("logs", name).stdout == b"done\n"
    assert json.loads(kubectl("inspect", name).stdout)["status"]["results"][0]["exitCode"] == 4

    name = kubectl("run", "-d", *sh(tools, "sleep 7932", "--grace", "0s")).stdout.decode().strip()
    until(lambda: recap_there.live(), 15, "the run")
    assert kubectl("ps", "-q").stdout.decode().split() == [name]
    refused = kubectl("logs", name)
    assert refused.returncode == 125 and "when it has ended" in said(refused), refused
    assert kubectl("stop", "--all").stdout.decode().split() == [name]
    until(lambda: not recap_there.live(), 10, "Escape")
    assert kubectl("logs", name).returncode == 125


def test_what_is_wrong_is_one_sentence(cluster, kubectl, agents, tools, web, tmp_path):
    for words, why in (
        (["run", "-it", tools, "web"], "a terminal or stdin cannot be passed"),
        (["run", "ps", "absent"], "absent"),
        (["logs", "absent"], "not found"),
        (["logs", "-f", "absent"], "there is no run absent in namespace"),
        (["stop", "absent"], "not found"),
        (["shell", "web"], f"as root on node node1, today: recap shell pod/{kubectl.namespace}/web"),
        (["run", "ps", "web", "--context", "nowhere"], "nowhere"),
    ):
        done = kubectl(*words)
        assert done.returncode == 125 and why in said(done) and not done.stdout, (words, done)
        assert len(said(done).splitlines()) == 1, said(done)
    away = tmp_path / "away"
    away.write_text(cluster.kubeconfig.read_text().replace(cluster.server, "https://127.0.0.1:1"))
    done = Kubectl(cluster, kubectl.namespace, away)("ps")
    assert done.returncode == 125 and len(said(done).splitlines()) == 1 and "Connection refused" in said(done), done


def test_a_dry_run_is_checked_and_makes_nothing(kubectl, agents, tools, web):
    done = kubectl("run", "--dry-run", "--name", "dry", *sh(tools, "true"))
    assert done.returncode == 0 and json.loads(done.stdout)["spec"]["requestedBy"] == "admin", done
    assert kubectl("ps", "-a", "-q").stdout == b""
    kept = kubectl("run", "--rm", *sh(tools, "true"))
    assert kept.returncode == 0 and kubectl("ps", "-a", "-q").stdout == b"", kept


def test_kubectl_completes_it(kubectl, agents, web):
    def completed(*typed):
        done = subprocess.run([kubectl.program, "__complete", "recap", *typed], capture_output=True, env=kubectl.env,
                              timeout=60, text=True)  # fmt: skip
        return [line.split("\t")[0] for line in done.stdout.splitlines()]
    assert completed("st") == ["stop", ":4"]
    assert completed("run", "-n", kubectl.namespace, "ps", "") == ["web", ":4"]


def test_without_a_controller_it_says_what_it_waits_for(kubectl, agents, tools, web):
    _, controller = agents
    controller.end()
    child = kubectl.start("run", *sh(tools, "true"))
    line = child.stderr.readline().decode()
    assert "no recap-controller has bound the run" in line, line
    controller.start()
    assert child.wait(60) == 0
