# SPDX-License-Identifier: Apache-2.0
"""Signatures decide what may be pulled (docs/trust.md): containers-policy.json(5), a real registry, real signatures."""

import http.client
import http.server
import itertools
import json
import os
import shutil
import threading

import pytest

import testlib.registry
from testlib import images, runtimes, signing
from testlib.recap import OURS, Recap
from testlib.registry import free_port


SIGNERS = ["gpg", pytest.param("sigstore", marks=pytest.mark.soak_only)]


@pytest.fixture(scope="module", params=SIGNERS)
def signer(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("signer")
    with testlib.registry.start(folder) as registry:
        made = signing.signer(request.param, folder, registry)
        made.good, made.evil = made.key("good"), made.key("evil")
        yield made
        made.close()


@pytest.fixture
def recap(work, nothing_stays, tmp_path, signer):
    """recap with an empty store and a policy: of this registry's lib/ only what `good` signed."""
    policy = tmp_path / "policy.json"
    scopes = {f"{signer.registry.name}/lib": [signer.requirement(signer.good)]}
    policy.write_text(json.dumps({"default": [{"type": "reject"}], "transports": {"docker": scopes}}))
    made = Recap(tmp_path / "recap", {"RECAP_SIGNATURE_POLICY": str(policy)})
    made.data.mkdir(parents=True, mode=0o700)
    made.env.update(HOME=signer.registry.home, PATH=signer.path)
    made.policy = policy
    return made


@pytest.fixture
def sleeper():
    with runtimes.process(["sleep", "300"]) as target:
        yield target


COUNT = itertools.count()


@pytest.fixture
def repository():
    return f"lib/x{next(COUNT)}"


@pytest.fixture
def pushed(signer, tmp_path, repository):
    """Pushes an image that prints `word`, signed by `key` if any; returns its name and digest."""

    def push(tag, key=None, word="first", repository=repository):
        busybox = images.get("busybox")
        archive = tmp_path / f"{word}.oci.tar"
        config = {**busybox.config, "Entrypoint": ["/bin/echo", word], "Cmd": []}
        images.write_oci_archive(archive, [busybox.tar], config, "recap.test/x:1")
        name = f"{signer.registry.name}/{repository}:{tag}"
        signer.push(archive, name, key)
        return name, signer.registry.digest(name)

    return push


def refused(recap, name, *words):
    done = recap("pull", *words, name, timeout=120)
    assert done.returncode == OURS and done.stdout == b"", done
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def holds_nothing(recap):
    store = recap.data / "store"
    parts = [store / part for part in ("images", "refs", "layers") if (store / part).is_dir()]
    left = [name for part in parts for name in os.listdir(part)]
    assert left == [] and json.loads(recap("images", "-o", "json").stdout) == [], left


def test_what_is_signed_is_pulled_and_the_record_says_by_whom(recap, signer, pushed, sleeper):
    name, digest = pushed("1", "good")
    done = recap("pull", name, timeout=120)
    assert done.returncode == 0, done
    done = recap.run(name, sleeper, flags=["--name", "signed", "--share", "none"])
    assert (done.returncode, done.stdout) == (0, b"first\n"), done
    record = json.loads(recap("inspect", "signed").stdout)
    trust = record["image"]["trust"]
    assert record["image"]["digest"] == digest
    kind = signer.requirement(signer.good)["type"]
    assert trust.startswith(f"{kind} by {signer.good} ({signing.short_hash(signer.good)})")
    assert f"docker {signer.registry.name}/lib, {recap.policy} ({signing.short_hash(recap.policy)})" in trust
    listed = json.loads(recap("images", "-o", "json").stdout)
    assert [image["trust"] for image in listed] == [trust]


def test_what_is_not_signed_is_not_pulled(recap, pushed, sleeper):
    name, _ = pushed("1")
    assert f"signature policy {recap.policy}" in refused(recap, name)
    holds_nothing(recap)
    assert recap.run(name, sleeper, timeout=120).returncode == OURS  # by itself neither
    holds_nothing(recap)


def test_another_key_is_none(recap, pushed):
    name, _ = pushed("1", "evil")
    assert f"signature policy {recap.policy}" in refused(recap, name)
    holds_nothing(recap)


def test_the_signature_of_another_image_is_none(recap, signer, pushed, repository):
    _, signed = pushed("1", "good")
    name, other = pushed("2", word="second")
    assert signed != other
    signer.give_signature(repository, signed, other)
    assert f"signature policy {recap.policy}" in refused(recap, name)
    holds_nothing(recap)


def test_the_most_specific_scope_decides(recap, signer, pushed):
    name, _ = pushed("1", "good", repository="other/x")
    assert "does not allow it" in refused(recap, name)
    free = recap.policy.with_name("free.json")
    free.write_text(json.dumps({"default": [{"type": "insecureAcceptAnything"}]}))
    done = recap("pull", "--signature-policy", free, name, timeout=120)
    assert done.returncode == 0, done
    (image,) = json.loads(recap("images", "-o", "json").stdout)
    assert image["trust"].startswith(f"insecureAcceptAnything, default, {free} (")


def test_a_tag_that_moves_later_moves_nothing_here(recap, pushed, sleeper):
    name, signed = pushed("1", "good")
    assert recap("pull", name, timeout=120).returncode == 0
    assert pushed("1", word="second")[1] != signed
    refused(recap, name)
    done = recap.run(name, sleeper, flags=["--share", "none"])
    assert (done.returncode, done.stdout) == (0, b"first\n"), done
    assert [image["digest"] for image in json.loads(recap("images", "-o", "json").stdout)] == [signed]


class Between(http.server.BaseHTTPRequestHandler):
    """Hands everything on to the registry; calls server.after_tag() once it has said what a tag is."""

    def do_GET(self):
        connection = http.client.HTTPConnection(self.server.registry)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for header, value in self.headers.items():
            connection.putheader(header, self.server.registry if header.lower() == "host" else value)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        if self.command == "GET" and self.path.endswith("/manifests/1") and self.server.after_tag:
            move, self.server.after_tag = self.server.after_tag, None
            move()
        self.send_response(answer.status)
        for header, value in answer.getheaders():
            if header.lower() not in ("transfer-encoding", "connection"):
                self.send_header(header, value)
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


def test_a_tag_that_moves_meanwhile_moves_nothing(recap, signer, pushed, sleeper, tmp_path):
    name, signed = pushed("1", "good")
    moved = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Between) as server:
        server.registry = signer.registry.name
        server.after_tag = lambda: moved.append(pushed("1", word="second")[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        home = tmp_path / "home"
        shutil.copytree(signer.registry.folder / ".config", home / ".config")
        conf = home / ".config/containers/registries.conf"
        conf.write_text(f'[[registry]]\nprefix = "{signer.registry.name}"\n'
                        f'location = "127.0.0.1:{server.server_port}"\ninsecure = true\n')  # fmt: skip
        done = recap("pull", name, timeout=120, env={"HOME": str(home)})
        server.shutdown()
    assert done.returncode == 0, done
    assert moved and moved[0] != signed
    assert [image["digest"] for image in json.loads(recap("images", "-o", "json").stdout)] == [signed]
    assert recap.run(name, sleeper, flags=["--share", "none"]).stdout == b"first\n"


@pytest.mark.parametrize("what", ["layer", "config", "manifest"])
def test_what_was_tampered_with_is_refused(recap, signer, pushed, what):
    name, digest = pushed("1", "good")
    manifest = signer.registry.blob(digest)
    content = json.loads(manifest.read_bytes())
    named = {"layer": content["layers"][0], "config": content["config"]}
    file = signer.registry.blob(named[what]["digest"]) if what in named else manifest
    data = bytearray(file.read_bytes())
    at = {"layer": len(data) // 2, "config": data.find(b"echo"), "manifest": data.find(b"sha256:") + 9}[what]
    data[at] ^= 1
    whole = file.read_bytes()
    file.write_bytes(data)
    try:
        refused(recap, name)
        holds_nothing(recap)
    finally:
        file.write_bytes(whole)  # other tests' images have it too


def test_a_policy_that_cannot_be_read_allows_nothing(recap, pushed):
    name, _ = pushed("1", "good")
    anything = '{"type": "insecureAcceptAnything"}'
    for text in ("", "{}", '{"default": []}', f'{{"default": [{anything}], "x": 1}}',
                 f'{{"default": [{{"type": "reject"}}], "default": [{anything}]}}',
                 '{"default": [{"type": "signedby"}]}'):  # fmt: skip
        recap.policy.write_text(text)
        refused(recap, name)
    recap.policy.unlink()
    assert "cannot be read" in refused(recap, name)
    holds_nothing(recap)
