# SPDX-License-Identifier: Apache-2.0
"""A Capsule that leaves something on purpose: Escape removes it, or finds it, names it and says so."""

import json
import os
import platform
import subprocess
import sys

import pytest

from testlib import lab, snapshot, stranger

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
    "route del blackhole 203.0.113.77/32": ["203.0.113.77/32", "203.0.113.77/32 was there before and is gone"],
    "addr del 192.0.2.77/32 dev lo": ["192.0.2.77/32 dev lo was there before and is gone"],
    "link set lo mtu 1400": ["lo mtu 1400", "lo mtu 65536 was there before and is gone"],
    "link set lo promisc on": ["lo flags 0x109"],
    "route replace default via 10.77.0.3": ["0.0.0.0/0 via 10.77.0.3 dev left1", "via 10.77.0.2 dev left1 was there"],
    "route add default via 10.77.0.2 metric 9": ["0.0.0.0/0 metric 9 via 10.77.0.2 dev left1"],
    "-6 route replace default via fd77::3": ["::/0 metric 1024 via fd77::3 dev left1", "fd77::2 dev left1 was there"],
    "addr change 10.77.0.1/24 dev left1 valid_lft 60 preferred_lft 60": ["10.77.0.1/24 dev left1, for a time"],
    "-6 addr change fd77::1/64 dev left1 valid_lft 60 preferred_lft 60": ["fd77::1/64 dev left1, for a time"],
    "rule add from 10.77.0.9 lookup 77": ["routing rule 32765 of IPv4"],
    "neigh add 10.77.0.2 lladdr 02:00:00:00:00:09 dev left1": ["neighbour 10.77.0.2 dev left1"],
}


@pytest.fixture
def network(target):
    """ip(8) in the target's network, which has what a target's network has."""

    def ip(*words):
        subprocess.run(["nsenter", "-t", str(target.pid), "-n", "ip", *words], check=True)

    for words in ("route add blackhole 203.0.113.77/32", "addr add 192.0.2.77/32 dev lo",
                  "link add left1 type bridge", "link set left1 up", "addr add 10.77.0.1/24 dev left1",
                  "-6 addr add fd77::1/64 dev left1 nodad", "route add default via 10.77.0.2",
                  "-6 route add default via fd77::2"):  # fmt: skip
        ip(*words.split())
    return ip


@pytest.mark.parametrize("command", CHANGES)
def test_what_a_function_changes_and_takes_away_in_the_network_is_named(recap, toolbox, target, network, tmp_path,
                                                                         command):  # fmt: skip
    report = tmp_path / "report.json"
    flags = ["--cap", "NET_ADMIN", "--report", report]
    done = recap.run(toolbox, target, "ip", "link", flags=flags)
    assert json.loads(report.read_text())["residue"] == {"verified": True, "found": []}, done
    done = recap.run(toolbox, target, "ip", *command.split(), flags=flags)
    residue = json.loads(report.read_text())["residue"]
    assert done.returncode == 0 and not residue["verified"], (done, residue)
    told = [found["detail"] for found in residue["found"]]
    assert all(any(word in line for line in told) for word in CHANGES[command]), told


def test_a_directory_of_the_target_over_proc_blinds_nobody(recap, work, target, tmp_path):
    """An image can lay a path of the target over the Capsule's own /proc: nobody of ours looks there."""
    root = lab.toolbox_root(tmp_path / "root")
    (root / "var").mkdir(exist_ok=True)
    (root / "var/data").symlink_to("/proc")
    image = recap.import_image(lab.image("blind-test", root, tmp_path, Cmd=["/bin/sh"], Env=["PATH=/usr/bin:/bin"]))
    os.makedirs(f"/proc/{target.pid}/root/var/data")
    report = tmp_path / "report.json"
    recap.run(image, target, "ip", "addr", "add", "10.41.0.1/24", "dev", "lo",
              flags=["--path", "/var/data", "--cap", "NET_ADMIN", "--report", report])  # fmt: skip
    left = subprocess.run(["nsenter", "-t", str(target.pid), "-n", "ip", "addr"], capture_output=True, text=True).stdout
    residue = json.loads(report.read_text())["residue"]
    assert ("10.41.0.1" in left) == ("10.41.0.1" in json.dumps(residue["found"])), (left, residue)


