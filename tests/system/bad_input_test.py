# SPDX-License-Identifier: Apache-2.0
"""SPEC: whatever is wrong, one sentence that helps, 125, and nothing left."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

import pytest

from testlib import images, proc
from testlib.waiting import until

LONG = "x" * (1 << 17)  # the longest single argument the kernel takes is 128 KiB
NASTY = "evil\x1b]52;c;ZXZpbA==\x07\x1b[2J\x9b31m"


def is_one_helpful_sentence(done, *words):
    text = done.stderr.decode(errors="surrogateescape")
    assert done.returncode == 125, done
    assert done.stdout == b"" and text.count("\n") == 1 and text.endswith("\n"), repr(text[:2000])
    assert 10 < len(text) < 1200, repr(text[:2000])
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text.replace("\n", "")), repr(text[:400])
    for word in words:
        assert word in text, f"{word!r} is not in {text!r}"


def empty_groups():
    """Cgroups of runs without a process: other sessions' live ones have some."""
    return {path for top in proc.hierarchies().values() for path in (top / "recap").glob("*/")
            if path.name != "keepers" and not proc.cgroup_members(path)}  # fmt: skip


def files(recap):
    """Of the state and of the data; not what is in a layer, nor the directories that the first run makes."""
    layers = recap.data / "store/layers"
    found = {path for top in (recap.state, recap.data) for path in top.rglob("*")
             if layers not in path.parents or path.parent == layers}  # fmt: skip
    return found - {recap.state / "runs", recap.data / "records"}


@pytest.fixture
def nothing_left(recap, toolbox):
    """nothing_left(): no run, uid, record, half a file or cgroup is there that was not there before. Where a keeper
    had begun, its record is."""
    before, groups_before = files(recap), empty_groups()

    def check(had_begun=False):
        changed = files(recap) ^ before
        assert not [path for path in changed if not (had_begun and path.parent == recap.data / "records")]
        until(lambda: not empty_groups() - groups_before, timeout=3, what="the end of every cgroup")

    return check


TARGETS = {
    "unknown name": ("no-such-container", ["no-such-container"]),
    "unknown id": ("runc://0123456789abcdef", []),
    "empty": ("", []),
    "dead pid": ("pid:4194303", []),
    "no pid": ("pid:", []),
    "negative pid": ("pid:-1", []),
    "pid with text": ("pid:1x", []),
    "a pid alone": ("4194303", ["pid:4194303"]),
    "Docker is not there": ("docker://web", ["Docker", "does not answer"]),
    "huge pid": ("pid:99999999999999999999", []),
    "ourselves": (f"pid:{2}", []),
    "unknown scheme": ("lxc://x", []),
    "path traversal": ("runc://../../etc", []),
    "escape sequences": (NASTY, ["evil"]),
    "very long": (LONG[:-1], []),
    "pod without a name": ("pod/", []),
    "line feed": ("a\nb", []),
}


@pytest.mark.words_only
@pytest.mark.quick
@pytest.mark.parametrize("what", TARGETS)
def test_a_bad_target(recap, toolbox, what, nothing_left):
    reference, words = TARGETS[what]
    is_one_helpful_sentence(recap.run(toolbox, reference, "true"), *words)
    nothing_left()


@pytest.mark.words_only
@pytest.mark.quick
def test_a_missing_target_is_said_to_be_missing(recap, toolbox, nothing_left):
    for word in (toolbox, "debian:12", "registry.example/tools:1"):
        is_one_helpful_sentence(recap("run", word), "the target is missing", f"recap run {word} TARGET")
    is_one_helpful_sentence(recap("run", "no-such-container"), "there is no target")
    nothing_left()


@pytest.mark.words_only
@pytest.mark.quick
def test_function_and_target_in_the_wrong_order_are_said_to_be(recap, toolbox, target, nothing_left):
    done = recap("run", target.reference, toolbox)
    is_one_helpful_sentence(done, f"'{target.reference}' is a target", f"recap run {toolbox} {target.reference}")
    nothing_left()


