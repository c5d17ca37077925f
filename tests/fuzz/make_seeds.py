#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes first inputs for the fuzz targets: make_seeds.py DIR fills DIR/TARGET/."""
import gzip
import io
import json
import pathlib
import struct
import sys
import tarfile

DIGEST = "sha256:" + "a" * 64


def entry(name, kind=tarfile.REGTYPE, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def tar(tar_format, *entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tar_format) as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def layers():
    everything = [
        entry("./", tarfile.DIRTYPE, mode=0o755),
        entry("d/", tarfile.DIRTYPE, mode=0o2775),
        entry("d/f", data=b"hello", mode=0o4755),
        entry("d/h", tarfile.LNKTYPE, linkname="d/f"),
        entry("s", tarfile.SYMTYPE, linkname="../canary"),
        entry("d/.wh.gone"),
        entry("e/.wh..wh.opq"),
        entry("null", tarfile.CHRTYPE, devmajor=1, devminor=3),
        entry("fifo", tarfile.FIFOTYPE),
        entry("x" * 120 + "/long"),
        entry("attr", pax_headers={"SCHILY.xattr.user.a": "b", "SCHILY.xattr.trusted.overlay.redirect": "/"}),
    ]
    for name, tar_format in (("pax", tarfile.PAX_FORMAT), ("gnu", tarfile.GNU_FORMAT)):
        plain = tar(tar_format, *everything)
        yield name, plain
        yield name + ".gz", gzip.compress(plain)
    yield "up", tar(tarfile.GNU_FORMAT, entry("a", tarfile.SYMTYPE, linkname=".."), entry("a/x", data=b"1"))


def documents():
    descriptor = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": DIGEST, "size": 1}
    config = dict(descriptor, mediaType="application/vnd.oci.image.config.v1+json")
    image = dict(descriptor, mediaType="application/vnd.oci.image.manifest.v1+json",
                 platform={"os": "linux", "architecture": "amd64"}, annotations={"a": "b"})
    yield "manifest", json.dumps({"schemaVersion": 2, "config": config, "layers": [descriptor]})
    yield "index", json.dumps({"schemaVersion": 2, "manifests": [image]})
    process = {"Env": ["A=1"], "Cmd": ["x"], "Entrypoint": None, "User": "a:b", "WorkingDir": "/../x",
               "Labels": {"k": "v"}}
    yield "config", json.dumps({"os": "linux", "architecture": "amd64", "config": process,
                                "created": "2024-01-02T03:04:05Z",
                                "rootfs": {"type": "layers", "diff_ids": [DIGEST]}})
    yield "reference", "registry.example:5000/a/b_c:v1@" + DIGEST
    yield "user", b"app\xffroot:x:0:0::/:\napp:x:7:8::/:\nwheel:x:10:app,b\n"


def wire(*fields):
    """Fields as src/run/wire.h writes them: (bytes wide, number) or a text."""
    out = b""
    for field in fields:
        if isinstance(field, str):
            out += struct.pack("<I", len(field)) + field.encode() + b"\0"
        else:
            out += field[1].to_bytes(field[0], "little")
    return out


def ledgers():
    boot = (4, 1), (8, 4711), (8, 99), "0b2c7d4e-0000-4000-8000-000000000000"
    cgroup = (4, 4), (8, 0), (8, 0), "/sys/fs/cgroup/recap/run-1"
    yield "begun", wire(*boot)
    yield "torn", wire(*boot, *cgroup)[:-9]
    yield "whole", wire(*boot, (4, 2), (8, 3), (8, 0), "", *cgroup, (4, 7), (8, 1), (8, 0), "")


def specs():
    yield "words", b"tcpdump\0-c4\0PATH=/bin\0run-1\0web\0/\0/layers/a\0/var/log/nginx"
    yield "magic", wire((4, 0x50434552), (4, 2), "run-1", "web", "root", "/run/recap", "/records", "recap")


def references():
    for number, text in enumerate((
            "tcpdump", "registry.example:5000/a/b_c:v1@" + DIGEST, "[::1]:80/a", "pid:4711", "docker://web",
            "containerd://k8s.io/" + "b" * 64, "pod/shop/web-0/nginx")):
        yield str(number), text


def proc_files():
    web = "c" * 64
    yield "stat", "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 1 2 3\n"
    yield "status", "Name:\ta\\nb\nState:\tS (sleeping)\nTgid:\t7\nUid:\t0\t0\t0\t0\nNSpid:\t7\t1\n"
    yield "cgroup", f"4:memory:/init.scope\n0::/init.scope\n\xff4:memory:/docker/{web}\n" \
        f"0::/system.slice/docker-{web}.scope/docker-{'d' * 64}.scope\n".replace("\xff", "\udcff")
    yield "mountinfo", "22 21 0:20 / / rw,relatime shared:1 - overlay overlay rw\n" \
        "23 22 8:1 /v /data\\040one rw - ext4 /dev/sda1 rw\n24 22 0:5 / /dev rw - tmpfs tmpfs rw\n"


def engine_answers():
    docker = json.dumps({"Id": "e" * 64, "Name": "/web", "State": {"Running": True, "Paused": False, "Pid": 7},
                         "Config": {"Image": "nginx", "Labels": {"io.kubernetes.pod.name": "web"}},
                         "HostConfig": {"Runtime": "runc"}})
    podman = json.dumps({"Id": "e" * 64, "Name": "web", "ImageName": "nginx", "OCIRuntime": "crun",
                         "State": {"Running": True, "Pid": 7, "CgroupPath": "/machine.slice/x"}})
    header = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"
    yield "docker", header.format(len(docker)) + docker
    yield "podman", header.format(len(podman)) + podman
    yield "chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    yield "plain", podman
    yield "runc", json.dumps({"id": "web", "init_process_pid": 7, "init_process_start": 9,
                              "cgroup_paths": {"": "/x", "memory": "/x"}, "config": {"labels": ["bundle=/b"]}})
    yield "youki", json.dumps({"ociVersion": "1.0.2", "id": "web", "pid": 7, "status": "running", "bundle": "/b"})
    yield "crun", json.dumps({"pid": 7, "process-start-time": 9, "cgroup-path": "x", "bundle": "/nowhere"})


def catalogues():
    yield "index", f"{DIGEST} tcpdump Packets\nsha256:{'b' * 64} strace\n"
    yield "labels", "net,pid\ntarget\nNET_RAW,sys_ptrace\nreserved\nnet\n/var/log:rw,/etc/nginx\n"


def command_lines():
    yield "run", "-it\n--share\nnet,pid\n--path=/var/log\n-u\n7:8\n--memory\n64Mi\ntcpdump\nweb\n--\n-c\n4\n"
    yield "limits", "--cpus=0.5\n--timeout\n1m30s\n--grace=500ms\n--scratch\n1Gi\n--pids\n32\n-e\nA=b\nx\ny\n"
    yield "rest", "--detach-keys\nctrl-p,ctrl-q\n--cap=NET_RAW\n--out\n-\n--view=merged\n--name\na\nweb\n"


def api_answers():
    item = {"metadata": {"name": "a", "namespace": "b", "uid": "u", "resourceVersion": "7"}}
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old",
              "details": {"causes": [{"reason": "ResourceVersionTooLarge"}]}}
    lines = "".join(json.dumps({"type": kind, "object": what}) + "\n" for kind, what in (
        ("ADDED", item), ("BOOKMARK", item), ("ERROR", status)))
    listed = json.dumps({"kind": "PodList", "metadata": {"continue": "x"}, "items": [item, {"s": "]}\"{"}]})
    yield "watch", "\x02" + lines
    yield "list", "\x03" + listed
    yield "status", "\x04" + json.dumps(status)
    yield "length", f"\x05HTTP/1.1 200 OK\r\nRetry-After: 3\r\nContent-Length: {len(listed)}\r\n\r\n{listed}"
    yield "chunked", "\x06HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" \
        f"{len(lines):x}\r\n{lines}\r\n0\r\n\r\n"
    yield "close", "\x07HTTP/1.1 503 X\r\nConnection: close\r\n\r\nbusy"
    yield "exec", "\x08" + json.dumps({
        "kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
        "status": {"token": "t", "expirationTimestamp": "2024-01-02T03:04:05.25Z"}})


