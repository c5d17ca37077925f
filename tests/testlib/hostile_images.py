# SPDX-License-Identifier: Apache-2.0
"""The corpus of hostile images, as its generator: what a layer, manifest or config may try, one case per trick, I1 to
I13 are kinds of tricks: names that leave the layer, links, special files, bombs, documents that are two things.

    for case in CORPUS: case.write(path)      an OCI archive
    python3 tests/testlib/hostile_images.py DIR      writes them all, e.g. for other tools
"""

import gzip
import hashlib
import io
import json
import pathlib
import platform
import sys
import tarfile
from dataclasses import dataclass, field

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
REFERENCE = "recap.test/hostile:1"


@dataclass
class Case:
    threat: str  # I1 …
    name: str
    layers: list  # bytes, lowest first
    refused: str | None = None  # words of the refusal; else it comes in, and holds only what `tree` says
    tree: dict = field(default_factory=dict)  # path in the top layer → what it has to be
    change: object = None  # what is done to {"config": …, "manifest": …, "index": …} before it is written

    def write(self, path):
        with tarfile.open(path, "w") as archive:
            for name, data in self._files().items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))

    def _files(self):
        files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}

        def blob(data, media_type):
            digest = hashlib.sha256(data).hexdigest()
            files[f"blobs/sha256/{digest}"] = data
            return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

        layer_type = "application/vnd.oci.image.layer.v1.tar"
        plain = [gzip.decompress(one) if one[:2] == b"\x1f\x8b" else one for one in self.layers]
        diff_ids = ["sha256:" + hashlib.sha256(one).hexdigest() for one in plain]
        config = {"os": "linux", "architecture": ARCHITECTURE, "config": {"Cmd": ["/x"]},
                  "rootfs": {"type": "layers", "diff_ids": diff_ids}}  # fmt: skip
        layers = [blob(one, layer_type + ("+gzip" if one[:2] == b"\x1f\x8b" else "")) for one in self.layers]
        change = self.change or (lambda part, value: value)
        config_at = blob(json.dumps(change("config", config)).encode(), "application/vnd.oci.image.config.v1+json")
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config_at, "layers": layers}
        manifest_at = blob(json.dumps(change("manifest", manifest)).encode(), MANIFEST)
        manifest_at["annotations"] = {"io.containerd.image.name": REFERENCE}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest_at]}
        return {**files, "index.json": json.dumps(change("index", index)).encode()}