IMAGES = {
    "unknown": ("no-such-image", ["no-such-image", "catalog/build --install no-such-image"]),
    "unknown digest": ("sha256:" + "0" * 64, []),
    "malformed digest": ("toolbox@sha256:../../x", []),
    "upper case": ("No/Such", []),
    "escape sequences": (NASTY, []),
    "very long": (LONG[:-1], []),
    "a directory": ("/etc", []),
}


@pytest.mark.words_only
@pytest.mark.quick
@pytest.mark.parametrize("what", IMAGES)
def test_a_bad_image(recap, target, what, nothing_left):
    reference, words = IMAGES[what]
    is_one_helpful_sentence(recap.run(reference, target, "true"), *words)
    nothing_left()


FLAGS = {
    "unknown flag": ["--no-such-flag"],
    "unknown share": ["--share", "net,time"],
    "empty share": ["--share", ""],
    "unknown view": ["--view", "everything"],
    "bad memory": ["--memory", "12 elephants"],
    "negative memory": ["--memory", "-1"],
    "overflowing memory": ["--memory", "99999999999999999999Gi"],
    "memory for no program": ["--memory", "1Ki"],
    "bad cpus": ["--cpus", "half"],
    "bad pids": ["--pids", "0x10"],
    "bad timeout": ["--timeout", "soon"],
    "negative timeout": ["--timeout", "-3s"],
    "bad env": ["--env", "=x"],
    "bad user": ["-u", "4294967296"],
    "plus user": ["-u", "+0"],
    "hex user": ["-u", "0x0"],
    "unknown user": ["-u", "nobody-here"],
    "bad run-as": ["--run-as", "admin"],
    "two users": ["--run-as", "target", "-u", "1000"],
    "bad name": ["--name", "../../x"],
    "nasty name": ["--name", NASTY],
    "long name": ["--name", "n" * 5000],
    "bad workdir": ["--workdir", "not/absolute"],
    "missing value": ["--timeout"],
    "tty without a terminal": ["-t"],
    "out to nowhere": ["--out", "/no/such/folder/file"],
    "report to nowhere": ["--report", "/no/such/folder/file"],
    "report to a folder": ["--report", "/etc"],
    "out and detached": ["-d", "--out", "-"],
}


@pytest.mark.words_only
@pytest.mark.quick
def test_a_mistyped_word_gets_a_suggestion(recap, toolbox, target):
    is_one_helpful_sentence(recap.run(toolbox, target, flags=["--vew", "target"]), "--vew", "did you mean --view?")
    is_one_helpful_sentence(recap("rnu"), "rnu", "did you mean run?")


@pytest.mark.words_only
@pytest.mark.quick
@pytest.mark.parametrize("what", FLAGS)
def test_a_bad_flag(recap, toolbox, target, what, nothing_left):
    if what == "missing value":
        done = recap("run", toolbox, target.reference, "--timeout")
    else:
        done = recap.run(toolbox, target, "true", flags=FLAGS[what])
    is_one_helpful_sentence(done)
    nothing_left()


@pytest.mark.words_only
@pytest.mark.quick
def test_a_missing_path_is_named_and_nothing_else_is_said(recap, toolbox, target, tmp_path):
    done = recap.run(toolbox, target, "true", flags=["--path", "/nosuch", "--report", tmp_path / "report"])
    assert (done.returncode, done.stderr) == (125, b"recap run: the target has no /nosuch\n"), done
    assert json.loads((tmp_path / "report").read_text())["exit"]["message"] == "the target has no /nosuch"


@pytest.mark.words_only
@pytest.mark.quick
def test_a_limit_that_is_too_small_is_named(recap, toolbox, target):
    is_one_helpful_sentence(recap.run(toolbox, target, "true", flags=["--scratch", "1"]), "--scratch")


@pytest.mark.words_only
@pytest.mark.quick
def test_advice_fits_the_verb(recap):
    for words, advice in ((["ps", "-n"], "recap ps --help"), (["inspect", "-o", "json", "x"], "recap inspect --help"),
                          (["rmi", "--nope"], "recap rmi --help"), (["run", "--nope"], "behind `--`"),
                          (["shell"], "recap shell TARGET"), (["rmi", "nosuch"], "recap images")):  # fmt: skip
        done = recap(*words)
        is_one_helpful_sentence(done, advice)
        assert words[0] in ("run", "shell") or b"`--`" not in done.stderr and b"pull" not in done.stderr, done


