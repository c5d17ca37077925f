# SPDX-License-Identifier: Apache-2.0
"""Who signs images, and how: by GPG with the skopeo that is installed, or for sigstore with tools that Go builds."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "signing"


def run(*words, env=None):
    done = subprocess.run(list(map(str, words)), capture_output=True, stdin=subprocess.DEVNULL, env=env)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


class Gpg:
    """Simple signing; signatures are files beside the registry."""

    def __init__(self, folder, registry):
        self.home, self.signatures, self.registry = folder / "gnupg", folder / "signatures", registry
        self.home.mkdir(mode=0o700)
        self.signatures.mkdir()
        self.env = {**os.environ, "GNUPGHOME": str(self.home), "HOME": registry.home}
        self.path = os.environ["PATH"]
        registry.configure(f"lookaside: 'file://{self.signatures}'\n    lookaside-staging: 'file://{self.signatures}'")

    def key(self, name):
        """Makes a key; returns the file with its public half."""
        words = ["--batch", "--passphrase", "", "--quick-generate-key", f"{name}@recap.test", "rsa2048", "sign", "0"]
        run("gpg", *words, env=self.env)
        public = self.home / f"{name}.gpg"
        public.write_bytes(run("gpg", "--export", f"{name}@recap.test", env=self.env))
        return public

    def requirement(self, public):
        return {"type": "signedBy", "keyType": "GPGKeys", "keyPath": str(public),
                "signedIdentity": {"type": "matchRepository"}}  # fmt: skip

    def push(self, archive, name, key):
        words = ["--sign-by", f"{key}@recap.test"] if key else []
        run("skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false", *words, f"oci-archive:{archive}",
            f"docker://{name}", env=self.env)  # fmt: skip

    def give_signature(self, repository, signed, other):
        """Puts the signature of digest `signed` where that of `other` would be."""
        place = self.signatures / (repository + "@" + signed.replace(":", "="))
        shutil.copytree(place, self.signatures / (repository + "@" + other.replace(":", "=")))

    def close(self):
        run("gpgconf", "--kill", "all", env=self.env)


class Sigstore:
    """Signatures in the registry itself, as cosign makes them with a key."""

    def __init__(self, folder, registry):
        self.folder, self.registry = folder, registry
        self.tools = Path(os.environ.get("RECAP_BUILD_DIR") or SOURCE.parents[1] / "build/ci").parent / "signing"
        run(SOURCE / "build", self.tools)
        self.path = f"{self.tools}:{os.environ['PATH']}"
        self.env = {**os.environ, "PATH": self.path, "HOME": registry.home}
        (folder / "password").write_text("a password")
        registry.configure("use-sigstore-attachments: true")

    def key(self, name):
        prefix = self.folder / name
        run("skopeo", "generate-sigstore-key", "--output-prefix", prefix, "--passphrase-file", self.folder / "password",
            env=self.env)  # fmt: skip
        return Path(f"{prefix}.pub")

    def requirement(self, public):
        return {"type": "sigstoreSigned", "keyPath": str(public), "signedIdentity": {"type": "matchRepository"}}

    def push(self, archive, name, key):
        words = ["--sign-by-sigstore-private-key", f"{self.folder}/{key}.private", "--sign-passphrase-file",
                 self.folder / "password"] if key else []  # fmt: skip
        run("skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false", *words, f"oci-archive:{archive}",
            f"docker://{name}", env=self.env)  # fmt: skip

    def give_signature(self, repository, signed, other):
        tag = lambda digest: f"docker://{self.registry.name}/{repository}:{digest.replace(':', '-')}.sig"  # noqa: E731
        run("skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false",
            tag(signed), tag(other), env=self.env)  # fmt: skip

    def close(self):
        pass


def signer(kind, folder, registry):
    return {"gpg": Gpg, "sigstore": Sigstore}[kind](folder, registry)


def short_hash(path):
    return "sha256:" + hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]
