# SPDX-License-Identifier: Apache-2.0
"""The addresses of a test cluster: a bridge that holds the nodes' own, and one for each node's pods.

Clusters that run at the same time differ in a number, which the name of the first bridge takes."""

import socket

from testlib import host


class Network:
    def __init__(self):
        for self.number in range(1, 250):
            try:
                host.run("ip", "link", "add", self.bridge, "type", "bridge")
            except host.Failed as error:
                if "exists" not in str(error):
                    raise
            else:
                break
        else:
            raise host.Failed("no free number for a cluster: remove the bridges rcplab…")
        host.run("ip", "link", "set", self.bridge, "up")
        self.services = f"10.223.{self.number}.0/24"

    @property
    def bridge(self):
        return f"rcplab{self.number}"

    def address(self, index):
        """The address of node `index`, counted from 1; it is added to the bridge."""
        address = f"10.222.{self.number}.{index}"
        # kubelet wants an address of an interface that is not loopback.
        host.run("ip", "address", "replace", f"{address}/32", "dev", self.bridge)
        return address

    def pods(self, index):
        return f"10.222.{self.number}.{64 * index}/26"

    def pod_bridge(self, index):
        return f"{self.bridge}p{index}"


def free_port(address="127.0.0.1"):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]