def test_a_function_whose_image_was_removed_is_not_listed(recap, toolbox):
    (digest,) = {one["digest"] for one in json.loads(recap("images", "-o", "json").stdout)
                 if one["reference"] == toolbox}  # fmt: skip
    index = recap.data / "catalog/index"
    index.parent.mkdir(mode=0o700)
    try:
        index.write_text(f"{digest} here its image is there\nsha256:{'0' * 64} gone its image is not\n")
        assert [one["name"] for one in json.loads(recap("functions", "-o", "json").stdout)] == ["here"]
    finally:
        shutil.rmtree(index.parent)


def test_doctor_says_that_an_engine_elsewhere_is_not_looked_at(recap):
    env = {name: value for name, value in recap.env.items() if name != "RECAP_DOCKER_SOCKET"}
    for host, said in (("tcp://192.0.2.1:2375", True), ("unix:///run/recap-no-such.sock", False)):
        done = subprocess.run([recap.program, "doctor"], env={**env, "DOCKER_HOST": host}, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=60)  # fmt: skip
        assert (f"{host} is not used" in done.stdout.decode()) == said, done


WORDS = [["frobnicate"], ["run"], ["run", "toolbox", "x", "y"], ["stop"], ["stop", "no-such-run"],
         ["logs", "no-such-run"], ["attach", "no-such-run"], ["inspect", "no-such-run"], ["inspect", NASTY],
         ["diff", "no-such-run"], ["cp", "no-such-run:/x", "/tmp"], ["cp", "nonsense"], ["rmi", "no-such-image"],
         ["import"], ["import", "/no/such/file"], ["import", "/etc/passwd"], ["import", "/dev/zero"],
         ["import", "/etc"], ["ps", "--bogus"], ["ps", "-o", "xml"], ["completion", "csh"]]  # fmt: skip


@pytest.mark.words_only
@pytest.mark.quick
@pytest.mark.parametrize("words", WORDS, ids=lambda words: " ".join(words).encode("unicode_escape").decode()[:40])
def test_a_bad_command(recap, words, nothing_left):
    is_one_helpful_sentence(recap(*words))
    nothing_left()


def test_a_paused_container_is_refused(recap, toolbox, runc, lean, nothing_left):
    target = runc.run(lean)
    pause = ["runc", "--root", str(runc.state)]
    subprocess.run([*pause, "pause", target.id], check=True)
    try:
        is_one_helpful_sentence(recap.run(toolbox, target, "true"), "paused")
        nothing_left()
    finally:
        subprocess.run([*pause, "resume", target.id], check=True)
        target.remove()


def test_a_stopped_container_is_refused(recap, toolbox, runc, lean):
    target = runc.run(lean)
    target.kill()
    assert target.wait(5)
    is_one_helpful_sentence(recap.run(toolbox, target, "true"))
    target.remove()


def test_an_ambiguous_name_lists_the_candidates(recap, toolbox, runc, lean):
    targets = [runc.run(lean, name=f"ambiguous-{runc.work.name[-6:]}-{number}") for number in (1, 2)]
    try:
        done = recap.run(toolbox, f"ambiguous-{runc.work.name[-6:]}", "true")
        is_one_helpful_sentence(done, targets[0].id, targets[1].id)
    finally:
        for target in targets:
            target.remove()


def test_gvisor_and_kata_are_refused(recap, toolbox, tmp_path):
    # Their first process, as the host sees it, is a sandbox, known by its program's name.
    for name, word in (("runsc-sandbox", "gVisor"), ("qemu-system-x86_64", "Kata")):
        program = tmp_path / name
        program.write_bytes(open("/bin/busybox", "rb").read())
        program.chmod(0o755)
        child = subprocess.Popen(["sleep", "60"], executable=program)
        try:
            is_one_helpful_sentence(recap.run(toolbox, f"pid:{child.pid}", "true"))
        finally:
            child.kill()
            child.wait()


