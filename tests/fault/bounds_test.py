# SPDX-License-Identifier: Apache-2.0
"""SPEC: what exceeds the room there is for it is refused, or counted; it is never dropped in silence. And
a keeper that cannot move to the host does not stay elsewhere."""

import json
import os
import subprocess

import pytest

from testlib.waiting import Stopwatch

MOST_RESIDUE = 32


@pytest.fixture
def deep_paths(target):
    """Flags that declare so many long paths of the target that a record of 16 KiB cannot hold them."""
    flags = []
    for number in range(24):
        path = f"/data/{number:02}" + ("/" + "e" * 220) * 4
        subprocess.run(["mkdir", "-p", f"/proc/{target.pid}/root{path}"], check=True)
        flags += ["--path", path]
    return flags


def test_a_run_with_many_long_paths_has_its_record(capsule, deep_paths, tmp_path):
    done = capsule("sh", "-c", "exit 5", flags=[*deep_paths, "--report", tmp_path / "report"])
    assert done.returncode == 5 and done.stderr == b"", done
    assert len(json.loads((tmp_path / "report").read_text())["paths"]) == 24


def test_a_working_directory_of_thousands_of_components_is_made_at_once(capsule):
    place = "/a" * 2000
    with Stopwatch() as watch:
        done = capsule("pwd", flags=["--workdir", place])
    assert (done.returncode, done.stdout.decode().strip()) == (0, place), done
    assert watch.seconds < 3


def test_residue_beyond_the_records_space_is_counted(capsule, tmp_path):
    routes = 'for i in $(seq 1 60); do ip route add blackhole "203.0.113.$i/32" || exit 9; done'
    done = capsule("sh", "-c", routes, flags=["--cap", "NET_ADMIN", "--report", tmp_path / "report"])
    assert done.returncode == 0, done
    found = json.loads((tmp_path / "report").read_text())["residue"]["found"]
    assert len(found) == MOST_RESIDUE, found
    count, *words = found[-1]["detail"].split()
    assert words == ["more", "of", "any", "kind"] and int(count) >= 60 - (MOST_RESIDUE - 1), found[-1]


def host_shows_itself():
    try:
        return bool(os.readlink("/proc/1/ns/mnt"))
    except PermissionError:
        return False


def is_elsewhere(namespace):
    """A new cgroup namespace is a place of its own only below the root."""
    look = ["unshare", namespace, "cat", "/proc/1/cgroup"]
    return namespace == "-m" or b":/.." in subprocess.run(look, capture_output=True, check=True).stdout


@pytest.mark.parametrize("namespace", ["-m", "-C"])
def test_a_keeper_moves_to_the_host_or_says_that_it_cannot(recap, toolbox, target, namespace):
    """Process 1 of some hosts has rights that nobody else has, and may not be looked at."""
    words = recap.run_words(toolbox, target, "echo", "ran")
    done = subprocess.run(["unshare", namespace, str(recap.program), *map(str, words)], env=recap.env,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=60)  # fmt: skip
    if host_shows_itself() or not is_elsewhere(namespace):
        assert (done.returncode, done.stdout) == (0, b"ran\n"), done
    else:
        assert (done.returncode, done.stdout) == (125, b"") and b"process 1 may not be looked at" in done.stderr, done
    assert recap.runs_on_disk() == []
