# SPDX-License-Identifier: Apache-2.0
"""Registries that fail, lie or attack: every pull ends, says why in a sentence, and leaves nothing."""

import contextlib
import gzip
import hashlib
import http.server
import io
import json
import os
import platform
import random
import shutil
import socket
import ssl
import subprocess
import tarfile
import threading
import time

import pytest

import testlib.registry
from testlib import host, images
from testlib.fixtures import rounds
from testlib.recap import Recap

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


@pytest.fixture
def recap(work, nothing_stays, tmp_path):
    """recap with an empty store."""
    folder = work / f"registry-{tmp_path.name}"
    folder.mkdir()
    yield Recap(folder)
    shutil.rmtree(folder)


def refused(recap, reference, *said, flags=(), seconds=60):
    """The pull ends in time with one sentence that has all of `said`; nothing of it is in the store."""
    began = time.monotonic()
    done = recap("pull", *flags, reference, timeout=seconds + 60)
    assert done.returncode == 125 and done.stdout == b"", done
    assert done.stderr.count(b"\n") == 1 and all(word in done.stderr for word in said), done
    assert time.monotonic() - began < seconds, done
    store = recap.data / "store"
    for folder in ("blobs/sha256", "layers", "images", "refs", "tmp"):
        assert os.listdir(store / folder) == [], folder
    return done


def sized(content, media_type):
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def image_of(layer, diff_id=None, size=None):
    """(manifest, blobs by digest) of an image with one layer; `size` instead of the layer's own."""
    diff_id = diff_id or "sha256:" + hashlib.sha256(layer).hexdigest()
    config = json.dumps({"os": "linux", "architecture": ARCHITECTURE, "config": {"Cmd": ["/x"]},
                         "rootfs": {"type": "layers", "diff_ids": [diff_id]}}).encode()  # fmt: skip
    described = sized(layer, "application/vnd.oci.image.layer.v1.tar+gzip")
    described["size"] = size or described["size"]
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": [described],
                "config": sized(config, "application/vnd.oci.image.config.v1+json")}  # fmt: skip
    blobs = {manifest["config"]["digest"]: config, described["digest"]: layer}
    return json.dumps(manifest).encode(), blobs


