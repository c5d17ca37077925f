# SPDX-License-Identifier: Apache-2.0
"""Hostile images (testlib/hostile_images.py): refused with a sentence, or unpacked without what they tried. And what a
good image unpacks to is what umoci makes of it, but for a closed list."""

import hashlib
import json
import os
import shutil
import stat
import tarfile

import pytest

from testlib import host, images
from testlib.hostile_images import CORPUS, entry, file, folder, hardlink, symlink, tar, xattrs
from testlib.recap import Recap


@pytest.fixture
def recap(work, nothing_stays, tmp_path):
    """recap with an empty store, and a canary beside it."""
    place = work / f"hostile-{tmp_path.name}"
    place.mkdir()
    (place / "canary").write_text("untouched")
    yield Recap(place)
    shutil.rmtree(place)


def is_like(path, expected):
    """One place of a case's tree: content, a mode, a link's end, an attribute, or nothing."""
    if expected is None:
        return not os.path.lexists(path)
    attributes = os.listxattr(path, follow_symlinks=False)
    if isinstance(expected, bytes):
        return not path.is_symlink() and path.read_bytes() == expected
    if isinstance(expected, int):
        return stat.S_IMODE(path.lstat().st_mode) == expected
    if expected.startswith("-> "):
        return os.readlink(path) == expected[3:]
    if expected == "opaque":
        return attributes == ["trusted.overlay.opaque"]
    return attributes == ([] if expected == "no attributes" else [expected])


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: f"{case.threat}-{case.name}")
def test_a_hostile_image(recap, tmp_path, case):
    place = recap.data.parent
    case.write(tmp_path / "image.tar")
    done = recap("import", tmp_path / "image.tar")
    store = recap.data / "store"
    if case.refused is not None:
        assert done.returncode == 125 and done.stdout == b"" and done.stderr.count(b"\n") == 1, done
        assert case.refused.encode() in done.stderr, done
        for name in ("layers", "images", "refs", "tmp", "blobs/sha256"):
            assert os.listdir(store / name) == [], name
    else:
        assert done.returncode == 0, done
        (image,) = json.loads(recap("images", "-o", "json").stdout)
        top = store / "layers" / os.path.basename(image["layers"][0])
        for name, expected in case.tree.items():
            assert is_like(top / name, expected), (name, expected)
        assert not [label for label in image["labels"] if not label.startswith("dev.recap.") or "internal" in label]
        assert image["workdir"] == "/"
        assert recap("verify").returncode == 0
    assert sorted(os.listdir(place)) == ["canary", "data"] and (place / "canary").read_text() == "untouched"
    assert (place / "canary").stat().st_nlink == 1


def tree(root):
    """Everything below a directory, as comparable values."""
    found = {}
    for folder_name, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder_name, name)
            found[os.path.relpath(path, root)] = about(path)
    return found


def about(path):
    seen = os.lstat(path)
    kind = stat.S_IFMT(seen.st_mode)
    is_file, is_folder = stat.S_ISREG(kind), stat.S_ISDIR(kind)
    return {
        "kind": kind,
        "mode": stat.S_IMODE(seen.st_mode),
        "owner": (seen.st_uid, seen.st_gid),
        "links": seen.st_nlink if is_file else 0,
        "modified": 0 if is_folder else int(seen.st_mtime),
        "attributes": {name: os.getxattr(path, name, follow_symlinks=False)
                       for name in os.listxattr(path, follow_symlinks=False)},
        "content": os.readlink(path) if stat.S_ISLNK(kind)
        else hashlib.sha256(open(path, "rb").read()).hexdigest() if is_file else "",
    }  # fmt: skip


def differences(recap, archive, folder_path):
    """[(path, field, ours, umoci's)] of an image: our layers under an overlay, and what umoci unpacks."""
    host.run("skopeo", "--insecure-policy", "copy", "-q", f"oci-archive:{archive}", f"oci:{folder_path}/layout:x")
    host.run("umoci", "unpack", "--image", f"{folder_path}/layout:x", folder_path / "bundle")
    assert recap("import", archive).returncode == 0
    (image,) = json.loads(recap("images", "-o", "json").stdout)
    merged = folder_path / "merged"
    merged.mkdir()
    empty = folder_path / "empty"  # an overlay has at least two layers
    empty.mkdir()
    options = "lowerdir=" + ":".join([*image["layers"], str(empty)])
    host.run("mount", "-t", "overlay", "overlay", "-o", options, merged)
    try:
        ours, theirs = tree(merged), tree(folder_path / "bundle/rootfs")
    finally:
        host.run("umount", merged)
    found = [(path, "there", path in ours, path in theirs) for path in sorted(set(ours) ^ set(theirs))]
    for path in sorted(set(ours) & set(theirs)):
        found += [(path, key, ours[path][key], theirs[path][key]) for key in ours[path]
                  if ours[path][key] != theirs[path][key]]  # fmt: skip
    return found


@pytest.mark.parametrize("name", ["busybox", "lean-nginx"])
def test_a_real_image_unpacks_as_umoci_unpacks_it(recap, tmp_path, name):
    assert differences(recap, images.get(name).oci_archive, tmp_path) == []


def test_of_what_layers_say_only_the_closed_list_differs_from_umoci(recap, tmp_path):
    """Left out: devices and FIFOs. Taken off: setuid and setgid of files, file capabilities, attributes but user.*
    And umoci 0.4.7 keeps what an opaque whiteout hides by the image specification."""
    capability = "\x01\0\0\x02" + "\0\x20\0\0" + "\0" * 12
    lower = [folder("d"), file("d/gone"), file("d/kept"), folder("hidden"), file("hidden/low"),
             folder("t", mode=0o1777), file("became-a-folder"), folder("became-a-file"), file("became-a-file/x"),
             folder("away"), file("away/x"), symlink("link", "d/kept"), symlink("dangling", "/no/where"),
             file("owned", uid=1234, gid=65534, mtime=12345)]  # fmt: skip
    upper = [file("d/.wh.gone"), file("hidden/.wh..wh.opq"), file("hidden/new"), file(".wh.away"),
             folder("became-a-folder"), file("became-a-folder/x"), file("became-a-file"),
             file("x" * 200 + "/" + "y" * 200), file("one", mode=0o640), hardlink("two", "one"), file("ümlaut"),
             file("noted", pax_headers=xattrs(user__a="b")), folder("g", mode=0o2775), file("setuid", mode=0o4755),
             file("able", pax_headers=xattrs(security__capability=capability)),
             entry("null", tarfile.CHRTYPE, devmajor=1, devminor=3), entry("pipe", tarfile.FIFOTYPE)]  # fmt: skip
    layers = []
    for number, entries in enumerate((lower, upper)):
        path = tmp_path / f"{number}.tar"
        path.write_bytes(tar(*entries))
        layers.append(path)
    images.write_oci_archive(tmp_path / "image.tar", layers, {"Cmd": ["/x"]}, "recap.test/two:1")
    found = differences(recap, tmp_path / "image.tar", tmp_path)
    value = capability.encode("latin1")
    assert found == [
        ("hidden/low", "there", False, True),
        ("null", "there", False, True),
        ("pipe", "there", False, True),
        ("able", "attributes", {}, {"security.capability": value}),
        ("setuid", "mode", 0o755, 0o4755),
    ], found
