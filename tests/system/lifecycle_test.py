# SPDX-License-Identifier: Apache-2.0
"""A run from start to end: detached, listed, logged, stopped, ended by its deadline or its target."""

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from testlib import proc
from testlib.waiting import Stopwatch, until

STUBBORN = "trap '' TERM INT HUP; while :; do sleep 1; done"


def report_of(recap, toolbox, target, tmp_path, *argv, flags=()):
    file = tmp_path / "report.json"
    done = recap.run(toolbox, target, *argv, flags=["--report", file, *flags])
    return done, json.loads(file.read_text())


@pytest.mark.quick
def test_the_report_says_what_happened(recap, toolbox, target, tmp_path):
    done, report = report_of(recap, toolbox, target, tmp_path, "sh", "-c", "exit 42",
                             flags=["--cap", "NET_RAW", "--share", "net"])  # fmt: skip
    assert done.returncode == 42
    assert report["id"]
    assert report["target"] == {**report["target"], "runtime": "runc", "container": target.id, "pid": target.pid}
    assert report["image"]["ref"] and report["image"]["digest"].startswith("sha256:")
    assert report["share"] == ["net"] and report["view"] == "nothing"
    assert any("NET_RAW" in name for name in report["grant"]["capabilities"])
    times = report["times"]
    assert 0 < times["attach_ms"] <= times["f_latency_ms"] and 0 < times["escape_ms"] < times["f_latency_ms"]
    assert report["exit"]["code"] == 42 and not report["exit"]["signal"] and report["exit"]["reason"] == "Exited"
    assert report["residue"] == {"verified": True, "found": []}


def test_every_run_leaves_one_record(recap, toolbox, target):
    """Beside it only the output of the detached one."""
    kept = recap.data / "records"
    before = set(kept.iterdir()) if kept.exists() else set()
    run = recap.start(toolbox, target, "true", flags=["--name", "recorded"])
    assert not recap.wait_until_idle()
    assert {path.name for path in set(kept.iterdir()) - before} == {run, f"{run}.stdout", f"{run}.stderr"}
    record = json.loads(recap("inspect", run).stdout)
    assert (record["id"], record["name"], record["exit"]["reason"]) == (run, "recorded", "Exited"), record

    before = set(kept.iterdir())
    assert recap.run(toolbox, target, "false").returncode == 1
    (attached,) = set(kept.iterdir()) - before
    record = json.loads(recap("inspect", attached.name).stdout)
    assert (record["id"], record["exit"]["code"]) == (attached.name, 1), record


def test_the_record_names_who_asked(recap, toolbox, target, tmp_path):
    """Whoever logged in, which sudo does not change; root, where the kernel keeps no such thing."""
    nobody = 65534

    def log_in():
        with contextlib.suppress(OSError):
            Path("/proc/self/loginuid").write_text(str(nobody))

    login = subprocess.run(["cat", "/proc/self/loginuid"], preexec_fn=log_in, capture_output=True, text=True).stdout
    report = tmp_path / "report"
    assert recap.run(toolbox, target, "true", flags=["--report", report], preexec_fn=log_in).returncode == 0
    assert json.loads(report.read_text())["requester"] == ("nobody" if login == str(nobody) else "root")


@pytest.mark.quick
def test_a_detached_run_is_listed_logged_and_stopped(recap, toolbox, target):
    run = recap.start(toolbox, target, "sh", "-c", "echo hello; echo oops >&2; sleep 8500", flags=["--name", "watcher"])
    listed = recap.live()
    assert [entry["id"] for entry in listed] == [run] and "watcher" in json.dumps(listed), listed
    until(lambda: b"hello" in recap("logs", "watcher").stdout)
    logs = recap("logs", "watcher")
    assert (logs.stdout, logs.stderr) == (b"hello\n", b"oops\n"), logs
    with Stopwatch() as watch:
        done = recap("stop", "watcher")
    assert done.returncode == 0, done
    assert recap.live() == [] and not proc.running("sleep", "8500") and watch.seconds < 5
    logs = recap("logs", run)
    assert (logs.returncode, logs.stdout, logs.stderr) == (0, b"hello\n", b"oops\n"), logs


