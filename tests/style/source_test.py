# SPDX-License-Identifier: Apache-2.0
"""Rules that one look at a source file decides."""

import re

from style import tree

SPDX = "SPDX-License-Identifier: Apache-2.0"
SPDX_SUFFIXES = {".cc", ".h", ".c", ".S", ".py", ".sh", ".cmake"}
# Programs that run at build time only and end in _gen.cc are no part of RECap.
PRODUCT = [path for path in tree.cpp("src")
           if not path.name.endswith("_test.cc") and not path.name.endswith("_gen.cc")]
OUTSIDE_LINUX = [
    path for path in PRODUCT if not tree.name(path).startswith("src/linux/")
]


def test_every_source_file_names_its_license_first():
    wrong = []
    for path in tree.files():
        if (path.suffix in SPDX_SUFFIXES or path.name == "CMakeLists.txt"
                or tree.is_script(path, "bash", "sh", "python3")):
            if not any(SPDX in line for line in tree.text(path).splitlines()[:2]):
                wrong.append(tree.name(path))
    assert not wrong, "no SPDX line in: " + ", ".join(wrong)


def test_every_file_says_what_it_is_for_and_headers_are_guarded():
    wrong = []
    for path in tree.cpp("src"):
        lines = tree.text(path).splitlines()
        if path.suffix != ".h" and (path.with_suffix(".h").exists() or path.name.endswith("_test.cc")):
            continue  # its header says it
        if len(lines) < 2 or not lines[1].startswith("//") or len(lines[1]) < 10:
            wrong.append(f"{tree.name(path)}: line 2 must begin the paragraph on what the file is for")
        if path.suffix == ".h" and "#pragma once" not in lines:
            wrong.append(f"{tree.name(path)}: no #pragma once")
    assert not wrong, "\n".join(wrong)


CLOSE = r"(?<![\w.>:])(?:::close\s*\(|close\s*\(\s*[\w.]*(?:[fF]d\b|get\(\)))"


def test_descriptors_are_closed_by_their_owners():
    found = [hit for path in OUTSIDE_LINUX
             for hit in tree.matches(path, CLOSE, tree.code(path))]
    assert not found, "a bare close():\n" + "\n".join(found)


def test_raw_syscalls_are_made_in_linux_only():
    found = [hit for path in OUTSIDE_LINUX
             for hit in tree.matches(path, r"(?<![\w.>])(?:raw_)?syscall\s*\(|\bsys\s*\(", tree.code(path))]
    assert not found, "a raw syscall:\n" + "\n".join(found)


def test_no_shell_is_ever_started():
    pattern = r'\bsystem\s*\(|\bpopen\s*\(|"(?:/bin/)?(?:ba)?sh"\s*,\s*"-c"|"sh -c '
    found = [hit for path in PRODUCT
             for hit in tree.matches(path, pattern, tree.code(path, keep_strings=True))]
    assert not found, "a shell:\n" + "\n".join(found)


def test_nothing_throws():
    found = [hit for path in PRODUCT
             for hit in tree.matches(path, r"\bthrow\b", tree.code(path))]
    assert not found, "our code does not throw:\n" + "\n".join(found)


def test_only_programs_exit_and_print():
    quiet = ("base", "linux", "run", "engine", "targets", "image", "policy", "capsule",
             "kube", "caplet")
    pattern = r"(?<![\w.>])(?:std::)?(?:exit|printf|puts)\s*\(|\bstd::c(?:out|err)\b"
    found = [hit for path in PRODUCT if tree.name(path).split("/")[1] in quiet
             for hit in tree.matches(path, pattern, tree.code(path))]
    assert not found, "below main and cli nothing exits or prints:\n" + "\n".join(found)


def test_every_unit_test_is_built():
    built = "\n".join(tree.text(path) for path in tree.files() if path.name == "CMakeLists.txt")
    missing = [tree.name(path) for path in tree.cpp("src", "tests")
               if path.name.endswith("_test.cc") and not re.search(rf"\b{re.escape(path.name)}\b", built)]
    assert not missing, "in no CMakeLists.txt: " + ", ".join(missing)


def test_todos_name_an_issue():
    found = [hit for path in tree.cpp("src", "tests")
             for hit in tree.matches(path, r"\b(?:TODO(?!\(#\d+\))|FIXME|XXX)\b", tree.text(path))]
    assert not found, "write TODO(#123), or do it:\n" + "\n".join(found)
