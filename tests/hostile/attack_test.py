# SPDX-License-Identifier: Apache-2.0
"""SPEC: the target's root, with Docker's default capabilities and free to take any uid, cannot trace a
function, a stub or a keeper, nor read their descriptors, memory or environment."""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

from testlib import lab, orphans, proc, snapshot
from testlib.fixtures import rounds
from testlib.waiting import until

PROFILES = {
    "restricted": [],
    "net": ["--cap", "NET_RAW"],
    "trace": ["--cap", "SYS_PTRACE"],
    "files": ["--cap", "DAC_READ_SEARCH", "--view", "target"],
    "path": ["--path", "/data"],
    "merged": ["--view", "merged"],
}


class Attacker:
    """/probe at work inside the target, through the runtime's own exec."""

    def __init__(self, target):
        argv = [*target._exec_argv, "/probe"]
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.child.stdout.readline() == "ready\n"

    def end(self):
        """(what worked, how many processes it saw)"""
        out, _ = self.child.communicate("", timeout=60)
        *worked, last = out.splitlines()
        seen = re.fullmatch(r"scans (\d+), processes (\d+), attempts (\d+)", last)
        assert seen, out
        return worked, int(seen[2])


@pytest.fixture
def attacker(target):
    attacker = Attacker(target)
    yield attacker
    attacker.child.kill()
    attacker.child.communicate()


def test_the_attacker_is_able(target, attacker):
    """Against an ordinary process of the target each of its means works."""
    other = subprocess.Popen([*target._exec_argv, "/pause"], stdin=subprocess.DEVNULL)
    time.sleep(0.5)
    worked, _ = attacker.end()
    other.kill()
    other.wait()
    for means in ("environ", "mem", "fd/0", "exe", "root", "ptrace", "process_vm_readv", "pidfd_getfd"):
        assert any(line.endswith(f" 0 {means}") for line in worked), (means, worked[:20])


@pytest.mark.parametrize("profile", PROFILES)
def test_nothing_of_ours_is_open_to_the_targets_root(recap, toolbox, target, attacker, profile):
    program = hashlib.sha256(recap.program.read_bytes()).digest()
    attaches = rounds(100, 1000) // 4 if profile != "restricted" else rounds(100, 1000)
    # Half of them stay for a while, so that the attacker meets the function, not only its start.
    for number in range(attaches):
        argv = ["sleep", "0.02"] if number % 2 else ["true"]
        done = recap.run(toolbox, target, *argv, flags=PROFILES[profile])
        assert done.returncode == 0, done
    worked, seen = attacker.end()
    # Two stubs and a function each; not all are met, but a fair part must have been.
    assert seen >= attaches // 2, f"only {seen} processes of {attaches} attaches were seen"
    assert not worked, f"{len(worked)} attacks worked:\n" + "\n".join(worked[:30])
    assert hashlib.sha256(recap.program.read_bytes()).digest() == program


def test_a_shell_that_stays_is_not_open_either(recap, toolbox, target, attacker):
    run = recap.start(toolbox, target, "sh", "-c", "echo ready; export SECRET=1; while :; do sleep 0.05; done")
    until(lambda: b"ready" in recap("logs", run).stdout)
    time.sleep(1)
    worked, seen = attacker.end()
    assert seen >= 3 and not worked, worked[:30]


def records(recap):
    return {path.name for path in (recap.data / "records").glob("????????????")}


def signal_all_in(target, number):
    """From the target's pid namespace, as its root could: a process of the host joins it for this."""
    script = f"mount -t proc proc /proc && exec python3 {lab.INSIDE}/signal_all.py {int(number)}"
    subprocess.run(["nsenter", "-t", str(target.pid), "-p", "unshare", "-m", "sh", "-c", script], check=True)