ATTACH = """
import ctypes, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
while (number := libc.shmget(0x77, 0, 0)) < 0: time.sleep(0.01)
assert libc.shmat(number, None, 0) not in (None, 2**64 - 1)
print("attached", flush=True)
time.sleep(60)
"""
MAKE = """
import ctypes, time
libc = ctypes.CDLL(None, use_errno=True)
assert libc.shmget(0x77, 2 << 20, 0o1666) >= 0
time.sleep(3)
"""


def test_shared_memory_that_another_process_has_attached_is_named(recap, toolbox, target, tmp_path):
    report = tmp_path / "report.json"
    words = ["nsenter", "-t", str(target.pid), "-i", sys.executable, "-c", ATTACH]
    other = subprocess.Popen(words, stdout=subprocess.PIPE)
    try:
        done = recap.run(toolbox, target, "python3", "-c", MAKE, flags=["--report", report])
        assert other.stdout.readline() == b"attached\n"
        residue = json.loads(report.read_text())["residue"]
        assert done.returncode == 0 and [found["what"] for found in residue["found"]] == ["ipc"], residue
    finally:
        other.kill()
        other.communicate()


LISTEN = """
import socket, time
server = socket.create_server(("127.0.0.1", 17088))
print("up", flush=True)
kept = [server.accept() for _ in range(8)]
time.sleep(60)
"""
FILL = """
import socket, time
for _ in range(8):
    client = socket.create_connection(("127.0.0.1", 17088)); client.setblocking(False)
    try:
        while True: client.send(bytes(1 << 16))
    except BlockingIOError: globals().setdefault("kept", []).append(client)
"""


def test_connections_that_the_other_end_does_not_read_are_ended(recap, toolbox, target, tmp_path):
    in_net = ["nsenter", "-t", str(target.pid), "-n"]
    server = subprocess.Popen([*in_net, sys.executable, "-c", LISTEN], stdout=subprocess.PIPE)
    try:
        assert server.stdout.readline() == b"up\n"
        report = tmp_path / "report.json"
        done = recap.run(toolbox, target, "python3", "-c", FILL, flags=["--report", report])
        assert done.returncode == 0, done
        assert json.loads(report.read_text())["residue"] == {"verified": True, "found": []}
        if tuple(map(int, platform.release().split(".")[:2])) < (6, 17):
            return  # the kernel does not tell whose they were
        left = subprocess.run([*in_net, "cat", "/proc/net/tcp"], capture_output=True, text=True, check=True).stdout
        waiting = [line for line in left.splitlines() if line.split()[2].endswith(":42C0") and line.split()[3] == "04"]
        assert not waiting, left
    finally:
        server.kill()
        server.communicate()


TAKE = """
import socket, time
server = socket.create_server(("127.0.0.1", 17089))
print("up", flush=True)
peer, _ = server.accept()
size = 0
while part := peer.recv(1 << 16): size += len(part); time.sleep(0.02)
print(size, flush=True)
"""
SEND = """
import socket
client = socket.create_connection(("127.0.0.1", 17089)); client.setblocking(False)
size = 0
try:
    while True: size += client.send(bytes(1 << 16))
except BlockingIOError: print(size)
"""


def test_what_the_function_sent_arrives_at_a_slow_reader(recap, toolbox, target):
    in_net = ["nsenter", "-t", str(target.pid), "-n"]
    server = subprocess.Popen([*in_net, sys.executable, "-c", TAKE], stdout=subprocess.PIPE)
    try:
        assert server.stdout.readline() == b"up\n"
        done = recap.run(toolbox, target, "python3", "-c", SEND)
        assert done.returncode == 0 and server.stdout.readline() == done.stdout, done
    finally:
        server.kill()
        server.communicate()


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
