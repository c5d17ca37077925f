# SPDX-License-Identifier: Apache-2.0
"""Sizes that keep a reader's head free: files, functions, lines. Exceptions are in waivers.txt, each
with its reason."""

import re

from style import tree

FILE_LINES = 300
TEST_LINES = 450  # a table of cases is read from the top, not understood as a whole
FUNCTION_LINES = 40
COLUMNS = {".py": 120, ".sh": 100}  # of C++ clang-format takes care
SMALL = {".cc", ".h", ".c", ".py", ".sh"}

CONTROL = re.compile(r"^\W*(?:if|for|while|switch|catch|do|else|return|namespace|struct|class|enum|union|extern)\b")
LAMBDA = re.compile(r"\[[^\[\]]*\]\s*(?:\([^()]*\))?\s*(?:mutable|noexcept|->[^{]*)?\s*$")


def waivers():
    """{"path" or "path:function": lines allowed}"""
    allowed = {}
    for line in tree.text(tree.ROOT / "tests/style/waivers.txt").splitlines():
        if line.strip() and not line.startswith("#"):
            what, limit, reason = line.split(None, 2)
            assert reason.strip(), f"waiver without a reason: {what}"
            allowed[what] = int(limit)
    return allowed


def is_function(header):
    if "(" not in header or CONTROL.match(header) or LAMBDA.search(header):
        return False
    return "=" not in re.sub(r"operator\s*[=!<>]+|\([^()]*\)|[=!<>]=", "", header)


def functions(source):
    """(name, first line, lines) of every function of blanked C++ text, by matching braces."""
    stack = []
    line = 1
    start = 0  # where the statement that may open a block begins
    for at, char in enumerate(source):
        if char == "\n":
            line += 1
        elif char == ";":
            start = at + 1
        elif char == "{":
            stack.append((source[start:at], line))
            start = at + 1
        elif char == "}" and stack:
            header, opened = stack.pop()
            header = re.sub(r"^[ \t]*#.*?(?<!\\)$", "", header, flags=re.MULTILINE)
            start = at + 1
            if is_function(header):
                lines = header.strip().count("\n") + 1 + line - opened
                name = re.search(r"([\w:~]+)\s*\(", header)
                yield (name.group(1) if name else "?", line - lines + 1, lines)


def test_files_are_short():
    allowed = waivers()
    long = []
    for path in tree.files():
        if path.suffix in SMALL and tree.name(path).split("/")[0] in ("src", "tests", "bench"):
            lines = len(tree.text(path).splitlines())
            limit = TEST_LINES if path.stem.endswith("_test") else FILE_LINES
            if lines > allowed.get(tree.name(path), limit):
                long.append(f"{tree.name(path)}: {lines} lines")
    assert not long, "\n".join(long)


def test_functions_are_short():
    allowed = waivers()
    long = []
    for path in tree.cpp("src"):
        if path.name.endswith("_test.cc"):
            continue
        for name, line, lines in functions(tree.code(path)):
            if lines > allowed.get(f"{tree.name(path)}:{name}", FUNCTION_LINES):
                long.append(f"{tree.name(path)}:{line}: {name} has {lines} lines")
    assert not long, "\n".join(long)


def test_lines_fit():
    long = []
    for path in tree.files():
        if path.suffix in COLUMNS:
            long += [f"{tree.name(path)}:{number}: {len(text)} columns"
                     for number, text in enumerate(tree.text(path).splitlines(), 1)
                     if len(text) > COLUMNS[path.suffix]]
    assert not long, "\n".join(long)


def test_waivers_are_needed():
    stale = [what for what in waivers() if not (tree.ROOT / what.split(":")[0]).exists()]
    assert not stale, "waivers for files that are gone: " + ", ".join(stale)


def test_the_measure_itself():
    body = "  x();\n" * 50
    source = f"namespace a {{\nint f(int b)\n    noexcept {{\n{body}}}\nstruct S {{\n  void g() {{ h(); }}\n}};\n}}\n"
    assert [(name, lines) for name, _, lines in functions(source)] == [("f", 53), ("g", 1)]