def test_a_target_that_shoots_at_everything_does_not_leave_residue(recap, toolbox, target, tmp_path):
    """CAP_KILL reaches across uids in a shared pid namespace: a run may be ended so, but not orphaned. What is below
    a stub that was shot is the target's first process' to reap, which here never does: each run that
    left some says so."""
    before = snapshot.take(target.pid, recap.state, ["target.processes", "target.mounts", "target.cgroups",
                                                     "target.ipc", "host.processes", "host.cgroups"])  # fmt: skip
    earlier = records(recap)
    for number in range(rounds(10, 200)):
        child = recap.popen(*recap.run_words(toolbox, target, "sleep", "8100"))
        time.sleep(number % 10 / 200)
        signal_all_in(target, signal.SIGKILL)
        child.communicate(timeout=20)
        assert child.returncode != 0
    assert recap("ps").returncode == 0
    assert not recap.wait_until_idle()
    assert target.alive()
    # A zombie keeps the removed cgroup that it died in among the dying ones.
    changes = [change for change in snapshot.changes_since(before, settle=1) if "dying" not in str(change.what)]
    zombies = [change for change in changes if orphans.is_zombie_of_the_targets_root(change, target.pid)]
    assert changes == zombies, snapshot.explain(changes)
    residue = [json.loads(recap("inspect", run).stdout)["residue"]["found"] for run in records(recap) - earlier]
    named = [entry["detail"] for found in residue for entry in found if entry["what"] == "zombie"]
    stubs = [zombie for zombie in zombies if zombie.after[0] == "recap-stub"]
    assert len(stubs) == len(named), (snapshot.explain(zombies), named)


def test_a_target_that_stops_everything_does_not_hold_a_run(recap, toolbox, target):
    flags = ["--timeout", "3s", "--grace", "500ms"]
    child = recap.popen(*recap.run_words(toolbox, target, "sleep", "8101", flags=flags))
    time.sleep(0.5)
    signal_all_in(target, signal.SIGSTOP)
    _, err = child.communicate(timeout=15)
    assert child.returncode == 124, err
    assert not recap.wait_until_idle()


# As the root of a target: stops whatever appears, as fast as it can.
STOP_ALL = "import os\nwhile True:\n  try: os.kill(-1, 19)\n  except OSError: pass"


def stopped_in(target):
    """Stopped processes in the target's pid namespace."""
    namespace = proc.namespace(target.pid, "pid")
    inside = [pid for pid in proc.pids() if proc.namespace(pid, "pid") == namespace]
    return [process for process in map(proc.process, inside) if process and process.state == "T"]


def holds_the_ledger(process):
    with contextlib.suppress(OSError):
        return any(os.readlink(entry.path).endswith("/ledger") for entry in os.scandir(f"/proc/{process.pid}/fd"))
    return False


def test_a_stub_that_is_stopped_early_does_not_hold_who_waits_for_its_killed_keeper(recap, toolbox, target):
    for _ in range(40):
        stopper = subprocess.Popen(["nsenter", "-t", str(target.pid), "-p", "python3", "-c", STOP_ALL])
        until(lambda: proc.children(stopper.pid) and proc.children(stopper.pid)[0].comm == "python3")
        time.sleep(0.2)
        child = recap.popen(*recap.run_words(toolbox, target, "sleep", "8103"))
        try:
            stopped = until(lambda: stopped_in(target))
        finally:
            for pid in [*(child.pid for child in proc.children(stopper.pid)), stopper.pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            stopper.wait()
        if len(stopped) == 1 and holds_the_ledger(stopped[0]):
            (run,) = recap.runs_on_disk()
            os.kill(int((recap.state / "runs" / run / "pid").read_text().split()[0]), signal.SIGKILL)
            _, err = child.communicate(timeout=12)
            assert child.returncode == 125 and b"was cleaned up" in err, (child.returncode, err)
            assert recap.runs_on_disk() == [] and not proc.process(stopped[0].pid)
            return
        signal_all_in(target, signal.SIGCONT)
        child.terminate()
        child.communicate(timeout=12)
    raise AssertionError("no stub was stopped before it had dropped the keeper's descriptors")


def status_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}


def pid_of(command):
    wanted = command.replace(" ", "\0").encode() + b"\0"
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes() == wanted:
                return int(path.parent.name)
    return None


@pytest.mark.parametrize("flags", [[], ["--cap", "SYS_PTRACE"], ["--run-as", "root"]], ids=["none", "ptrace", "root"])
def test_the_stubs_have_nothing_to_take(recap, toolbox, target, flags):
    """Who holds SYS_PTRACE in the shared pid namespace can be the stubs: they must be nobody by then."""
    recap.start(toolbox, target, "sleep", "8102", flags=flags)
    function = until(lambda: pid_of("sleep 8102"))
    inner = int(status_of(function)["PPid"])
    outer = int(status_of(inner)["PPid"])
    for stub in (status_of(inner), status_of(outer)):
        assert stub["Name"] == "recap-stub"
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(stub[kind], 16) == 0, (kind, stub)
        assert stub["NoNewPrivs"] == "1" and stub["Seccomp"] == "2", stub
        assert len(set(stub["Uid"].split())) == 1 and stub["Uid"] not in ("0", status_of(function)["Uid"])
        assert not stub["Groups"], stub


