# SPDX-License-Identifier: Apache-2.0
"""SPEC: the function's exit code and every byte of its output arrive."""

import signal

import pytest

from testlib.fixtures import rounds


@pytest.mark.quick
@pytest.mark.parametrize("code", [0, 42])
def test_the_functions_exit_code_and_output_arrive_every_time(capsule, code):
    for number in range(rounds(50, 1000)):
        done = capsule("sh", "-c", f"echo x; exit {code}")
        assert (done.returncode, done.stdout) == (code, b"x\n"), f"run {number}: {done}"


@pytest.mark.parametrize("code", [1, 2, 100, 124, 125, 126, 127, 128, 200, 255])
def test_any_exit_code_of_the_function_is_passed_on(capsule, code):
    assert capsule("sh", "-c", f"exit {code}").returncode == code


@pytest.mark.quick
def test_a_program_that_is_not_there_is_127(capsule):
    for name in ("no-such-program", "/no/such/program"):
        done = capsule(name)
        assert done.returncode == 127 and name.encode() in done.stderr, done


@pytest.mark.quick
def test_a_file_that_is_no_program_is_126(capsule):
    for name in ("/bin/not-executable", "/etc/passwd", "/tmp"):
        done = capsule(name)
        assert done.returncode == 126 and name.encode() in done.stderr, done


@pytest.mark.quick
@pytest.mark.parametrize("name", ["KILL", "TERM", "SEGV", "INT", "HUP"])
def test_a_function_that_a_signal_ended_is_128_plus_its_number(capsule, name):
    assert capsule("sh", "-c", f"kill -{name} $$").returncode == 128 + signal.Signals[f"SIG{name}"]


@pytest.mark.quick
def test_what_recap_refuses_is_125_with_one_sentence(recap, target):
    done = recap.run("no-such-image", target, "true")
    assert done.returncode == 125
    assert done.stdout == b"" and done.stderr.count(b"\n") == 1, done


def test_a_run_of_two_milliseconds_loses_nothing(capsule):
    for number in range(rounds(20, 200)):
        done = capsule("sh", "-c", "head -c 200000 /dev/zero; echo end")
        assert len(done.stdout) == 200_004 and done.stdout.endswith(b"end\n"), f"run {number}"
