# SPDX-License-Identifier: Apache-2.0
"""The Debian package, on a Debian that has nothing else: installed, used, updated, removed, purged."""

import os
import subprocess
from pathlib import Path

import pytest

from testlib import host, images
from testlib.recap import BUILD, ROOT
from testlib.waiting import until

PROGRAMS = BUILD / "src/main"

# An init with the tree as its root; bash reaps what becomes its child.
INIT = """set -e
ip link set lo up
mount --bind "$1" "$1"
mount --rbind /sys "$1/sys"
mount --rbind /dev "$1/dev"
mount -t tmpfs -o mode=755 tmpfs "$1/run"
cd "$1"
pivot_root . mnt
mount -t proc proc /proc
umount -l /mnt
touch /run/booted
while :; do sleep 1000; done
"""


@pytest.fixture(scope="module")
def package(work):
    done = host.run(ROOT / "deploy/deb/make", "--programs", PROGRAMS, work / "deb", timeout=120)
    return Path(done.strip())


@pytest.fixture(scope="module")
def debian(work, nothing_stays):
    """A machine with a small Debian; runs commands in it."""
    root, cached = work / "debian", images.CACHE / "debian.tar"
    if not cached.exists():
        partial = cached.with_name(f"debian.{os.getpid()}.tar")
        host.run("mmdebstrap", "--mode=root", "--variant=apt", "--include=mount,procps", "--skip=cleanup/apt/lists",
                 "--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/locale/*", "bookworm", partial,
                 timeout=400)  # fmt: skip
        partial.rename(cached)
    root.mkdir()
    host.run("tar", "-C", root, "-xf", cached)
    argv = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "bash", "-c", INIT, "init", root]
    init = host.Daemon(argv, work / "debian.log")
    machine = host.wait_for(lambda: init.check() and child_of(init), "init")
    yield Debian(machine)
    host.kill(machine)
    init.stop()


def child_of(daemon):
    pid = daemon.child.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    booted = children and Path(f"/proc/{children[0]}/root/run/booted").exists()
    return int(children[0]) if booted else None


class Debian:
    def __init__(self, init):
        self.init, self.root = init, Path(f"/proc/{init}/root")
        self.enter = ["nsenter", "--target", str(init), "--mount", "--pid", "--root", "--wd=/", "--"]
        self.network = ["nsenter", "--target", str(init), "--net"]

    def run(self, *argv, **options):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
        return host.run(*self.enter, *argv, env=env, **{"timeout": 200, **options})

    def install(self, package):
        (self.root / "var/cache/recap.deb").write_bytes(package.read_bytes())
        self.run("apt-get", "update")  # of a tree that was made long ago
        return self.run("apt-get", "install", "--yes", "--no-install-recommends", "--reinstall", "/var/cache/recap.deb")

    def import_image(self, image):
        (self.root / "var/cache/image.tar").write_bytes(image.oci_archive.read_bytes())
        self.run("recap", "import", "/var/cache/image.tar")
        (self.root / "var/cache/image.tar").unlink()
        return image.reference

    def start(self, *argv, log=subprocess.DEVNULL):
        """In the machine's own network besides: it has no other."""
        words = [*self.network, *self.enter, *map(str, argv)]
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def test_lintian_has_nothing_to_say(package):
    said = host.run("lintian", "--allow-root", "--fail-on", "error,warning", package, timeout=120)
    assert said == ""


@pytest.fixture(scope="module")
def installed(debian, package):
    debian.install(package)
    return debian


@pytest.fixture(scope="module")
def target(installed):
    """A process with namespaces of its own."""
    child = installed.start("unshare", "--net", "--ipc", "--uts", "sleep", "7941")
    yield until(lambda: installed.run("pgrep", "-x", "-f", "sleep 7941", check=False).strip(), 10, "target")
    child.kill()
    child.wait()


@pytest.fixture(scope="module")
def image(installed):
    return installed.import_image(images.get("busybox"))


def test_its_programs_run(installed):
    assert installed.run("recap", "version").startswith("recap ")
    assert installed.run("caplet", "--version").startswith("caplet ")
    for place in ("usr/share/bash-completion/completions/recap", "usr/share/zsh/vendor-completions/_recap",
                  "usr/share/man/man8/caplet.8.gz"):  # fmt: skip
        assert (installed.root / place).stat().st_size > 100, place


def test_a_capsule_runs(installed, target, image):
    words = ("run", "--share", "net", image, f"pid:{target}", "--", "readlink", "/proc/self/ns/net")
    assert installed.run("recap", *words) == installed.run("readlink", f"/proc/{target}/ns/net")


def unit(debian):
    """{"ExecStart": …} of the unit as it is installed."""
    text = (debian.root / "lib/systemd/system/caplet.service").read_text()
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


def test_the_unit_is_right_and_its_command_serves(installed, work):
    here = work / "caplet.service"
    here.write_text((installed.root / "lib/systemd/system/caplet.service").read_text()
                    .replace("/usr/bin/caplet", str(PROGRAMS / "caplet")))  # fmt: skip
    checked = subprocess.run(["systemd-analyze", "verify", "--man=no", here], capture_output=True, text=True)
    assert checked.returncode == 0 and "caplet" not in checked.stderr, checked.stderr
    assert unit(installed)["KillMode"] == "process"
    options = (installed.root / "etc/default/caplet").read_text().partition('CAPLET_OPTIONS="')[2].partition('"')[0]
    command = unit(installed)["ExecStart"].replace("$CAPLET_OPTIONS", options).split()
    with (work / "caplet.log").open("wb") as log:
        child = installed.start(*command, log=log)
    try:
        curl = [*installed.network, "curl", "-s", "http://127.0.0.1:9464/readyz"]
        until(lambda: host.run(*curl, check=False) == "ok\n", 20, "a Caplet that is ready")
    finally:
        installed.run("pkill", "-x", "caplet")
        assert child.wait(10) == 0


def test_an_update_leaves_runs_alone_and_removing_it_ends_them(installed, target, image, package):
    run = installed.run("recap", "run", "-d", "--share", "net", image, f"pid:{target}", "--", "sleep", "7942").strip()
    installed.install(package)
    assert run in installed.run("recap", "ps")
    installed.run("apt-get", "remove", "--yes", "recap")
    # A keeper answers before it ends, and is a zombie until the first process has reaped it.
    until(lambda: not installed.run("pgrep", "-f", "sleep 7942|recap-keeper", check=False))
    for stays in (f"var/lib/recap/records/{run}", "etc/default/caplet"):
        assert (installed.root / stays).exists(), stays
    installed.run("apt-get", "purge", "--yes", "recap")
    found = installed.run("find", "/", "-xdev", "(", "-name", "*recap*", "-o", "-name", "*caplet*", ")")
    assert found.split() == ["/var/cache/recap.deb"]
    assert not (installed.root / "run/recap").exists()


def test_caplet_uninstall_leaves_the_programs_alone(installed, target):
    installed.run("dpkg", "--install", "/var/cache/recap.deb")
    image = installed.import_image(images.get("busybox"))
    installed.run("recap", "run", "-d", "--share", "net", image, f"pid:{target}", "--", "sleep", "7943")
    assert installed.run("pgrep", "-f", "recap-keeper")
    installed.run("caplet", "uninstall")
    # A keeper answers before it ends, and is a zombie until the first process has reaped it.
    until(lambda: not installed.run("pgrep", "-f", "sleep 7943|recap-keeper", check=False))
    assert not [path for path in ("run/recap", "var/lib/recap") if (installed.root / path).exists()]
