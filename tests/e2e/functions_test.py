# SPDX-License-Identifier: Apache-2.0
"""Each function of the catalogue gets what its function.yaml asks for and nothing else, and does its job."""

import json
import subprocess

import pytest
import yaml

from testlib import images

FUNCTIONS = images.gate_functions()


@pytest.fixture(scope="module")
def web(runc, catalogue):
    container = runc.run(images.get("lean-nginx"))
    container.http("/")
    yield container
    container.remove()


def asked(name):
    return yaml.safe_load((images.ROOT / f"catalog/{name}/function.yaml").read_text())


def report_of(recap, tmp_path, function, target, *argv, flags=()):
    report = tmp_path / "report.json"
    done = recap.run(function, target, *argv, flags=["--report", report, *flags])
    return done, json.loads(report.read_text())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_grant_is_what_the_function_asks_for(recap, web, tmp_path, name):
    program = {"toolbox": "true", "ps": "--version", "lsof": "-v", "sha256sum": "--version"}.get(name, "-V")
    if name == "tcpdump":
        program = "--version"
    done, report = report_of(recap, tmp_path, name, web, program)
    assert done.returncode == 0, done
    wanted = asked(name)
    assert report["share"] == wanted["share"] and report["view"] == wanted["view"]
    assert sorted(report["grant"]["capabilities"]) == sorted(wanted["grant"]["capabilities"])
    assert report["grant"]["run_as"] == wanted["grant"]["runAs"].lower()
    assert report["grant"]["profile"] == wanted["grant"]["profile"]
    assert report["residue"] == {"verified": True, "found": []}


def test_a_functions_page_says_what_it_gets(recap, catalogue):
    page = recap("functions", "tcpdump")
    assert page.returncode == 0, page
    lines = dict(line.strip().split("  ", 1) for line in page.stdout.decode().split("\n\n")[1].splitlines())
    wanted = {"shares": "net", "capabilities": "NET_RAW", "profile": "net"}
    assert {name: lines[name].strip() for name in wanted} == wanted
    assert b"recap run tcpdump web -- " in page.stdout and b"\n# " not in page.stdout
    # Any other word is searched for.
    assert b"tcpdump" in recap("functions", "packets").stdout


def test_labels_outside_the_catalogue_grant_nothing(recap, web, tmp_path):
    archive = images.function("tcpdump")
    done = recap("import", "--name", "copy/tcpdump:latest", archive)
    assert done.returncode == 0, done
    # The digest is the catalogue's, so it has the catalogue's grant under any name ...
    _, report = report_of(recap, tmp_path, "copy/tcpdump", web, "--version")
    assert report["grant"]["capabilities"] == ["NET_RAW"]
    # ... and the same labels under another digest ask in vain.
    config = {"Entrypoint": ["/bin/sh"], "Labels": {"dev.recap.capabilities": "SYS_ADMIN", "dev.recap.share": "net"}}
    image = images.Image("pretender", images.get("busybox").tar, config)
    forged = tmp_path / "forged.tar"
    images.write_oci_archive(forged, [image.tar], config, "recap.test/pretender:latest")
    assert recap("import", forged).returncode == 0
    done, report = report_of(recap, tmp_path, "recap.test/pretender:latest", web, "-c", "true")
    assert done.returncode == 0 and report["grant"]["capabilities"] == [] and report["share"] != ["net"], report


def test_a_saved_capture_is_whole(recap, web, tmp_path):
    capture = tmp_path / "web.pcap"
    child = recap.popen(*recap.run_words("tcpdump", web, "-i", "any", "-c", "6", "-w", "-", "tcp port 80"))
    while child.poll() is None:
        web.http("/")
    out, err = child.communicate(timeout=20)
    capture.write_bytes(out)
    assert child.returncode == 0, err
    read = subprocess.run(["tcpdump", "-n", "-r", capture], capture_output=True, text=True)
    assert read.returncode == 0 and len(read.stdout.splitlines()) == 6, read


def test_strace_counts_the_calls_of_a_worker_that_lives_on(recap, web):
    listed = recap.run("ps", web, "-e", "-o", "pid=,args=").stdout.decode()
    worker = next(line.split()[0] for line in listed.splitlines() if "worker" in line)
    child = recap.popen(*recap.run_words("strace", web, "-c", "-p", worker, flags=["--timeout", "1s"]))
    while child.poll() is None:
        web.http("/")
    _, err = child.communicate(timeout=20)
    assert child.returncode == 124 and b"accept4" in err, err
    assert web.http("/") and b"worker" in recap.run("ps", web).stdout


def test_top_works_without_a_terminal(recap, web):
    batch = recap.run("top", web, "-b", "-n", "1")
    assert batch.returncode == 0 and b"nginx" in batch.stdout, batch


# What people type first in a toolbox; "(missing)" would be the shell's answer.
TOOLS = ["bash --version", "busybox", "curl --version", "file /usr/bin/bash", "ip -V", "jq --version", "less --version",
         "lsof -v", "ps --version", "pgrep --version", "pstree --version", "ss -V", "top -v", "vi --version",
         "vmstat --version", "watch --version", "nslookup localhost 127.0.0.1", "wget --help"]  # fmt: skip


def test_the_toolbox_has_working_tools(recap, web):
    script = "; ".join(f"{tool} >/dev/null 2>&1; echo {tool.split()[0]} $?" for tool in TOOLS)
    done = recap.run("toolbox", web, "bash", "-c", script)
    codes = dict(line.split() for line in done.stdout.decode().splitlines())
    assert [tool for tool in (words.split()[0] for words in TOOLS) if codes.get(tool) in (None, "126", "127")] == []


def test_the_toolbox_is_beside_the_target(recap, web):
    done = recap.run("toolbox", web, "bash", "-c", "curl -s localhost; ss -Htln; hostname; pgrep -c nginx")
    assert b"Served by nginx" in done.stdout and b":80" in done.stdout and b"\n2\n" in done.stdout, done
    assert b"lean" in done.stdout


def test_no_image_has_a_setuid_file(recap, catalogue):
    found = [path for path in (catalogue / "store/layers").rglob("*")
             if path.is_file() and not path.is_symlink() and path.stat().st_mode & 0o6000]  # fmt: skip
    assert found == []
