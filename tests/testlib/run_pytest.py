#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run_pytest.py XML PYTEST-ARG…: runs tests, and once more those that failed.

Most tests look at a whole machine on which other things happen too. A test that fails twice in a row has
failed; one that passes the second time is named as unsteady, so that it is not forgotten. With
RECAP_TESTS_MUST_RUN=1, as in CI, more than FORGIVEN of a tier are failures too, but for those of
tests/unsteady.txt: a race that is lost now and then is a race. The last line is "PASSED FAILED SKIPPED";
the exit code is 0 when nothing failed.
"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

EXCUSED = pathlib.Path(__file__).resolve().parents[1] / "unsteady.txt"
WORTH_ANOTHER_TRY = 12  # where more fail, something is broken
FORGIVEN = 2


def run(xml, cache, args):
    """Of all the signals that a terminal or timeout(1) send us and our group, pytest gets one SIGINT, and then
    the time that its fixtures need: a second one would end them, too."""
    words = [sys.executable, "-m", "pytest", *args, "--junitxml", xml, "-o", f"cache_dir={cache}"]
    child = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *words], process_group=0)
    told = []

    def interrupt(*_):
        if not told:
            told.append(child.send_signal(signal.SIGINT))

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    return child.wait()


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


def excused(file=EXCUSED):
    """The names of tests/unsteady.txt; a line without a reason excuses nothing."""
    rows = [line.partition("|") for line in file.read_text().splitlines() if not line.startswith("#")]
    return {name.strip() for name, _, reason in rows if reason.strip()}


def judged(failed, still, must_run, names_excused):
    """What counts as failed of those that failed at first, when `still` did so again."""
    unsteady = failed - still - names_excused
    return still | unsteady if must_run and len(unsteady) > FORGIVEN else still


def main(xml, *args):
    must_run = bool(os.environ.get("RECAP_TESTS_MUST_RUN"))
    with tempfile.TemporaryDirectory() as cache:
        code = run(xml, cache, args)
        passed, failed, skipped = counts(xml)
        if code == 1 and 0 < len(failed) <= WORTH_ANOTHER_TRY:
            print(f"\n{len(failed)} failed; once more:", flush=True)
            again = f"{xml}.again.xml"
            code = run(again, cache, [*args, "--last-failed"])
            passed_now, still, _ = counts(again)
            if passed_now + len(still) < len(failed):
                still = failed  # not all of them were run again
            failed_once = failed - still
            failed = judged(failed, failed & still, must_run, excused())
            passed += len(failed_once - failed)
            for name in sorted(failed_once):
                outcome = "failed, and passed" if name in failed else "passed"
                print(f"unsteady: {name} {outcome} when run again")
    failures = len(failed) or int(code != 0)
    print(passed, failures, skipped)
    return int(failures != 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
