# SPDX-License-Identifier: Apache-2.0
"""SPEC: a Capsule joins the namespaces it shares, and no other."""

import json
import subprocess

import pytest

from testlib import proc
from testlib.waiting import until

ALL = ("net", "pid", "ipc", "uts", "cgroup")
CASES = {"net": ["net"], "pid": ["pid"], "ipc": ["ipc"], "uts": ["uts"], "cgroup": ["cgroup"], "none": [],
         "net,pid,ipc,uts": ["net", "pid", "ipc", "uts"], "net,pid,ipc,uts,cgroup": list(ALL)}  # fmt: skip


@pytest.mark.quick
@pytest.mark.parametrize("share", CASES)
def test_shared_namespaces_are_the_targets_and_others_are_new(recap, toolbox, target, share):
    recap.start(toolbox, target, "sleep", "8700", flags=["--share", share])
    function = until(lambda: proc.running("sleep", "8700"))[0]
    for kind in ALL:
        same = proc.namespace(function, kind) == proc.namespace(target.pid, kind)
        host = proc.namespace(function, kind) == proc.namespace(1, kind)
        assert same == (kind in CASES[share]), kind
        assert not host or kind == "cgroup", f"{kind} is the host's"
    assert proc.namespace(function, "mnt") not in (proc.namespace(target.pid, "mnt"), proc.namespace(1, "mnt"))


def test_with_the_pid_namespace_the_targets_processes_are_seen(capsule):
    done = capsule("ps", "-e", "-o", "pid=,comm=", flags=["--share", "pid"])
    assert done.returncode == 0, done
    assert ["1", "pause"] in [line.split() for line in done.stdout.decode().splitlines()], done.stdout


def test_without_it_only_its_own_are_seen(capsule):
    done = capsule("ps", "-e", "-o", "comm=", flags=["--share", "none"])
    assert done.returncode == 0 and b"pause" not in done.stdout, done


def test_the_targets_host_name_is_seen(recap, toolbox, runc, lean):
    target = runc.run(lean, hostname="the-lean-one")
    try:
        assert recap.run(toolbox, target, "hostname", flags=["--share", "uts"]).stdout == b"the-lean-one\n"
    finally:
        target.remove()


def test_a_target_with_its_own_user_namespace_works_without_joining_it(recap, toolbox, runc, lean):
    target = runc.run(lean, user_namespace=True)
    try:
        assert proc.namespace(target.pid, "user") != proc.namespace(1, "user")
        done = recap.run(toolbox, target, "ps", "-e", "-o", "comm=", flags=["--share", "pid,net"])
        assert done.returncode == 0 and b"pause" in done.stdout, done
        recap.start(toolbox, target, "sleep", "8701")
        function = until(lambda: proc.running("sleep", "8701"))[0]
        assert proc.namespace(function, "user") != proc.namespace(target.pid, "user")
    finally:
        recap.clean()
        target.remove()


def test_namespaces_that_the_target_shares_with_the_host_are_not_joined_unasked(recap, toolbox, runc, lean):
    target = runc.run(lean, network="host")
    try:
        done = recap.run(toolbox, target, "true", flags=["--share", "net"])
        assert done.returncode == 125 and done.stderr.count(b"\n") == 1 and b"host" in done.stderr, done
        assert recap.run(toolbox, target, "true", flags=["--share", "pid"]).returncode == 0
    finally:
        target.remove()


def test_the_record_names_what_was_shared_in_fact(recap, toolbox, target, tmp_path):
    """The target has no user namespace of its own, so there is none to share."""
    report = tmp_path / "report.json"
    flags = ["--share", "pid,user", "--run-as", "root", "--report", report]
    assert recap.run(toolbox, target, "true", flags=flags).returncode == 0
    assert json.loads(report.read_text())["share"] == ["pid"]


@pytest.mark.parametrize(("flag", "share"), [("-n", "net"), ("-i", "ipc")])
def test_whose_own_namespace_is_not_the_hosts_is_not_fooled(recap, toolbox, flag, share):
    """recap runs in a namespace of its own; the target is a process in the host's."""
    with subprocess.Popen(["sleep", "60"]) as host_process:
        words = recap.run_words(toolbox, f"pid:{host_process.pid}", "true", flags=["--share", share])
        done = subprocess.run(["unshare", flag, recap.program, *map(str, words)], env=recap.env, capture_output=True)
        host_process.kill()
    assert done.returncode == 125 and done.stderr.count(b"\n") == 1, done
