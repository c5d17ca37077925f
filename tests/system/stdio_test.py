# SPDX-License-Identifier: Apache-2.0
"""SPEC: what goes in and out of a function, byte for byte."""

import fcntl
import os
import random
import signal
import subprocess

import pytest

from testlib.waiting import until


@pytest.mark.quick
def test_ten_mebibytes_come_back_identical(capsule):
    data = random.Random(3).randbytes(10 << 20)
    done = capsule("cat", flags=["-i"], input=data)
    assert done.returncode == 0, done.stderr
    assert done.stdout == data


@pytest.mark.quick
def test_stderr_stays_apart(capsule):
    done = capsule("sh", "-c", "echo out; echo err >&2", flags=["-q"])
    assert (done.returncode, done.stdout, done.stderr) == (0, b"out\n", b"err\n")


def test_recap_itself_says_nothing_on_stdout(capsule):
    assert capsule("true").stdout == b""


def test_without_i_the_function_reads_nothing(capsule):
    assert capsule("cat", input=b"not for the function").stdout == b""


@pytest.mark.quick
def test_a_script_entrypoint_works(capsule):
    done = capsule("greet", "you", "there")
    assert (done.returncode, done.stdout) == (0, b"greetings you there\n"), done


def test_an_entrypoint_can_be_replaced(capsule):
    done = capsule("to all", flags=["--entrypoint", "/bin/greet"])
    assert (done.returncode, done.stdout) == (0, b"greetings to all\n"), done


def test_arguments_arrive_as_they_are(capsule):
    words = ["", " a  b ", "$HOME", "`id`", "*", "'\"", "--help", "-t", "\n", "ü", "x" * 100_000]
    done = capsule("python3", "-c", "import sys; sys.stdout.write('\\0'.join(sys.argv[1:]))", *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode() == "\0".join(words)


def test_a_reader_that_goes_away_ends_the_function_as_in_a_pipe(recap, toolbox, target):
    words = recap.run_words(toolbox, target, "yes")
    child = recap.popen(*words)
    assert child.stdout.read(4) == b"y\ny\n"
    child.stdout.close()
    assert child.wait(10) == 128 + 13
    child.stderr.close()


def test_a_closed_stdin_ends_the_input(recap, toolbox, target):
    child = recap.popen(*recap.run_words(toolbox, target, "wc", "-c", flags=["-i"]), stdin=subprocess.PIPE)
    out, _ = child.communicate(b"12345", timeout=20)
    assert (child.returncode, out.strip()) == (0, b"5")


def test_the_function_has_its_three_descriptors_and_no_more(capsule):
    done = capsule("python3", "-c", "import os; print(sorted(os.listdir('/proc/self/fd')))")
    assert done.returncode == 0, done.stderr
    # The fourth is the one that lists the directory.
    assert done.stdout == b"['0', '1', '2', '3']\n"


def test_files_and_sockets_of_the_caller_are_passed_as_they_are(recap, toolbox, target, tmp_path):
    place = tmp_path / "out"
    with open(place, "wb") as out:
        child = recap.popen(*recap.run_words(toolbox, target, "echo", "straight"), stdout=out)
        child.communicate(timeout=20)
    assert place.read_bytes() == b"straight\n"
    assert os.stat(place).st_size == 9


@pytest.fixture
def full_pipe():
    """(read end, write end) of a pipe that takes no more byte."""
    reader, writer = os.pipe()
    os.write(writer, b"x" * fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ))
    yield reader, writer
    os.close(reader)
    os.close(writer)


def ended_with_something_to_say(recap, toolbox, target, writer, name):
    """A `recap run` whose run is over and which wants to tell its deadline."""
    words = recap.run_words(toolbox, target, "sleep", "60", flags=["--timeout", "100ms", "--name", name])
    child = recap.popen(*words, stderr=writer)
    until(lambda: b"DeadlineExceeded" in recap("inspect", name).stdout)
    assert child.poll() is None
    return child


def test_a_message_that_nobody_reads_does_not_make_recap_immortal(recap, toolbox, target, full_pipe):
    child = ended_with_something_to_say(recap, toolbox, target, full_pipe[1], "unheard")
    child.terminate()
    try:
        assert child.wait(5) == -signal.SIGTERM
    finally:
        child.kill()
        child.stdout.close()


def test_a_message_waits_for_its_reader(recap, toolbox, target, full_pipe):
    reader, writer = full_pipe
    child = ended_with_something_to_say(recap, toolbox, target, writer, "patient")
    said = b""
    while b"\n" not in said:
        said += os.read(reader, 65536)
    assert child.wait(5) == 124
    assert b"recap run: " in said
    child.stdout.close()


def test_a_pipe_of_the_caller_is_given_back_as_it_was(recap, toolbox, target):
    """The function has the caller's own pipe, and may switch it; who writes to it next must not notice."""
    read_end, write_end = os.pipe()
    before = fcntl.fcntl(write_end, fcntl.F_GETFL)
    script = "import fcntl, os; fcntl.fcntl(1, fcntl.F_SETFL, fcntl.fcntl(1, fcntl.F_GETFL) | os.O_NONBLOCK)"
    child = recap.popen(*recap.run_words(toolbox, target, "python3", "-c", script), stdout=write_end)
    assert child.wait(30) == 0, child.communicate()
    child.communicate()
    assert fcntl.fcntl(write_end, fcntl.F_GETFL) == before
    os.close(read_end)
    os.close(write_end)
