# SPDX-License-Identifier: Apache-2.0
"""OCI bundles, and the runtimes that take them directly: runc and crun."""

import json
import os
import tarfile
from pathlib import Path

from . import host
from .container import Container, Options

# What Docker grants a container by default.
DEFAULT_CAPABILITIES = (
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL "
    "AUDIT_WRITE"
).split()
ALL_CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT "
    "SYS_ADMIN SYS_BOOT SYS_NICE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split()
SHIFT = 100000  # where the root of a container with its own user namespace is


def unpack(image, rootfs, shift=0):
    """Unpacks an image's files; with `shift` every owner is that much higher."""
    rootfs.mkdir(parents=True)
    with tarfile.open(image.tar) as archive:
        for member in archive:
            member.uid, member.gid = member.uid + shift, member.gid + shift
            archive.extract(member, rootfs, numeric_owner=True)
    os.chown(rootfs, shift, shift)
    # A container's /proc, /sys and /dev are mounted on directories that a read-only root cannot get later.
    for name in ("proc", "sys", "dev"):
        (rootfs / name).mkdir(exist_ok=True)


def _capabilities(options):
    if options.privileged:
        # The bounding set of this host decides what "all" is.
        mask = int(Path("/proc/self/status").read_text().split("CapBnd:")[1].split()[0], 16)
        return ["CAP_" + name for bit, name in enumerate(ALL_CAPABILITIES) if mask >> bit & 1]
    names = DEFAULT_CAPABILITIES if options.capabilities is None else options.capabilities
    return ["CAP_" + name for name in names]


def _mount(kind, path, *options):
    return {"destination": path, "type": kind, "source": kind, "options": list(options)}


def _mounts(options):
    mounts = [
        _mount("proc", "/proc", "nosuid", "noexec", "nodev"),
        _mount("tmpfs", "/dev", "nosuid", "mode=755", "size=64k"),
        _mount("devpts", "/dev/pts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"),
        _mount("tmpfs", "/dev/shm", "nosuid", "noexec", "nodev", "mode=1777"),
        _mount("mqueue", "/dev/mqueue", "nosuid", "noexec", "nodev"),
    ]
    if options.network != "host" or not options.user_namespace:
        mounts.append(_mount("sysfs", "/sys", "nosuid", "noexec", "nodev", "ro"))
    mounts += [_mount("tmpfs", path, "nosuid", "nodev", "mode=1777") for path in options.tmpfs]
    for source, path, mode in options.volumes:
        flags = ["rbind", "ro" if mode == "ro" else "rw"]
        mounts.append({"destination": path, "type": "bind", "source": str(source), "options": flags})
    return mounts


def _namespaces(options):
    kinds = ["mount", "uts"]
    sharable = {"network": options.network, "pid": options.pid, "ipc": options.ipc}
    kinds += [kind for kind, shared in sharable.items() if shared != "host"]
    if options.user_namespace:
        kinds.append("user")
    return [{"type": kind} for kind in kinds]


def spec(image, options, rootfs, cgroup):
    """The OCI runtime configuration of a container."""
    uid, _, gid = str(options.user or image.config.get("User") or "0").partition(":")
    capabilities = _capabilities(options)
    env = [*image.config.get("Env", ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"])]
    env += [f"{name}={value}" for name, value in options.env.items()]
    # An unprivileged user's effective set is empty, as Docker has it.
    effective = capabilities if uid == "0" else []
    process = {
        "terminal": False,
        "user": {"uid": int(uid), "gid": int(gid or 0)},
        "args": options.command or [*image.config.get("Entrypoint", []), *image.config.get("Cmd", [])],
        "env": env,
        "cwd": image.config.get("WorkingDir") or "/",
        "capabilities": {"bounding": capabilities, "effective": effective, "permitted": effective},
        "noNewPrivileges": options.no_new_privileges,
    }
    linux = {
        "namespaces": _namespaces(options),
        "cgroupsPath": cgroup,
        "resources": {"devices": [{"allow": False, "access": "rwm"}]},
    }
    if not options.privileged:
        linux["maskedPaths"] = ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"]
        linux["readonlyPaths"] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
    if options.memory:
        linux["resources"]["memory"] = {"limit": options.memory}
    if options.pids:
        linux["resources"]["pids"] = {"limit": options.pids}
    if options.user_namespace:
        mapping = [{"containerID": 0, "hostID": SHIFT, "size": 65536}]
        linux["uidMappings"] = linux["gidMappings"] = mapping
    return {
        "ociVersion": "1.0.2",
        "process": process,
        "root": {"path": str(rootfs), "readonly": options.read_only},
        "hostname": options.hostname or "lean",
        "mounts": _mounts(options),
        "annotations": {**options.labels, **options.annotations},
        "linux": linux,
    }


def _program(name):
    """How a runtime is started on this host."""
    unified = host.CGROUP / "unified"
    if name == "crun" and (unified / "cgroup.controllers").exists():
        # crun refuses hosts with both cgroup versions where the second has controllers it could use;
        # where it cannot see that one it works.
        hidden = 'umount "$0" && exec "$@"'
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", hidden, str(unified), name]
    return [name]


class OciRuntime:
    """runc or crun, driven by its own command line."""

    def __init__(self, program, work):
        self.program, self.work, self.count = program, work, 0
        self.state = work / "state"
        self.containers = []
        self.roots = dict(oci=self.state)
        self.env = {**os.environ, **host.recap_variables(self.roots)}
        self.cli = [*_program(program), "--root", str(self.state)]

    def start(self):
        host.run(self.program, "--version")

    def _call(self, *argv, **options):
        return host.run(*self.cli, *argv, **options)

    def run(self, image, name=None, **options):
        options = Options(**options)
        self.count += 1
        # Unique on the host: the id is all that names a container of these runtimes.
        id = name or f"{image.name}-{self.work.name[-8:].replace('_', 'x')}-{self.count}"
        bundle = self.work / "bundles" / id
        unpack(image, bundle / "rootfs", SHIFT if options.user_namespace else 0)
        if options.user_namespace:
            for parent in (bundle, bundle.parent, self.work):
                parent.chmod(0o711)
        config = spec(image, options, bundle / "rootfs", f"/{self.work.name}/{id}")
        (bundle / "config.json").write_text(json.dumps(config, indent=1))
        with open(bundle / "log", "wb") as log:
            # The container keeps these as its own stdout and stderr.
            self._call("run", "--detach", "--bundle", bundle, id, capture_output=False, stdout=log, stderr=log)
        pid = json.loads(self._call("state", id))["pid"]
        container = Container(
            self.program, id, id, pid, f"{self.program}://{id}",
            exec_argv=[*self.cli, "exec", id],
            remove=lambda: self._remove(id),
        )  # fmt: skip
        container.log = bundle / "log"
        self.containers.append(container)
        return container

    def _remove(self, id):
        self._call("delete", "--force", id)

    def stop(self):
        for container in self.containers:
            container.remove()
