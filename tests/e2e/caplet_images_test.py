# SPDX-License-Identifier: Apache-2.0
"""Images of a Caplet's runs from a private registry: fetched ahead with the node's own credentials, so that the first
run is warm; and what imagePullPolicy means."""

import base64
import contextlib
import json
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest
import yaml

import testlib.registry
from testlib import lab
from testlib.caplet import Caplet, capsule, capsule_run, periodic
from testlib.registry import PASSWORD, USER
from testlib.waiting import until

SELDOM = periodic("0 3 1 1 *")


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with testlib.registry.start(tmp_path_factory.mktemp("registry"), private=True) as started:
        yield started


@pytest.fixture
def caplet(recap, registry, tmp_path):
    before = dict(recap.env)
    recap.env.update(HOME=registry.home, REGISTRY_AUTH_FILE=str(registry.auth_file))
    caplet = Caplet(recap, tmp_path)
    yield caplet
    caplet.clean()
    recap.env = before


@pytest.fixture
def web(runc, lean):
    container = runc.run(lean, annotations={"app": "web"})
    yield container
    container.remove()


def push(registry, folder, reference, words):
    """An image whose function prints `words`."""
    root = folder / words
    root.mkdir()
    shutil.copy("/bin/busybox", root)
    (root / "words").write_text(words + "\n")
    image = lab.image(f"pushed-{words}", root, folder, Cmd=["/busybox", "cat", "/words"])
    return registry.push(image, reference)


def in_store(caplet, reference):
    return reference in str(json.loads(caplet.recap("images", "-o", "json").stdout))


def test_a_node_with_a_target_fetches_ahead_and_the_first_run_is_warm(caplet, registry, web, tmp_path):
    reference = push(registry, tmp_path, "tools/ahead:1", "ahead")
    nightly = capsule("nightly", reference, SELDOM)
    caplet.declare(nightly)
    caplet.declare(capsule("elsewhere", registry.name + "/tools/other:1", SELDOM, {"matchLabels": {"app": "none"}}))
    caplet.start()
    until(lambda: in_store(caplet, reference), 60, "image in the store")
    assert not caplet.said("a run has started")
    registry.stop()
    try:
        nightly["metadata"]["annotations"] = {"recap.dev/run-now": "1"}
        caplet.declare(nightly)
        run = caplet.wait_for("a run has ended", exitCode=0)["run"]
    finally:
        registry.start()
    assert caplet.output(run) == "ahead\n"
    assert caplet.metric('recap_image_fetches_total{result="succeeded"}') == 1
    assert caplet.metric('recap_image_fetches_total{result="failed"}') == 0


def test_without_the_nodes_credentials_it_says_so(caplet, registry, web, tmp_path):
    reference = push(registry, tmp_path, "tools/private:1", "private")
    caplet.recap.env["REGISTRY_AUTH_FILE"] = str(tmp_path / "none.json")
    caplet.declare(capsule_run("once", reference, None))
    caplet.start()
    why = caplet.wait_for("a run was refused", timeout=60)["why"]
    assert reference in why and ("unauthorized" in why or "authentication required" in why), why


def test_always_takes_what_the_registry_has_now_and_never_takes_nothing(caplet, registry, web, tmp_path):
    reference = push(registry, tmp_path, "tools/moving:1", "old")
    caplet.declare(capsule_run("first", reference, None))
    caplet.declare(capsule_run("not-here", registry.name + "/tools/absent:1", None, imagePullPolicy="Never"))
    caplet.start()
    assert caplet.output(caplet.wait_for("a run has ended", capsule="CapsuleRun/first", timeout=60)["run"]) == "old\n"
    assert "imagePullPolicy is Never" in caplet.wait_for("a run was refused", capsule="CapsuleRun/not-here")["why"]
    push(registry, tmp_path, "tools/moving:1", "new")
    caplet.declare(capsule_run("second", reference, None))
    assert caplet.output(caplet.wait_for("a run has ended", capsule="CapsuleRun/second")["run"]) == "old\n"
    time.sleep(10)  # what was fetched within this time is new enough
    caplet.declare(capsule_run("third", reference, None, imagePullPolicy="Always"))
    line = caplet.wait_for("a run has ended", capsule="CapsuleRun/third", timeout=60)
    assert caplet.output(line["run"]) == "new\n"


def test_a_failed_fetch_is_tried_again(caplet, registry, web, tmp_path):
    reference = push(registry, tmp_path, "tools/late:1", "late")
    registry.stop()
    try:
        caplet.declare(capsule("tick", reference, periodic("@every 1s"), history={"successful": 1}))
        caplet.start()
        caplet.wait_for("an image could not be fetched", timeout=60)
    finally:
        registry.start()
    began = time.monotonic()
    caplet.wait_for("a run has ended", exitCode=0, timeout=40)
    assert time.monotonic() - began < 30


# --- the kubelet's credential provider plugins ---

PLUGIN = """#!/bin/sh
# A credential provider: one login for all that it is asked for, and a note of what that was.
echo "$1 $AS $(cat)" >> {folder}/asked
{body}
"""
ANSWER = """cat <<END
{{"kind": "CredentialProviderResponse", "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
  "cacheKeyType": "{key}", "cacheDuration": "{duration}",
  "auth": {{"{pattern}": {{"username": "{user}", "password": "{password}"}}}}}}
END"""