BLIND = """
import os, resource, sys
uid, *stubs = map(int, sys.argv[1:])
os.setgid(uid)
os.setuid(uid)
for stub in stubs:
    resource.prlimit(stub, resource.RLIMIT_NOFILE, (0, 0))
"""


def stubs_of(function):
    inner = int(status_of(function)["PPid"])
    return [inner, int(status_of(inner)["PPid"])]


ADD_ROUTE = "ip route add blackhole 203.0.113.78/32 && exec sleep"


def network_residue(recap, run):
    residue = json.loads(recap("inspect", run).stdout)["residue"]
    return residue["verified"], [found["detail"] for found in residue["found"] if found["what"] == "network"]


def test_who_has_the_stubs_cannot_hide_what_was_changed(recap, toolbox, target):
    """Who may take any uid takes the stubs', and leaves them no descriptor."""
    run = recap.start(toolbox, target, "sh", "-c", f"{ADD_ROUTE} 8103", flags=["--cap", "NET_ADMIN"])
    stubs = stubs_of(until(lambda: pid_of("sleep 8103")))
    inside = [status_of(stub)["NSpid"].split()[-1] for stub in stubs]
    uid = status_of(stubs[0])["Uid"].split()[0]
    in_pids = ["nsenter", "-t", str(target.pid), "-p", "python3", "-c", BLIND, uid, *inside]
    subprocess.run(in_pids, check=True)
    recap("stop", run)
    verified, found = network_residue(recap, run)
    assert not verified and any("203.0.113.78" in line for line in found), found


def test_nor_who_kills_them(recap, toolbox, target):
    run = recap.start(toolbox, target, "sh", "-c", f"{ADD_ROUTE} 8104", flags=["--cap", "NET_ADMIN"])
    inner, outer = stubs_of(until(lambda: pid_of("sleep 8104")))
    os.kill(outer, signal.SIGKILL)
    os.kill(inner, signal.SIGKILL)
    assert not recap.wait_until_idle()
    verified, found = network_residue(recap, run)
    assert not verified and any("203.0.113.78" in line for line in found), found


def test_what_a_killed_keeper_cannot_compare_is_not_verified(recap, toolbox, target):
    run = recap.start(toolbox, target, "sh", "-c", f"{ADD_ROUTE} 8105", flags=["--cap", "NET_ADMIN"])
    _, outer = stubs_of(until(lambda: pid_of("sleep 8105")))
    os.kill(int(status_of(outer)["PPid"]), signal.SIGKILL)
    assert recap("ps").returncode == 0 and not recap.wait_until_idle()
    residue = json.loads(recap("inspect", run).stdout)["residue"]
    assert not residue["verified"] and "unverified" in [found["what"] for found in residue["found"]], residue


# Replaces "/proc" in the memory of each process called recap-stub, and leaves a process of the target stopped.
REWRITE = """
import ctypes, os, re, signal
libc = ctypes.CDLL(None, use_errno=True)
SEIZE, INTERRUPT, ATTACH, DETACH, POKEDATA = 0x4206, 0x4207, 16, 17, 5
def ptrace(request, pid, address=0, data=0):
    failed = libc.ptrace(ctypes.c_long(request), ctypes.c_long(pid), ctypes.c_void_p(address), ctypes.c_void_p(data))
    assert failed == 0, (request, pid, os.strerror(ctypes.get_errno()))
def take(pid):
    ptrace(SEIZE, pid); ptrace(INTERRUPT, pid); os.waitpid(pid, 0x40000000)
class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
def read(pid, first, size):
    held = ctypes.create_string_buffer(size)
    ours, theirs = Part(ctypes.addressof(held), size), Part(first, size)
    got = libc.process_vm_readv(pid, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0)
    return held.raw[:max(got, 0)]
comm = {int(pid): open(f"/proc/{pid}/comm").read().strip() for pid in os.listdir("/proc") if pid.isdigit()}
rewritten = 0
for pid in (pid for pid in comm if comm[pid] == "recap-stub"):
    take(pid)
    for line in open(f"/proc/{pid}/maps"):
        first, last = (int(number, 16) for number in re.match("([0-9a-f]+)-([0-9a-f]+)", line).groups())
        for found in re.finditer(b"/proc", read(pid, first, min(last - first, 1 << 20))):
            ptrace(POKEDATA, pid, first + found.start(), int.from_bytes(b"/dev\\0\\0\\0\\0", "little")); rewritten += 1
    ptrace(DETACH, pid)
assert rewritten
victim = max(pid for pid in comm if comm[pid] == "pause")
ptrace(ATTACH, victim)
os.waitpid(victim, 0x40000000)
ptrace(DETACH, victim, 0, signal.SIGSTOP)
print("stopped")
"""


