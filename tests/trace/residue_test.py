# SPDX-License-Identifier: Apache-2.0
"""A Capsule that leaves something on purpose: Escape removes it, or finds it, names it and says so."""

import json
import os
import subprocess

import pytest

from testlib import snapshot, stranger

# What a function of ordinary rights can leave in namespaces it shares: Escape takes it all away.
REMOVED = ["shared memory", "attached private shared memory", "semaphore", "message queue", "posix message queue",
           "key", "abstract socket", "listening socket", "connection that ended", "daemon", "zombies"]  # fmt: skip


# With a capability a function may undo less of what it did, and its profile is another.
@pytest.mark.parametrize("flags", [[], ["--cap", "NET_RAW"]], ids=["no capability", "a capability"])
@pytest.mark.parametrize("what", REMOVED)
def test_what_a_function_leaves_is_removed(recap, toolbox, target, tmp_path, what, flags):
    recap.run(toolbox, target, "true")
    before = snapshot.take(target.pid, recap.state)
    report = tmp_path / "report.json"
    done = recap.run(toolbox, target, "python3", "/lab/leave.py", what,
                     flags=["--report", report, "--grace", "200ms", *flags])  # fmt: skip
    residue = json.loads(report.read_text())["residue"]
    # Landlock or the user namespace may refuse a queue: then there is nothing to leave.
    assert done.returncode in ((0, 1) if what == "posix message queue" else (0,)), done
    changes = snapshot.changes_since(before)
    assert not changes, snapshot.explain(changes)
    assert residue == {"verified": True, "found": []}, residue


# What a function of special rights can leave: (grant, class of the snapshot, word of the record).
NAMED = {
    "stopped process": ("KILL", "target.processes", "stopped"),
    "network device": ("NET_ADMIN", "target.network", "left0"),
    "network address": ("NET_ADMIN", "target.network", "192.0.2.7"),
    "route": ("NET_ADMIN", "target.network", "192.0.2.128"),
}


@pytest.mark.parametrize("what", NAMED)
def test_what_special_rights_leave_is_removed_or_named(recap, toolbox, target, tmp_path, what):
    capability, cls, word = NAMED[what]
    recap.run(toolbox, target, "true")
    before = snapshot.take(target.pid, recap.state, [cls])
    report = tmp_path / "report.json"
    done = recap.run(toolbox, target, "python3", "/lab/leave.py", what,
                     flags=["--report", report, "--cap", capability])  # fmt: skip
    changes = snapshot.changes_since(before, settle=1)
    target.kill(18)
    assert done.returncode == 0, done
    residue = json.loads(report.read_text())["residue"]
    if changes:
        assert not residue["verified"] and word in json.dumps(residue["found"]), (residue, snapshot.explain(changes))
        assert word.encode() in done.stderr, "residue is not told to the user"
    else:
        assert residue == {"verified": True, "found": []}, residue


HAND_OUT = """
import array, os, socket, sys
fd = os.open("/tmp/file", os.O_CREAT | os.O_RDWR) if sys.argv[1] == "mount" else os.memfd_create("left")
os.write(fd, bytes(20 << 20))
peer = socket.socket(socket.AF_UNIX)
peer.connect("/data/keep")
peer.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
"""


@pytest.mark.parametrize("what", ["mount", "memory"])
def test_what_another_process_holds_of_the_run_is_named(recap, toolbox, target, tmp_path, what):
    """A descriptor that the function handed to a process of the target keeps its file alive."""
    with stranger.waiting(f"/proc/{target.pid}/root/data/keep", "time.sleep(60)"):
        report = tmp_path / "report.json"
        done = recap.run(toolbox, target, "python3", "-c", HAND_OUT, what,
                         flags=["--path", "/data", "--report", report])  # fmt: skip
        assert done.returncode == 0 and b"outside the run" in done.stderr, done
    residue = json.loads(report.read_text())["residue"]
    assert not residue["verified"] and [found["what"] for found in residue["found"]] == [what], residue


@pytest.mark.parametrize("file", ["/tmp/file", "/dev/shm/file", "/out/file"])
def test_a_full_scratch_space_that_nobody_holds_is_no_residue(recap, toolbox, target, tmp_path, file):
    report = tmp_path / "report.json"
    done = recap.run(toolbox, target, "dd", "if=/dev/zero", f"of={file}", "bs=1M", "count=30",
                     flags=["--out", f"{tmp_path}/out/", "--report", report])  # fmt: skip
    assert done.returncode == 0, done
    assert json.loads(report.read_text())["residue"] == {"verified": True, "found": []}


def test_where_no_inotify_instance_is_left_the_end_is_seen_all_the_same(recap, toolbox, target, tmp_path):
    """They are few for each user, and many runs may end at once."""
    report, log = tmp_path / "report.json", tmp_path / "log"
    words = recap.run_words(toolbox, target, "true", flags=["--report", report])
    strace = ["strace", "-f", "-o", log, "-e", "trace=inotify_init1,ustat", "-e", "inject=inotify_init1:error=EMFILE"]
    done = subprocess.run([*map(str, strace), recap.program, *map(str, words)], env=recap.env, timeout=60)
    assert done.returncode == 0 and "INJECTED" in log.read_text() and " ustat(" in log.read_text(), done
    assert json.loads(report.read_text())["residue"] == {"verified": True, "found": []}


