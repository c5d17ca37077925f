# SPDX-License-Identifier: Apache-2.0
"""The kinds as the API server understands them: what it fills in, what it refuses, and how it says so."""

import copy
import subprocess

import pytest
import yaml
from cluster.lab import DEPLOY, documents

KINDS = {"capsules": "Capsule", "clustercapsules": "ClusterCapsule", "capsuleruns": "CapsuleRun",
         "capsulepolicies": "CapsulePolicy", "capsulenodes": "CapsuleNode", "capsulesummaries": "CapsuleSummary"}

CAPSULE = yaml.safe_load("""
apiVersion: recap.dev/v1alpha1
kind: Capsule
metadata: {name: good, namespace: default}
spec:
  selector: {matchLabels: {app: web}}
  function: toolbox
  execution: {type: OnDemand}
""")
RUN = yaml.safe_load("""
apiVersion: recap.dev/v1alpha1
kind: CapsuleRun
metadata: {name: good, namespace: default}
spec: {requestedBy: admin, podName: web, function: ps}
""")
POLICY = yaml.safe_load("""
apiVersion: recap.dev/v1alpha1
kind: CapsulePolicy
metadata: {name: good}
spec: {namespaceSelector: {}}
""")


def changed(item, path, value):
    """A copy of `item` with what is at the dotted `path` below spec set, or removed where value is ...."""
    item = copy.deepcopy(item)
    *parents, last = path.split(".")
    place = item["spec"]
    for name in parents:
        place = place.setdefault(name, {})
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return item


def execution(**blocks):
    return changed(CAPSULE, "execution", blocks)


def periodic(**fields):
    return execution(type="Periodic", periodic={"schedule": "0 * * * *", **fields})


def event(*sources, **fields):
    return execution(type="Event", event={"triggers": list(sources), **fields})


