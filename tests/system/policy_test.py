# SPDX-License-Identifier: Apache-2.0
"""What decides on a plain host: nothing but root without a policy file, and with one that file (docs/trust.md)."""

import json
import os
import re
import subprocess

import pytest

from testlib import host, images
from testlib.recap import OURS, Recap

REQUESTS = {
    "dev.recap.capabilities": "SYS_PTRACE,NET_ADMIN",
    "dev.recap.limit.memory": "8Gi",
    "dev.recap.paths": "/etc:rw",
    "dev.recap.profile": "trace",
    "dev.recap.share": "net,pid,user",
    "dev.recap.user": "root",
    "dev.recap.view": "merged",
}


@pytest.fixture
def recap(runc, tmp_path):
    variables = {**host.recap_variables(runc.roots), "RECAP_POLICY": str(tmp_path / "policy.yaml")}
    made = Recap(tmp_path / "recap", variables)
    made.data.mkdir(parents=True, mode=0o700)
    return made


@pytest.fixture
def target(quiet_target):
    return quiet_target


def bring(recap, tmp_path, reference, labels=None):
    busybox = images.get("busybox")
    archive = tmp_path / "stranger.oci.tar"
    config = {**busybox.config, "Entrypoint": ["/bin/sh", "-c"], "Labels": labels or {}}
    images.write_oci_archive(archive, [busybox.tar], config, reference)
    done = recap("import", "--name", reference, archive)
    assert done.returncode == 0, done
    return reference


@pytest.fixture
def stranger(recap, tmp_path):
    return bring(recap, tmp_path, "example.org/tools/stranger:1")


def record_of(recap, tmp_path, image, target, script, *flags):
    report = tmp_path / "report.json"
    done = recap.run(image, target, script, flags=["--share", "none", "--report", report, *flags])
    return done, json.loads(report.read_text()) if report.exists() else None


def test_a_strangers_image_starts_with_nothing(recap, tmp_path, stranger, target):
    done, record = record_of(recap, tmp_path, stranger, target, "id -u; grep CapEff /proc/self/status")
    assert done.returncode == 0, done
    uid, _, capabilities = done.stdout.split()
    assert int(capabilities, 16) == 1 << 35, "but the inert CAP_WAKE_ALARM"
    assert int(uid) == record["grant"]["uid"] >= 0x70000000
    assert (record["function"], record["policy"], record["ignored_labels"]) == ("", "default", [])
    assert record["grant"]["capabilities"] == [] and record["image"]["trust"] == ""


def test_one_that_asks_for_everything_and_has_a_functions_name_gets_no_more(recap, tmp_path, target):
    bring(recap, tmp_path, "recap/tcpdump:latest", REQUESTS)
    report = tmp_path / "report.json"
    done = recap.run("tcpdump", target, "grep CapEff /proc/self/status",
                     flags=["--report", report])  # fmt: skip
    record = json.loads(report.read_text())
    assert int(done.stdout.split()[1], 16) == 1 << 35, done
    assert record["function"] == "" and record["ignored_labels"] == sorted(REQUESTS)
    grant = record["grant"]
    assert (grant["capabilities"], grant["run_as"], grant["profile"]) == ([], "reserved", "restricted")
    assert record["view"] == "nothing" and record["paths"] == [] and "user" not in record["share"]
    shown = json.loads(recap.run("tcpdump", target, "true", flags=["--dry-run"]).stdout)
    assert shown["limits"]["memory_bytes"] == 256 << 20
    assert shown["ignored_labels"] == sorted(REQUESTS)


def write_policy(recap, text):
    with open(recap.env["RECAP_POLICY"], "w") as file:
        file.write(text)
    os.chmod(file.name, 0o644)


def policy(spec, name="ops"):
    return f"apiVersion: recap.dev/v1alpha1\nkind: CapsulePolicy\nmetadata: {{name: {name}}}\nspec: {spec}\n"


OPS = """
  namespaceSelector: {matchLabels: {recap.dev/runtime: runc}}
  images: ["example.org/tools/*"]
  allow: {capabilities: [NET_RAW], share: [net, pid]}
  max: {memory: 256Mi, activeDeadlineSeconds: 60}
"""


def refused(recap, image, target, *flags):
    done = recap.run(image, target, "echo no", flags=["--share", "none", *flags])
    assert done.returncode == OURS and done.stdout == b"", done
    return done.stderr.decode()


