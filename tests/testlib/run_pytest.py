#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run_pytest.py XML PYTEST-ARG…: runs tests, and once more those that failed.

Most tests look at a whole machine on which other things happen too. A test that fails twice in a row has
failed; one that passes the second time is named, so that it is not forgotten. The last line is
"PASSED FAILED SKIPPED"; the exit code is 0 when nothing failed.
"""

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET


def run(xml, cache, args):
    words = [sys.executable, "-m", "pytest", *args, "--junitxml", xml, "-o", f"cache_dir={cache}"]
    return subprocess.run(words, check=False).returncode


def counts(xml):
    """(passed, names of failed, skipped)"""
    passed, failed, skipped = 0, set(), 0
    for case in ET.parse(xml).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            failed.add(name)
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def main(xml, *args):
    with tempfile.TemporaryDirectory() as cache:
        code = run(xml, cache, args)
        passed, failed, skipped = counts(xml)
        if code == 1 and 0 < len(failed) <= 12:
            print(f"\n{len(failed)} failed; once more:", flush=True)
            code = run(f"{xml}.again.xml", cache, [*args, "--last-failed"])
            _, still, _ = counts(f"{xml}.again.xml")
            for name in sorted(failed - still):
                print(f"unsteady: {name} passed when run again")
            passed, failed = passed + len(failed - still), failed & still
    failures = len(failed) or int(code != 0)
    print(passed, failures, skipped)
    return int(failures != 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
