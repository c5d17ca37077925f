# SPDX-License-Identifier: Apache-2.0
"""deploy/examples as tests apply them: the files of the tree, with waiting times cut to seconds, and stand-ins for the
images of their targets, which no registry here has."""

import shutil
import subprocess

import yaml

from . import images
from .recap import BUILD, ROOT

FOLDER = ROOT / "deploy/examples"
NGINX, POSTGRES = "docker.io/library/nginx:1.27", "docker.io/library/postgres:17"  # as targets.yaml has them
LIST = "/usr/share/postgresql"
# A database's files are read by their owner only.
DATABASE = """umask 077; cd /var/lib/postgresql/data; echo 17 > PG_VERSION; exec sleep 100000"""
# What is waited for in production.
TIMES = {
    "md5-check": lambda spec: spec["execution"]["periodic"].update(schedule="@every 1s", jitterSeconds=0),
    "capture-not-ready": lambda spec: (
        spec["args"].__setitem__(spec["args"].index("-G") + 1, "1"),
        spec["execution"]["event"].update(debounceSeconds=0),
        spec["execution"]["event"]["triggers"][0].update(podNotReady={"forSeconds": 1})),
    "web": lambda spec: spec["template"]["spec"]["containers"][0]["readinessProbe"].update(
        periodSeconds=1, failureThreshold=1),
}  # fmt: skip


def load(*names):
    """The objects of these examples."""
    items = [item for name in names for item in yaml.safe_load_all((FOLDER / f"{name}.yaml").read_text())]
    for item in items:
        TIMES.get(item["metadata"]["name"], lambda spec: None)(item.get("spec"))
    return items


def install_functions(data_dir):
    """The functions that the examples use, in this store."""
    images.install(["ps", "tcpdump", "toolbox"], data_dir, BUILD / "src/main/recap-image")


def nginx_image(folder):
    """nginx and, as in the image of that name, some tools."""
    root = folder / "nginx"
    root.mkdir()
    subprocess.run(["tar", "-x", "-C", root, "-f", images.get("lean-nginx").tar], check=True)
    shutil.copy("/bin/busybox", root / "usr/bin/busybox")
    return images.from_root(root, "nginx", images.get("lean-nginx").config, folder)


def postgres_image(folder):
    """No database, but the files of one, and the user whose they are."""
    root = folder / "postgres"
    for path in ("bin", "etc", "proc", "sys", "dev", "var/lib/postgresql/data", LIST[1:]):
        (root / path).mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin/busybox")
    (root / "etc/passwd").write_text("postgres:x:999:999::/:/bin/sh\n")
    sample = root / LIST[1:] / "postgres.bki"
    sample.write_text("# PostgreSQL 17\n")
    sums = subprocess.run(["md5sum", f"{LIST[1:]}/postgres.bki"], cwd=root, capture_output=True, text=True, check=True)
    (root / LIST[1:] / "MD5SUMS").write_text(sums.stdout.replace("  ", "  /"))
    for path in (root / "var/lib/postgresql/data", sample):
        shutil.chown(path, 999, 999)
    config = {"Cmd": ["/bin/busybox", "sh", "-c", DATABASE], "User": "999:999"}
    return images.from_root(root, "postgres", config, folder)
