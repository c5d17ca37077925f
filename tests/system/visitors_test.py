# SPDX-License-Identifier: Apache-2.0
"""SPEC: those who follow a run cannot keep others from ending it, and what a keeper hands out is the
run's own."""

import json
import os
import signal
import socket
import struct
import subprocess

import pytest

from testlib import proc
from testlib.waiting import until

MOST_ATTACHED = 8
ATTACHED, DONE, FILES = 1, 2, 3  # run/control.h
ATTACH, GIVE_FILES = 1, 4


class Client:
    """A peer of a keeper's control socket."""

    def __init__(self, recap, run):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(f"{recap.state}/runs/{run}/control")
        self.version = json.loads(recap("version", "-o", "json").stdout)["formats"]["control"]

    def say(self, command):
        self.socket.send(struct.pack("=IIiiQ", self.version, command, 0, 0, 0))

    def hear(self):
        event, descriptors, _, _ = socket.recv_fds(self.socket, 4096, 4)
        for descriptor in descriptors:
            os.close(descriptor)
        return struct.unpack_from("=II", event)[1]


def test_as_many_as_may_follow_a_run_and_it_can_be_stopped(recap, toolbox, target):
    run = recap.start(toolbox, target, "sleep", "8730")
    clients = [Client(recap, run) for _ in range(MOST_ATTACHED)]
    for client in clients:
        client.say(ATTACH)
        assert client.hear() == ATTACHED
    for verb in (["attach", run], ["logs", "-f", run], ["cp", f"{run}:/bin/busybox", "/dev/null"]):
        done = recap(*verb)
        assert done.returncode == 125 and b"8 others are attached" in done.stderr, done
    clients.pop().socket.close()
    follower = recap.popen("logs", "-f", run)
    assert recap("stop", "--grace", "0s", run).returncode == 0
    assert [client.hear() for client in clients] == [DONE] * len(clients)
    follower.communicate(timeout=5)


@pytest.fixture
def take_pid():
    """take_pid(pid): a process that has exactly that number."""
    children = []

    def take(pid):
        def tried():
            with open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as last:
                last.write(str(pid - 1))
            children.append(subprocess.Popen(["sleep", "8731"]))
            return children[-1].pid == pid

        until(tried, what="a process with the wanted pid")

    yield take
    for child in children:
        child.kill()
        child.wait()


def test_the_files_of_a_run_are_never_a_strangers(recap, toolbox, target, take_pid):
    run = recap.start(toolbox, target, "sleep", "8732")
    function = until(lambda: proc.running("sleep", "8732"))[0]
    keeper = int((recap.state / "runs" / run / "pid").read_text().split()[0])
    inner = proc.process(function).parent
    outer = proc.process(inner).parent
    assert proc.process(outer).parent == keeper

    client = Client(recap, run)
    client.say(ATTACH)
    assert client.hear() == ATTACHED
    client.say(GIVE_FILES)
    assert client.hear() == FILES
    os.kill(keeper, signal.SIGSTOP)
    try:
        client.say(GIVE_FILES)
        os.kill(outer, signal.SIGKILL)
        until(lambda: not proc.process(outer))
        take_pid(outer)
    finally:
        os.kill(keeper, signal.SIGCONT)
    assert client.hear() != FILES
