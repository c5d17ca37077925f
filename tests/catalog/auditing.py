# SPDX-License-Identifier: Apache-2.0
"""Checks of what one holds a container against a rule with."""

import re

from catalog.checks import check, output


@check("aide")
def aide(run, web):
    baseline = run("--init", timeout="50s")
    assert "/data/secret" in output(baseline), baseline
    assert run("--check", flags=["-i"], input=baseline.stdout, timeout="50s").returncode == 0
    secret = web.folder / "data/secret"
    before = secret.read_text()
    secret.write_text("changed\n")
    try:
        done = run("--check", flags=["-i"], input=baseline.stdout, timeout="50s")
        # 4: changed entries alone.
        assert done.returncode == 4 and b"/data/secret" in done.stderr, done
    finally:
        secret.write_text(before)


@check("open-ports")
def open_ports(run, web):
    assert re.search(r"0\.0\.0\.0:80\b.*nginx", output(run()))


@check("setuid")
def setuid(run, web):
    bad = web.folder / "data/suid"
    bad.write_text("x")
    bad.chmod(0o4755)
    try:
        assert "-rwsr-xr-x 0:0 /target/data/suid" in output(run())
    finally:
        bad.unlink()


@check("pscap")
def pscap(run, web):
    assert re.search(r"nginx.*net_bind_service", output(run()))


@check("syscalls")
def syscalls(run, web):
    child = run.popen("2", flags=["--timeout", "20s"])
    while child.poll() is None:
        web.http("/")
    out, err = child.communicate(timeout=20)
    assert child.returncode == 0 and b"accept4" in out and b"epoll_wait" in out, (out, err)
