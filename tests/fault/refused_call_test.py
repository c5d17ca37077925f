# SPDX-License-Identifier: Apache-2.0
"""SPEC: what the kernel refuses to a keeper is neither overlooked nor waited for without end."""

import json
import os
import re
import signal
import subprocess
import time

from testlib import proc
from testlib.inject import failing, keeper_of, traced, waiting_keeper
from testlib.waiting import until


def test_a_failing_poll_ends_the_run(recap, toolbox, target, tmp_path):
    run = recap.start(toolbox, target, "sleep", "8120")
    with failing(keeper_of(recap, run), tmp_path / "log", "ppoll", "error=ENOMEM:when=1"):
        until(lambda: not proc.running("sleep", "8120"), timeout=5)
    assert not recap.wait_until_idle()
    record = json.loads(recap("inspect", run).stdout)
    assert record["exit"]["reason"] == "Failed" and record["exit"]["code"] == 125, record
    assert "poll" in record["exit"]["message"] and record["residue"] == {"verified": True, "found": []}, record


def test_a_failing_accept_does_not_keep_the_keeper_busy(recap, toolbox, target, tmp_path):
    run, log = recap.start(toolbox, target, "sleep", "8121"), tmp_path / "log"
    with failing(keeper_of(recap, run), log, "accept4", "error=EMFILE"):
        stop = recap.popen("stop", "--grace", "0s", run)
        until(lambda: "accept4" in (proc.read(log) or ""))
        time.sleep(1)
        tried = log.read_text().count("accept4")
    assert stop.wait(10) == 0, stop.communicate()
    assert tried < 50
    stop.communicate()


def record_of(recap, run):
    """As it is written; a command that shows it would first look for dead runs."""
    return (recap.data / "records" / run).read_bytes()


def groups_of(run):
    return [top / "recap" / run for top in proc.hierarchies().values() if (top / "recap" / run).exists()]


def test_a_recovery_that_cannot_open_a_cgroup_leaves_the_run_to_the_next(recap, toolbox, target, tmp_path):
    run, log = recap.start(toolbox, target, "sleep", "8122"), tmp_path / "log"
    keeper = keeper_of(recap, run)
    os.kill(keeper, signal.SIGKILL)
    until(lambda: proc.is_dead(keeper))
    watched = [word for group in groups_of(run) for word in ("-P", group)]
    subprocess.run(["strace", "-f", "-qq", "-o", log, *watched, "-e", "trace=openat",
                    "-e", "inject=openat:error=ENOMEM", recap.program, "ps"],
                   env=recap.env, stdout=subprocess.DEVNULL, timeout=60)  # fmt: skip
    assert "ENOMEM" in log.read_text()
    assert recap.runs_on_disk() == [run] and proc.running("sleep", "8122") and groups_of(run)
    assert b"cannot be reaped" not in record_of(recap, run)
    assert recap("ps").returncode == 0
    assert not recap.wait_until_idle() and not proc.running("sleep", "8122") and not groups_of(run)


def test_a_cgroup_that_cannot_be_read_is_not_taken_for_empty(recap, toolbox, target, tmp_path):
    run = recap.start(toolbox, target, "sh", "-c", "trap '' TERM; while true; do sleep 8123; done")
    keeper = keeper_of(recap, run)
    with failing(keeper, tmp_path / "log", "openat", "error=EMFILE", below=groups_of(run)):
        recap("stop", "--grace", "10ms", run)
        assert b"(EMFILE)" in record_of(recap, run)
    until(lambda: proc.is_dead(keeper))
    until(lambda: recap("ps").returncode == 0 and not recap.runs_on_disk())  # a command has little patience
    assert not proc.running("sleep", "8123") and not groups_of(run)


def started(recap, toolbox, target, tmp_path, calls, *words):
    """`echo ran`, whose keeper's calls are traced from the moment on in which it is told what to run."""
    log, run_words = tmp_path / "log", recap.run_words(toolbox, target, "echo", "ran")
    with waiting_keeper(recap, run_words, tmp_path / "caller") as (caller, keeper):
        with traced(keeper, log, calls, *words):
            stdout, stderr = caller.communicate(timeout=30)
    return caller.returncode, stdout, stderr, log.read_text().splitlines()


