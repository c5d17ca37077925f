# SPDX-License-Identifier: Apache-2.0
"""What operators count on: a scan that sees all of a container, a rotation without loss, a backup that is whole."""

import hashlib
import os
import re
import shutil
import socket
import stat
import time
from pathlib import Path

import pytest

from catalog import lab
from catalog.conftest import in_network_of
from testlib import images, runtimes, snapshot
from testlib.host import recap_variables
from testlib.recap import Recap

REQUESTS = 10_000
CONNECTIONS = 20  # nginx closes one after 1,000 requests


@pytest.fixture
def docker(nothing_stays):
    with runtimes.docker() as runtime:
        yield runtime


@pytest.fixture
def infected(docker, work):
    """A container with an overlay, with malware in its image, its writable layer and a volume."""
    root = lab.caller_root(work / "infected-root")
    (root / "srv").mkdir()
    (root / "srv/image").write_text(lab.EICAR)
    volume = work / "infected-volume"
    volume.mkdir()
    (volume / "volume").write_text(lab.EICAR)
    image = images.from_root(root, "infected", {"Entrypoint": ["/caller"]}, work)
    container = docker.run(image, volumes=[(volume, "/volume", "rw")])
    mounts = Path(f"/proc/{container.pid}/mountinfo").read_text()
    assert re.search(r" / / \S+ .*- overlay ", mounts), "there is no writable layer of its own"
    Path(f"/proc/{container.pid}/root/srv/layer").write_text(lab.EICAR)
    yield container
    container.remove()


def test_malware_is_found_wherever_it_is_and_the_target_is_as_before(work, catalogue, infected, docker):
    recap = Recap(work, recap_variables(docker.roots))
    scan = lab.Function(recap, "clamav", infected)
    scan(timeout="50s")  # warm: image, parent cgroup
    time.sleep(0.2)
    before = snapshot.take(infected.pid, recap.state)
    done = scan(timeout="50s")
    changes = snapshot.changes_since(before)
    assert done.returncode == 1, done
    found = set(re.findall(r"^(\S+): Eicar-Test-File", done.stdout.decode(), re.MULTILINE))
    assert found == {"/target/srv/image", "/target/srv/layer", "/target/volume/volume"}
    assert not changes, snapshot.explain(changes)


def answer_of(connection):
    """Reads one whole answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536) or pytest.fail("the server closed the connection")
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(re.search(rb"Content-Length: (\d+)", head).group(1))
    while len(body) < length:
        body += connection.recv(65536)


def test_rotation_of_a_busy_log_loses_no_line(recap, catalogue, web):
    rotate = lab.Function(recap, "logrotate", web)
    logs = web.folder / "logs"
    with in_network_of(web):
        connections = [socket.create_connection(("127.0.0.1", 80)) for _ in range(CONNECTIONS)]
    rotations = []
    for number in range(REQUESTS):
        connection = connections[number % CONNECTIONS]
        connection.sendall(b"GET /?line=%d HTTP/1.1\r\nHost: lean\r\n\r\n" % number)
        answer_of(connection)
        if number % 2000 == 1000:
            argv = ["/var/log/nginx/access.log"]
            rotations.append(rotate.popen(*argv, flags=["--writable", "/var/log/nginx"]))
    for one in rotations:
        _, err = one.communicate(timeout=60)
        assert one.returncode == 0, err
    for connection in connections:
        connection.close()
    files = list(logs.glob("access.log*"))
    lines = [int(line) for file in files for line in re.findall(r"\?line=(\d+) ", file.read_text())]
    assert len(files) > 2 and sorted(lines) == list(range(REQUESTS))


def content(root):
    """All that a restored file must have again; directories' own times are those of what was put into them."""
    found = {}
    for path in sorted(root.rglob("*")):
        info = path.lstat()
        kind = stat.S_IFMT(info.st_mode)
        what = [info.st_mode, info.st_uid, info.st_gid, info.st_nlink if kind == stat.S_IFREG else 0]
        if kind == stat.S_IFREG:
            what += [info.st_mtime_ns // 10**9, hashlib.sha256(path.read_bytes()).hexdigest()]
            what += [(name, os.getxattr(path, name)) for name in os.listxattr(path)]
        if kind == stat.S_IFLNK:
            what.append(os.readlink(path))
        found[str(path.relative_to(root))] = what
    return found


def fill(root):
    """A tree with all that archives are bad at."""
    root.mkdir()
    for number in range(200):
        folder = root / f"d{number % 7}"
        folder.mkdir(exist_ok=True)
        file = folder / f"file {number}\n"
        file.write_bytes(os.urandom(number * 97))
        os.chown(file, number, 1000 + number)
        file.chmod(0o400 + number % 64)
        os.utime(file, (1_500_000_000 + number,) * 2)
    (root / "empty").mkdir(mode=0o700)
    (root / "link").symlink_to("d1/nowhere")
    os.link(root / "d0/file 0\n", root / "second name")
    os.setxattr(root / "d1/file 1\n", "user.note", b"kept")
    (root / "setuid").write_text("x")
    os.chown(root / "setuid", 12, 13)
    (root / "setuid").chmod(0o6750)
    with (root / "sparse").open("wb") as file:
        file.truncate(50 << 20)
        file.seek(30 << 20)
        file.write(b"in the middle")


def test_a_backup_restores_to_identical_content(recap, catalogue, web):
    tree = web.folder / "data/tree"
    fill(tree)
    before = content(tree)
    done = lab.Function(recap, "backup", web)("/data/tree", flags=["--path", "/data"], timeout="50s")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) < 20 << 20, "the holes were archived"
    shutil.rmtree(tree)
    restore = lab.Function(recap, "restore", web)
    back = restore(flags=["-i", "--writable", "/data"], input=done.stdout, timeout="50s")
    assert back.returncode == 0, back
    assert content(tree) == before
