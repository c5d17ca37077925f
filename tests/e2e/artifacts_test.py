# SPDX-License-Identifier: Apache-2.0
"""Artifacts of a Caplet's runs in a bucket of a real S3-compatible store: every byte arrives, whatever is down when,
and nothing stays on the node."""

import hashlib
import os
import shutil
import signal
import subprocess

import pytest

import testlib.objectstore
from testlib.caplet import Caplet, capsule_run
from testlib.waiting import until

SPOOL = "caplet/spool/backup"
MAKE = """mkdir -p '/out/a b/ü' && head -c 3000000 /dev/urandom > /out/big && echo 'x&y' > '/out/a b/ü/50%?+.txt' &&
: > /out/empty && ln -s /etc/passwd /out/link && md5sum < /out/big"""


@pytest.fixture
def store(tmp_path):
    with testlib.objectstore.start(tmp_path, "backups") as started:
        yield started


@pytest.fixture
def caplet(recap, toolbox, tmp_path):
    caplet = Caplet(recap, tmp_path / "caplet")
    yield caplet
    caplet.clean()
    shutil.rmtree(recap.data / SPOOL, ignore_errors=True)


@pytest.fixture
def web(runc, lean):
    container = runc.run(lean, annotations={"app": "web"})
    yield container
    container.remove()


def backup(caplet, toolbox, name, script, **spec):
    caplet.declare(capsule_run(name, toolbox, None, command=["/bin/sh", "-c", script],
                               artifacts={"store": "backup", "maxSize": "16Mi"}, **spec))  # fmt: skip


def spooled(caplet):
    return [path for path in (caplet.recap.data / SPOOL).rglob("*") if path.is_file()]


def test_every_file_arrives_under_its_name_and_leaves_the_node(caplet, toolbox, web, store):
    backup(caplet, toolbox, "all", MAKE)
    caplet.start("--store", f"backup={store.url('node-1')}")
    line = caplet.wait_for("a run has ended")
    assert line["exitCode"] == 0, line
    until(lambda: not spooled(caplet), 30, "end of the uploads")
    objects = store.objects()
    folder = f"node-1/CapsuleRun_all/{line['target'].replace('/', '_').replace(':', '_')}/{line['run']}"
    assert sorted(objects) == sorted(f"{folder}/{name}" for name in ("a b/ü/50%?+.txt", "big", "empty"))
    assert objects[f"{folder}/a b/ü/50%?+.txt"] == b"x&y\n" and objects[f"{folder}/empty"] == b""
    assert hashlib.md5(objects[f"{folder}/big"]).hexdigest() in caplet.output(line["run"])
    assert not os.listdir(caplet.recap.data / SPOOL), "empty folders"
    assert caplet.metric('recap_uploads_total{result="succeeded"}') == 3


def test_what_the_store_refuses_is_kept_and_sent_when_it_does_not(caplet, toolbox, web, store):
    store.accept_us("another secret")
    backup(caplet, toolbox, "kept", "echo kept > /out/file")
    caplet.start("--store", f"backup={store.url()}")
    why = caplet.wait_for("artifacts cannot be sent to a store yet; they are kept here")["why"]
    assert "SignatureDoesNotMatch" in why and "another secret" not in str(caplet.log()), why
    assert len(spooled(caplet)) == 1 and not store.objects()
    store.accept_us()
    until(store.objects, 20, "the second attempt")
    until(lambda: not spooled(caplet))
    assert list(store.objects().values()) == [b"kept\n"]


def test_what_was_not_sent_is_sent_by_the_next_caplet(caplet, toolbox, web, store):
    store.stop()
    flags = ["--store", f"backup={store.url()}"]
    backup(caplet, toolbox, "later", "sleep 1; echo later > /out/file")
    backup(caplet, toolbox, "now", "echo now > /out/file")
    caplet.start(*flags)
    caplet.wait_for("artifacts cannot be sent to a store yet; they are kept here")
    caplet.end(signal.SIGKILL)
    until(lambda: not caplet.recap.live())
    assert sorted(path.read_text() for path in spooled(caplet)) == ["later\n", "now\n"]
    store.start()
    caplet.start(*flags)
    until(lambda: not spooled(caplet), 20, "end of the uploads")
    assert sorted(store.objects().values()) == [b"later\n", b"now\n"]


def test_a_store_that_is_not_understood_is_refused_at_once(recap):
    caplet = recap.program.parent / "caplet"
    for place, why in (("s3://b", "s3://BUCKET/PREFIX"), ("s3://b?endpoint=http://h&credentials=/c&x=1", "'x' is none"),
                       ("relative", "s3://")):  # fmt: skip
        done = subprocess.run([caplet, "--manifests", "/tmp", "--store", f"x={place}"], capture_output=True, text=True,
                              timeout=10, env=recap.env)  # fmt: skip
        assert (done.returncode, done.stdout) == (125, "") and why in done.stderr, done
