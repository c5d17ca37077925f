# SPDX-License-Identifier: Apache-2.0
"""A Capsule that leaves something on purpose: Escape removes it, or finds it, names it and says so."""

import json
import os

import pytest

from testlib import snapshot

C = "import ctypes; libc, rt = ctypes.CDLL(None), ctypes.CDLL('librt.so.1'); "
# What a function of ordinary rights can leave in namespaces it shares: Escape takes it all away.
REMOVED = {
    "shared memory": C + "assert libc.shmget(81, 4096, 0o1666) >= 0",
    "private shared memory, attached": C + "i = libc.shmget(0, 4096, 0o1666); libc.shmat(i, None, 0); assert i >= 0",
    "semaphore": C + "assert libc.semget(82, 1, 0o1666) >= 0",
    "message queue": C + "assert libc.msgget(83, 0o1666) >= 0",
    "posix message queue": C + "assert rt.mq_open(b'/left', 0o102, 0o666, None) >= 0",
    "key": C + "assert libc.syscall(248, b'user', b'left', b'x', 1, -3) != 0",
    "abstract socket": "import socket, os, time; s = socket.socket(socket.AF_UNIX); s.bind('\\0left'); os.fork() and os._exit(0); time.sleep(9e4)",
    "listening socket": "import socket, os, time; s = socket.create_server(('127.0.0.1', 7020)); os.fork() and os._exit(0); time.sleep(9e4)",
    "connection that ended": "import socket\ns = socket.create_server(('127.0.0.1', 7021))\n"
                             "c = socket.create_connection(('127.0.0.1', 7021))\na, _ = s.accept()\nc.close(); a.close()",
    "daemon": "import os, time; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); time.sleep(9e4)",
    "zombies": "import os, time\nfor _ in range(10):\n  os.fork() or os._exit(0)\ntime.sleep(0.1)",
}  # fmt: skip


@pytest.mark.parametrize("what", REMOVED)
def test_what_a_function_leaves_is_removed(recap, toolbox, target, tmp_path, what):
    recap.run(toolbox, target, "true")
    before = snapshot.take(target.pid, recap.state)
    report = tmp_path / "report.json"
    done = recap.run(toolbox, target, "python3", "-c", REMOVED[what], flags=["--report", report])
    residue = json.loads(report.read_text())["residue"]
    if what == "key":  # refused by the profile, or in the run's own keyring
        assert done.returncode in (0, 1), done
    else:
        assert done.returncode == 0, done
    changes = snapshot.changes_since(before)
    assert not changes, snapshot.explain(changes)
    assert residue == {"verified": True, "found": []}, residue


# What a function of special rights can leave. (flags, script, class of the snapshot, word of the record)
NAMED = {
    "stopped process": (["--cap", "KILL"], "import os, signal, time; os.kill(1, signal.SIGSTOP); time.sleep(0.1)",
                        "target.processes", "stopped"),
    "network device": (["--cap", "NET_ADMIN"], "import subprocess; subprocess.run(['ip', 'link', 'add', 'left0', 'type', 'bridge'], check=True)",
                       "target.network", "left0"),
    "network address": (["--cap", "NET_ADMIN"], "import subprocess; subprocess.run(['ip', 'addr', 'add', '192.0.2.7/32', 'dev', 'lo'], check=True)",
                        "target.network", "192.0.2.7"),
}  # fmt: skip


@pytest.mark.parametrize("what", NAMED)
def test_what_special_rights_leave_is_removed_or_named(recap, toolbox, target, tmp_path, what):
    flags, script, cls, word = NAMED[what]
    recap.run(toolbox, target, "true")
    before = snapshot.take(target.pid, recap.state, [cls])
    report = tmp_path / "report.json"
    done = recap.run(toolbox, target, "python3", "-c", script, flags=["--report", report, *flags])
    changes = snapshot.changes_since(before, settle=1)
    target.kill(18)
    assert done.returncode == 0, done
    residue = json.loads(report.read_text())["residue"]
    if changes:
        assert not residue["verified"] and word in json.dumps(residue["found"]), (residue, snapshot.explain(changes))
        assert word.encode() in done.stderr, "residue is not told to the user"
    else:
        assert residue == {"verified": True, "found": []}, residue


def test_what_was_declared_stays_and_is_no_residue(recap, toolbox, target, tmp_path):
    os.chmod(f"/proc/{target.pid}/root/var/log", 0o777)
    before = snapshot.take(target.pid, recap.state, ["target.files"])
    report = tmp_path / "report.json"
    done = recap.run(toolbox, target, "touch", "/var/log/left", flags=["--writable", "/var/log", "--report", report])
    assert done.returncode == 0, done
    changed = {change.what for change in snapshot.changes_since(before, settle=0)}
    assert changed == {"/var/log", "/var/log/left"}, changed
    assert json.loads(report.read_text())["residue"] == {"verified": True, "found": []}
