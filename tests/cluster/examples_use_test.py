# SPDX-License-Identifier: Apache-2.0
"""deploy/examples: each does on a real node what its comment says, as its user sees it by kubectl, in the store and at
the exporter's address. One shop for all of them, with everything declared from the beginning."""

import io
import json
import subprocess
import tarfile
import threading
import time
import urllib.request

import pytest

import testlib.objectstore
from cluster.agents import Controller
from cluster.node_caplet import NodeCaplet
from testlib import examples
from testlib.waiting import until

VIRUS = "EICAR-STANDARD-ANTIVIRUS-TEST-FILE"
CAPSULES = ("md5-check", "scan-on-start", "exporter", "capture-not-ready", "memory-snapshot", "rotate-logs", "backup",
            "on-demand")  # fmt: skip


class Shop:
    """The namespace of the examples, by kubectl."""

    def __init__(self, cluster, caplet, store, controller):
        self.cluster, self.caplet, self.store, self.controller = cluster, caplet, store, controller

    def kubectl(self, *words, **options):
        return self.cluster.kubectl("-n", "shop", *words, **options)

    def get(self, *words):
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def shell(self, pod, script):
        return self.kubectl("exec", pod, "--", "/usr/bin/busybox", "sh", "-c", script)

    def pods(self, app):
        return [each["metadata"]["name"] for each in self.get("pods", "-l", f"app={app}")["items"]]

    def events(self, name):
        """What `kubectl events` would say of a Capsule."""
        return [each["message"] for each in self.get("events")["items"] if each["involvedObject"]["name"] == name]

    def artifacts(self, name):
        """File name → contents of what this Capsule has put into the bucket, newest last."""
        return {key: content for key, content in sorted(self.store.objects().items()) if f"/Capsule_shop_{name}" in key}

    def run_now(self, name):
        self.kubectl("annotate", "capsule", name, "--overwrite", f"recap.dev/run-now={time.monotonic()}")

    def ended(self, name, count=1, timeout=60, **fields):
        return self.caplet.wait_for("a run has ended", count, timeout, capsule=self.key(name), **fields)

    def key(self, name):
        item = self.get("capsule", name)["metadata"]
        return f"Capsule/shop/{name}@{item['uid']}"


