# SPDX-License-Identifier: Apache-2.0
"""A registry of container images on the loopback interface: Debian's docker-registry, plain HTTP."""

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


class Registry:
    def __init__(self, folder, private=False):
        """`folder`: private; with `private` only USER gets anything."""
        self.folder, self.private = folder, private
        self.name = f"127.0.0.1:{free_port()}"
        # Plain HTTP is for hosts that the operator's registries.conf names, as with every such tool.
        conf = folder / ".config/containers/registries.conf"
        conf.parent.mkdir(parents=True)
        conf.write_text(f'[[registry]]\nlocation = "{self.name}"\ninsecure = true\n')
        self.home = str(folder)  # of who pulls
        self.auth_file = folder / "auth.json"
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        self.auth_file.write_text(json.dumps({"auths": {self.name: {"auth": token}}}))
        self.daemon = None

    def start(self):
        config = self.folder / "registry.yml"
        auth = ""
        if self.private:
            hashed = crypt.crypt(PASSWORD, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=2**5))
            (self.folder / "htpasswd").write_text(f"{USER}:{hashed}\n")
            auth = f"auth: {{htpasswd: {{realm: test, path: {self.folder}/htpasswd}}}}\n"
        config.write_text(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {self.folder}/registry}}}}\n"
                          f"http: {{addr: '{self.name}'}}\n{auth}")  # fmt: skip
        self.daemon = host.Daemon(["docker-registry", "serve", config], self.folder / "registry.log")
        port = int(self.name.rpartition(":")[2])
        host.wait_for(lambda: self.daemon.check() and not socket.socket().connect_ex(("127.0.0.1", port)), "registry")
        return self

    def stop(self):
        if self.daemon:
            self.daemon.stop()
        self.daemon = None

    def push(self, image, reference):
        """A testlib.images.Image as `reference`, e.g. "lib/tools:1"; returns its whole name."""
        name = f"{self.name}/{reference}"
        subprocess.run(["skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false", "--authfile",
                        self.auth_file, f"oci-archive:{image.oci_archive}", f"docker://{name}"],
                       check=True, capture_output=True)  # fmt: skip
        return name


@contextlib.contextmanager
def start(folder, private=False):
    registry = Registry(folder, private).start()
    try:
        yield registry
    finally:
        registry.stop()
