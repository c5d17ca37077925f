# SPDX-License-Identifier: Apache-2.0
"""The runtimes with a daemon or an image store of their own: Docker, Podman, containerd."""

import json
import os

from . import host, oci
from .container import Container, Options
from .images import Image, write_oci_archive


def _common_flags(options):
    """The flags that docker and podman spell alike."""
    flags = ["--network", options.network]
    flags += ["--user", options.user] if options.user else []
    if options.capabilities is not None:
        flags += ["--cap-drop", "ALL", *(f"--cap-add={name}" for name in options.capabilities)]
    flags += ["--read-only"] if options.read_only else []
    flags += ["--security-opt", "no-new-privileges"] if options.no_new_privileges else []
    flags += ["--pid", "host"] if options.pid == "host" else []
    flags += ["--ipc", "host"] if options.ipc == "host" else []
    for source, path, mode in options.volumes:
        flags += ["--volume", f"{source}:{path}:{'ro' if mode == 'ro' else 'rw'}"]
    for path in options.tmpfs:
        flags += ["--tmpfs", path]
    for key, value in options.env.items():
        flags += ["--env", f"{key}={value}"]
    for key, value in options.labels.items():
        flags += ["--label", f"{key}={value}"]
    flags += ["--memory", str(options.memory)] if options.memory else []
    flags += ["--pids-limit", str(options.pids)] if options.pids else []
    flags += ["--privileged"] if options.privileged else []
    flags += ["--hostname", options.hostname] if options.hostname else []
    return flags


def _import_changes(config):
    """An image's configuration as the Dockerfile instructions that `import --change` takes."""
    changes = []
    for key, instruction in (("Entrypoint", "ENTRYPOINT"), ("Cmd", "CMD")):
        if config.get(key):
            changes += ["--change", f"{instruction} {json.dumps(config[key])}"]
    if config.get("User"):
        changes += ["--change", f"USER {config['User']}"]
    for variable in config.get("Env", []):
        changes += ["--change", f"ENV {variable}"]
    return changes


class _Engine:
    """What Docker and Podman have in common."""

    name = ""

    def __init__(self, work):
        self.work, self.count = work, 0
        self.images, self.containers = set(), []
        self.env = dict(os.environ)

    def _call(self, *argv, **options):
        return host.run(*self.cli, *argv, env=self.env, **options)

    def load(self, image):
        """Imports an image once; returns the name the engine knows it by."""
        if image.name not in self.images:
            self._call("import", *_import_changes(image.config), image.tar, f"{image.name}:latest")
            self.images.add(image.name)
        return f"{image.name}:latest"

    def run(self, image, name=None, **options):
        options = Options(**options)
        reference = self.load(image)
        self.count += 1
        name = name or f"{image.name}-{self.count}"
        flags = [*_common_flags(options), *self.run_flags]
        id = self._call("run", "--detach", "--name", name, *flags, reference, *(options.command or [])).strip()
        pid = int(self._call("inspect", "--format", "{{.State.Pid}}", id))
        container = Container(
            self.name, id, name, pid, name,
            exec_argv=[*self.cli, "exec", name],
            remove=lambda: self._call("rm", "--force", id),
        )  # fmt: skip
        self.containers.append(container)
        return container

    def _remove_all(self):
        for container in self.containers:
            container.remove()


class Docker(_Engine):
    name = "docker"
    run_flags = ()

    def __init__(self, work):
        super().__init__(work)
        self.socket = work / "docker.sock"
        self.exec_root = work / "exec"
        self.env["DOCKER_HOST"] = f"unix://{self.socket}"
        self.cli = ["docker", "--host", f"unix://{self.socket}"]
        self.daemon = None
        bundles = self.exec_root / "containerd" / "daemon" / "io.containerd.runtime.v2.task"
        states = self.exec_root / "runtime-runc" / "moby"
        self.roots = dict(docker=self.socket, oci=states, containerd=bundles)
        self.env.update(host.recap_variables(self.roots))

    def start(self):
        # No bridge and no packet filter: nothing of the host's network is touched.
        argv = ["dockerd", "--host", f"unix://{self.socket}", "--data-root", self.work / "data",
                "--exec-root", self.exec_root, "--pidfile", self.work / "pid", "--bridge=none",
                "--iptables=false", "--ip6tables=false", "--cgroup-parent", f"/{self.work.name}"]  # fmt: skip
        self.daemon = host.Daemon(argv, self.work / "log")
        host.wait_for(lambda: self.daemon.check() and self.socket.exists(), "answer of dockerd")
        self._call("version")

    def stop(self):
        if self.daemon is not None:
            try:
                self._remove_all()
            finally:
                self.daemon.stop()


class Podman(_Engine):
    name = "podman"

    def __init__(self, work):
        super().__init__(work)
        self.cgroup_parent = f"/{work.name}"
        self.cli = ["podman", "--root", str(work / "data"), "--runroot", str(work / "run"), "--tmpdir",
                    str(work / "tmp"), "--runtime", "runc", "--cgroup-manager", "cgroupfs",
                    "--events-backend", "file", "--log-level", "error"]  # fmt: skip
        # Without CAP_SYS_RESOURCE podman may not raise the limits it wants by default.
        self.run_flags = ["--ulimit", "nofile=20000:20000", "--ulimit", "nproc=4096:4096"]
        self.run_flags += ["--cgroup-parent", self.cgroup_parent]
        self.socket = work / "podman.sock"
        self.service = None
        self.roots = dict(podman=self.socket, oci="/run/runc", podman_storage=work / "data")
        self.env.update(host.recap_variables(self.roots))

    def start(self):
        argv = [*self.cli, "system", "service", "--time", "0", f"unix://{self.socket}"]
        self.service = host.Daemon(argv, self.work / "log", env=self.env)
        host.wait_for(lambda: self.service.check() and self.socket.exists(), "answer of podman")

    def stop(self):
        try:
            self._remove_all()
        finally:
            if self.service is not None:
                self.service.stop()