def test_the_files_are_made_from_their_sources():
    done = subprocess.run([DEPLOY / "crds/make", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("plural", KINDS)
def test_the_schema_is_accepted_as_structural(cluster, plural):
    crd = cluster.admin.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.recap.dev").body
    conditions = {each["type"]: each["status"] for each in crd["status"]["conditions"]}
    assert conditions["Established"] == "True" and conditions["NamesAccepted"] == "True"
    assert "NonStructuralSchema" not in conditions
    assert crd["spec"]["versions"][0]["subresources"] == {"status": {}}


# --- what the API server fills in ---


def test_defaults_of_a_capsule(cluster):
    spec = cluster.admin.create(periodic(), dry_run=True).body["spec"]
    assert spec["suspend"] is False and spec["podEvents"] is False
    assert spec["terminationGracePeriodSeconds"] == 5
    assert spec["history"] == {"successful": 3, "failed": 1}
    assert spec["execution"]["periodic"] == {
        "schedule": "0 * * * *", "concurrencyPolicy": "Allow", "jitterSeconds": 0}  # fmt: skip
    # What the function may decide is not decided here.
    assert not {"share", "view", "grant", "resources", "command", "activeDeadlineSeconds"} & set(spec)


def test_defaults_of_the_other_execution_policies(cluster):
    spec = cluster.admin.create(event({"type": "CPUPressure", "cpuPressure": {}}), dry_run=True).body["spec"]
    assert spec["execution"]["event"] == {
        "triggers": [{"type": "CPUPressure", "cpuPressure": {"stallPercent": 50}}],
        "debounceSeconds": 1, "cooldownSeconds": 60, "maxRunsPerHour": 10}  # fmt: skip
    continuous = execution(type="Continuous", continuous={"metrics": {"port": 9100}})
    spec = cluster.admin.create(continuous, dry_run=True).body["spec"]
    assert spec["execution"]["continuous"] == {
        "restartPolicy": "Always", "backoffSeconds": 10, "maxBackoffSeconds": 300,
        "metrics": {"port": 9100, "path": "/metrics"}}  # fmt: skip


def test_defaults_of_a_run_and_a_ceiling(cluster):
    spec = cluster.admin.create(RUN, dry_run=True).body["spec"]
    assert {key: spec[key] for key in ("parallelism", "backoffLimit", "ttlSecondsAfterFinished",
                                       "terminationGracePeriodSeconds")} == {
        "parallelism": 10, "backoffLimit": 0, "ttlSecondsAfterFinished": 3600,
        "terminationGracePeriodSeconds": 5}  # fmt: skip
    spec = cluster.admin.create(POLICY, dry_run=True).body["spec"]
    assert "functions" not in spec and "images" not in spec  # nothing may run before it is named
    assert spec["allow"]["capabilities"] == [] and spec["allow"]["writePaths"] == []
    assert spec["allow"]["views"] == ["nothing"] and spec["allow"]["runAs"] == ["Reserved"]
    assert spec["allow"]["hostNamespaces"] is False and spec["allow"]["privilegedTargets"] is False
    assert spec["max"] == {"runsPerTarget": 8, "runsPerNode": 100}


# --- what it accepts ---

GOOD = {
    "the example of the design": changed(periodic(timeZone="Europe/Zurich", concurrencyPolicy="Forbid",
                                                  startingDeadlineSeconds=300, jitterSeconds=60),
                                         "view", {"paths": [{"path": "/var/log/nginx", "writable": True}]}),
    "a list of minutes": periodic(schedule="0,15,30-35,50/5 * * * *"),
    "steps": periodic(schedule="*/5 */2 */3 */4 *"),
    "names in any case": periodic(schedule="0 3 ? jan-MAR mon,Wed,FRI"),
    "more than one blank": periodic(schedule="  0   3  * *   * "),
    "a macro": periodic(schedule="@daily"),
    "an interval": periodic(schedule="@every 1h30m"),
    "a zone of three parts": periodic(timeZone="America/Argentina/Buenos_Aires"),
    "a zone with a sign": periodic(timeZone="Etc/GMT+5"),
    "several sources": event({"type": "ContainerStarted"}, {"type": "PodNotReady"},
                             {"type": "FileChanged", "fileChanged": {"path": "/etc/app.conf"}}),
    "bare Continuous": execution(type="Continuous"),
    "an image by tag": changed(changed(CAPSULE, "function", ...), "image", "registry.example:5000/tools/scan:1.2"),
    "CPUs as a number": changed(CAPSULE, "resources.limits", {"cpu": 1, "memory": "128Mi"}),
    "no namespace": changed(CAPSULE, "share", []),
    "hidden files": changed(CAPSULE, "view", {"paths": [{"path": "/data/.git/..info"}]}),
    "a run on a selector": changed(changed(RUN, "podName", ...), "selector", {"matchLabels": {"app": "web"}}),
    "a run of a Capsule": changed(changed(changed(RUN, "podName", ...), "function", ...), "capsuleRef", {"name": "x"}),
    "an image by digest": changed(POLICY, "images", ["registry.example/x@sha256:" + "0" * 64, "registry.example/*"]),
}


@pytest.mark.parametrize("case", GOOD)
def test_good_objects_are_accepted(cluster, case):
    answer = cluster.admin.create(GOOD[case], dry_run=True)
    assert answer.ok, answer.message


# --- what it refuses, with the sentence that says what to do ---

LONG = "x" * 60
BAD = {
    "both function and image": (changed(CAPSULE, "image", "x"), "give either function"),
    "neither": (changed(CAPSULE, "function", ...), "give either function"),
    "an image as a function": (changed(CAPSULE, "function", "debian:12"), "an image reference goes into image"),
    "a blank in an image": (changed(changed(CAPSULE, "function", ...), "image", "a b"), "must be an image reference"),
    "an empty selector": (changed(CAPSULE, "selector", {}), "selector is empty, which would mean every pod"),
    "a selector without values": (
        changed(CAPSULE, "selector", {"matchExpressions": [{"key": "a", "operator": "In"}]}),
        "In and NotIn need values"),
    "Periodic without its block": (execution(type="Periodic"), "type Periodic needs the block periodic"),
    "OnDemand with a schedule": (execution(type="OnDemand", periodic={"schedule": "@daily"}),
                                 "and no other type has it"),
    "Event without its block": (execution(type="Event"), "type Event needs the block event"),
    "a foreign block": (execution(type="OnDemand", continuous={}), "belongs to execution type Continuous only"),
    "an unknown type": (execution(type="Sometimes"), "supported values"),
    "four fields": (periodic(schedule="0 3 * *"), "must have five fields"),
    "six fields": (periodic(schedule="0 0 3 * * *"), "must have five fields"),
    "minute 60": (periodic(schedule="60 3 * * *"), "minute must be *, 0-59"),
    "hour 24": (periodic(schedule="0 24 * * *"), "hour must be *, 0-23"),
    "day 32": (periodic(schedule="0 0 32 * *"), "day of month must be"),
    "month 13": (periodic(schedule="0 0 1 13 *"), "month must be *, 1-12"),
    "weekday 7": (periodic(schedule="0 0 * * 7"), "day of week must be *, 0-6 (0 is Sunday)"),
    "step 0": (periodic(schedule="*/0 * * * *"), "minute must be"),
    "an unknown macro": (periodic(schedule="@sometimes"), "must be one of @yearly"),
    "@every without a unit": (periodic(schedule="@every 5"), "a duration such as 1h30m"),
    "a zone in the schedule": (periodic(schedule="TZ=UTC 0 3 * * *"), "the time zone goes into timeZone"),
    "the zone Local": (periodic(timeZone="Local"), "must be an IANA time zone"),
    "a zone that is a path": (periodic(timeZone="../../etc/passwd"), "must be an IANA time zone"),
    "no source": (event(), "should have at least 1 items"),
    "a foreign source block": (event({"type": "ContainerStarted", "webhook": {"name": "x"}}),
                               "type Webhook needs webhook"),
    "FileChanged without path": (event({"type": "FileChanged"}), "type FileChanged needs fileChanged"),
    "a relative path": (event({"type": "FileChanged", "fileChanged": {"path": "etc/x"}}), "must be absolute"),
    "two thresholds": (event({"type": "MemoryPressure", "memoryPressure": {"usagePercent": 90, "stallPercent": 5}}),
                       "either usagePercent or stallPercent"),
    "a Continuous deadline": (changed(execution(type="Continuous"), "activeDeadlineSeconds", 5),
                              "lives as long as its target"),
    "a back-off that shrinks": (execution(type="Continuous", continuous={"backoffSeconds": 500}),
                                "must not exceed maxBackoffSeconds"),
    "SYS_ADMIN": (changed(CAPSULE, "grant", {"capabilities": ["SYS_ADMIN"]}), "that do not reach beyond the target"),
    "CAP_KILL": (changed(CAPSULE, "grant", {"capabilities": ["CAP_KILL"]}), "written without CAP_"),
    "the mnt namespace": (changed(CAPSULE, "share", ["mnt"]), 'supported values: "net", "pid", "ipc"'),
    "a path with ..": (changed(CAPSULE, "view", {"paths": [{"path": "/a/../etc"}]}), "each path must be absolute"),
    "the same path twice": (changed(CAPSULE, "view", {"paths": [{"path": "/a"}, {"path": "/a"}]}), "Duplicate value"),
    "memory of words": (changed(CAPSULE, "resources.limits", {"memory": "much"}), "memory must be a quantity"),
    "memory below 4Mi": (changed(CAPSULE, "resources.limits", {"memory": "1Mi"}), "at least 4Mi"),
    "a fraction without quotes": (changed(CAPSULE, "resources.limits", {"cpu": 0.5}), "integer,string"),
    "no CPU": (changed(CAPSULE, "resources.limits", {"cpu": "0"}), "cpu must be a quantity above 0"),
    "no process": (changed(CAPSULE, "resources.limits", {"pids": 0}), "should be greater than or equal to 1"),
    "our own variables": (changed(CAPSULE, "env", [{"name": "RECAP_RUN"}]), "RECAP_ are set by RECap"),
    "a negative deadline": (changed(CAPSULE, "activeDeadlineSeconds", -1), "greater than or equal to 1"),
    "a long name": ({**CAPSULE, "metadata": {"name": LONG, "namespace": "default"}}, "at most 52 characters"),
    "a run without a target": (changed(RUN, "podName", ...), "give either podName or selector"),
    "a run with two": (changed(RUN, "selector", {"matchLabels": {"a": "b"}}), "give either podName or selector"),
    "a run of nothing": (changed(RUN, "function", ...), "or capsuleRef"),
    "a run of both": (changed(RUN, "capsuleRef", {"name": "x"}), "what runs is the Capsule's"),
    "a run of nobody": (changed(RUN, "requestedBy", ...), "spec.requestedBy: Required value"),
    "a ceiling by tag": (changed(POLICY, "images", ["debian:12"]), "each image must have a digest"),
    "a ceiling above all": (changed(POLICY, "allow", {"capabilities": ["SYS_MODULE"]}),
                            "do not reach beyond the target"),
    "a ceiling of words": (changed(POLICY, "max", {"memory": "much"}), "memory must be a quantity above 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_objects_are_refused_with_a_sentence_that_helps(cluster, case):
    item, sentence = BAD[case]
    answer = cluster.admin.create(item, dry_run=True)
    assert answer.code == 422, answer.body
    assert " ".join(sentence.split()) in answer.message


# --- what may change ---


def test_a_runs_spec_is_immutable_and_its_binding_is_made_once(cluster, namespace):
    item = copy.deepcopy(RUN)
    item["metadata"]["namespace"] = namespace
    path = f"/apis/recap.dev/v1alpha1/namespaces/{namespace}/capsuleruns/good"
    assert cluster.admin.create(item).ok
    for change in ({"function": "top"}, {"podName": "other"}, {"requestedBy": "other"}, {"grant": {"runAs": "Root"}}):
        answer = cluster.admin.patch(path, {"spec": change})
        assert answer.code == 422 and "cannot be changed" in answer.message
    assert cluster.admin.patch(path, {"spec": {"ttlSecondsAfterFinished": 5}}).ok

    controller = cluster.client(cluster.token("recap-system", "recap-controller"))
    answer = controller.patch(path, {"spec": {"nodeName": "node1"}})
    assert answer.code == 422 and "not set without podUID" in answer.message
    assert controller.patch(path, {"spec": {"nodeName": "node1", "podUID": "u-1"}}).ok
    answer = controller.patch(path, {"spec": {"nodeName": "node2", "podUID": "u-1"}})
    assert answer.code == 422 and "cannot be changed once they are set" in answer.message
    answer = controller.patch(path, {"spec": {"nodeName": None, "podUID": None}})
    assert answer.code == 422 and "cannot be changed once they are set" in answer.message


def test_status_is_written_apart_and_does_not_count_as_a_change(cluster, namespace):
    item = copy.deepcopy(RUN)
    item["metadata"]["namespace"] = namespace
    made = cluster.admin.create({**item, "status": {"phase": "Succeeded"}}).body
    assert "status" not in made
    path = f"/apis/recap.dev/v1alpha1/namespaces/{namespace}/capsuleruns/good"
    status = {"phase": "Succeeded", "observedGeneration": 1, "targets": {"total": 1, "succeeded": 1},
              "conditions": [{"type": "Complete", "status": "True", "reason": "TargetsSucceeded",
                              "observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00Z"}],
              "results": [{"pod": "web", "exitCode": 0, "reason": "Exited", "attachMs": 1.5}]}  # fmt: skip
    answer = cluster.admin.patch(path + "/status", {"spec": {"function": "top"}, "status": status})
    assert answer.ok, answer.message
    assert answer.body["metadata"]["generation"] == 1 and answer.body["spec"]["function"] == "ps"
    answer = cluster.admin.patch(path + "/status", {"status": {"phase": "Perhaps"}})
    assert answer.code == 422

    # What kubectl does with it: columns, fields to select by, waiting.
    line = cluster.kubectl("-n", namespace, "get", "capsuleruns", "--no-headers").split()
    assert line[:3] == ["good", "Succeeded", "ps"]
    chosen = ("-n", namespace, "get", "capsuleruns", "-o", "name", "--field-selector")
    assert cluster.kubectl(*chosen, "status.phase=Succeeded").strip() == "capsulerun.recap.dev/good"
    assert not cluster.kubectl(*chosen, "spec.nodeName=a")
    cluster.kubectl("-n", namespace, "wait", "--for=condition=Complete", "--timeout=10s", "capsulerun/good")


# --- how it reads ---


@pytest.mark.parametrize("plural", KINDS)
def test_explain_describes_every_field(cluster, plural):
    def bare(schema, path):
        for name, field in schema.get("properties", {}).items():
            if path or name in ("spec", "status"):
                if not field.get("description"):
                    yield f"{path}.{name}"
                yield from bare(field, f"{path}.{name}")
                yield from bare(field.get("items", {}), f"{path}.{name}[]")

    schema = documents(DEPLOY / f"crds/{plural}.yaml")[0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert not list(bare(schema, ""))
    text = cluster.kubectl("explain", f"{plural}.{'status' if plural == 'capsulesummaries' else 'spec'}")
    assert f"KIND:       {KINDS[plural]}" in text and "FIELDS:" in text


def test_explain_reads_well(cluster):
    text = cluster.kubectl("explain", "capsule.spec.execution.periodic.schedule")
    assert "as in a CronJob" in " ".join(text.split())
