#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes first inputs for the fuzz targets: make_seeds.py DIR fills DIR/TARGET/."""
import gzip
import io
import json
import pathlib
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


def main():
    for target, inputs in (("layer_fuzz", layers()), ("oci_json_fuzz", documents())):
        folder = pathlib.Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in inputs:
            (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


main()