class Provider:
    """A plugin and its configuration; the node itself has no credentials."""

    def __init__(self, caplet, registry, folder):
        self.caplet, self.registry, self.folder = caplet, registry, folder
        self.config, self.bin = folder / "config.yaml", folder / "bin"
        self.bin.mkdir()
        caplet.recap.env["REGISTRY_AUTH_FILE"] = str(folder / "none.json")

    def start(self, body=None, match=None, key="Registry", duration="1h"):
        host_part = self.registry.name
        body = body or ANSWER.format(key=key, duration=duration, pattern=host_part, user=USER, password=PASSWORD)
        plugin = self.bin / "login"
        plugin.write_text(PLUGIN.format(folder=self.folder, body=body))
        plugin.chmod(0o700)
        self.config.write_text(yaml.safe_dump({
            "apiVersion": "kubelet.config.k8s.io/v1", "kind": "CredentialProviderConfig",
            "providers": [{"name": "login", "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
                           "matchImages": [match or host_part], "defaultCacheDuration": "10m", "args": ["get"],
                           "env": [{"name": "AS", "value": "node"}]}]}))  # fmt: skip
        self.caplet.start("--image-credential-provider-config", self.config,
                          "--image-credential-provider-bin-dir", self.bin)  # fmt: skip

    def asked(self):
        path = self.folder / "asked"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def provider(caplet, registry, tmp_path):
    return Provider(caplet, registry, tmp_path)


def words_seen(stop, words):
    """What looks at every command line again and again until `stop`, and keeps those with one of these words."""
    seen = []
    def look():
        while not stop.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    line = path.read_bytes()
                    if any(word.encode() in line for word in words):
                        seen.append(line)
    thread = threading.Thread(target=look)
    thread.start()
    return thread, seen


def test_a_credential_provider_gives_the_login_once_for_a_registry(provider, caplet, registry, web, tmp_path):
    first, second = (push(registry, tmp_path, f"team/{name}:1", name) for name in ("one", "two"))
    stop = threading.Event()
    secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    thread, seen = words_seen(stop, (PASSWORD, secret))
    try:
        provider.start()
        for name, reference in (("one", first), ("two", second)):
            caplet.declare(capsule_run(name, reference, None))
            line = caplet.wait_for("a run has ended", capsule=f"CapsuleRun/{name}", timeout=60)
            assert caplet.output(line["run"]) == f"{name}\n"
    finally:
        stop.set()
        thread.join()
    [asked] = provider.asked()
    assert asked.startswith("get node ")
    assert json.loads(asked.removeprefix("get node ")) == {
        "apiVersion": "credentialprovider.kubelet.k8s.io/v1", "kind": "CredentialProviderRequest",
        "image": f"{registry.name}/team/one"}  # fmt: skip
    assert not seen
    text = caplet.log_path.read_text()
    assert PASSWORD not in text and secret not in text
    left = [path for top in (caplet.recap.state, caplet.recap.data) for path in top.rglob("*")
            if path.is_file() and (PASSWORD.encode() in path.read_bytes() or secret.encode() in path.read_bytes())]
    assert not left


@pytest.mark.parametrize(
    ("how", "said"),
    [({"body": "exit 3"}, "a credential provider gave no answer"), ({"body": "echo '{}'"}, "no CredentialProviderR"),
     ({"body": "head -c 200000 /dev/zero"}, "wrote more than"), ({"match": "*.example"}, "")],
    ids=("that fails", "that answers nonsense", "that says too much", "for another registry"),
)  # fmt: skip
def test_without_a_provider_there_is_no_login(how, said, provider, caplet, registry, web, tmp_path):
    reference = push(registry, tmp_path, "team/none:1", "none")
    provider.start(**how)
    caplet.declare(capsule_run("none", reference, None))
    why = caplet.wait_for("a run was refused", timeout=60)["why"]
    assert "unauthorized" in why or "authentication required" in why, why
    assert said in str(caplet.said("a credential provider gave no answer; the image is fetched without"))
    assert bool(provider.asked()) == bool(said)


def test_what_is_not_to_be_kept_is_asked_for_again(provider, caplet, registry, web, tmp_path):
    references = [push(registry, tmp_path, f"team/again-{name}:1", name) for name in ("a", "b")]
    provider.start(key="Global", duration="0s")
    for number, reference in enumerate(references):
        caplet.declare(capsule_run(f"again-{number}", reference, None))
        caplet.wait_for("a run has ended", number + 1, exitCode=0, timeout=60)
    assert len(provider.asked()) == 2


def test_a_wrong_configuration_ends_the_caplet_at_once(recap, tmp_path):
    words = [recap.program.parent / "caplet", "--manifests", tmp_path, "--listen", ""]
    flag = "--image-credential-provider-"
    config = tmp_path / "config.yaml"
    head = {"apiVersion": "kubelet.config.k8s.io/v1", "kind": "CredentialProviderConfig"}
    plugin = {"name": "absent", "apiVersion": "credentialprovider.kubelet.k8s.io/v1", "matchImages": ["a.io"],
              "defaultCacheDuration": "1h"}  # fmt: skip
    for providers, flags, why in (
        ([plugin], {"config": config}, "have to be given together"),
        ([plugin], {"config": config, "bin-dir": tmp_path}, f"there is no program {tmp_path}/absent"),
        ([{**plugin, "matchImage": []}], {"config": config, "bin-dir": tmp_path}, "matchImage"),
        ([plugin], {"config": tmp_path / "none", "bin-dir": tmp_path}, "cannot be read"),
    ):
        config.write_text(yaml.safe_dump({**head, "providers": providers}))
        argv = [*words, *[f"{flag}{name}={path}" for name, path in flags.items()]]
        done = subprocess.run([str(word) for word in argv], env=recap.env, capture_output=True, text=True, timeout=20)
        assert done.returncode == 125 and why in done.stderr, done
