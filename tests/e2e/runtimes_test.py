# SPDX-License-Identifier: Apache-2.0
"""The story of the README under every runtime: a lean nginx without a shell, and the catalogue's functions."""

import json
import os
import subprocess
import time

import pytest

from testlib import images, proc, snapshot
from testlib.waiting import until


@pytest.fixture(scope="module")
def web(runtime):
    container = runtime.run(images.get("lean-nginx"), name=f"web-{os.getpid()}")
    container.http("/")
    yield container
    container.remove()


def names_of(runtime, web):
    """Every way to name the container."""
    names = [web.reference, web.id, web.id[:12] if len(web.id) >= 12 else web.id]
    if web.name != web.id:
        names.append(web.name)
    return names


def test_the_target_has_no_tools_of_its_own(web):
    assert web.exec("ps").returncode != 0 and web.exec("sh", "-c", "true").returncode != 0


def test_targets_lists_it(recap_here, runtime, web):
    table = recap_here("targets")
    assert table.returncode == 0 and web.name.encode() in table.stdout, table
    listed = json.loads(recap_here("targets", "-o", "json").stdout)
    assert [entry for entry in listed if entry["pid"] == web.pid and web.id.startswith(entry["id"][:12])], listed


def test_every_name_of_it_works(recap_here, runtime, web):
    for name in names_of(runtime, web):
        done = recap_here.run("ps", name)
        assert done.returncode == 0 and b"nginx" in done.stdout, (name, done)


def test_tcpdump_prints_its_packets(recap_here, web):
    child = recap_here.popen(*recap_here.run_words("tcpdump", web, "-n", "-i", "any", "-A", "-c", "12", "tcp port 80"))
    for _ in range(100):
        if child.poll() is not None:
            break
        web.http("/")
    out, err = child.communicate(timeout=20)
    assert child.returncode == 0 and b"GET / HTTP" in out, (out, err)


def test_ps_sees_its_processes(recap_here, web):
    done = recap_here.run("ps", web)
    assert done.returncode == 0 and b"nginx: master" in done.stdout and b"nginx: worker" in done.stdout, done


def test_strace_sees_a_request_served(recap_here, web):
    members = proc.in_namespace("pid", proc.namespace(web.pid, "pid"))
    worker = next(each.inner_pid for each in members if each.inner_pid != 1 and each.comm == "nginx")
    child = recap_here.popen(*recap_here.run_words("strace", web, "-p", worker, "-e", "trace=network",
                                                   flags=["--timeout", "3s"]))  # fmt: skip
    while child.poll() is None:
        web.http("/")
        time.sleep(0.1)  # all that strace writes has to fit the pipe that nobody reads yet
    out, err = child.communicate(timeout=20)
    assert child.returncode == 124 and b"accept" in out + err, (out, err)
    assert b"nginx" in recap_here.run("ps", web).stdout
    web.http("/")


def test_its_configuration_and_log_are_at_their_own_places(recap_here, web):
    done = recap_here.run("toolbox", web, "cat", "/etc/nginx/nginx.conf", flags=["--path", "/etc/nginx"])
    assert done.returncode == 0 and b"http" in done.stdout, done


def test_nothing_of_it_all_is_left(recap_here, web):
    def everything():
        recap_here.run("ps", web)
        recap_here.run("strace", web, "-c", "-f", "-p", "1", flags=["--timeout", "500ms"])
        recap_here.run("toolbox", web, "ls", "-R", "/target/etc", flags=["--view", "target"])
        recap_here.run("toolbox", web, "sh", "-c", "find / > /dev/null 2>&1; true", flags=["--view", "merged"])

    everything()
    before = snapshot.take(web.pid, recap_here.state)
    everything()
    changes = snapshot.changes_since(before)
    assert not changes, snapshot.explain(changes)
    web.http("/")


def test_a_leanest_container_of_this_runtime(recap_here, runtime):
    options = {"user": "65532:65532", "read_only": True, "capabilities": [], "no_new_privileges": True}
    lean = runtime.run(images.get("lean-static"), name=f"leanest-{os.getpid()}", **options)
    try:
        assert recap_here.run("ps", lean).returncode == 0
        assert recap_here.run("strace", lean, "-p", "1", "-c", flags=["--timeout", "500ms"]).returncode == 124
        done = recap_here.run("toolbox", lean, "ls", "-l", "/target/", flags=["--view", "target"])
        assert done.returncode == 0 and done.stdout, done
        assert lean.alive()
    finally:
        lean.remove()


def test_a_target_that_restarts_is_another_target(recap_here, runtime):
    target = runtime.run(images.get("lean-static"), name=f"dies-{os.getpid()}")
    child = recap_here.popen(*recap_here.run_words("toolbox", target, "sleep", "7900"))
    until(lambda: recap_here.live())
    target.kill()
    assert child.wait(10) == 125
    child.communicate()
    assert not recap_here.wait_until_idle()
    target.remove()


def test_a_paused_docker_container_is_refused(recap_here, runtime, web):
    if getattr(runtime, "cli", [""])[0] not in ("docker", "podman"):
        return  # tests/system does it for runc
    subprocess.run([*runtime.cli, "pause", web.id], env=runtime.env, check=True, capture_output=True)
    try:
        done = recap_here.run("ps", web)
        assert done.returncode == 125 and b"paused" in done.stderr, done
    finally:
        subprocess.run([*runtime.cli, "unpause", web.id], env=runtime.env, check=True, capture_output=True)
