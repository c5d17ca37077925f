# SPDX-License-Identifier: Apache-2.0
"""The files of this tree as the style tests see them: what git tracks or would track."""

import functools
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
CPP = {".cc", ".h", ".c"}


@functools.cache
def files():
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout
    paths = sorted({ROOT / name for name in listed.split("\0") if name})
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def text(path):
    return path.read_text(encoding="utf-8", errors="replace")


def name(path):
    return path.relative_to(ROOT).as_posix()


def cpp(*folders):
    return [path for path in files() if path.suffix in CPP and name(path).split("/")[0] in folders]


def is_script(path, *interpreters):
    with path.open("rb") as file:
        first = file.readline(200).decode("utf-8", "replace")
    return first.startswith("#!") and any(re.search(rf"\b{word}\b", first) for word in interpreters)


_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)


def _blank(match, keep_strings):
    token = match.group(0)
    if token.startswith("'") and re.match(r"\w", match.string[match.start() - 1 : match.start()]):
        return token  # a digit separator, as in 1'000
    if token.startswith(("//", "/*")) or not keep_strings:
        return re.sub(r"[^\n]", " ", token)
    return token


def code(path, keep_strings=False):
    """The text of a C++ file with comments (and strings) blanked; lines and columns stay."""
    return _TOKEN.sub(lambda match: _blank(match, keep_strings), text(path))


def matches(path, pattern, source):
    """"file:line: the line" for each match of `pattern` in `source`, the (blanked) text of `path`."""
    lines = text(path).splitlines()
    for match in re.finditer(pattern, source):
        number = source.count("\n", 0, match.start()) + 1
        yield f"{name(path)}:{number}: {lines[number - 1].strip()}"
