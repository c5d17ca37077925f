# SPDX-License-Identifier: Apache-2.0
"""Shell scripts pass shellcheck."""

import subprocess

from style import tree


def test_shell_scripts_pass_shellcheck():
    scripts = [str(path) for path in tree.files()
               if path.suffix == ".sh" or (path.suffix != ".py" and tree.is_script(path, "bash", "sh"))]
    assert scripts
    # SC2187: a script for busybox is checked as dash, which is what is wanted. SC2034: counters of loops.
    done = subprocess.run(["shellcheck", "-x", "-S", "warning", "-e", "SC2187,SC2034", *scripts],
                          cwd=tree.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
