# SPDX-License-Identifier: Apache-2.0
"""Runs that are bound to a node which does not answer: they say so, are given up, and hold up no deletion for ever."""

import pytest

from cluster.node_caplet import path_of, run_on
from testlib.waiting import until

pytestmark = pytest.mark.usefixtures("any_image")
FINALIZER = {"metadata": {"finalizers": ["recap.dev/escape"]}}


@pytest.fixture
def giving_up_after(replicas):
    """Makes a controller that leads, and gives up after so long what is lost."""
    def lead(lost_after):
        replicas[0].words.append(f"--lost-after={lost_after}")
        return replicas[0].lead()
    return lead


def condition(status, kind):
    return next((each for each in status.get("conditions", []) if each["type"] == kind), {})


def test_what_no_caplet_takes_up_says_so_and_is_given_up(space, giving_up_after):
    giving_up_after("7s")
    space.pods("web")
    space.run("alone", podName="web")
    waiting = until(lambda: condition(space.status("alone"), "Waiting"), 20, "condition Waiting")
    assert waiting["reason"] == "NoCaplet" and "no Caplet of node node1 has taken it up" in waiting["message"]
    assert space.status("alone").get("phase") is None
    status = space.ended("alone", 30)
    assert status["targets"] == {"total": 1, "active": 0, "failed": 1}, status
    assert condition(status, "Failed")["reason"] == "NoCaplet" and not condition(status, "Waiting"), status
    assert status["results"][0]["exitCode"] == 125, status


def test_what_a_late_caplet_takes_up_waits_no_more(space, caplet, controller):
    space.pods("web")
    space.run("late", podName="web")
    until(lambda: condition(space.status("late"), "Waiting"), 20, "condition Waiting")
    caplet.start()
    status = space.ended("late")
    assert status["phase"] == "Succeeded" and not condition(status, "Failed"), status
    assert len(caplet.said("a run has started")) == 1
    until(lambda: not condition(space.status("late"), "Waiting"), 10, "end of the condition")


def test_a_deletion_waits_for_no_node_that_is_gone_for_good(cluster, space, as_controller, giving_up_after):
    space.pods("web")
    for name, node in (("lost", "ghost"), ("kept", "node1")):
        path = run_on(cluster, as_controller, space.name, name, "web", {"image": space.tools}, node=node)
        assert cluster.admin.patch(path, FINALIZER).ok  # as a Caplet does, which is then gone
        assert cluster.admin.delete(path).ok
    path = path_of(space.name, "capsuleruns", "lost")
    assert cluster.admin.get(path).ok
    controller = giving_up_after("1s")
    until(lambda: cluster.admin.get(path).code == 404, 30, "end of the object")
    line = controller.wait_for("the node of a deleted run is gone for good: its object may go")
    assert line["node"] == "ghost" and line["capsuleRun"] == f"{space.name}/lost"
    kept = path_of(space.name, "capsuleruns", "kept")
    assert cluster.admin.get(kept).body["metadata"]["finalizers"] == FINALIZER["metadata"]["finalizers"]
    assert cluster.admin.patch(kept, {"metadata": {"finalizers": None}}).ok
