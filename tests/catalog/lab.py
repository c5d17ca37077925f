# SPDX-License-Identifier: Apache-2.0
"""What the checks of the catalogue attach to: real services in lean containers, with what functions look for."""

import gzip
import json
import os
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from testlib import images

ALL = sorted(path.parent.name for path in (images.ROOT / "catalog").glob("*/function.yaml"))
FUNCTIONS = os.environ.get("RECAP_FUNCTIONS", "").split() or ALL  # the variable is for who works on one
EICAR = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
TARGETS = Path(__file__).resolve().parent / "targets"
NGINX = """
user www-data; worker_processes 1; pid /run/nginx.pid; error_log /var/log/nginx/error.log warn;
events { worker_connections 256; }
http {
    access_log /var/log/nginx/access.log;
    server {
        listen 80; listen 443 ssl;
        ssl_certificate /data/tls.crt; ssl_certificate_key /data/tls.key;
        root /var/www/html;
        location = /status { stub_status; }
    }
}
"""


def function_yaml(name):
    return yaml.safe_load((images.ROOT / f"catalog/{name}/function.yaml").read_text())


def target_image(name):
    """An image of targets/, whose one layer is its whole root."""
    archive = images.function(name, "--catalog", TARGETS)
    tar = images.CACHE / f"catalog-{name}.tar"
    with tarfile.open(archive) as opened:
        blob = lambda digest: opened.extractfile("blobs/" + digest.replace(":", "/")).read()  # noqa: E731
        index = json.load(opened.extractfile("index.json"))
        manifest = json.loads(blob(index["manifests"][0]["digest"]))
        config = json.loads(blob(manifest["config"]["digest"])).get("config", {})
        assert len(manifest["layers"]) == 1, manifest
        layer = blob(manifest["layers"][0]["digest"])
    tar.write_bytes(gzip.decompress(layer) if layer[:2] == b"\x1f\x8b" else layer)
    return images.Image(name, tar, config)


def caller_root(root):
    """A dynamic program, bound as its calls come, with what it needs."""
    root.mkdir()
    source = root / "caller.c"
    source.write_text("""
        #include <stdlib.h>
        #include <unistd.h>
        int main(void) { for (;;) { getenv("HOME"); usleep(100000); } }
    """)
    subprocess.run(["gcc", "-O0", "-Wl,-z,lazy", "-fcf-protection=none", "-o", root / "caller", source], check=True)
    subprocess.run([images.ROOT / "catalog/base/lean-copy", root, f"{root}/caller=/caller"], check=True)
    source.unlink()
    return root


def data_folder(folder):
    """/data of the web server: its certificate, and files that only root may read."""
    folder.mkdir(mode=0o700)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=lean.test", "-days", "30", "-keyout", folder / "tls.key", "-out", folder / "tls.crt"],
                   check=True, capture_output=True)  # fmt: skip
    (folder / "secret").write_text("root only\n")
    (folder / "secret").chmod(0o600)
    (folder / "deep").mkdir()
    (folder / "deep/file").write_bytes(bytes(range(256)) * 64)
    return folder


def nginx(runc, folder, image, data=None, **options):
    """nginx with TLS, a status page, its logs and data (new, or another one's) on volumes."""
    logs, pages, config = folder / "logs", folder / "pages", folder / "nginx.conf"
    logs.mkdir(parents=True)
    pages.mkdir()
    (pages / "index.html").write_text("Served by nginx\n")
    os.utime(pages / "index.html", (1_600_000_000,) * 2)
    config.write_text(NGINX)
    data = data or data_folder(folder / "data")
    volumes = [(data, "/data", "rw"), (logs, "/var/log/nginx", "rw"),
               (config, "/etc/nginx/nginx.conf", "ro"), (pages, "/var/www/html", "rw")]  # fmt: skip
    container = runc.run(image, volumes=volumes, **options)
    container.folder = folder
    container.http("/")
    return container


@dataclass
class Grant:
    """What a function asks for, as explicit flags, so that one thing of it can be left out."""

    share: list
    view: str
    capabilities: list
    run_as: str
    profile: str
    words: list = field(default_factory=list)

    @classmethod
    def of(cls, name):
        asked = function_yaml(name)
        grant = asked["grant"]
        return cls(asked["share"], asked["view"], grant["capabilities"], grant["runAs"].lower(), grant["profile"])

    def flags(self):
        return ["--share", ",".join(self.share) or "none", "--view", self.view, "--run-as", self.run_as,
                "--cap", ",".join(self.capabilities) or "none", "--profile", self.profile]  # fmt: skip

    def without_each(self):
        """(what is missing, the rest) of everything that exceeds the least there is."""
        but = lambda names, name: [other for other in names if other != name]  # noqa: E731
        make = lambda **change: Grant(**{**self.__dict__, **change})  # noqa: E731
        for name in self.share:
            yield f"share {name}", make(share=but(self.share, name))
        for name in self.capabilities:
            yield name, make(capabilities=but(self.capabilities, name))
        for what, least in (("view", "nothing"), ("run_as", "reserved"), ("profile", "restricted")):
            if getattr(self, what) != least:
                yield f"{what} {getattr(self, what)}", make(**{what: least})


class Refused(Exception):
    """RECap did not start the function, which says nothing about the function."""


class Function:
    """One function on one target, with an explicit grant or (None) its defaults."""

    def __init__(self, recap, name, target, grant=None):
        self.recap, self.name, self.target = recap, name, target
        self.grant = grant.flags() if grant else []

    def __call__(self, *argv, flags=(), timeout="20s", **options):
        flags = ["--timeout", timeout, *self.grant, *map(str, flags)]
        done = self.recap.run(self.name, self.target, *map(str, argv), flags=flags, timeout=60, **options)
        if done.returncode == 125:
            raise Refused(done.stderr.decode())
        return done

    def start(self, *argv, flags=()):
        return self.recap.start(self.name, self.target, *map(str, argv), flags=[*self.grant, *flags])

    def popen(self, *argv, flags=(), **options):
        words = self.recap.run_words(self.name, self.target, *map(str, argv), flags=[*self.grant, *map(str, flags)])
        return self.recap.popen(*words, **options)
