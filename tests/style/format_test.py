# SPDX-License-Identifier: Apache-2.0
"""clang-format 19, pinned: other versions format differently."""

import subprocess

from style import tree


def test_sources_are_formatted():
    sources = [str(path) for path in tree.cpp("src", "tests", "bench")]
    assert sources
    done = subprocess.run(["clang-format-19", "--dry-run", "-Werror", *sources],
                          cwd=tree.ROOT, capture_output=True, text=True)
    wrong = sorted({line.split(":")[0] for line in done.stderr.splitlines() if "error:" in line})
    assert done.returncode == 0, "run clang-format-19 -i on:\n" + ("\n".join(wrong) or done.stderr)
