# SPDX-License-Identifier: Apache-2.0
"""The whole catalogue in a store of this session, and the containers that its checks attach to."""

import contextlib
import ctypes
import os
import socketserver
import struct
import subprocess
import threading

import pytest

from catalog import lab
from testlib import images, waiting
from testlib.recap import BUILD


@pytest.fixture(scope="session")
def catalogue(work, nothing_stays):
    images.install(lab.FUNCTIONS, work / "data", BUILD / "src/main/recap-image")
    return work / "data"


@pytest.fixture(scope="module")
def web(runc, work, request):
    """A lean nginx: the program, its libraries, nothing else."""
    container = lab.nginx(runc, work / f"web-{request.module.__name__}", images.get("lean-nginx"))
    yield container
    container.remove()


@pytest.fixture(scope="module")
def redis(runc):
    container = runc.run(lab.target_image("redis"), user="65532:65532", capabilities=[])
    container.in_network("ip", "link", "set", "lo", "up", check=True)
    yield container
    container.remove()


@pytest.fixture(scope="module")
def postgres(runc):
    container = runc.run(lab.target_image("postgres"), capabilities=[])
    waiting.until(lambda: ":5432" in container.in_network("ss", "-ltn").stdout, 20, "a server that listens")
    yield container
    container.remove()


@pytest.fixture(scope="module")
def caller(runc, work):
    """A dynamic program that calls a library function again and again."""
    root = lab.caller_root(work / "caller-root")
    container = runc.run(images.from_root(root, "caller", {"Entrypoint": ["/caller"]}, work))
    yield container
    container.remove()


@contextlib.contextmanager
def answering(container):
    """A name server in a container's network, that knows one name."""
    with in_network_of(container):
        server = socketserver.UDPServer(("127.0.0.1", 5353), Answer)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield container
    server.shutdown()
    server.server_close()


@pytest.fixture
def name_server(web):
    with answering(web):
        yield web


class Answer(socketserver.BaseRequestHandler):
    """192.0.2.80 to whatever is asked."""

    def handle(self):
        query, socket = self.request
        question = query[12 : query.index(b"\0", 12) + 5]
        header = query[:2] + struct.pack(">HHHHH", 0x8580, 1, 1, 0, 0)
        answer = b"\xc0\x0c" + struct.pack(">HHIH4B", 1, 1, 60, 4, 192, 0, 2, 80)
        socket.sendto(header + question + answer, self.client_address)


@contextlib.contextmanager
def in_network_of(container):
    """This thread in the container's network; sockets that it makes stay there."""
    own, there = os.open("/proc/thread-self/ns/net", os.O_RDONLY), os.open(f"/proc/{container.pid}/ns/net", os.O_RDONLY)
    enter(there)
    try:
        yield
    finally:
        enter(own)
        os.close(own)
        os.close(there)


def enter(namespace):
    """setns(2), which Python has from 3.12 on."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.setns(namespace, 0) == 0, os.strerror(ctypes.get_errno())


@pytest.fixture
def time_server(recap, catalogue, web):
    """chronyd as a server in the web server's network: the function's own image, as another Capsule."""
    words = ["-U", "-x", "-d", "port 1123", "local stratum 5", "allow 127.0.0.0/8", "cmdport 0", "pidfile /server.pid"]
    recap.start("chrony", web, *words, flags=["--entrypoint", "/usr/bin/chronyd", "--timeout", "60s"])
    waiting.until(lambda: ":1123" in web.in_network("ss", "-lun").stdout, 10, "a time server that listens")
    yield web


@pytest.fixture(scope="module")
def backed_up(web, work):
    """The web server, with an object store in its network to keep backups in."""
    from testlib import objectstore

    folder = work / "backups"
    folder.mkdir()
    store = objectstore.ObjectStore(folder, "backups")
    argv = [objectstore.program(), "--access", objectstore.ID, "--secret", objectstore.SECRET, "--port",
            "127.0.0.1:9000", "posix", store.bucket.parent]  # fmt: skip
    with open(folder / "log", "wb") as log:
        daemon = subprocess.Popen(["nsenter", "-t", str(web.pid), "-n", *map(str, argv)], stdin=subprocess.DEVNULL,
                                  stdout=log, stderr=log)  # fmt: skip
    waiting.until(lambda: ":9000" in web.in_network("ss", "-ltn").stdout, 20, "an object store that listens")
    web.repository = {
        "RESTIC_REPOSITORY": "s3:http://127.0.0.1:9000/backups", "RESTIC_PASSWORD": "only of this test",
        "AWS_ACCESS_KEY_ID": objectstore.ID, "AWS_SECRET_ACCESS_KEY": objectstore.SECRET,
    }  # fmt: skip
    yield web
    daemon.terminate()
    daemon.wait(20)
