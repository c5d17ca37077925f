# SPDX-License-Identifier: Apache-2.0
"""SPEC 8: what a keeper left is cleaned up from its ledger; whatever prevents that leaves the ledger to
those who try again, and nothing is said to be verified that nobody looked at."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from testlib import proc, snapshot, stranger
from testlib.recap import BUILD, Recap
from testlib.waiting import until

KEEPER = BUILD / "src/keeper/recap-keeper"
BLOCKS = 4094  # of uids


@pytest.fixture
def before(recap, toolbox, target):
    recap.run(toolbox, target, "true")
    return snapshot.take(target.pid, recap.state)


def keeper_of(recap, run):
    return int((recap.state / "runs" / run / "pid").read_text().split()[0])


def kill_keeper(recap, run):
    pid = keeper_of(recap, run)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split(")")[1])


def recover(recap, run, descriptors=64):
    """As a command of recap starts it, but with few descriptors to have."""
    script = 'ulimit -n "$1"; shift; exec "$@" 3< "$RUN" 4< /dev/null 5< /dev/null 6< /dev/null'
    return subprocess.run(["sh", "-c", script, "sh", str(descriptors), str(KEEPER), "recover"], timeout=30,
                          stdin=subprocess.DEVNULL, env={"RUN": str(recap.state / "runs" / run)})  # fmt: skip


def test_a_recovery_that_cannot_go_on_leaves_the_ledger_to_the_next(recap, toolbox, target, before):
    run = recap.start(toolbox, target, "sleep", "8100")
    kill_keeper(recap, run)
    failed = 0
    for descriptors in range(7, 12):
        if recover(recap, run, descriptors).returncode == 0:
            break
        failed += 1
        assert (recap.state / "runs" / run / "ledger").exists(), descriptors
    assert failed, "no recovery failed"
    assert recap("ps").returncode == 0
    assert recap.runs_on_disk() == [] and not proc.running("sleep", "8100")
    changes = snapshot.changes_since(before)
    assert not changes, snapshot.explain(changes)


@pytest.mark.parametrize("descriptors", [*range(7, 12), 64])
def test_a_live_run_is_not_touched(recap, toolbox, target, descriptors):
    run = recap.start(toolbox, target, "sleep", "8101")
    recover(recap, run, descriptors)
    assert (recap.state / "runs" / run / "ledger").exists() and proc.running("sleep", "8101")
    done = recap("stop", run)
    assert done.returncode == 0 and recap.runs_on_disk() == [], done


def test_a_run_without_a_ledger_is_removed(recap, toolbox, target):
    run = recap.state / "runs" / "0123456789ab"
    recap.run(toolbox, target, "true")
    run.mkdir(mode=0o700)
    os.utime(run, (0, 0))
    assert recap("ps").returncode == 0 and not run.exists()


@pytest.mark.parametrize("spec", [None, b"", b"RECP"])
def test_a_keeper_that_died_while_it_wrote_its_spec(recap, toolbox, target, spec):
    run = recap.start(toolbox, target, "sleep", "8105")
    kill_keeper(recap, run)
    path = recap.state / "runs" / run / "spec"
    path.unlink()
    if spec is not None:
        path.write_bytes(spec)
    assert recap("ps").returncode == 0
    assert recap.runs_on_disk() == [] and not proc.running("sleep", "8105")


def test_a_damaged_ledger_is_kept(recap, toolbox, target):
    run = recap.start(toolbox, target, "sleep", "8102")
    kill_keeper(recap, run)
    ledger = recap.state / "runs" / run / "ledger"
    good = ledger.read_bytes()
    ledger.write_bytes(good + bytes(24 * 64))
    assert recover(recap, run).returncode != 0 and ledger.exists()
    ledger.write_bytes(good)
    assert recap("ps").returncode == 0 and recap.runs_on_disk() == [] and not proc.running("sleep", "8102")


def test_one_block_of_uids_is_left(recap, toolbox, target, before):
    """However many are taken, the ledger stays short, and all that is in it is undone."""
    uids = recap.state / "uids"
    shutil.rmtree(uids)
    uids.mkdir(mode=0o700)
    for block in range(BLOCKS):
        (uids / str(block)).symlink_to("somebody")
    (uids / "77").unlink()
    try:
        run = recap.start(toolbox, target, "sleep", "8103")
        assert os.readlink(uids / "77") == run
        kill_keeper(recap, run)
        assert recap("ps").returncode == 0
        assert recap.runs_on_disk() == [] and not proc.running("sleep", "8103") and not (uids / "77").is_symlink()
        assert recap.residue_of_recovered(run) == []
    finally:
        shutil.rmtree(uids)
        uids.mkdir(mode=0o700)
    changes = snapshot.changes_since(before)
    assert not changes, snapshot.explain(changes)


HAND_OUT = """
import array, os, socket, time
fd = os.open("/tmp/file", os.O_CREAT | os.O_RDWR)
peer = socket.socket(socket.AF_UNIX)
peer.connect("/data/keep")
peer.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
time.sleep(8104)
"""


def test_what_a_killed_keeper_could_not_watch_is_not_verified(recap, toolbox, target):
    with stranger.waiting(f"/proc/{target.pid}/root/data/keep", "print('taken', flush=True); time.sleep(60)") as child:
        run = recap.start(toolbox, target, "python3", "-c", HAND_OUT, flags=["--path", "/data"])
        assert child.stdout.readline() == b"taken\n"
        kill_keeper(recap, run)
        assert recap("ps").returncode == 0 and recap.runs_on_disk() == []
        residue = json.loads(recap("inspect", run).stdout)["residue"]
        assert not residue["verified"] and [found["what"] for found in residue["found"]] == ["unverified"], residue


@pytest.fixture
def small_disk(recap, work):
    """A data directory of 1 MiB, with the store of `recap`."""
    folder = work / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "none", folder], check=True)
    try:
        (folder / "store").mkdir(mode=0o700)
        subprocess.run(["mount", "--bind", recap.data / "store", folder / "store"], check=True)
        small = Recap(work, {"RECAP_DATA_DIR": str(folder)})
        small.env.update({**recap.env, "RECAP_DATA_DIR": str(folder)})
        small.data = folder
        yield small
    finally:
        subprocess.run(["umount", "-R", "-l", folder], check=True)
        folder.rmdir()


def test_what_a_full_disk_does_not_take_of_a_log_is_counted(small_disk, toolbox, target):
    fill = small_disk.data / "fill"
    fill.write_bytes(bytes(700_000))
    run = small_disk.start(toolbox, target, "sh", "-c", "head -c 900000 /dev/zero")
    assert not small_disk.wait_until_idle(20)
    kept = sum(path.stat().st_size for path in Path(small_disk.data / "records").glob(f"{run}.stdout*"))
    record = json.loads(small_disk("inspect", run).stdout)
    assert 0 < kept < 900_000 and record["log_dropped_bytes"] == 900_000 - kept, (kept, record)
