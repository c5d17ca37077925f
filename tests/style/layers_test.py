# SPDX-License-Identifier: Apache-2.0
"""Dependency direction (src/README.md): never upward, never sideways; and what only some may use."""

import re

import pytest
from style import tree

CALLERS = "image targets policy run linux base"
MAY_INCLUDE = {
    "base": "",
    "linux": "base",
    "run": "linux base",
    "engine": "run linux base",
    "keeper": "engine run linux base",
    "image": "run linux base",
    "targets": "run linux base",
    "policy": "run linux base",
    "capsule": CALLERS,
    "console": "capsule " + CALLERS,
    "kube": CALLERS,
    "service": "kube capsule " + CALLERS,
    "cli": "kube console capsule " + CALLERS,
    "caplet": "service kube capsule " + CALLERS,
    "controller": "service kube capsule " + CALLERS,
    "kubectl": "kube console capsule " + CALLERS,
    "main": "console cli caplet controller kubectl service keeper kube capsule " + CALLERS,
}
# HTTP, TLS, JSON, YAML, tar and seccomp's compiler stay out of what a keeper consists of.
HEAVY = re.compile(r"<(boost/(beast|json|asio|url)|openssl/|archive|yaml-cpp/|seccomp\.h|curl/)")
LIGHT_LAYERS = {"base", "linux", "run", "engine", "keeper"}
INCLUDE = re.compile(r'^#include\s+(?:"([^"]+)"|(<[^>]+>))', re.MULTILINE)


def layer_of(path):
    parts = tree.name(path).split("/")
    return parts[1] if len(parts) > 2 else None


def includes(path):
    return [(quoted, system) for quoted, system in INCLUDE.findall(tree.code(path, keep_strings=True))]


SOURCES = [path for path in tree.cpp("src") if layer_of(path)]


def test_every_folder_is_a_known_layer():
    assert SOURCES
    assert {layer_of(path) for path in SOURCES} <= set(MAY_INCLUDE)


@pytest.mark.parametrize("layer", sorted({layer_of(path) for path in SOURCES}))
def test_includes_point_downward(layer):
    allowed = {layer, *MAY_INCLUDE.get(layer, "").split()}
    wrong = [
        f"{tree.name(path)} includes {quoted}"
        for path in SOURCES if layer_of(path) == layer
        for quoted, _ in includes(path)
        if quoted.split("/")[0] in MAY_INCLUDE and quoted.split("/")[0] not in allowed
    ]
    assert not wrong, "\n".join(wrong)


def test_project_includes_start_from_src():
    wrong = [
        f"{tree.name(path)}: {quoted}"
        for path in SOURCES for quoted, _ in includes(path)
        if quoted and (quoted.startswith(".") or "/" not in quoted)
    ]
    assert not wrong, "\n".join(wrong)


def test_heavy_libraries_stay_out_of_the_keeper():
    wrong = [
        f"{tree.name(path)} includes {system}"
        for path in SOURCES if layer_of(path) in LIGHT_LAYERS
        if not path.name.endswith(("_test.cc", "_gen.cc"))
        for _, system in includes(path) if system and HEAVY.match(system)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_raw_syscall_stays_in_linux():
    wrong = [
        tree.name(path) for path in SOURCES if layer_of(path) != "linux"
        for quoted, _ in includes(path) if quoted == "linux/syscall.h"
    ]
    assert not wrong, "linux/syscall.h is included by: " + ", ".join(wrong)
