# SPDX-License-Identifier: Apache-2.0
"""A registry of container images on the loopback interface: Debian's docker-registry, over plain HTTP or TLS."""

import base64
import contextlib
import crypt
import json
import socket
import subprocess

from . import host

USER, PASSWORD = "node", "secret of the node"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def certificate(folder, *names):
    """A key and a certificate that signs itself, as folder/key.pem and folder/cert.pem."""
    host.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj", "/CN=registry",
             "-addext", "subjectAltName=" + ",".join(names))  # fmt: skip


def trust(containers, name, folder):
    """Lets who has `containers` as ~/.config/containers trust the certificate in `folder` for the registry `name`."""
    if not (folder / "cert.pem").exists():
        certificate(folder, "IP:127.0.0.1", "DNS:localhost")
    place = containers / "certs.d" / name
    place.mkdir(parents=True)
    (place / "ca.crt").write_bytes((folder / "cert.pem").read_bytes())


class Registry:
    def __init__(self, folder, private=False, tls=False):
        """`folder`: private; with `private` only USER gets anything."""
        self.folder, self.private, self.tls = folder, private, tls
        self.name = f"127.0.0.1:{free_port()}"
        containers = folder / ".config/containers"
        containers.mkdir(parents=True)
        if tls:
            trust(containers, self.name, folder)
        else:
            # Plain HTTP is for hosts that the operator's registries.conf names, as with every such tool.
            conf = containers / "registries.conf"
            conf.write_text(f'[[registry]]\nlocation = "{self.name}"\ninsecure = true\n')
        self.home = str(folder)  # of who pulls
        self.auth_file = folder / "auth.json"
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        self.auth_file.write_text(json.dumps({"auths": {self.name: {"auth": token}}}))
        self.daemon = None

    def start(self):
        config = self.folder / "registry.yml"
        auth, tls = "", ""
        if self.tls:
            tls = f", tls: {{certificate: {self.folder}/cert.pem, key: {self.folder}/key.pem}}"
        if self.private:
            hashed = crypt.crypt(PASSWORD, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=2**5))
            (self.folder / "htpasswd").write_text(f"{USER}:{hashed}\n")
            auth = f"auth: {{htpasswd: {{realm: test, path: {self.folder}/htpasswd}}}}\n"
        config.write_text(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {self.folder}/registry}}}}\n"
                          f"http: {{addr: '{self.name}'{tls}}}\n{auth}")  # fmt: skip
        self.daemon = host.Daemon(["docker-registry", "serve", config], self.folder / "registry.log")
        port = int(self.name.rpartition(":")[2])
        host.wait_for(lambda: self.daemon.check() and not socket.socket().connect_ex(("127.0.0.1", port)), "registry")
        return self

    def log_size(self):
        return self.daemon.log.stat().st_size

    def log_since(self, size):
        return self.daemon.log.read_bytes()[size:].decode().splitlines()

    def stop(self):
        if self.daemon:
            self.daemon.stop()
        self.daemon = None

    def configure(self, signatures):
        """Says in registries.d of who pulls where signatures are."""
        folder = self.folder / ".config/containers/registries.d"
        folder.mkdir()
        (folder / "test.yaml").write_text(f"default-docker:\n    {signatures}\n")

    def digest(self, name):
        words = ["skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{name}"]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def blob(self, digest):
        """The file in which it keeps a blob or a manifest."""
        algorithm, _, value = digest.partition(":")
        return self.folder / f"registry/docker/registry/v2/blobs/{algorithm}/{value[:2]}/{value}/data"

    def push(self, image, reference, preserve=True):
        """A testlib.images.Image as `reference`, e.g. "lib/tools:1"; returns its whole name. Unless its digest has to
        stay, its layers are compressed, as they mostly are."""
        name = f"{self.name}/{reference}"
        flags = ["-q", "--dest-tls-verify=false", "--authfile", self.auth_file] + ["--preserve-digests"] * preserve
        subprocess.run(["skopeo", "--insecure-policy", "copy", *flags, f"oci-archive:{image.oci_archive}",
                        f"docker://{name}"], check=True, capture_output=True)  # fmt: skip
        return name


@contextlib.contextmanager
def start(folder, private=False, tls=False):
    registry = Registry(folder, private, tls)
    try:
        yield registry.start()
    finally:
        registry.stop()