def test_a_policy_file_is_the_ceiling(recap, tmp_path, stranger, target):
    write_policy(recap, policy(OPS))
    done, record = record_of(recap, tmp_path, stranger, target, "echo yes", "--cap", "NET_RAW")
    assert (done.returncode, done.stdout) == (0, b"yes\n"), done
    assert record["policy"] == "ops" and record["grant"]["capabilities"] == ["NET_RAW"]
    for flags, why in (
        (["--cap", "SYS_PTRACE"], "ops: capability SYS_PTRACE is not allowed"),
        (["--view", "target"], "ops: view target is not allowed"),
        (["--run-as", "root"], "ops: runAs root is not allowed"),
        (["--memory", "1Gi"], "ops: memory exceeds the limit of the policy"),
    ):
        assert why in refused(recap, stranger, target, *flags)
    other = bring(recap, tmp_path, "example.org/other:1")
    assert "ops: the image example.org/other:1 is not allowed" in refused(recap, other, target)


def test_a_policy_is_for_its_users_and_targets(recap, stranger, target):
    for spec in (OPS.replace("runc", "docker"), OPS + "  subjects: [{kind: User, name: nobody-here}]\n"):
        write_policy(recap, policy(spec))
        assert "is for this target and user" in refused(recap, stranger, target)
    write_policy(recap, policy(OPS))
    who = json.loads(recap.run(stranger, target, "true", flags=["--dry-run", "--share", "none"]).stdout)["requester"]
    write_policy(recap, policy(OPS + f"  subjects: [{{kind: User, name: '{who}'}}]\n"))
    assert recap.run(stranger, target, "true", flags=["--share", "none"]).returncode == 0


def test_a_privileged_target_needs_consent(recap, runc, lean, stranger):
    container = runc.run(lean, capabilities=["SYS_PTRACE"])
    write_policy(recap, policy(OPS))
    assert "ops: the target is privileged" in refused(recap, stranger, container)
    write_policy(recap, policy(OPS.replace("allow: {", "allow: {privilegedTargets: true, ")))
    assert recap.run(stranger, container, "true", flags=["--share", "none"]).returncode == 0
    container.remove()


def test_one_policy_has_to_cover_it_all(recap, tmp_path, stranger, target):
    see = policy('{namespaceSelector: {}, images: ["*"], allow: {views: [target]}}', "see")
    write_policy(recap, policy(OPS) + "---\n" + see)
    done, record = record_of(recap, tmp_path, stranger, target, "true", "--view", "target")
    assert done.returncode == 0 and record["policy"] == "see", done
    told = refused(recap, stranger, target, "--view", "target", "--cap", "NET_RAW")
    assert "ops: view target" in told and "see: capability NET_RAW" in told


def test_its_deadline_holds(recap, stranger, target):
    write_policy(recap, policy(OPS.replace("Seconds: 60", "Seconds: 1")))
    assert recap.run(stranger, target, "sleep 30", flags=["--share", "none", "--timeout", "20s"]).returncode == 124


@pytest.mark.parametrize("text, why", [
    (policy(OPS + "  typo: 1\n"), "spec.typo"),
    (policy(OPS).replace("NET_RAW", "NET_RAWW"), "NET_RAWW"),
    (policy(OPS) + policy(OPS), "there twice"),
    ("", "there is no CapsulePolicy in it"),
    ("\x00", "no YAML"),
])  # fmt: skip
def test_while_it_is_wrong_nothing_runs(recap, stranger, target, text, why):
    write_policy(recap, policy(OPS))
    assert recap.run(stranger, target, "true", flags=["--share", "none"]).returncode == 0
    write_policy(recap, text)
    for _ in range(2):
        told = refused(recap, stranger, target)
        assert why in told and "nothing runs while the policy" in told and told.count("\n") == 2, told
    checked = recap("policy", recap.env["RECAP_POLICY"])
    assert checked.returncode == OURS and why in checked.stderr.decode() and checked.stderr.count(b"\n") == 1, checked
    write_policy(recap, policy(OPS))
    assert recap.run(stranger, target, "true", flags=["--share", "none"]).returncode == 0
    shown = recap("policy", recap.env["RECAP_POLICY"]).stdout
    assert shown.startswith(b"ops: users *; functions none; images example.org/tools/*"), shown


def test_one_that_others_may_write_is_none(recap, stranger, target):
    write_policy(recap, policy(OPS))
    os.chmod(recap.env["RECAP_POLICY"], 0o666)
    assert "that nobody else may write" in refused(recap, stranger, target)


def test_a_file_that_is_not_there_costs_one_system_call(recap, tmp_path, stranger, target):
    trace = tmp_path / "trace"
    flags = ["--dry-run", "--share", "none"]
    words = recap.run_words(stranger, target, "true", flags=flags)
    subprocess.run(["strace", "-f", "-o", trace, recap.program, *words], env=recap.env, check=True, capture_output=True)
    assert len(re.findall(r"policy\.yaml", trace.read_text())) == 1