class Evil(http.server.BaseHTTPRequestHandler):
    """A registry by hand; `server.serve(handler, path)` answers what is not as usual."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("Authorization")))
        with contextlib.suppress(OSError):
            if not self.server.serve(self):
                self.usual()

    do_HEAD = do_GET

    def usual(self):
        if self.path == "/v2/":
            return self.answer(b"{}")
        if "/manifests/" in self.path:
            return self.answer(self.server.manifest, MANIFEST)
        blob = self.server.blobs.get(self.path.rpartition("/")[2])
        return self.answer(blob, "application/octet-stream") if blob is not None else self.send_error(404)

    def answer(self, body, kind="application/json"):
        self.begin(len(body), kind)
        if self.command != "HEAD":
            self.wfile.write(body)
        return True

    def begin(self, length=None, kind="application/octet-stream", status=200, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is None:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        return True

    def pour(self, piece, until):
        while not until():
            self.wfile.write(piece)

    def log_message(self, *_):
        pass


@pytest.fixture
def evil(recap, tmp_path):
    """Starts evil registries, over TLS, which the user trusts."""
    started = []

    def start(serve=lambda handler: False, manifest=b"{}", blobs=None, host="127.0.0.1"):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Evil)
        server.daemon_threads = True
        server.serve, server.manifest, server.blobs = serve, manifest, blobs or {}
        server.seen, server.over = [], threading.Event()
        server.name = f"{host}:{server.server_port}"
        testlib.registry.trust(tmp_path / "home/.config/containers", server.name, tmp_path)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        started.append(server)
        return server

    recap.env["HOME"] = str(tmp_path / "home")
    yield start
    for server in started:
        server.over.set()
        server.shutdown()
        server.server_close()


LAYER = gzip.compress(bytes(1 << 20))


def test_wrong_credentials_and_none(recap, tmp_path):
    with testlib.registry.start(tmp_path, private=True, tls=True) as registry:
        reference = registry.push(images.get("busybox"), "lib/busybox:1")
        recap.env.update(HOME=registry.home, REGISTRY_AUTH_FILE=str(tmp_path / "none.json"))
        refused(recap, reference, b"skopeo login")
        wrong = tmp_path / "wrong.json"
        wrong.write_text(json.dumps({"auths": {registry.name: {"auth": "bm9kZTp3cm9uZw=="}}}))
        refused(recap, reference, b"skopeo login", flags=["--authfile", wrong])
        recap.env["HOME"] = str(tmp_path)
        shutil.rmtree(tmp_path / ".config/containers/certs.d")
        refused(recap, reference, b"certificate", b"certs.d", flags=["--authfile", registry.auth_file])
        done = recap("pull", "--tls-verify=false", "--authfile", registry.auth_file, reference)
        assert done.returncode == 0, done


def test_a_registry_that_dies_mid_pull(recap, evil):
    manifest, blobs = image_of(os.urandom(8 << 20))
    (layer,) = (name for name, blob in blobs.items() if len(blob) > 1 << 20)

    def half(handler):
        if not handler.path.endswith(layer):
            return False
        handler.begin(len(blobs[layer]))
        handler.wfile.write(blobs[layer][: 1 << 20])
        handler.connection.shutdown(socket.SHUT_RDWR)
        return True

    server = evil(half, manifest, blobs)
    refused(recap, f"{server.name}/x/y:1", b"skopeo failed")
    server.serve = lambda handler: False
    done = recap("pull", f"{server.name}/x/y:1")
    assert done.returncode == 125 and b"skopeo failed" not in done.stderr  # no tar, but all of it came


def test_a_registry_that_stops_sending(recap, evil):
    manifest, blobs = image_of(LAYER)

    def stall(handler):
        if "/blobs/" not in handler.path:
            return False
        handler.begin(1 << 20)
        handler.wfile.write(b"x")
        handler.wfile.flush()
        handler.server.over.wait(60)
        return True

    server = evil(stall, manifest, blobs)
    refused(recap, f"{server.name}/x/y:1", b"nothing arrived for 3 seconds", b"--timeout", flags=["--timeout", "3"],
            seconds=20)  # fmt: skip


def test_a_slow_registry_is_waited_for(recap, tmp_path, evil):
    busybox = images.get("busybox")
    with testlib.registry.start(tmp_path / "real") as registry:
        reference = registry.push(busybox, "lib/busybox:1")
        pulled = recap("pull", reference, env={"HOME": registry.home})
        assert pulled.returncode == 0, pulled
    digest = pulled.stdout.split()[1].decode()
    store = recap.data / "store/blobs/sha256"
    blobs = {f"sha256:{path.name}": path.read_bytes() for path in store.iterdir()}

    def slowly(handler):
        blob = blobs.get(handler.path.rpartition("/")[2])
        if "/blobs/" not in handler.path or handler.command != "GET" or not blob or len(blob) < 1 << 16:
            return False
        handler.begin(len(blob))
        step = len(blob) // 5 + 1
        for at in range(0, len(blob), step):
            handler.wfile.write(blob[at : at + step])
            time.sleep(0.7)
        return True

    assert recap("rmi", reference).returncode == 0
    server = evil(slowly, blobs[digest], blobs)
    done = recap("pull", "--timeout", "3", f"{server.name}/x/y:1")  # longer than 3 seconds, but something comes
    assert done.returncode == 0 and digest.encode() in done.stdout, done


def test_a_bomb_of_five_gigabytes(recap, evil):
    out = gzip.compress(bytes(16 << 20), 9)
    bomb = out * 320  # 5 GiB of zeros as members of one gzip file
    diff_id = "sha256:" + hashlib.sha256(b"never reached").hexdigest()
    manifest, blobs = image_of(bomb, diff_id)
    server = evil(manifest=manifest, blobs=blobs)
    refused(recap, f"{server.name}/x/bomb:1", b"decompression bomb")


def test_a_manifest_without_end(recap, evil):
    def endless(handler):
        if "/manifests/" not in handler.path:
            return False
        handler.begin(kind=MANIFEST)
        if handler.command == "GET":
            handler.pour(b'{"schemaVersion":2,"x":"' + b"x" * (1 << 16), handler.server.over.is_set)
        return True

    server = evil(endless)
    refused(recap, f"{server.name}/x/endless:1", b"skopeo failed")


def test_a_blob_without_end(recap, evil):
    manifest, blobs = image_of(LAYER)

    def endless(handler):
        if "/blobs/" not in handler.path:
            return False
        handler.begin()
        handler.pour(os.urandom(1 << 20), handler.server.over.is_set)
        return True

    server = evil(endless, manifest, blobs)
    with limited(recap.data / "store", 64):
        refused(recap, f"{server.name}/x/endless:1", b"no space left", b"recap gc")


@contextlib.contextmanager
def limited(store, megabytes):
    """A store on a file system of this size."""
    store.mkdir(mode=0o700, parents=True, exist_ok=True)
    host.run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", store)
    try:
        yield
    finally:
        host.run("umount", store)


def test_another_blob_than_promised(recap, evil):
    manifest, blobs = image_of(LAYER)
    wrong = {name: blob if len(blob) < 1000 else gzip.compress(b"another") for name, blob in blobs.items()}
    assert wrong != blobs
    server = evil(manifest=manifest, blobs=wrong)
    refused(recap, f"{server.name}/x/wrong:1", b"skopeo failed")


def test_another_manifest_than_the_digest_promises(recap, evil):
    manifest, blobs = image_of(LAYER)
    server = evil(manifest=manifest, blobs=blobs)
    refused(recap, f"{server.name}/x/y@sha256:{'ab' * 32}", b"skopeo failed")


def test_credentials_go_to_the_registry_alone(recap, evil, tmp_path):
    """A registry that sends us elsewhere for a blob: there, nobody is told who we are."""
    manifest, blobs = image_of(gzip.compress(tar_of("x")))
    elsewhere = evil(manifest=manifest, blobs=blobs, host="localhost")

    def redirect(handler):
        if not handler.headers.get("Authorization"):
            return handler.begin(0, status=401, WWW_Authenticate='Basic realm="here"')
        if "/blobs/" in handler.path:
            return handler.begin(0, status=307, Location=f"https://{elsewhere.name}{handler.path}")
        return False

    server = evil(redirect, manifest, blobs)
    auth = tmp_path / "auth.json"
    auth.write_text(json.dumps({"auths": {server.name: {"auth": "bm9kZTpzZWNyZXQ="}}}))
    recap("pull", "--authfile", auth, f"{server.name}/x/y:1")
    told = [authorization for path, authorization in server.seen if "/manifests/" in path and authorization]
    assert told and set(told) == {"Basic bm9kZTpzZWNyZXQ="}
    assert elsewhere.seen and {authorization for _, authorization in elsewhere.seen} == {None}, elsewhere.seen


def test_killed_at_any_moment(recap, tmp_path):
    """SIGKILL during a pull: what is in the store then is whole, the rest is swept, and pulling again works."""
    with testlib.registry.start(tmp_path) as registry:
        reference = registry.push(images.get("busybox"), "lib/busybox:1")
        recap.env["HOME"] = registry.home
        seed = random.randrange(1 << 32)
        chance = random.Random(seed)
        for _ in range(rounds(6, 200)):
            child = recap.popen("pull", reference, stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0, 0.6))
            child.kill()
            child.communicate()
            checked = recap("verify")
            assert checked.returncode == 0, (seed, checked)
            assert os.listdir(recap.data / "store/tmp") == [], seed
            recap("rmi", reference)
            recap("gc")
        done = recap("pull", reference)
        assert done.returncode == 0 and recap("verify").returncode == 0, (seed, done)


def tar_of(name):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    return out.getvalue()
