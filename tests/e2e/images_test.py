# SPDX-License-Identifier: Apache-2.0
"""How images come in: OCI layouts, OCI archives, docker archives, and pulls from a registry by skopeo."""

import json
import os
import shutil
import subprocess
import tarfile

import pytest

import testlib.registry
from testlib import host, images, proc
from testlib.recap import Recap
from testlib.waiting import until


@pytest.fixture
def recap(work, nothing_stays, tmp_path):
    """recap with an empty store."""
    folder = work / f"images-{tmp_path.name}"
    folder.mkdir()
    yield Recap(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def busybox():
    return images.get("busybox")


@pytest.fixture
def sleeper():
    from testlib import runtimes

    with runtimes.process(["sleep", "300"]) as target:
        yield target


def works(recap, reference, target):
    done = recap.run(reference, target, "/bin/echo", "it", "works", flags=["--share", "none"])
    assert (done.returncode, done.stdout) == (0, b"it works\n"), done


def skopeo(source, destination):
    host.run("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", source, destination)


def test_an_oci_archive(recap, busybox, sleeper):
    done = recap("import", busybox.oci_archive)
    assert done.returncode == 0, done
    works(recap, busybox.reference, sleeper)


def test_an_oci_layout_directory(recap, busybox, sleeper, tmp_path):
    with tarfile.open(busybox.oci_archive) as archive:
        archive.extractall(tmp_path / "layout")
    assert recap("import", tmp_path / "layout").returncode == 0
    works(recap, busybox.reference, sleeper)


def test_a_docker_archive(recap, busybox, sleeper, tmp_path):
    skopeo(f"oci-archive:{busybox.oci_archive}", f"docker-archive:{tmp_path}/docker.tar:recap.test/from-docker:1")
    assert recap("import", tmp_path / "docker.tar").returncode == 0
    works(recap, "recap.test/from-docker:1", sleeper)


@pytest.fixture
def registry(tmp_path):
    with testlib.registry.start(tmp_path) as started:
        yield started


def test_a_pull(recap, busybox, sleeper, registry):
    reference = registry.push(busybox, "lib/busybox:1")
    done = recap("pull", reference, env={"HOME": registry.home})
    assert done.returncode == 0, done
    works(recap, reference, sleeper)
    listed = json.loads(recap("images", "-o", "json").stdout)
    assert reference in json.dumps(listed), listed


def test_an_image_that_is_not_there_is_pulled_by_its_short_name(recap, busybox, sleeper, registry, tmp_path):
    skopeo(f"oci-archive:{busybox.oci_archive}", f"docker://{registry.name}/library/short:1")
    conf = tmp_path / "home/.config/containers/registries.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text(f'[[registry]]\nprefix = "docker.io"\nlocation = "{registry.name}"\ninsecure = true\n')
    done = recap.run("short:1", sleeper, "/bin/echo", "it", "works", flags=["-q", "--share", "none"],
                     env={"HOME": str(tmp_path / "home")}, timeout=120)  # fmt: skip
    assert (done.returncode, done.stdout) == (0, b"it works\n"), done


def test_a_pull_that_cannot_work_says_why(recap, registry):
    for reference in (f"{registry.name}/no/such:1", "127.0.0.1:1/x:1"):
        done = recap("pull", reference, timeout=120)
        assert done.returncode == 125 and done.stdout == b"" and 0 < done.stderr.count(b"\n") <= 3, done
    assert not os.path.exists(recap.data / "store/images") or os.listdir(recap.data / "store/images") == []


def test_what_is_removed_is_gone_from_the_disk(recap, busybox, sleeper):
    recap("import", busybox.oci_archive)
    layers = recap.data / "store/layers"
    assert os.listdir(layers)
    assert recap("rmi", busybox.reference).returncode == 0
    assert recap("gc").returncode == 0
    assert os.listdir(layers) == []
    assert recap.run(busybox.reference, sleeper, "true").returncode == 125


def test_gc_keeps_what_a_live_run_uses(recap, busybox, sleeper):
    recap("import", busybox.oci_archive)
    run = recap.start(busybox.reference, sleeper, "sleep", "7800", flags=["--share", "none"])
    recap("rmi", busybox.reference)
    recap("gc")
    assert os.listdir(recap.data / "store/layers")
    assert recap("stop", "--grace", "0s", run).returncode == 0
    done = recap("rmi", busybox.reference)
    assert done.returncode == 0, done
    assert recap("gc").returncode == 0
    assert os.listdir(recap.data / "store/layers") == []


def test_shared_layers_are_stored_once(recap, busybox, tmp_path):
    other = images.Image("other", busybox.tar, {**busybox.config, "Env": ["A=b"]})
    archive = tmp_path / "other.oci.tar"
    images.write_oci_archive(archive, [busybox.tar], other.config, "recap.test/other:latest")
    assert recap("import", busybox.oci_archive).returncode == 0
    assert recap("import", archive).returncode == 0
    assert len(os.listdir(recap.data / "store/layers")) == 1


def test_completion_and_help(recap, tmp_path):
    for shell, check in (("bash", ["bash", "-n"]), ("zsh", None), ("fish", None)):
        done = recap("completion", shell)
        assert done.returncode == 0 and b"recap" in done.stdout, done
        if check:
            script = tmp_path / shell
            script.write_bytes(done.stdout)
            subprocess.run([*check, script], check=True)
    for words in (["--help"], ["help"], ["run", "--help"], ["version"], ["doctor"]):
        done = recap(*words)
        assert done.returncode == 0 and len(done.stdout) > 10, (words, done)
    done = subprocess.run([recap.program.parent / "recap-image", "--help"], capture_output=True, timeout=60)
    assert done.returncode == 0 and b"recap help" in done.stdout and not done.stderr, done


def test_an_archive_is_parsed_by_who_has_given_up_all_else(recap):
    """CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, SYS_ADMIN (for trusted attributes) are left."""
    child = recap.popen("import", "-", stdin=subprocess.PIPE)
    try:
        (image,) = until(lambda: proc.running("recap-image", "import"))
        status = until(lambda: (now := proc.status(image)) and now["Seccomp"] == "2" and now)
        assert status["NoNewPrivs"] == "1"
        assert [int(status[name], 16) for name in ("CapPrm", "CapEff", "CapBnd")] == [0x20001F] * 3, status
    finally:
        _, err = child.communicate(timeout=10)
    assert child.returncode == 125 and err.count(b"\n") == 1, err
