# SPDX-License-Identifier: Apache-2.0
"""The tests' images, built from tests/testlib/images and cached; and OCI archives of any root.

    image = images.get("lean-nginx")     # lean-nginx, lean-static, busybox
    image.name, image.reference          # "lean-nginx", "recap.test/lean-nginx:latest"
    image.tar                            # root file system, for `docker import` and bundles
    image.config                         # {"Cmd": [...], "User": …} in the words of the OCI image format
    image.oci_archive                    # the same as an OCI archive, for `recap import`, ctr, skopeo
    images.from_root(directory, name="x", config={...}, into=tmp_path)   # an image of one's own
    images.function("tcpdump")           # the OCI archive of a function of catalog/
    images.install(["ps"], data_dir, recap_image)   # functions with their index entry, as operators do

The cache is build/images, or $RECAP_TEST_IMAGES.
"""

import fcntl
import hashlib
import io
import json
import os
import platform
import subprocess
import tarfile
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "images"
ROOT = SOURCE.parents[2]
CACHE = Path(os.environ.get("RECAP_TEST_IMAGES") or ROOT / "build/images")
_ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


@dataclass(frozen=True)
class Image:
    name: str
    tar: Path
    config: dict

    @property
    def reference(self):
        return f"recap.test/{self.name}:latest"

    @cached_property
    def oci_archive(self):
        archive = self.tar.with_suffix(".oci.tar")
        if not archive.exists() or archive.stat().st_mtime_ns < self.tar.stat().st_mtime_ns:
            partial = archive.with_suffix(f".{os.getpid()}")
            write_oci_archive(partial, [self.tar], self.config, self.reference)
            partial.rename(archive)
        return archive


@lru_cache
def get(name):
    """An image of tests/testlib/images, built if it is not there yet."""
    CACHE.mkdir(parents=True, exist_ok=True)
    # Test processes run side by side; the first one builds.
    with open(CACHE / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([SOURCE / "build", CACHE, name], check=True, stdin=subprocess.DEVNULL)
        image = Image(name, CACHE / f"{name}.tar", json.loads((CACHE / f"{name}.json").read_text()))
        image.oci_archive  # noqa: B018: made while the lock is held
    return image


def gate_functions():
    """The functions that the gate builds."""
    lines = (ROOT / "tests/functions.txt").read_text().splitlines()
    return sorted(line for line in lines if line and not line.startswith("#"))


def function(name, *flags):
    """The OCI archive of a function of the catalogue, built if it is not there yet."""
    subprocess.run([ROOT / "catalog/build", *flags, name], check=True, stdin=subprocess.DEVNULL)
    return Path(os.environ.get("RECAP_CATALOG_CACHE") or ROOT / "build/catalog") / f"{name}.oci.tar"


def install(names, data_dir, recap_image):
    """Installs functions of the catalogue below `data_dir` by the program `recap_image`."""
    env = {**os.environ, "RECAP_IMAGE": str(recap_image)}
    argv = [ROOT / "catalog/build", "--install", "--data-dir", data_dir, *names]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, env=env)


def from_root(directory, name, config, into):
    """An image whose only layer is `directory`."""
    tar = Path(into) / f"{name}.tar"
    with tarfile.open(tar, "w") as archive:
        archive.add(directory, arcname=".")
    return Image(name, tar, config)


def write_oci_archive(path, layer_tars, config, reference):
    """An OCI image layout as one tar file. Layers are stored uncompressed, lowest first."""
    layers, diff_ids = [], []
    with tarfile.open(path, "w") as archive:
        add = lambda name, data: _add_file(archive, name, io.BytesIO(data), len(data))  # noqa: E731
        add("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        for tar in layer_tars:
            with open(tar, "rb") as layer:
                digest = hashlib.file_digest(layer, "sha256").hexdigest()
                layer.seek(0)
                size = os.fstat(layer.fileno()).st_size
                if f"sha256:{digest}" not in diff_ids:
                    _add_file(archive, f"blobs/sha256/{digest}", layer, size)
            diff_ids.append(f"sha256:{digest}")
            layers.append(_descriptor("application/vnd.oci.image.layer.v1.tar", digest, size))
        image = {
            "architecture": _ARCHITECTURE,
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
        config_at = _add_json(add, image, "application/vnd.oci.image.config.v1+json")
        manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}
        manifest_at = _add_json(add, {**manifest, "config": config_at, "layers": layers}, manifest["mediaType"])
        manifest_at["annotations"] = {
            "org.opencontainers.image.ref.name": reference.rpartition(":")[2],
            "io.containerd.image.name": reference,
        }
        add("index.json", json.dumps({"schemaVersion": 2, "manifests": [manifest_at]}).encode())


def _descriptor(media_type, digest, size):
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": size}


def _add_json(add, value, media_type):
    data = json.dumps(value, sort_keys=True).encode()
    digest = hashlib.sha256(data).hexdigest()
    add(f"blobs/sha256/{digest}", data)
    return _descriptor(media_type, digest, len(data))


def _add_file(archive, name, stream, size):
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    archive.addfile(member, stream)
