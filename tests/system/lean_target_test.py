# SPDX-License-Identifier: Apache-2.0
"""The leanest target there is: scratch, uid 65532, read-only root, no capability, no new privileges.
The usual tools work beside it under the right grants."""

import pytest

from testlib import oci, proc


DENIED = ["ptrace", "process_vm_readv", "process_vm_writev", "mount", "unshare", "setns", "keyctl", "bpf", "socket"]


@pytest.fixture(scope="module")
def leanest(runc, lean):
    plain = oci.spec

    def with_seccomp(*arguments):
        config = plain(*arguments)
        rule = {"names": DENIED, "action": "SCMP_ACT_ERRNO"}
        config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}
        return config

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oci, "spec", with_seccomp)
        container = runc.run(lean, user="65532:65532", read_only=True, capabilities=[], no_new_privileges=True)
    yield container
    container.remove()


def test_the_target_is_as_lean_as_that(leanest):
    status = proc.status(leanest.pid)
    assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1" and int(status["CapBnd"], 16) == 0
    assert status["Uid"].split()[0] == "65532"
    assert " / ro" in proc.mounts(leanest.pid)[0].line or any(
        mount.point == "/" and " ro" in mount.line for mount in proc.mounts(leanest.pid))


@pytest.mark.quick
def test_ps_sees_its_processes(recap, toolbox, leanest):
    done = recap.run(toolbox, leanest, "ps", "-e", "-o", "pid=,comm=")
    assert ["1", "pause"] in [line.split() for line in done.stdout.decode().splitlines()], done


def test_strace_traces_it(recap, toolbox, leanest):
    done = recap.run(toolbox, leanest, "strace", "-p", "1", "-f", "-c",
                     flags=["--cap", "SYS_PTRACE", "--timeout", "1s"])  # fmt: skip
    assert done.returncode == 124 and b"attached" in done.stderr, done
    assert leanest.alive()
    with open(f"/proc/{leanest.pid}/status") as status:
        assert "TracerPid:\t0\n" in status.read()


def test_tcpdump_sees_its_packets(recap, toolbox, leanest):
    child = recap.popen(*recap.run_words(toolbox, leanest, "tcpdump", "-i", "lo", "-n", "-c", "1", "udp port 17009",
                                         flags=["--cap", "NET_RAW", "--timeout", "20s"]))  # fmt: skip
    send = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 17009))"
    while child.poll() is None:
        leanest.in_network("python3", "-c", send)
    out, err = child.communicate(timeout=20)
    assert child.returncode == 0 and b"127.0.0.1.17009: UDP" in out, (out, err)


def test_its_files_can_be_listed(recap, toolbox, leanest):
    done = recap.run(toolbox, leanest, "ls", "-l", "/target/data/deep", flags=["--view", "target"])
    assert done.returncode == 0 and b" file\n" in done.stdout, done
    denied = recap.run(toolbox, leanest, "cat", "/target/data/secret", flags=["--view", "target"])
    assert denied.returncode != 0 and b"Permission denied" in denied.stderr, denied
    read = recap.run(toolbox, leanest, "cat", "/target/data/secret",
                     flags=["--view", "target", "--cap", "DAC_READ_SEARCH"])  # fmt: skip
    assert read.stdout == b"root only\n", read