def test_a_name_is_one_live_runs_at_a_time(recap, toolbox, target):
    twin = ["--name", "twin"]
    first = recap.start(toolbox, target, "sleep", "8501", flags=twin)
    second = recap.run(toolbox, target, "true", flags=twin)
    assert second.returncode == 125 and b"twin" in second.stderr and first.encode() in second.stderr, second
    assert [run["id"] for run in recap.live()] == [first] and recap.runs_on_disk() == [first]

    assert recap("stop", "twin").returncode == 0
    assert recap.run(toolbox, target, "true", flags=twin).returncode == 0
    recap.start(toolbox, target, "sleep", "8501", flags=twin)
    keeper = int((recap.state / "runs" / recap.runs_on_disk()[0] / "pid").read_text().split()[0])
    os.kill(keeper, signal.SIGKILL)
    until(lambda: not (process := proc.process(keeper)) or process.state == "Z")
    done = recap.run(toolbox, target, "true", flags=twin)
    assert done.returncode == 0 and not proc.running("sleep", "8501"), done


def test_stop_terms_first_and_kills_after_the_grace(recap, toolbox, target):
    polite = "trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.1; done"
    run = recap.start(toolbox, target, "sh", "-c", polite)
    until(lambda: b"ready" in recap("logs", run).stdout)
    assert recap("stop", run).returncode == 0
    recap.wait_until_idle()
    assert json.loads(recap("inspect", run).stdout)["exit"]["code"] == 7

    recap.start(toolbox, target, "sh", "-c", f"echo ready; {STUBBORN}", flags=["--name", "stubborn"])
    until(lambda: b"ready" in recap("logs", "stubborn").stdout)
    with Stopwatch() as watch:
        assert recap("stop", "--grace", "1s", "stubborn").returncode == 0
    assert 0.9 < watch.seconds < 3 and recap.live() == []


def test_attach_follows_a_detached_run(recap, toolbox, target):
    run = recap.start(toolbox, target, "sh", "-c", "sleep 0.5; exit 9")
    done = recap("attach", run)
    assert done.returncode == 9, done


@pytest.mark.quick
def test_a_deadline_kills_first_and_reports_afterwards(recap, toolbox, target, tmp_path):
    with Stopwatch() as watch:
        done, report = report_of(recap, toolbox, target, tmp_path, "sleep", "9999", flags=["--timeout", "2s"])
    assert not proc.running("sleep", "9999")
    assert done.returncode == 124 and 2 <= watch.seconds < 2 + 5, (done, watch.seconds)
    assert report["exit"]["reason"] == "DeadlineExceeded" and report["residue"]["verified"]


def test_a_deadline_is_kept_against_a_function_that_ignores_it(recap, toolbox, target):
    with Stopwatch() as watch:
        done = recap.run(toolbox, target, "sh", "-c", STUBBORN, flags=["--timeout", "2s", "--grace", "1s"])
    assert done.returncode == 124 and 3 <= watch.seconds < 2 + 1 + 1, (done, watch.seconds)


def test_a_function_may_flush_before_its_deadline_kills_it(capsule):
    done = capsule("sh", "-c", "trap 'echo flushed; exit 0' TERM; while :; do sleep 0.1; done",
                   flags=["--timeout", "1s"])  # fmt: skip
    assert (done.returncode, done.stdout) == (124, b"flushed\n"), done