@pytest.fixture(scope="module")
def shop(cluster, node, recap_there, caplet_kubeconfig, controller_kubeconfig, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    examples.install_functions(recap_there.data)
    cluster.import_image(examples.nginx_image(folder), examples.NGINX)
    cluster.import_image(examples.postgres_image(folder), examples.POSTGRES)
    until(lambda: cluster.admin.get("/api/v1/namespaces/shop").code == 404, 60, "end of another test's namespace")
    cluster.apply(examples.load("targets"))
    cluster.apply(examples.load("ceiling", *CAPSULES))
    for kind, name in (("statefulset", "web"), ("deployment", "db")):
        cluster.kubectl("-n", "shop", "rollout", "status", kind, name, "--timeout=60s", timeout=70)
    caplet = NodeCaplet(recap_there, folder / "caplet", node.name, caplet_kubeconfig)
    controller = Controller(recap_there, folder / "controller", "one", controller_kubeconfig)
    with testlib.objectstore.start(folder, "shop") as store:
        try:
            caplet.start("--store", f"backups={store.url('backups')}", "--store", f"captures={store.url('captures')}")
            yield Shop(cluster, caplet, store, controller)
        finally:
            caplet.clean()
            controller.clean()
            cluster.kubectl("delete", "namespace", "shop", "--wait=false")
            cluster.kubectl("delete", "capsulepolicy", "shop-logs")


def test_md5_check_looks_at_every_db_pod_and_names_the_file_that_changed(shop):
    pods = shop.pods("db")
    assert len(pods) == 3
    def checked(exit_code):
        return {line["target"].split("/")[2] for line in shop.caplet.said("a run has ended", exitCode=exit_code,
                                                                           capsule=shop.key("md5-check"))}  # fmt: skip
    until(lambda: checked(0) == set(pods), 30, "checks of all three")
    assert not checked(1)
    shop.kubectl("exec", pods[0], "--", "/bin/busybox", "sh", "-c", f"echo >> {examples.LIST}/postgres.bki")
    until(lambda: checked(1), 30, "the failed check")
    assert checked(1) == {pods[0]}
    until(lambda: any("exit code 1" in each for each in shop.events("md5-check")), 10, "its Event")


def test_scan_on_start_finds_what_a_container_has_when_it_starts_again(shop):
    shop.ended("scan-on-start", 2, exitCode=0)
    address = shop.get("pod", "web-0")["status"]["podIP"]
    subprocess.run(["curl", "-sS", "--noproxy", "*", f"http://{address}/{VIRUS}"], check=True, capture_output=True)
    shop.shell("web-0", "kill -QUIT 1")
    line = shop.ended("scan-on-start", 1, exitCode=1)
    assert line["target"].startswith("pod/shop/web-0/nginx")
    until(lambda: any("exit code 1" in each for each in shop.events("scan-on-start")), 10, "its Event")


def test_exporter_is_scraped_through_the_caplet_also_after_a_restart(shop):
    """web-0 is the one that the last test has restarted."""
    assert shop.ended("exporter", reason="TargetGone")["target"].startswith("pod/shop/web-0/")

    def scraped():
        listed = json.loads(shop.caplet.get("/http_sd")[1])
        found = [body for status, body in (shop.caplet.get(each["labels"]["__metrics_path__"]) for each in listed)
                 if status == 200 and "\ntarget_processes " in body]  # fmt: skip
        return len(found) == 2 and found

    for body in until(scraped, 60, "metrics of both exporters"):
        subprocess.run(["promtool", "check", "metrics"], input=body, text=True, check=True, capture_output=True)


def test_capture_when_a_pod_is_not_ready_and_not_again_while_it_cools_down(shop):
    def captures():
        return [content for key, content in shop.artifacts("capture-not-ready").items() if "_web-1_" in key]

    def breaks(seen):
        shop.shell("web-1", "mv /var/www/html/index.html /tmp")
        until(seen, 60, "what follows")
        shop.shell("web-1", "mv /tmp/index.html /var/www/html")
        shop.kubectl("wait", "--for=condition=Ready", "pod/web-1", "--timeout=60s", timeout=70)

    cooling = 'recap_trigger_events_total{source="PodNotReady",outcome="cooldown"}'
    assert not captures() and shop.caplet.metric(cooling) == 0
    breaks(captures)
    read = subprocess.run(["tcpdump", "-n", "-r", "-"], input=captures()[0], capture_output=True, check=True)
    assert b".80" in read.stdout, "the kubelet's probes"
    breaks(lambda: shop.caplet.metric(cooling) == 1)
    assert len(captures()) == 1


def test_memory_snapshot_before_the_limit_is_reached_and_not_again_while_it_cools_down(shop):
    def fills(seen):
        eat = "(head -c 116m /dev/zero; sleep 1000) | tail -c 116m > /dev/null"
        words = ["-n", "shop", "exec", "web-1", "--", "/usr/bin/busybox", "sh", "-c", eat]
        eater = subprocess.Popen([shop.cluster.program("kubectl"), "--kubeconfig", shop.cluster.kubeconfig, *words],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # fmt: skip
        until(seen, 60, "what follows")
        shop.shell("web-1", "killall sleep")
        eater.wait(60)

    fills(lambda: shop.artifacts("memory-snapshot"))
    [text] = shop.artifacts("memory-snapshot").values()
    assert text.startswith(b"Name:\tnginx") and b"/usr/sbin/nginx" in text
    cooling = 'recap_trigger_events_total{source="MemoryPressure",outcome="cooldown"}'
    time.sleep(2)  # it looks every two seconds whether there is room again
    fills(lambda: shop.caplet.metric(cooling) == 1)
    assert len(shop.artifacts("memory-snapshot")) == 1
    assert shop.get("pod", "web-1")["status"]["containerStatuses"][0]["restartCount"] == 0, "it was killed"


def test_rotate_logs_loses_no_line(shop):
    url = f"http://{shop.get('pod', 'web-1')['status']['podIP']}/?line"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    asked, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            asked.append(opener.open(url, timeout=10).status)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        until(lambda: asked)
        shop.run_now("rotate-logs")
        shop.ended("rotate-logs", 2, exitCode=0)
        count = len(asked)
        until(lambda: len(asked) > count + 10)
    finally:
        stop.set()
        asking.join()
    log = "/var/log/nginx/access.log"
    lines = [int(shop.shell("web-1", f"grep -c ?line {name}")) for name in (f"{log}.1", log)]
    assert sum(lines) == len(asked) and min(lines) > 0, (lines, len(asked))


def test_backup_of_files_that_only_their_owner_reads(shop):
    shop.run_now("backup")
    shop.ended("backup", 3, exitCode=0)
    archives = until(lambda: len(shop.artifacts("backup")) == 3 and shop.artifacts("backup"), 30, "three archives")
    assert {key.split("/")[2].split("_")[2] for key in archives} == set(shop.pods("db")), archives.keys()
    for content in archives.values():
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            assert archive.extractfile("data/PG_VERSION").read() == b"17\n"


def test_runs_by_kubectl_create_and_wait(shop):
    shop.controller.lead()
    for item in examples.load("runs"):
        item["spec"]["requestedByGroups"] = ["system:masters"]
        shop.cluster.apply(item)
    shop.kubectl("wait", "--for=condition=Complete", "capsulerun/processes", "capsulerun/config-test",
                 "--timeout=60s", timeout=70)  # fmt: skip
    assert "nginx" in shop.get("capsulerun", "processes")["status"]["results"][0]["outputTail"]
    # One of the three has a file that an earlier test has changed.
    shop.kubectl("wait", "--for=condition=Failed", "capsulerun/md5-check-now", "--timeout=60s", timeout=70)
    status = shop.get("capsulerun", "md5-check-now")["status"]
    assert status["targets"]["succeeded"] == 2 and status["targets"]["failed"] == 1
    parts = shop.get("capsuleruns", "-l", "recap.dev/run=md5-check-now")["items"]
    assert "postgres.bki: FAILED" in "".join(part["status"]["results"][0]["outputTail"] for part in parts)


def test_the_summaries_say_what_happened(shop):
    """A Caplet that starts tells its node's object, so that nobody has to wait for the next routine write. What was
    suppressed is not forgotten."""
    shop.caplet.end()
    shop.caplet.start()

    def sums():
        found = {item["metadata"]["name"]: item.get("status", {}) for item in shop.get("capsulesummaries")["items"]}
        told = found.get("backup", {}).get("succeeded") == 3 and found.get("memory-snapshot", {}).get("suppressed")
        return found if told else None
    sums = until(sums, 60, "sums")
    assert sums["md5-check"]["matched"] == 3 and sums["md5-check"]["lastFailure"]["exitCode"] == 1
    assert sums["scan-on-start"]["failed"] == 1 and sums["scan-on-start"]["succeeded"] >= 2
    assert sums["exporter"]["active"] == 2
    assert sums["capture-not-ready"]["suppressed"] and sums["memory-snapshot"]["suppressed"] == 1
    assert sums["rotate-logs"]["succeeded"] == 2
