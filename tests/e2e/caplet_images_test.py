# SPDX-License-Identifier: Apache-2.0
"""Images of a Caplet's runs from a private registry: fetched ahead with the node's own credentials, so that the first
run is warm; and what imagePullPolicy means."""

import json
import shutil
import time

import pytest

import testlib.registry
from testlib import lab
from testlib.caplet import Caplet, capsule, capsule_run, periodic
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
