# SPDX-License-Identifier: Apache-2.0
"""Where images come from and go to: every transport of skopeo, a registry with TLS and passwords, builds, pushes; and
that what the store holds is what came."""

import json
import os
import platform
import pty
import shutil
import subprocess
import termios

import pytest

import testlib.registry
from testlib import host, images, runtimes
from testlib.fixtures import rounds
from testlib.recap import Recap


@pytest.fixture
def recap(work, nothing_stays, tmp_path):
    """recap with an empty store, for a user who can log in to the registry."""
    folder = work / f"supply-{tmp_path.name}"
    folder.mkdir()
    yield Recap(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with testlib.registry.start(tmp_path_factory.mktemp("registry"), private=True, tls=True) as started:
        yield started


@pytest.fixture
def customer(recap, registry):
    recap.env.update(HOME=registry.home, REGISTRY_AUTH_FILE=str(registry.auth_file))
    return recap


@pytest.fixture(scope="module")
def busybox():
    return images.get("busybox")


@pytest.fixture
def sleeper():
    with runtimes.process(["sleep", "300"]) as target:
        yield target


def words_of(root, words, folder, name="words"):
    """An image whose function prints `words`."""
    root.mkdir()
    shutil.copy("/bin/busybox", root)
    (root / "words").write_text(words + "\n")
    return images.from_root(root, name, {"Cmd": ["/busybox", "cat", "/words"]}, folder)


def says(recap, reference, target, words, *flags):
    done = recap.run(reference, target, flags=["-q", "--share", "none", *flags], timeout=120)
    assert (done.returncode, done.stdout.decode()) == (0, words + "\n"), done


def listed(recap):
    return {one["reference"]: one["digest"] for one in json.loads(recap("images", "--digests", "-o", "json").stdout)}


def digest_in(layout_index):
    return json.loads(layout_index)["manifests"][0]["digest"]


def tree_of(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def skopeo(*words, **options):
    return host.run("skopeo", "--insecure-policy", *words, **options)


def test_missing_always_and_never(customer, registry, sleeper, tmp_path):
    reference = registry.push(words_of(tmp_path / "one", "one", tmp_path), "tools/moving:1")
    done = customer.run(reference, sleeper, flags=["--pull", "never"])
    assert done.returncode == 125 and b"recap pull" in done.stderr, done
    says(customer, reference, sleeper, "one", "--pull", "missing")
    registry.push(words_of(tmp_path / "two", "two", tmp_path), "tools/moving:1")
    says(customer, reference, sleeper, "one")
    says(customer, reference, sleeper, "one", "--pull=never")
    says(customer, reference, sleeper, "two", "--pull=always")
    says(customer, reference, sleeper, "two")
    for words in (["--pull", "sometimes", reference], ["--pull", "always", "toolbox"]):
        done = customer("run", *words, sleeper.reference)
        assert done.returncode == 125 and done.stderr.count(b"\n") == 1, done


def test_always_does_not_fall_back_to_what_is_there(customer, registry, sleeper, tmp_path):
    reference = registry.push(words_of(tmp_path / "r", "here", tmp_path), "tools/gone:1")
    says(customer, reference, sleeper, "here")
    customer.env["REGISTRY_AUTH_FILE"] = str(tmp_path / "no-login.json")
    done = customer.run(reference, sleeper, flags=["--pull", "always"])
    assert done.returncode == 125 and b"skopeo login" in done.stderr, done
    says(customer, reference, sleeper, "here")


def test_by_digest(customer, registry, sleeper, tmp_path):
    reference = registry.push(words_of(tmp_path / "a", "first", tmp_path), "tools/pinned:1")
    digest = json.loads(skopeo("inspect", "--authfile", registry.auth_file, "--tls-verify=false",
                               f"docker://{reference}"))["Digest"]  # fmt: skip
    registry.push(words_of(tmp_path / "b", "second", tmp_path), "tools/pinned:1")
    pinned = f"{reference.rpartition(':')[0]}@{digest}"
    says(customer, pinned, sleeper, "first")
    assert listed(customer) == {pinned: digest}
    says(customer, digest, sleeper, "first", "--pull=never")
    says(customer, digest[7:19], sleeper, "first")
    table = customer("images", "--digests").stdout.decode()
    assert table.count(digest) == 2 and customer("images").stdout.decode().count(digest) == 1, table


def transports(busybox, folder):
    """(name, how to put busybox there); each comes back under the name recap.test/there:1."""
    name = "recap.test/there:1"
    storage = f"containers-storage:[vfs@{folder}/storage+{folder}/run]{name}"
    return [f"oci:{folder}/layout:{name}", f"oci-archive:{folder}/oci.tar:{name}",
            f"docker-archive:{folder}/docker.tar:{name}", f"dir:{folder}/dir", storage]  # fmt: skip


def test_every_transport(recap, busybox, sleeper, tmp_path):
    for place in transports(busybox, tmp_path):
        skopeo("copy", "-q", f"oci-archive:{busybox.oci_archive}", place)
        flags = ["--name", "recap.test/there:1"] if place.startswith("dir:") else []
        done = recap("pull", *flags, place, timeout=120)
        assert done.returncode == 0 and done.stdout.startswith(b"recap.test/there:1 sha256:"), (place, done)
        done = recap.run("recap.test/there:1", sleeper, "/bin/echo", "it", "works", flags=["--share", "none"])
        assert (done.returncode, done.stdout) == (0, b"it works\n"), (place, done)
        assert recap("rmi", "recap.test/there:1").returncode == 0
    host.run("umount", f"{tmp_path}/storage", check=False)


def test_from_docker(recap, busybox, sleeper, tmp_path):
    with runtimes.docker() as docker:
        archive = tmp_path / "image.tar"
        skopeo("copy", "-q", f"oci-archive:{busybox.oci_archive}", f"docker-archive:{archive}:recap.test/there:1")
        environment = {**os.environ, "DOCKER_HOST": f"unix://{docker.socket}"}
        subprocess.run(["docker", "load", "-q", "-i", archive], check=True, capture_output=True, env=environment)
        done = recap("pull", "docker-daemon:recap.test/there:1", env=environment, timeout=120)
        assert done.returncode == 0, done
    assert recap.run("recap.test/there:1", sleeper, "/bin/true", flags=["--share", "none"]).returncode == 0


def test_the_variant_of_this_machine(customer, registry, sleeper, tmp_path):
    here = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    other = {"amd64": "arm64", "arm64": "amd64"}[here]
    manifests = []
    for architecture in (other, here):
        tag = f"tools/many:{architecture}"
        reference = registry.push(words_of(tmp_path / architecture, architecture, tmp_path), tag)
        look = ["inspect", "--authfile", registry.auth_file, "--tls-verify=false", f"docker://{reference}"]
        raw, found = skopeo(*look, "--raw"), skopeo(*look)
        manifests.append({"mediaType": json.loads(raw)["mediaType"], "digest": json.loads(found)["Digest"],
                          "size": len(raw), "platform": {"os": "linux", "architecture": architecture}})  # fmt: skip
    put(registry, "tools/many", "both", {"schemaVersion": 2, "manifests": manifests,
                                         "mediaType": "application/vnd.oci.image.index.v1+json"})  # fmt: skip
    reference = f"{registry.name}/tools/many:both"
    says(customer, reference, sleeper, here)
    assert listed(customer)[reference] == manifests[1]["digest"]


def put(registry, repository, tag, manifest):
    """Uploads a manifest by the registry's own API."""
    host.run("curl", "-sSf", "--cacert", registry.folder / "cert.pem", "-u",
             f"{testlib.registry.USER}:{testlib.registry.PASSWORD}", "-X", "PUT", "-H",
             f"Content-Type: {manifest['mediaType']}", "--data-binary", json.dumps(manifest),
             f"https://{registry.name}/v2/{repository}/manifests/{tag}")  # fmt: skip


def test_a_mirror_of_registries_conf(customer, registry, sleeper, tmp_path):
    registry.push(words_of(tmp_path / "m", "mirrored", tmp_path), "mirror/tools/words:1")
    home = tmp_path / "home"
    testlib.registry.trust(home / ".config/containers", registry.name, registry.folder)
    (home / ".config/containers/registries.conf").write_text(
        '[[registry]]\nprefix = "nowhere.test"\nlocation = "127.0.0.1:1"\n'
        f'[[registry.mirror]]\nlocation = "{registry.name}/mirror"\n')  # fmt: skip
    customer.env["HOME"] = str(home)
    says(customer, "nowhere.test/tools/words:1", sleeper, "mirrored")


def test_fifty_first_runs_fetch_and_unpack_once(customer, registry, sleeper, tmp_path):
    reference = registry.push(words_of(tmp_path / "m", "once", tmp_path), "tools/fifty:1")
    before = registry.log_size()
    runs = [customer.popen(*customer.run_words(reference, sleeper, flags=["-q", "--share", "none"]))
            for _ in range(rounds(20, 50))]  # fmt: skip
    answers = [run.communicate(timeout=240) + (run.returncode,) for run in runs]
    assert all(answer == (b"once\n", b"", 0) for answer in answers), answers
    blobs = [line for line in registry.log_since(before) if "GET" in line and "/blobs/" in line and " 200 " in line]
    assert len(blobs) == 2, blobs  # the config and the one layer
    assert len(os.listdir(customer.data / "store/layers")) == 1
    assert os.listdir(customer.data / "store/tmp") == []


def test_progress_is_for_a_terminal_and_goes_to_stderr(customer, registry, busybox):
    reference = registry.push(busybox, "tools/seen:1")
    done = customer("pull", reference)
    assert done.returncode == 0 and done.stderr == b"" and done.stdout.count(b"\n") == 1, done
    assert customer("rmi", reference).returncode == 0
    master, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 100))
    try:
        child = customer.popen("pull", reference, stderr=terminal)
        os.close(terminal)
        out, _ = child.communicate(timeout=60)
        shown = os.read(master, 1 << 16)
    finally:
        os.close(master)
    assert child.returncode == 0 and out.count(b"\n") == 1 and out.startswith(reference.encode()), out
    assert b"Copying blob" in shown, shown


