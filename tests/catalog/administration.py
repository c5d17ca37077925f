# SPDX-License-Identifier: Apache-2.0
"""Checks of what one takes care of a container with."""

import hashlib
import io
import signal
import tarfile

from testlib import waiting

from catalog.checks import check, output
from catalog.lab import EICAR


@check("clamav")
def clamav(run, web):
    bad = web.folder / "data/eicar"
    assert run(timeout="50s").returncode == 0
    bad.write_text(EICAR)
    bad.chmod(0o600)
    try:
        done = run(timeout="50s")
        assert done.returncode == 1 and b"/target/data/eicar: Eicar-Test-File" in done.stdout, done
    finally:
        bad.unlink()


@check("sha256sum")
def sha256sum(run, web):
    expected = hashlib.sha256((web.folder / "data/secret").read_bytes()).hexdigest()
    assert output(run("/data/secret", flags=["--path", "/data"])) == f"{expected}  /data/secret\n"


@check("md5sum")
def md5sum(run, web):
    expected = hashlib.md5((web.folder / "data/secret").read_bytes()).hexdigest()
    listed = f"{expected}  /data/secret\n".encode()
    assert "OK" in output(run("-c", flags=["-i", "--path", "/data"], input=listed))
    assert run("-c", flags=["-i", "--path", "/data"], input=listed.replace(b"  ", b"x ", 1)).returncode == 1


@check("hashdeep")
def hashdeep(run, web):
    flags = ["--path", "/data"]
    baseline = run("/data", flags=flags)
    assert "/data/deep/file" in output(baseline) and "/data/secret" in output(baseline)
    audit = ("-a", "-vv", "-k", "/dev/stdin", "/data")
    assert "Audit passed" in output(run(*audit, flags=["-i", *flags], input=baseline.stdout))
    changed = web.folder / "data/deep/changed"
    changed.write_text("new\n")
    try:
        done = run(*audit, flags=["-i", *flags], input=baseline.stdout)
        assert done.returncode != 0 and b"/data/deep/changed: No match" in done.stdout, done
    finally:
        changed.unlink()


@check("logrotate")
def logrotate(run, web):
    logs = web.folder / "logs"
    for old in logs.glob("access.log.*"):
        old.unlink()
    # A run without the right to signal has left the server with the renamed file.
    web.kill(signal.SIGUSR1)
    waiting.until(lambda: (logs / "access.log").exists())
    web.http("/?before")
    output(run("/var/log/nginx/access.log", flags=["--writable", "/var/log/nginx"]))
    assert waiting.until(lambda: (logs / "access.log").exists(), 5), "the application has opened no new log"
    web.http("/?after")
    assert "GET /?before" in (logs / "access.log.1").read_text()
    assert "GET /?after" in (logs / "access.log").read_text()


@check("backup")
def backup(run, web):
    done = run("/data", flags=["--path", "/data"])
    assert done.returncode == 0, done
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        assert archive.extractfile("/data/secret").read() == b"root only\n"


@check("restore")
def restore(run, web):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("/data/deep/restored")
        member.size, member.mode, member.uid, member.gid, member.mtime = 5, 0o6640, 33, 34, 1_600_000_000
        archive.addfile(member, io.BytesIO(b"whole"))
    place = web.folder / "data/deep/restored"
    place.unlink(missing_ok=True)
    output(run(flags=["-i", "--writable", "/data"], input=buffer.getvalue()))
    info = place.stat()
    assert place.read_bytes() == b"whole" and (info.st_uid, info.st_gid, info.st_mtime) == (33, 34, 1_600_000_000)
    assert info.st_mode & 0o7777 == 0o6640
    place.unlink()


@check("restic", target="backed_up")
def restic(run, backed_up):
    env = [word for name, value in backed_up.repository.items() for word in ("--env", f"{name}={value}")]
    run("init", flags=env)
    output(run("backup", "/data", flags=[*env, "--path", "/data"], timeout="50s"))
    shown = run("dump", "latest", "/data/secret", flags=env, timeout="50s")
    assert output(shown) == "root only\n"


@check("chrony", target="time_server")
def chrony(run, time_server):
    done = run("server 127.0.0.1 port 1123 iburst", timeout="20s")
    assert done.returncode == 0 and b"System clock wrong by" in done.stderr + done.stdout, done