class Containerd:
    """containerd with ctr: images in its own store and snapshotter, containers in one namespace."""

    def __init__(self, work, namespace="k8s.io"):
        self.work, self.namespace, self.count = work, namespace, 0
        self.images, self.containers = set(), []
        self.socket, self.state = work / "containerd.sock", work / "state"
        self.env = {**os.environ, "CONTAINERD_ADDRESS": str(self.socket), "CONTAINERD_NAMESPACE": namespace}
        self.daemon = None
        self.runtime_root = work / "runc"
        bundles = self.state / "io.containerd.runtime.v2.task"
        self.roots = dict(oci=self.runtime_root / namespace, containerd=bundles)
        self.env.update(host.recap_variables(self.roots))

    def start(self):
        config = self.work / "config.toml"
        config.write_text(
            f'version = 2\nroot = "{self.work}/data"\nstate = "{self.state}"\n'
            'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]\n'
            f'[grpc]\naddress = "{self.socket}"\n[ttrpc]\naddress = "{self.socket}.ttrpc"\n'
        )
        self.daemon = host.Daemon(["containerd", "--config", config], self.work / "log")
        host.wait_for(lambda: self.daemon.check() and self.socket.exists(), "answer of containerd")
        host.wait_for(lambda: self._call("version", check=False), "answer of containerd")

    def _call(self, *argv, **options):
        return host.run("ctr", *argv, env=self.env, **options)

    def load(self, image, user=None):
        """Imports an image once; ctr takes the user from the image alone, so each has its own."""
        if user:
            name = f"{image.name}-{user.replace(':', '-')}"
            image = Image(name, image.tar, {**image.config, "User": user})
        if image.name not in self.images:
            archive = self.work / f"{image.name}.oci.tar"
            write_oci_archive(archive, [image.tar], image.config, image.reference)
            self._call("images", "import", archive)
            self.images.add(image.name)
        return image.reference

    def run(self, image, name=None, **options):
        options = Options(**options)
        reference = self.load(image, options.user)
        self.count += 1
        id = name or f"{image.name}-{self.count}"
        # The generated OCI configuration is used as it is; only the root comes from the snapshotter.
        rootfs = self.work / "unused"
        config = oci.spec(image, options, rootfs, f"/{self.work.name}/{id}")
        flags = self._flags(options, config, id)
        self._call("run", "--detach", "--null-io", *flags, reference, id, *(options.command or []))
        pid = int(self._task(id)[1])
        container = Container(
            "containerd", id, id, pid, f"containerd://{self.namespace}/{id}",
            exec_argv=["ctr", "--address", str(self.socket), "--namespace", self.namespace, "tasks", "exec",
                       "--exec-id", "e1", id],
            remove=lambda: self._remove(id),
        )  # fmt: skip
        self.containers.append(container)
        return container

    def _flags(self, options, config, id):
        flags = ["--cgroup", f"/{self.work.name}/{id}", "--runc-root", str(self.runtime_root)]
        flags += ["--read-only"] if options.read_only else []
        flags += ["--privileged"] if options.privileged else []
        flags += ["--net-host"] if options.network == "host" else []
        if options.capabilities is not None:
            dropped = [name for name in oci.DEFAULT_CAPABILITIES if name not in options.capabilities]
            added = [name for name in options.capabilities if name not in oci.DEFAULT_CAPABILITIES]
            flags += [f"--cap-drop=CAP_{name}" for name in dropped] + [f"--cap-add=CAP_{name}" for name in added]
        for mount in config["mounts"]:
            if mount["type"] == "bind" or mount["destination"] in options.tmpfs:
                words = ":".join(mount["options"])
                place = f"src={mount['source']},dst={mount['destination']}"
                flags += ["--mount", f"type={mount['type']},{place},options={words}"]
        for key, value in options.env.items():
            flags += ["--env", f"{key}={value}"]
        for key, value in {**options.labels, **options.annotations}.items():
            flags += ["--annotation", f"{key}={value}", "--label", f"{key}={value}"]
        flags += ["--memory-limit", str(options.memory)] if options.memory else []
        return flags

    def _task(self, id):
        """A task's id, pid and status, as ctr prints them."""
        for line in self._call("tasks", "list").splitlines():
            words = line.split()
            if words[0] == id:
                return words
        return [id, "0", "GONE"]

    def _remove(self, id):
        self._call("tasks", "kill", "--signal", "SIGKILL", id, check=False)
        host.wait_for(lambda: self._task(id)[2] != "RUNNING", "end of the task", 5)
        self._call("tasks", "delete", "--force", id, check=False)
        self._call("containers", "delete", id)

    def stop(self):
        if self.daemon is not None:
            try:
                for container in self.containers:
                    container.remove()
            finally:
                self.daemon.stop()