def test_verify_finds_every_damage(recap, busybox):
    assert recap("verify").returncode == 0
    recap("import", busybox.oci_archive)
    done = recap("verify")
    assert done.returncode == 0 and b"verified 1 images, 1 layers" in done.stdout, done
    store = recap.data / "store"
    (layer,) = (store / "layers").iterdir()
    file = next(path for path in layer.rglob("*") if path.is_file() and path.stat().st_size > 1000)
    blob = max((store / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    content, times = file.read_bytes(), (file.stat().st_atime_ns, file.stat().st_mtime_ns)

    def flip():
        file.write_bytes(b"X" + content[1:])
        os.utime(file, ns=times)  # as bad disks do it

    def damaged(words):
        done = recap("verify")
        assert done.returncode == 125 and words in done.stderr and b"recap rmi" in done.stderr, (words, done)

    flip()
    damaged(b": its content differs")
    file.write_bytes(content)
    os.utime(file, ns=times)
    assert recap("verify").returncode == 0
    file.chmod(file.stat().st_mode ^ 0o4000)
    damaged(b"its mode differs")
    file.chmod(file.stat().st_mode ^ 0o4000)
    (layer / "added").touch()
    damaged(b"does not belong there")
    (layer / "added").unlink()
    file.rename(layer / "moved")
    damaged(b"is missing")
    (layer / "moved").rename(file)
    assert recap("verify").returncode == 0
    with open(blob, "r+b") as out:
        out.seek(5000)
        byte = out.read(1)
        out.seek(5000)
        out.write(bytes([byte[0] ^ 1]))
    damaged(b"blob sha256:" + blob.name.encode())
    assert os.listdir(store / "tmp") == []


CONTAINERFILE = """FROM scratch
COPY busybox /busybox
ARG WORDS=built
ENV WORDS=$WORDS
ENTRYPOINT ["/busybox", "sh", "-c", "echo $WORDS"]
"""
FUNCTION = """# what it asks for
description: say what was built   # at build time
share: [net, pid]
view: nothing
paths: [/var/log]
grant:
  capabilities: [NET_RAW, KILL]
  runAs: Target
  profile: net
resources:
  limits: {cpu: 500m, memory: 32Mi, pids: 8}
"""


@pytest.fixture
def recipe(tmp_path):
    folder = tmp_path / "recipe"
    folder.mkdir()
    shutil.copy("/bin/busybox", folder)
    (folder / "Containerfile").write_text(CONTAINERFILE)
    (folder / "function.yaml").write_text(FUNCTION)
    return folder


@pytest.fixture
def builder(recap, tmp_path):
    """A storage of the builder's own, so that nothing shows in this host's."""
    conf = tmp_path / "storage.conf"
    conf.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{tmp_path}/graph"\nrunroot = "{tmp_path}/run"\n')
    recap.env.update(CONTAINERS_STORAGE_CONF=str(conf), BUILDAH_ISOLATION="chroot")
    yield recap
    host.run("umount", f"{tmp_path}/graph", check=False)


def test_build_gives_the_labels_of_the_function(builder, recipe, sleeper):
    done = builder("build", "-t", "tools/said:1", recipe, timeout=120)
    assert done.returncode == 0 and done.stdout.startswith(b"docker.io/tools/said:1 sha256:"), done
    (image,) = json.loads(builder("images", "-o", "json").stdout)
    labels = {key: value for key, value in image["labels"].items() if key.startswith("dev.recap.")}
    assert labels == {
        "dev.recap.function": "said", "dev.recap.description": "say what was built", "dev.recap.share": "net,pid",
        "dev.recap.paths": "/var/log", "dev.recap.capabilities": "NET_RAW,KILL", "dev.recap.user": "target",
        "dev.recap.profile": "net", "dev.recap.limit.cpu": "500m", "dev.recap.limit.memory": "32Mi",
        "dev.recap.limit.pids": "8",
    }  # fmt: skip
    says(builder, "tools/said:1", sleeper, "built")
    flags = ["--build-arg", "WORDS=anew"]
    done = builder("build", "-t", "tools/said:1", recipe / "Containerfile", "--", *flags, timeout=120)
    assert done.returncode == 0, done
    says(builder, "tools/said:1", sleeper, "anew")


def test_a_function_that_shares_nothing_says_so(builder, recipe):
    """Without the label it would get what strangers get."""
    (recipe / "function.yaml").write_text("description: alone\nshare: []\n")
    assert builder("build", "-t", "tools/alone:1", recipe, timeout=120).returncode == 0
    (image,) = json.loads(builder("images", "-o", "json").stdout)
    assert image["labels"]["dev.recap.share"] == "none"


def test_a_build_that_cannot_work_says_why(builder, recipe, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/Containerfile").write_text("FROM scratch\n")
    (tmp_path / "bad/function.yaml").write_text("privileged: true\n")
    shutil.copytree(tmp_path / "bad", tmp_path / "worse")
    (tmp_path / "worse/function.yaml").write_text("paths:\n  - path: /var/log\n")
    for words, said in ((["-t", "x:1", tmp_path / "bad"], b"privileged"),
                        (["-t", "x:1", tmp_path / "worse"], b"list of words"),
                        (["-t", "x:1", "--builder", "make", recipe], b"buildah"),
                        (["-t", "x:1", tmp_path / "empty"], b"Containerfile"), ([recipe], b"--tag"),
                        (["-t", "X Y", recipe], b"reference")):  # fmt: skip
        done = builder("build", *words)
        assert done.returncode == 125 and said in done.stderr and done.stderr.count(b"\n") == 1, done
    (recipe / "Containerfile").write_text("FROM scratch\nCOPY nothing /\n")
    done = builder("build", "-t", "x:1", recipe)
    assert done.returncode == 125 and b"nothing" in done.stderr, done
    assert listed(builder) == {}


def test_a_pushed_image_keeps_its_digest(customer, registry, busybox, sleeper):
    customer("import", busybox.oci_archive)
    (digest,) = listed(customer).values()
    name = f"{registry.name}/tools/pushed:1"
    done = customer("push", busybox.reference, name)
    assert (done.returncode, done.stdout) == (0, f"{name} {digest}\n".encode()), done
    assert customer("rmi", busybox.reference).returncode == 0
    done = customer("pull", f"{registry.name}/tools/pushed@{digest}")
    assert done.returncode == 0 and digest.encode() in done.stdout, done
    customer.env["REGISTRY_AUTH_FILE"] = "/no/login.json"
    done = customer("push", digest, name)
    assert done.returncode == 125 and b"skopeo login" in done.stderr, done
    assert customer("push", digest).returncode == 125


def test_what_is_in_the_store_may_be_pushed_whoever_signed_it(customer, registry, busybox, tmp_path):
    """Whoever has to have signed an image was asked when it came in; import asks nobody."""
    customer("import", busybox.oci_archive)
    folder = tmp_path / ".config/containers"
    shutil.copytree(f"{registry.home}/.config/containers", folder)
    (folder / "policy.json").write_text('{"default": [{"type": "reject"}]}')
    customer.env["HOME"] = str(tmp_path)
    done = customer("push", busybox.reference, f"{registry.name}/tools/unsigned:1")
    assert done.returncode == 0, done
