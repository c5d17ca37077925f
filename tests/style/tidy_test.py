# SPDX-License-Identifier: Apache-2.0
"""clang-tidy 19 with the tree's .clang-tidy over every source file but the unit tests, whose
framework takes it longer than all of ours.

A file that passed is not looked at again until it, a header it includes, its compile command or
.clang-tidy changes: what passed is remembered in the build directory."""

import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess

import pytest
from style import tree

BUILD = pathlib.Path(os.environ.get("RECAP_BUILD_DIR", tree.ROOT / "build/ci"))
PASSED = BUILD / "tidy"
# Functions whose names and attributes the compiler or a libc dictates.
DICTATED = {"src/keeper/runtime.cc", "src/main/musl.cc"}
QUOTED = re.compile(r'^#include\s+"([^"]+)"', re.MULTILINE)


@functools.cache
def with_headers(path):
    """`path` and every project header it includes, directly or not."""
    seen, todo = set(), [path]
    while todo:
        current = todo.pop()
        if current not in seen and current.is_file():
            seen.add(current)
            todo += [tree.ROOT / "src" / quoted for quoted in QUOTED.findall(tree.text(current))]
    return sorted(seen)


def commands():
    """One compile command per file of ours (core layers are built twice: the hosted one is taken)."""
    chosen = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        file = pathlib.Path(entry["directory"], entry["file"]).resolve()
        ours = (file.is_relative_to(tree.ROOT / "src") and file.suffix in tree.CPP
                and not file.name.endswith("_test.cc") and tree.name(file) not in DICTATED)
        if ours and (file not in chosen or "-ffreestanding" in chosen[file]["command"]):
            chosen[file] = entry
    return chosen


def fingerprint(file, entry):
    digest = hashlib.sha256(entry["command"].encode() + (tree.ROOT / ".clang-tidy").read_bytes())
    for path in with_headers(file):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def tidy(file, entry, seal):
    words = [word for word in shlex.split(entry["command"])[1:] if word != str(entry["file"])]
    if words and words[0].endswith(("g++", "c++", "gcc", "cc")):
        words = words[1:]  # the compiler behind ccache
    unknown_to_clang = ("-fno-threadsafe-statics-", "-Wno-maybe-uninitialized", "-fanalyzer")
    words = [word for word in words if word not in unknown_to_clang]
    done = subprocess.run(
        ["clang-tidy-19", "--quiet", "--use-color=false", str(file), "--", *words,
         "-Wno-unknown-warning-option"],
        cwd=entry["directory"], capture_output=True, text=True)
    if done.returncode == 0:
        seal.touch()
        return None
    lines = [line for line in done.stdout.splitlines() if re.search(r": (error|warning):", line)]
    return "\n".join(lines) or done.stdout + done.stderr


@pytest.mark.skipif(bool(os.environ.get("RECAP_QUICK")), reason="clang-tidy is not part of quick")
def test_clang_tidy_is_obeyed():
    PASSED.mkdir(parents=True, exist_ok=True)
    todo = []
    for file, entry in commands().items():
        seal = PASSED / fingerprint(file, entry)
        if not seal.exists():
            todo.append((file, entry, seal))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [text for text in pool.map(lambda job: tidy(*job), todo) if text]
    found = sorted(set("\n".join(found).replace(str(tree.ROOT) + "/", "").splitlines()))
    assert not found, "\n".join(found)