def tar(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def entry(name, kind=tarfile.REGTYPE, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def file(name, data=b"data", **fields):
    return entry(name, data=data, **fields)


def symlink(name, target):
    return entry(name, tarfile.SYMTYPE, linkname=target)


def hardlink(name, target):
    return entry(name, tarfile.LNKTYPE, linkname=target)


def folder(name, **fields):
    return entry(name, tarfile.DIRTYPE, mode=fields.pop("mode", 0o755), **fields)


def xattrs(**values):
    return {f"SCHILY.xattr.{name.replace('__', '.')}": value for name, value in values.items()}


def changing(part, change):
    def apply(named, value):
        return change(value) if named == part else value

    return apply


def claiming(digest):
    def change(manifest):
        manifest["layers"][0]["digest"] = digest
        return manifest

    return changing("manifest", change)


def _layers():
    """What a tar may try."""
    yield Case("I1", "up", [tar(file("../canary"))], refused="..")
    yield Case("I1", "up-in-the-middle", [tar(file("a/../../canary"))], refused="..")
    yield Case("I1", "absolute", [tar(file("/etc/canary"))], tree={"etc/canary": b"data"})
    yield Case("I1", "symlink-parent", [tar(symlink("a", "/"), file("a/canary"))], refused="no directory")
    yield Case("I1", "symlink-parent-up", [tar(symlink("a", "../../.."), file("a/canary"))], refused="no directory")
    yield Case("I1", "hardlink-up", [tar(hardlink("x", "../../etc/shadow"))], refused="..")
    yield Case("I1", "hardlink-absolute-host", [tar(hardlink("x", "/etc/shadow"))], refused="no file of this layer")
    yield Case("I1", "hardlink-absolute-own", [tar(file("a"), hardlink("x", "/a"))], tree={"x": b"data"})
    yield Case("I1", "hardlink-through-symlink", [tar(symlink("a", "/etc"), hardlink("x", "a/shadow"))],
               refused="no file of this layer")  # fmt: skip
    yield Case("I1", "hardlink-to-symlink", [tar(symlink("a", "/etc/shadow"), hardlink("x", "a"), file("y"))],
               tree={"x": "-> /etc/shadow"})  # fmt: skip
    yield Case("I1", "hardlink-to-lower-layer", [tar(file("a")), tar(hardlink("x", "a"))],
               refused="no file of this layer")  # fmt: skip
    yield Case("I2", "root-is-a-symlink", [tar(symlink("./", "/"), file("x"))], refused="root is no directory")
    yield Case("I2", "root-is-a-file", [tar(file("."))], refused="root is no directory")
    yield Case("I3", "file-over-symlink", [tar(symlink("x", "../../canary"), file("x", mode=0o600))],
               tree={"x": b"data"})  # fmt: skip
    yield Case("I3", "directory-over-symlink", [tar(symlink("x", "/"), folder("x"), file("x/canary"))],
               tree={"x/canary": b"data"})  # fmt: skip
    for name in (".wh.", ".wh..", ".wh...", ".wh./"):
        layer = tar(file("d/x"), file(f"d/{name}"))
        yield Case("I4", f"whiteout-named-{name.replace('/', 'slash')}", [layer], refused="whiteout")
    yield Case("I4", "opaque-last", [tar(file("d/low")), tar(file("d/x"), file("d/.wh..wh.opq"))],
               tree={"d": "opaque", "d/x": b"data"})  # fmt: skip
    yield Case("I4", "whiteout-of-its-own-layer", [tar(file("d/x"), file("d/.wh.x"))], tree={"d/x": b"data"})
    lies = xattrs(trusted__overlay__redirect="/canary", trusted__overlay__opaque="y", trusted__overlay__metacopy="",
                  user__overlay__redirect="/canary", security__selinux="x", user__kept="1")  # fmt: skip
    yield Case("I5", "overlay-attributes", [tar(folder("d", pax_headers=lies), file("d/x", pax_headers=lies))],
               tree={"d": "user.kept", "d/x": b"data"})  # fmt: skip
    yield Case("I6", "block-device", [tar(entry("sda", tarfile.BLKTYPE, devmajor=8, devminor=0), file("x"))],
               tree={"sda": None, "x": b"data"})  # fmt: skip
    yield Case("I6", "whiteout-as-device", [tar(entry("null", tarfile.CHRTYPE, devmajor=0, devminor=0), file("x"))],
               tree={"null": None})  # fmt: skip
    yield Case("I6", "fifo", [tar(entry("pipe", tarfile.FIFOTYPE), file("x"))], tree={"pipe": None})
    yield Case("I6", "setuid", [tar(file("sh", mode=0o6755))], tree={"sh": 0o755})
    yield Case("I6", "file-capability", [tar(file("sh", pax_headers=xattrs(security__capability="\x01\0\0\x02")))],
               tree={"sh": "no attributes"})  # fmt: skip


def _bombs():
    """What grows or does not end."""
    yield Case("I7", "zeros", [gzip.compress(bytes(16 << 20), 9) * 20], refused="decompression bomb")
    inner = gzip.compress(tar(file("x")))
    yield Case("I7", "gzip-in-gzip", [gzip.compress(inner)], refused="")
    yield Case("I7", "long-path", [tar(file("d/" * 2100 + "x"))], refused="")
    yield Case("I7", "long-name", [tar(file("x" * 300))], refused="")
    many = {f"SCHILY.xattr.user.a{n}": "x" for n in range(1000)}
    yield Case("I7", "attributes", [tar(file("x", pax_headers=many))], refused="attributes")
    sparse = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "x",
              "GNU.sparse.realsize": str(1 << 50)}  # fmt: skip
    yield Case("I7", "sparse", [tar(file("x", b"1\n0\n1\n" + bytes(507), pax_headers=sparse))], refused="")
    yield Case("I13", "cut-off", [tar(file("x", b"y" * 4096))[:2000]], refused="")
    rootfs = {"type": "layers", "diff_ids": ["sha256:" + "ab" * 32]}
    yield Case("I13", "another-diff-id", [tar(file("x"))], refused="config promises",
               change=changing("config", lambda config: {**config, "rootfs": rootfs}))  # fmt: skip


def _documents():
    """What manifests and configs may try."""
    layer = [tar(file("x"))]
    both = changing("manifest", lambda manifest: {**manifest, "manifests": []})
    yield Case("I9", "layers-and-manifests", layer, refused="ambiguous", change=both)
    other = changing("manifest", lambda manifest: {**manifest, "mediaType": INDEX})
    yield Case("I9", "another-media-type", layer, refused="", change=other)
    as_index = changing("index", lambda index: {**index, "layers": [], "config": {}})
    yield Case("I9", "index-with-layers", layer, refused="ambiguous", change=as_index)
    for name, digest in (("up", "sha256:../../../../../../etc/shadow"), ("upper-case", "sha256:" + "AB" * 32),
                         ("short", "sha256:ab"), ("md5", "md5:" + "ab" * 16), ("no-algorithm", "ab" * 32)):  # fmt: skip
        yield Case("I10", f"digest-{name}", layer, refused="digest", change=claiming(digest))
    orders = {"io.containerd.image.x": "1", "io.kubernetes.x": "1", "cdi.k8s.io/x": "all", "dev.recap.internal.x": "1",
              "dev.recap.capabilities": "SYS_ADMIN", "dev.recap.user": "root"}  # fmt: skip
    config = {"Cmd": ["/x"], "Labels": orders, "Volumes": {"/../../etc": {}}, "WorkingDir": "/../../..", "User": ""}
    yield Case("I11", "labels-as-orders", layer, tree={"x": b"data"},
               change=changing("config", lambda value: {**value, "config": config}))  # fmt: skip


CORPUS = [*_layers(), *_bombs(), *_documents()]


if __name__ == "__main__":
    into = pathlib.Path(sys.argv[1])
    into.mkdir(parents=True, exist_ok=True)
    for case in CORPUS:
        case.write(into / f"{case.threat}-{case.name}.tar")