def test_an_object_of_another_uid_is_named(recap, toolbox, target, tmp_path):
    script = "import ctypes, os; os.setuid(0); assert ctypes.CDLL(None).shmget(0, 4096, 0o1600) >= 0"
    report = tmp_path / "report.json"
    done = recap.run(toolbox, target, "python3", "-c", script, flags=["--cap", "SETUID", "--report", report])
    residue = json.loads(report.read_text())["residue"]
    assert done.returncode == 0 and not residue["verified"], (done, residue)
    assert [found["what"] for found in residue["found"]] == ["ipc"], residue


def test_an_own_object_of_a_function_that_may_change_its_uid_is_removed(recap, toolbox, target, tmp_path):
    report = tmp_path / "report.json"
    done = recap.run(toolbox, target, "python3", "/lab/leave.py", "shared memory",
                     flags=["--cap", "SETUID", "--report", report])  # fmt: skip
    residue = json.loads(report.read_text())["residue"]
    assert done.returncode == 0 and residue == {"verified": True, "found": []}, residue


CHANGES = {  # what the function does: words of the record
    "ip route del blackhole 203.0.113.77/32": ["203.0.113.77 was there before and is gone"],
    "ip addr del 192.0.2.77/32 dev lo": ["192.0.2.77 was there before and is gone"],
    "ip link set lo mtu 1400": ["lo mtu 1400", "lo mtu 65536 was there before and is gone"],
    "ip link set lo promisc on": ["lo flags 0x109"],
}


@pytest.mark.parametrize("command", CHANGES)
def test_what_a_function_changes_and_takes_away_in_the_network_is_named(recap, toolbox, target, tmp_path, command):
    in_net = ["nsenter", "-t", str(target.pid), "-n", "ip"]
    for words in ("route replace blackhole 203.0.113.77/32", "addr replace 192.0.2.77/32 dev lo"):
        subprocess.run([*in_net, *words.split()], check=True)
    report = tmp_path / "report.json"
    done = recap.run(toolbox, target, *command.split(), flags=["--cap", "NET_ADMIN", "--report", report])
    residue = json.loads(report.read_text())["residue"]
    assert done.returncode == 0 and not residue["verified"], (done, residue)
    told = [found["detail"] for found in residue["found"]]
    assert all(any(word in line for line in told) for word in CHANGES[command]), told


def add_routes(target, addresses):
    batch = "".join(f"route add blackhole {address}/32\n" for address in addresses)
    subprocess.run(["nsenter", "-t", str(target.pid), "-n", "ip", "-batch", "-"], input=batch.encode(), check=True)


@pytest.mark.parametrize("count", [600, 4000])
def test_what_a_large_network_has_already_is_no_residue_and_hides_none(recap, toolbox, target, tmp_path, count):
    add_routes(target, (f"10.9.{number // 250}.{number % 250 + 1}" for number in range(count)))
    report = tmp_path / "report.json"
    flags = ["--cap", "NET_ADMIN", "--report", report]
    done = recap.run(toolbox, target, "true", flags=flags)
    assert json.loads(report.read_text())["residue"] == {"verified": True, "found": []}, done
    done = recap.run(toolbox, target, "ip", "route", "add", "blackhole", "203.0.113.9/32", flags=flags)
    residue = json.loads(report.read_text())["residue"]
    assert done.returncode == 0 and not residue["verified"], done
    assert len(residue["found"]) == 1 and "203.0.113.9" in json.dumps(residue["found"]), residue


def test_a_network_too_large_to_compare_is_said_to_be_unchecked(recap, toolbox, target, tmp_path):
    add_routes(target, (f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(70000)))
    report = tmp_path / "report.json"
    done = recap.run(toolbox, target, "true", flags=["--cap", "NET_ADMIN", "--report", report])
    residue = json.loads(report.read_text())["residue"]
    assert not residue["verified"] and len(residue["found"]) == 1, (done, residue)
    assert "not compared" in json.dumps(residue["found"]) and b"not compared" in done.stderr, (done, residue)


def test_what_was_declared_stays_and_is_no_residue(recap, toolbox, target, tmp_path):
    os.chmod(f"/proc/{target.pid}/root/var/log", 0o777)
    before = snapshot.take(target.pid, recap.state, ["target.files"])
    report = tmp_path / "report.json"
    done = recap.run(toolbox, target, "touch", "/var/log/left", flags=["--writable", "/var/log", "--report", report])
    assert done.returncode == 0, done
    changed = {change.what for change in snapshot.changes_since(before, settle=0)}
    assert changed == {"/var/log", "/var/log/left"}, changed
    assert json.loads(report.read_text())["residue"] == {"verified": True, "found": []}