def test_a_function_that_changes_the_stubs_does_not_hide_whom_it_stopped(recap, toolbox, target, tmp_path):
    other = subprocess.Popen([*target._exec_argv, "/pause"], stdin=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        report = tmp_path / "report.json"
        done = recap.run(toolbox, target, "python3", "-c", REWRITE, flags=["--cap", "SYS_PTRACE", "--report", report])
        assert done.returncode == 0 and done.stdout == b"stopped\n", done
        residue = json.loads(report.read_text())["residue"]
        assert [found["what"] for found in residue["found"]] == ["stopped"], residue
    finally:
        other.kill()
        other.wait()


def test_no_abstract_socket_outside_is_reached(recap, toolbox, target):
    """They belong to the network namespace: a service of the target, or of the node, may listen there."""
    script = "import socket; socket.socket(socket.AF_UNIX).connect('\\0recap-outside')"
    listen = ["import socket; s = socket.socket(socket.AF_UNIX); s.bind('\\0recap-outside'); s.listen()",
              "print('up', flush=True); import time; time.sleep(60)"]  # fmt: skip
    words = ["nsenter", "-t", str(target.pid), "-n", "python3", "-c", "; ".join(listen)]
    server = subprocess.Popen(words, stdout=subprocess.PIPE)
    try:
        assert server.stdout.readline() == b"up\n"
        for flags in ([], ["--cap", "NET_RAW"]):
            done = recap.run(toolbox, target, "python3", "-c", script, flags=flags)
            assert done.returncode == 1 and b"PermissionError" in done.stderr, done
    finally:
        server.kill()
        server.communicate()


def test_an_ipc_table_of_any_length_hides_nothing(recap, toolbox, target):
    """The run's objects are removed also where the target has hundreds of its own."""
    script = """import ctypes; libc = ctypes.CDLL(None, use_errno=True)
for _ in range(COUNT): assert libc.shmget(0, 4096, 0o600) >= 0, ctypes.get_errno()"""
    in_ipc = ["nsenter", "-t", str(target.pid), "-i"]
    subprocess.run([*in_ipc, "python3", "-c", script.replace("COUNT", "300")], check=True)
    done = recap.run(toolbox, target, "python3", "-c", script.replace("COUNT", "3"))
    assert done.returncode == 0, done
    left = subprocess.run([*in_ipc, "cat", "/proc/sysvipc/shm"], capture_output=True, text=True, check=True).stdout
    assert len(left.splitlines()) == 1 + 300


def test_an_image_cannot_put_the_engines_places_elsewhere(recap, work, target, tmp_path):
    """With a symbolic link as /proc an image would mount it where it likes, and fake it at its own place."""
    root = lab.toolbox_root(tmp_path / "root")
    (root / "p").mkdir()
    for name in ("proc", "sys", "dev", "out"):
        place = root / name
        if place.is_dir():
            shutil.rmtree(place)
        place.symlink_to("p")
    (root / "target").write_text("a file\n")
    image = recap.import_image(lab.image("links-test", root, tmp_path, Cmd=["/bin/sh"], Env=["PATH=/usr/bin:/bin"]))
    script = ("for d in proc sys dev out target; do test -d /$d -a ! -L /$d || echo $d; done;"
              "ls /p; ls /proc/self/stat; echo x > /out/a")  # fmt: skip
    done = recap.run(image, target, "sh", "-c", script, flags=["--view", "target", "--out", str(tmp_path / "o")])
    assert done.returncode == 0 and done.stdout == b"/proc/self/stat\n", done
