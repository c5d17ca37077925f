# SPDX-License-Identifier: Apache-2.0
"""The two slow rows of the paper's Table 1: rebuilding an application's image to get a tool into it, and
building a Capsule image before the first Run. Both start from the same warm Debian base and the same
prefetched packages, so no network is in the numbers."""

import shutil
import subprocess

from .launcher import Failed
from .world import host, images

TOOL = "tcpdump"
CONTAINERFILE = """\
FROM {base}
COPY packages /packages
RUN dpkg --install /packages/*.deb && rm -r /packages
CMD {command}
"""
CAPSULE = "recap.test/bench-capsule:latest"


def base():
    """A small Debian root as a tar file and the tool's packages, made once and kept."""
    cache = images.CACHE / "bench"
    cache.mkdir(parents=True, exist_ok=True)
    tar, packages = cache / "debian.tar", cache / "packages"
    if not tar.exists():
        partial = cache / "partial.tar"
        subprocess.run(["mmdebstrap", "--quiet", "--variant=essential", "bookworm", partial], check=True)
        partial.rename(tar)
    if not packages.exists():
        _download(tar, packages)
    return tar, packages


def _download(tar, packages):
    partial = packages.with_name("partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "partial").mkdir(parents=True)
    status = partial / "status"
    with open(status, "wb") as out:
        extract = ["tar", "--extract", "--to-stdout", "--file", tar, "./var/lib/dpkg/status"]
        subprocess.run(extract, stdout=out, check=True)
    options = [f"Dir::State::status={status}", f"Dir::Cache::archives={partial}", "APT::Sandbox::User=root"]
    flags = [word for option in options for word in ("-o", option)]
    flags += ["--quiet", "--yes", "--download-only", "--no-install-recommends"]
    subprocess.run(["apt-get", *flags, "install", TOOL], check=True, stdout=subprocess.DEVNULL)
    for path in (status, partial / "lock", partial / "lock-frontend"):
        path.unlink(missing_ok=True)
    shutil.rmtree(partial / "partial")
    partial.rename(packages)


def _context(directory, packages, base_name, command):
    directory.mkdir()
    shutil.copytree(packages, directory / "packages")
    (directory / "Containerfile").write_text(CONTAINERFILE.format(base=base_name, command=command))
    return directory


class Rebuild:
    """Row 2: docker build, the old container removed, the new one started, the tool run in it."""

    def __init__(self, world, tar, packages):
        self.docker = ["docker", "--host", f"unix://{world.docker.socket}"]
        # The old builder needs no plugin; both do the same work here.
        self.env = {**world.env, "DOCKER_BUILDKIT": "0"}
        host.run(*self.docker, "import", tar, "bench-base:latest", env=self.env, timeout=300)
        self.context = _context(world.work / "rebuild", packages, "bench-base", '["sleep", "1d"]')
        self.start = "run --detach --name=bench-app --network=none"
        host.run(*self.docker, *self.start.split(), "bench-base", "sleep", "1d", env=self.env)

    def script(self):
        docker = " ".join(self.docker)
        return (
            f"set -e; {docker} build --quiet --no-cache --network=none --tag=bench-app"
            f" --file={self.context}/Containerfile {self.context};"
            f"{docker} rm --force bench-app; {docker} {self.start} bench-app;"
            f"{docker} exec bench-app {TOOL} --version"
        )

    def end(self):
        host.run(*self.docker, "rm", "--force", "bench-app", env=self.env)


class CapsuleBuild:
    """Row 4: buildah builds the Capsule image, recap imports it, the first Run answers."""

    def __init__(self, world, tar, packages):
        self.world, self.env = world, world.env
        storage = world.work / "buildah"
        self.buildah = ["buildah", "--root", str(storage), "--runroot", str(world.work / "buildah-run"),
                        "--storage-driver", "overlay"]  # fmt: skip
        source = world.work / "base"
        source.mkdir()
        self.archive = world.work / "capsule.tar"
        image = images.Image("bench-base", tar, {"Cmd": ["/bin/sh"]})
        oci = world.work / "base.oci.tar"
        images.write_oci_archive(oci, [tar], image.config, image.reference)
        host.run(*self.buildah, "pull", f"oci-archive:{oci}", env=self.env, timeout=300)
        oci.unlink()
        name = host.run(*self.buildah, "images", "--format", "{{.ID}}", env=self.env).split()[0]
        self.context = _context(world.work / "capsule", packages, name, f'["{TOOL}"]')

    def script(self):
        buildah, recap = " ".join(self.buildah), self.world.recap
        return (
            f"set -e; rm -f {self.archive};"
            f"{buildah} build --quiet --no-cache --pull-never --isolation=chroot"
            f" --file={self.context}/Containerfile --tag=oci-archive:{self.archive} {self.context};"
            f"{recap} import --name {CAPSULE} {self.archive};"
            f"{recap} run --quiet --share net {CAPSULE} {self.world.target.name} -- {TOOL} --version"
        )

    def end(self):
        host.run(self.world.recap, "rmi", CAPSULE, env=self.env, check=False)


def seconds(launcher, row, runs):
    """The f_latency of each run, in milliseconds; the tool's answer must have come."""
    times = []
    for _ in range(runs):
        sample = launcher.run(["/bin/sh", "-c", row.script()])
        if sample.status != 0 or f"{TOOL} version".encode() not in sample.out + sample.err:
            raise Failed(f"{type(row).__name__}: {sample.out.decode()}{sample.err.decode()[-2000:]}")
        times.append(sample.total_ms)
    return times
