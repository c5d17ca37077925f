# SPDX-License-Identifier: Apache-2.0
"""Many runs at once are independent of each other."""

import concurrent.futures

import pytest

from testlib import proc, snapshot
from testlib.fixtures import rounds
from testlib.waiting import until


@pytest.mark.quick
def test_two_capsules_on_one_target_do_not_see_each_others_files(recap, toolbox, target):
    for name in ("one", "two"):
        script = f"echo {name} > /etc/mine; echo {name} > /tmp/{name}; echo ready; sleep 8400"
        recap.start(toolbox, target, "sh", "-c", script, flags=["--name", name])
    for name, other in (("one", "two"), ("two", "one")):
        until(lambda n=name: b"ready" in recap("logs", n).stdout)
        diff = recap("diff", name).stdout
        assert f"/tmp/{name}".encode() in diff and f"/tmp/{other}".encode() not in diff, diff


def test_one_capsule_image_on_two_targets(recap, toolbox, runc, lean):
    targets = [runc.run(lean, hostname=f"host-{number}") for number in range(2)]
    try:
        children = [recap.popen(*recap.run_words(toolbox, target, "hostname", flags=["--share", "uts"]))
                    for target in targets]  # fmt: skip
        answers = [child.communicate(timeout=20)[0] for child in children]
        assert answers == [b"host-0\n", b"host-1\n"]
    finally:
        for target in targets:
            target.remove()


def test_many_at_once(recap, toolbox, target):
    before = snapshot.take(target.pid, recap.state, ["target.processes", "target.mounts", "target.files"])

    def one(number):
        script = f"echo {number} > /tmp/mine; ls /tmp | wc -l; cat /tmp/mine; exit {number % 100}"
        return recap.run(toolbox, target, "sh", "-c", script)

    count = rounds(50, 200)
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        done = list(pool.map(one, range(count)))
    for number, each in enumerate(done):
        assert (each.returncode, each.stdout) == (number % 100, f"1\n{number}\n".encode()), each
    changes = snapshot.changes_since(before)
    assert not changes, snapshot.explain(changes)


@pytest.mark.soak_only
def test_a_thousand_idle_ones_are_attached_and_escape(recap, toolbox, target):
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        runs = list(pool.map(lambda _: recap.start(toolbox, target, "sleep", "8401"), range(1000)))
    assert len(set(runs)) == 1000
    until(lambda: len(proc.running("sleep", "8401")) == 1000, timeout=30)
    assert len(recap.live()) == 1000
    assert recap("stop", "--all", "--grace", "0s", timeout=300).returncode == 0
    assert recap.live() == [] and proc.running("sleep", "8401") == []
    assert [each.comm for each in proc.in_namespace("pid", proc.namespace(target.pid, "pid"))] == ["pause"]