def test_without_root_it_says_so(recap, toolbox, target):
    with tempfile.TemporaryDirectory(dir="/tmp") as reachable:  # the build may be in a home directory
        os.chmod(reachable, 0o755)
        program = shutil.copy(recap.program, reachable)
        done = subprocess.run([program, *recap.run_words(toolbox, target, "true")], env=recap.env, cwd="/",
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=60,
                              user=65534, group=65534, extra_groups=[])  # fmt: skip
    is_one_helpful_sentence(done, "root")


def test_a_world_readable_store_is_refused(recap, toolbox, target):
    store = recap.data / "store"
    mode = store.stat().st_mode
    store.chmod(0o755)
    try:
        is_one_helpful_sentence(recap.run(toolbox, target, "true"))
    finally:
        store.chmod(mode & 0o7777)


def test_a_broken_archive_is_refused_and_nothing_of_it_stays(recap, toolbox, tmp_path):
    def files():
        return sorted(os.listdir(recap.data / "store/layers")), sorted(os.listdir(recap.data / "store/images"))

    before = files()
    for name, data in (("empty", b""), ("text", b"hello\n"), ("zeros", bytes(10240)), ("gzip", b"\x1f\x8b\x08garbage")):
        archive = tmp_path / name
        archive.write_bytes(data)
        is_one_helpful_sentence(recap("import", archive))
    assert files() == before


def image_of_layers(recap, work, count):
    """Busybox, and a file in each of the other layers."""
    folder = work / f"layers-{count}"
    folder.mkdir()
    tars = []
    for number in range(count):
        tars.append(folder / f"{number}.tar")
        with tarfile.open(tars[-1], "w") as layer:
            if number == 0:
                layer.add(os.path.realpath(shutil.which("busybox")), "bin/ls")
            else:
                layer.addfile(tarfile.TarInfo(f"layers/{number}"))
    reference = f"recap.test/layers-{count}:latest"
    images.write_oci_archive(folder / "image.tar", tars, {"Env": ["PATH=/bin"]}, reference)
    done = recap("import", folder / "image.tar")
    assert done.returncode == 0, done
    return reference


def test_more_layers_than_an_old_kernel_stacks_are_refused_with_the_bound(recap, target, work):
    version = tuple(int(part) for part in re.findall(r"\d+", os.uname().release)[:2])
    for count in (80, 100):
        done = recap.run(image_of_layers(recap, work, count), target, "ls", "/layers")
        if count == 80 or version >= (6, 15):
            assert done.returncode == 0 and len(done.stdout.split()) == count - 1, done
        else:
            is_one_helpful_sentence(done, "80", "layers")
            assert recap.runs_on_disk() == []


def test_a_kernel_without_a_needed_call_is_named(recap, toolbox, target, tmp_path, nothing_left):
    """A seccomp filter that answers ENOSYS stands for an older kernel."""
    for number, says in ((442, "attributes of mount"), (428, "mount"), (434, "process")):
        script = tmp_path / "old_kernel.py"
        script.write_text(OLD_KERNEL)
        words = [str(recap.program), *recap.run_words(toolbox, target, "true")]
        done = subprocess.run([sys.executable, script, str(number), *map(str, words)], env=recap.env,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=60)  # fmt: skip
        is_one_helpful_sentence(done, says, "not in this kernel (ENOSYS)")
        nothing_left(had_begun=True)
        assert proc.in_namespace("pid", proc.namespace(target.pid, "pid"))


OLD_KERNEL = '''
import ctypes, os, struct, sys
number = int(sys.argv[1])
code = b"".join(struct.pack("HBBI", *row) for row in [
    (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050000 | 38), (0x06, 0, 0, 0x7FFF0000)])
buffer = ctypes.create_string_buffer(code)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
program = Program(4, ctypes.cast(buffer, ctypes.c_void_p))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.byref(program)) == 0
os.execv(sys.argv[2], sys.argv[2:])
'''
