# SPDX-License-Identifier: Apache-2.0
"""Who interrupts the tests gets a clean host back."""

import os
import signal
import subprocess
import sys

from style import tree
from testlib.waiting import until

SLOW_TO_CLEAN_UP = """
import pathlib, time, pytest
HERE = pathlib.Path(__file__).parent

@pytest.fixture(scope="session")
def something():
    yield
    time.sleep(1)
    (HERE / "removed").touch()

def test_that_takes_long(something):
    (HERE / "made").touch()
    time.sleep(300)
"""


def test_interrupted_tests_clean_up(tmp_path):
    (tmp_path / "slow_test.py").write_text(SLOW_TO_CLEAN_UP)
    program = tree.ROOT / "tests/testlib/run_pytest.py"
    words = [sys.executable, program, tmp_path / "report.xml", tmp_path / "slow_test.py"]
    tests = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, process_group=0)
    try:
        until(lambda: (tmp_path / "made").exists(), 60)
        os.killpg(tests.pid, signal.SIGINT)
        tests.send_signal(signal.SIGINT)  # as timeout(1) does, and people
        assert tests.wait(60) != 0
    finally:
        tests.kill()
    assert (tmp_path / "removed").exists()