def test_a_stub_that_could_not_be_found_again_goes_no_further(recap, toolbox, target, tmp_path):
    """Its number alone does not say which process it is."""
    code, stdout, _, calls = started(recap, toolbox, target, tmp_path, "openat,clone3")
    assert (code, stdout) == (0, b"ran\n")
    last_fork = max(at for at, line in enumerate(calls) if "clone3" in line)
    reads = [at for at, line in enumerate(calls) if re.search(r'"/proc/\d+/stat"', line) and at > last_fork]
    number = sum("openat" in line for line in calls[: reads[0] + 1])
    code, stdout, stderr, calls = started(recap, toolbox, target, tmp_path, "openat",
                                          "-e", f"inject=openat:error=EMFILE:when={number}")  # fmt: skip
    assert any("/stat" in line and "INJECTED" in line for line in calls), calls
    assert (code, stdout) == (125, b"") and b"too many open files" in stderr, stderr
    assert recap.runs_on_disk() == []


def test_no_number_of_a_keepers_descriptors_is_free_before_its_run(recap, toolbox, target, tmp_path):
    """What it opened meanwhile would be closed when the number's own comes."""
    words = recap.run_words(toolbox, target, "true")
    with waiting_keeper(recap, words, tmp_path / "caller") as (caller, keeper):
        places = [os.readlink(f"/proc/{keeper}/fd/{number}") for number in range(3, 7)]
        assert places == places[:1] * 4, places
        assert caller.wait(30) == 0


def test_an_artifact_without_a_descriptor_is_refused_before_the_function_runs(recap, toolbox, target, tmp_path):
    log = tmp_path / "log"
    words = recap.run_words(toolbox, target, "sh", "-c", "echo ran; echo artifact > /out/file",
                            flags=["--out", tmp_path / "artifact"])  # fmt: skip

    def attempt(*inject):
        return subprocess.run(["strace", "-qq", "-o", log, "-e", "trace=fcntl", *inject, recap.program,
                               *map(str, words)], env=recap.env, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=60)  # fmt: skip

    assert attempt().returncode == 0
    calls = log.read_text().splitlines()
    number = max(at for at, line in enumerate(calls, 1) if "F_DUPFD_CLOEXEC, 0)" in line)
    (tmp_path / "artifact").unlink()
    done = attempt("-e", f"inject=fcntl:error=EMFILE:when={number}")
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (125, b"", 1), done
    assert b"too many open files" in done.stderr and not (tmp_path / "artifact").exists()


def test_a_stub_that_is_killed_while_it_builds_the_root_is_told_of_once(recap, toolbox, target, tmp_path):
    words = recap.run_words(toolbox, target, "true")
    strace = ["strace", "-f", "-qq", "-o", tmp_path / "log", "-e", "trace=unshare"]
    kill = ["-e", "inject=unshare:signal=KILL:when=1"]  # its mount namespace; nobody else comes so far
    done = subprocess.run([*strace, *kill, recap.program, *words], env=recap.env, capture_output=True, timeout=60)
    assert "SIGKILL" in (tmp_path / "log").read_text()
    assert done.returncode == 125 and done.stderr.count(b"the stub was killed") == 1, done


def test_a_function_does_not_run_when_the_hosts_tables_cannot_be_hidden(recap, toolbox, target, tmp_path):
    log, words = tmp_path / "log", recap.run_words(toolbox, target, "echo", "ran")

    def attempt(*inject):
        return subprocess.run(["strace", "-f", "-qq", "-o", log, "-e", "trace=open_tree,execve", *inject, recap.program,
                               *words], env=recap.env, capture_output=True, timeout=60)  # fmt: skip

    assert attempt().stdout == b"ran\n"
    calls = [line.split(maxsplit=1) for line in log.read_text().splitlines()]
    clones = [pid for pid, call in calls if call.startswith("open_tree")]
    stub = clones[-1]  # hiding is the last that it does
    number = clones.count(stub)
    done = attempt("-e", f"inject=open_tree:error=ENOMEM:when={number}")
    assert "INJECTED" in log.read_text()
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (125, b"", 1), done
    assert b"memory" in done.stderr and recap.runs_on_disk() == []
    assert not recap.live()
