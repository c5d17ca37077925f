# SPDX-License-Identifier: Apache-2.0
"""The Caplet on a Docker host and on a Podman host, without Kubernetes: what its manifests say happens, on the
containers that their labels choose, and nothing else."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from testlib import examples, host, proc, runtimes
from testlib.caplet import Caplet, capsule, capsule_run, event, import_tools, periodic
from testlib.recap import Recap
from testlib.waiting import until

DATA = {"view": {"paths": [{"path": "/data/deep"}]}, "grant": {"runAs": "Root"}}


@pytest.fixture(scope="module", params=["docker", "podman"])
def engine(request, nothing_stays):
    with runtimes.start(request.param) as started:
        yield started


@pytest.fixture(scope="module")
def recap_there(work, engine):
    recap = Recap(work, host.recap_variables(engine.roots))
    yield recap
    recap.clean()


@pytest.fixture(scope="module")
def tools(work, recap_there, tmp_path_factory):
    return import_tools(recap_there, tmp_path_factory.mktemp("tools"))


@pytest.fixture
def caplet(recap_there, tmp_path):
    caplet = Caplet(recap_there, tmp_path)
    yield caplet
    caplet.clean()


@pytest.fixture
def run_target(engine, lean):
    """run_target(app="web"): a running container with these labels."""
    running = []

    def run(**labels):
        container = engine.run(lean, name=f"caplet-{os.getpid()}-{len(engine.containers)}", labels=labels)
        running.append(container)
        return container

    yield run
    for container in running:
        with contextlib.suppress(ProcessLookupError):  # it was restarted
            container.kill()  # its first process ignores what asks it to end
        container.remove()


@pytest.fixture
def web(run_target):
    return run_target(app="web")


def name_of(engine, container):
    return f"{engine.name}://{container.name}"


def shell(script, **spec):
    return {"command": ["/bin/sh", "-c", script], **spec}


def test_a_run_on_demand_runs_once_on_each_container_that_is_chosen(caplet, engine, tools, run_target):
    chosen = [run_target(app="web", tier="front"), run_target(app="db", tier="front")]
    run_target(app="web", tier="back")
    selector = {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["front"]},
                                     {"key": "app", "operator": "Exists"}]}  # fmt: skip
    caplet.declare(capsule_run("once", tools, selector, **shell("cat /data/deep/file", **DATA)))
    caplet.start()
    ended = [caplet.wait_for("a run has ended", count) for count in (1, 2)]
    assert {line["target"] for line in ended} == {name_of(engine, each) for each in chosen}
    for line in ended:
        assert line["exitCode"] == 0 and line["residue"] == 0 and line["reason"] == "Exited", line
        assert caplet.output(line["run"]) == "a file of the target\n"
        record = json.loads(caplet.recap("inspect", line["run"]).stdout)
        assert record["requester"] == "CapsuleRun/once" and record["residue"]["verified"], record
    # Neither a look at the manifests nor a restart of the Caplet makes it run again.
    caplet.declare(capsule("other", tools, {"type": "OnDemand"}))
    caplet.end()
    caplet.start()
    until(lambda: caplet.get("/readyz")[0] == 200)
    assert not caplet.said("a run has started")


def test_periodic_runs_come_by_the_schedule_and_leave_no_more_than_their_history(caplet, engine, tools, web):
    caplet.declare(capsule("md5", tools, periodic(), history={"successful": 2, "failed": 1},
                           **shell("md5sum /data/deep/file", **DATA)))  # fmt: skip
    caplet.start()
    for count in range(1, 6):
        line = caplet.wait_for("a run has ended", count, capsule="Capsule/md5")
        assert line["exitCode"] == 0 and line["target"] == name_of(engine, web), line
    caplet.withdraw("md5")
    until(lambda: not caplet.state())
    runs = [line["run"] for line in caplet.ended("md5")]
    kept = [run for run in runs if (caplet.recap.data / "records" / run).exists()]
    assert kept == runs[-2:]
    assert len(set(map(caplet.output, kept))) == 1 and "/data/deep/file" in caplet.output(kept[0])


def test_forbid_skips_and_replace_replaces(caplet, tools, web):
    caplet.declare(capsule("forbid", tools, periodic(concurrencyPolicy="Forbid"), **shell("sleep 2.5")))
    caplet.declare(capsule("replace", tools, periodic(concurrencyPolicy="Replace"), terminationGracePeriodSeconds=0,
                           **shell("sleep 600")))  # fmt: skip
    caplet.start()
    caplet.wait_for("a run was due and does not start", 2, capsule="Capsule/forbid", reason="Forbid")
    caplet.wait_for("a run has ended", 2, capsule="Capsule/forbid")
    caplet.wait_for("a run has ended", 2, capsule="Capsule/replace")
    lives = 0
    for line in caplet.log():
        lives += {"a run has started": 1, "a run has ended": -1}.get(line.get("msg"), 0)
        assert lives <= 2, "two runs of one Capsule lived at once"
    assert {line["reason"] for line in caplet.ended("replace")} == {"Stopped"}


def test_event_a_container_that_starts_later_and_one_that_restarts(caplet, engine, tools, run_target):
    first = run_target(app="web")
    caplet.declare(capsule("scan", tools, event("ContainerStarted"), **shell("echo scanned")))
    caplet.declare(capsule("again", tools, event("ContainerRestarted"), **shell("echo restarted")))
    caplet.start()
    caplet.wait_for("a run has ended", capsule="Capsule/scan", target=name_of(engine, first))
    later = run_target(app="web")
    caplet.wait_for("a run has ended", capsule="Capsule/scan", target=name_of(engine, later))
    assert not caplet.started("again")
    subprocess.run([*engine.cli, "restart", "--time", "0", later.id], env=engine.env, check=True, capture_output=True)
    caplet.wait_for("a run has ended", capsule="Capsule/again", target=name_of(engine, later))
    caplet.wait_for("a run has ended", 2, capsule="Capsule/scan", target=name_of(engine, later))
    assert len(caplet.ended("scan")) == 3 and len(caplet.ended("again")) == 1


def test_event_a_file_that_is_written_or_replaced(caplet, tools, web):
    source = {"type": "FileChanged", "fileChanged": {"path": "/etc/app.conf"}}
    caplet.declare(capsule("reload", tools, event(source, debounceSeconds=1), **shell("echo changed")))
    caplet.start()
    until(lambda: caplet.state())
    file = f"/proc/{web.pid}/root/etc/app.conf"
    for round, write in enumerate(("in place", "replaced", "in place"), 1):
        for number in range(5):
            path = file if write == "in place" else file + ".new"
            with open(path, "a") as out:
                out.write(f"{number}\n")
            if write == "replaced":
                os.rename(path, file)
        line = caplet.wait_for("a run has ended", round, capsule="Capsule/reload")
        assert line["exitCode"] == 0
        settled = 'recap_trigger_events_total{source="FileChanged",outcome="accepted"}'
        assert caplet.metric(settled) == round
        until(lambda: not caplet.recap.live())
        time.sleep(1.1)  # what happens within a second of a run's end may be its own doing
    assert caplet.metric('recap_trigger_events_total{source="FileChanged",outcome="debounce"}') >= 3


def test_continuous_is_attached_again_when_it_ends_and_when_its_target_restarts(caplet, engine, tools, web):
    execution = {"type": "Continuous", "continuous": {"backoffSeconds": 1}}
    caplet.declare(capsule("exporter", tools, execution, terminationGracePeriodSeconds=0, **shell("sleep 7901")))
    caplet.start()
    first = caplet.wait_for("a run has started", capsule="Capsule/exporter")
    for pid in until(lambda: proc.running("sleep", "7901")):
        os.kill(pid, signal.SIGTERM)
    caplet.wait_for("a run has ended", run=first["run"])
    caplet.wait_for("a run has started", 2, capsule="Capsule/exporter")
    subprocess.run([*engine.cli, "restart", "--time", "0", web.id], env=engine.env, check=True, capture_output=True)
    gone = caplet.wait_for("a run has ended", 2, capsule="Capsule/exporter")
    assert gone["reason"] == "TargetGone"
    caplet.wait_for("a run has started", 3, capsule="Capsule/exporter", timeout=5)
    caplet.withdraw("exporter")
    assert caplet.wait_for("a run has ended", 3, capsule="Capsule/exporter")["reason"] == "Stopped"
    until(lambda: not caplet.state())
    assert not caplet.recap.live()


def test_what_it_says_over_http_and_an_exporter_scraped_through_it(caplet, tools, web):
    execution = {"type": "Continuous", "continuous": {"metrics": {"port": 9100, "path": "/metrics"}}}
    serve = "echo answer 42 > metrics && exec python3 -m http.server 9100 --bind 127.0.0.1"
    caplet.declare(capsule("exporter", tools, execution, **shell(f"mkdir /tmp/x && cd /tmp/x && {serve}")))
    caplet.start()
    line = caplet.wait_for("a run has started")
    assert caplet.get("/livez") == (200, "ok\n") and caplet.get("/readyz") == (200, "ok\n")
    assert caplet.get("/nothing")[0] == 404 and caplet.get("/scrape/nothing")[0] == 404
    assert caplet.metric("recap_active_runs") == 1
    listed = json.loads(caplet.get("/http_sd")[1])
    assert listed[0]["labels"]["recap_capsule"] == "exporter", listed
    path = listed[0]["labels"]["__metrics_path__"]
    assert path == f"/scrape/{line['run']}"
    until(lambda: caplet.get(path) == (200, "answer 42\n"), what="metrics of the exporter")
    with pytest.raises(OSError):  # it is the target's loopback address that it listens on
        socket.create_connection(("127.0.0.1", 9100), timeout=1)


def test_what_is_refused_says_why_and_is_not_tried_again(caplet, tools, web):
    caplet.declare(capsule_run("unknown", "no-such-image", None))
    caplet.declare(capsule_run("host", tools, None, grant={"capabilities": ["SYS_PTRACE"]}, view={"root": "merged"}))
    caplet.start()
    assert "SYS_PTRACE" in caplet.wait_for("a run was refused", capsule="CapsuleRun/host")["why"]
    assert "no-such-image" in caplet.wait_for("a run was refused", capsule="CapsuleRun/unknown")["why"]
    (caplet.manifests / "broken.yaml").write_text("kind: Capsule\nspec: {suspend: 3}\n")
    assert "apiVersion" in caplet.wait_for("a manifest is wrong; what it said before still holds")["why"]
    assert not caplet.said("a run has started")
    assert len(caplet.said("a run was refused")) == 2


# --- deploy/examples, the same files as on a cluster ---


@pytest.fixture
def shop(recap_there, engine, tmp_path):
    """The targets of deploy/examples: without Kubernetes a Capsule's `container` is a container's name."""
    examples.install_functions(recap_there.data)
    running = [engine.run(examples.nginx_image(tmp_path), name="nginx", labels={"app": "web"}, memory=128 << 20),
               engine.run(examples.postgres_image(tmp_path), name="postgres", labels={"app": "db"})]  # fmt: skip
    yield running
    for container in running:
        with contextlib.suppress(ProcessLookupError):
            container.kill()
        container.remove()


def test_the_examples_on_a_host_without_kubernetes(caplet, engine, shop, tmp_path):
    nginx, postgres = shop
    stores = {name: tmp_path / name for name in ("backups", "captures")}
    for store in stores.values():
        store.mkdir()
    names = ("md5-check", "scan-on-start", "exporter", "memory-snapshot", "rotate-logs", "backup")
    declared = {item["metadata"]["name"]: item for item in examples.load(*names)}
    for item in declared.values():
        caplet.declare(item)
    caplet.start(*[f"--store={name}={path}" for name, path in stores.items()])

    def ended(name, count=1, **fields):
        return caplet.wait_for("a run has ended", count, 30, capsule=f"Capsule/shop/{name}", **fields)

    def run_now(name):
        declared[name]["metadata"]["annotations"] = {"recap.dev/run-now": "1"}
        caplet.declare(declared[name])
        return ended(name, exitCode=0)

    def artifact(store, name):
        return until(lambda: list(stores[store].glob(f"*/*/*/{name}")), 20, name)[0]

    assert ended("md5-check", exitCode=0)["target"] == name_of(engine, postgres)
    postgres.exec("/bin/busybox", "sh", "-c", f"echo >> {examples.LIST}/postgres.bki")
    assert "postgres.bki: FAILED" in caplet.output(ended("md5-check", exitCode=1)["run"])
    run_now("backup")
    with tarfile.open(artifact("backups", "data.tar.gz")) as archive:
        assert archive.extractfile("data/PG_VERSION").read() == b"17\n"

    def scraped():
        listed = json.loads(caplet.get("/http_sd")[1])
        return listed and "\ntarget_processes " in caplet.get(listed[0]["labels"]["__metrics_path__"])[1]
    until(scraped, 20, "metrics of the exporter")
    nginx.http("/?before")
    run_now("rotate-logs")
    nginx.http("/?after")
    log = f"/proc/{nginx.pid}/root/var/log/nginx/access.log"
    until(lambda: "/?after" in Path(log).read_text())
    assert "/?before" in Path(f"{log}.1").read_text() and "/?before" not in Path(log).read_text()

    eat = "(head -c 116m /dev/zero; sleep 1000) | tail -c 116m > /dev/null"
    eater = subprocess.Popen([*engine.cli, "exec", "nginx", "/usr/bin/busybox", "sh", "-c", eat], env=engine.env)
    assert artifact("captures", "memory.txt").read_text().startswith("Name:\tnginx")
    nginx.exec("/usr/bin/busybox", "killall", "sleep")
    eater.wait(30)

    ended("scan-on-start", exitCode=0)
    nginx.exec("/usr/bin/busybox", "sh", "-c", "echo EICAR-STANDARD-ANTIVIRUS-TEST-FILE > /tmp/file")
    subprocess.run([*engine.cli, "restart", "--time", "0", "nginx"], env=engine.env, check=True, capture_output=True)
    assert ended("scan-on-start", exitCode=1)["target"] == name_of(engine, nginx)