def kubeconfigs():
    head = "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u, namespace: n}}]\n"
    yield "token", head + "clusters: [{name: k, cluster: {server: 'https://[::1]:6443/a', " \
        "certificate-authority-data: Q0E=, tls-server-name: x}}]\nusers: [{name: u, user: {token: t}}]\n"
    yield "exec", head + "clusters: [{name: k, cluster: {server: http://localhost}}]\nusers:\n- name: u\n" \
        "  user:\n    exec: {apiVersion: client.authentication.k8s.io/v1, command: x, args: [a], " \
        "env: [{name: A, value: b}], interactiveMode: Never, provideClusterInfo: true}\n"
    yield "certificate", head + "clusters: [&a {name: k, cluster: {server: https://h}}]\nusers: [{name: u, " \
        "user: {client-certificate-data: QQ==, client-key-data: QQ==, as: j, as-groups: [g]}}]\nx: [*a]\n"
    yield "server", "https://host:443/path/"
    yield "base64", "aGVs\nbG8="


def policies():
    yield "host", "apiVersion: recap.dev/v1alpha1\nkind: CapsulePolicy\nmetadata: {name: p}\nspec:\n" \
        "  namespaceSelector: {matchLabels: {a: b}, matchExpressions: [{key: c, operator: NotIn, values: [d]}]}\n" \
        "  subjects: [{kind: User, name: alice}]\n  functions: ['*']\n  images: [r.example/x/*]\n" \
        "  allow: {share: [net], views: [target], capabilities: [NET_RAW], runAs: [Target], writePaths: [/var/log]}\n" \
        "  max: {cpu: 500m, memory: 64Mi, pids: 8, activeDeadlineSeconds: 60}\n"
    key = {"type": "sigstoreSigned", "keyPath": "/k.pub", "signedIdentity": {"type": "matchRepository"}}
    yield "signatures", json.dumps({"default": [{"type": "reject"}], "transports": {"docker": {
        "h.example:1/a": [key], "": [],
        "*.example": [{"type": "signedBy", "keyPaths": ["/a", "/b"], "keyData": "QQ=="}]}}})


def webhooks():
    alert = {"status": "firing", "labels": {"alertname": "Slow", "severity": "page"}}
    yield "alertmanager", "content-type: application/json\n\n" + json.dumps({"version": "4", "alerts": [alert]})
    event = {"specversion": "1.0", "id": "1", "source": "/a", "type": "b", "data": {"c": 1}}
    yield "binary", "ce-specversion: 1.0\nce-id: 1\nce-source: /a\n\n"
    yield "structured", "content-type: application/cloudevents+json\n\n" + json.dumps(event)
    yield "batch", "content-type: application/cloudevents-batch+json\n\n" + json.dumps([event, event])
    yield "body", json.dumps(event)


SEEDS = {"layer": layers, "oci_json": documents, "reference": references, "spec": specs, "ledger": ledgers,
         "proc": proc_files, "engine_api": engine_answers, "catalog": catalogues,
         "kube_stream": api_answers, "kubeconfig": kubeconfigs, "flags": command_lines, "policy": policies,
         "webhook": webhooks}


def main():
    for target, inputs in SEEDS.items():
        folder = pathlib.Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in inputs():
            (folder / name).write_bytes(
                data if isinstance(data, bytes) else data.encode(errors="surrogateescape"))


main()
