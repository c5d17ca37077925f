# SPDX-License-Identifier: Apache-2.0
"""A machine of its own for one node of a test cluster: an init, with pid and mount namespaces, /run and /var/lib of its
own. What is deployed on such a node is unchanged from what users deploy: its hostPath volumes and its hostPID
are this machine's, and `/run/containerd` is where the node's runtime keeps its state."""

from pathlib import Path

from testlib import host

# Bash reaps whatever becomes its child. Mounts are shared below /, as systemd has them on hosts.
INIT = """set -e
mount --rbind "$1" /mnt
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /var/lib
mkdir -p "$1" /run/containerd
mount --move /mnt "$1"
mkdir -p "$2/run/runc" "$2/runc"
mount --bind "$2/run" /run/containerd
mount --bind "$2/runc" /run/containerd/runc
mount --make-rshared /
touch "$2/booted"
while :; do sleep 1000; done
"""


class Machine:
    def __init__(self, cluster_work, node_work):
        argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
                "bash", "-c", INIT, "init", cluster_work, node_work]  # fmt: skip
        self._daemon = host.Daemon(argv, node_work / "init.log")
        host.wait_for(lambda: self._daemon.check() and (node_work / "booted").exists(), "init of a node")
        pid = self._daemon.child.pid
        self.init = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    @property
    def enter(self):
        """What goes before a command line, so that it is a process of this machine."""
        return ["nsenter", "--target", str(self.init), "--mount", "--pid", "--wd=/", "--"]

    def run(self, *argv, **options):
        return host.run(*self.enter, *argv, **options)

    @property
    def root(self):
        """Its files, as seen from here."""
        return Path(f"/proc/{self.init}/root")

    def stop(self):
        """Its init takes every other process along."""
        host.kill(self.init)
        self._daemon.stop()