@pytest.mark.quick
def test_the_targets_end_ends_the_run_within_a_second(recap, toolbox, target, tmp_path):
    file = tmp_path / "report.json"
    kinds = {kind: proc.namespace(target.pid, kind) for kind in ("net", "ipc", "pid", "mnt", "uts")}
    child = recap.popen(*recap.run_words(toolbox, target, "sleep", "8502", flags=["--report", file]))
    until(lambda: proc.running("sleep", "8502"))
    target.kill()
    with Stopwatch() as watch:
        assert child.wait(10) == 125
    assert watch.seconds < 1, watch.seconds
    assert child.stderr.read().count(b"\n") == 1
    assert json.loads(file.read_text())["exit"]["reason"] == "TargetGone"
    assert target.wait(1)
    for kind, inode in kinds.items():
        # The dead first process itself may wait for its parent, which is not ours, to reap it.
        members = [each for each in proc.in_namespace(kind, inode) if each.state != "Z"]
        assert not members, f"the target's {kind} namespace is kept alive by {members}"


def test_a_target_that_ends_by_itself_is_not_delayed(recap, toolbox, runc, lean):
    target = runc.run(lean)
    recap.start(toolbox, target, "sh", "-c", STUBBORN)
    target.kill(signal.SIGTERM)
    target.kill()
    assert target.wait(1)
    assert not recap.wait_until_idle(2)
    target.remove()


def test_what_a_run_wrote_can_be_seen_and_copied(recap, toolbox, target, tmp_path):
    run = recap.start(toolbox, target, "sh", "-c", "echo mine > /etc/new; rm /bin/greet; echo ready; sleep 8503")
    until(lambda: b"ready" in recap("logs", run).stdout)
    done = recap("diff", run)
    assert b"/etc/new" in done.stdout and b"/bin/greet" in done.stdout and b"/bin/busybox" not in done.stdout, done
    done = recap("cp", f"{run}:/etc/new", tmp_path / "copied")
    assert done.returncode == 0 and (tmp_path / "copied").read_text() == "mine\n", done


def test_artifacts_come_out(capsule, tmp_path):
    folder = tmp_path / "artifacts"
    folder.mkdir()
    done = capsule("sh", "-c", "echo one > /out/one; mkdir /out/sub; echo two > /out/sub/two", flags=["--out", folder])
    assert done.returncode == 0, done
    assert (folder / "one").read_text() == "one\n" and (folder / "sub/two").read_text() == "two\n"


def test_the_one_artifact_goes_to_stdout_and_output_to_stderr(capsule):
    done = capsule("sh", "-c", "printf 'raw\\0bytes' > /out/a; echo chatter", flags=["--out", "-", "-q"])
    assert (done.returncode, done.stdout, done.stderr) == (0, b"raw\0bytes", b"chatter\n"), done


def test_a_dry_run_tells_and_does_nothing(recap, toolbox, target):
    done = recap.run(toolbox, target, "touch", "/never", flags=["--dry-run", "--cap", "NET_RAW"])
    assert done.returncode == 0 and b"NET_RAW" in done.stdout + done.stderr, done
    assert recap.runs_on_disk() == []


LOG_BOUND = 1 << 20  # of each stream


def test_a_log_is_bounded_and_says_what_it_dropped(recap, toolbox, target):
    last = 1_000_000
    written = "".join(f"{number}\n" for number in range(1, last + 1)).encode()
    run = recap.start(toolbox, target, "sh", "-c", f"seq 1 {last}; echo done >&2")
    assert not recap.wait_until_idle(20)
    on_disk = sum(path.stat().st_size for path in (recap.data / "records").glob(f"{run}.*"))
    logs = recap("logs", run)
    assert logs.stderr == b"done\n" and on_disk == len(logs.stdout + logs.stderr), (on_disk, len(logs.stdout))
    kept = logs.stdout
    assert LOG_BOUND // 2 <= len(kept) <= LOG_BOUND, len(kept)
    assert written.endswith(kept), "what is kept is not the newest"
    record = json.loads(recap("inspect", run).stdout)
    assert record["log_dropped_bytes"] == len(written) - len(kept)


def test_a_log_within_its_bound_is_whole(recap, toolbox, target):
    run = recap.start(toolbox, target, "seq", "1", "50000")
    assert not recap.wait_until_idle(20)
    assert recap("logs", run).stdout == "".join(f"{number}\n" for number in range(1, 50_001)).encode()
    assert json.loads(recap("inspect", run).stdout)["log_dropped_bytes"] == 0
