# SPDX-License-Identifier: Apache-2.0
"""`-it` gives a real terminal: its size, its keys, job control; and the user's own comes back as it was."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pytest


class Screen:
    """A terminal with a program on it, as a person's terminal emulator would have it."""

    def __init__(self, argv, env, rows=24, columns=80):
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.attributes = termios.tcgetattr(slave)
        self.slave = slave
        self.child = subprocess.Popen(
            argv, env={**env, "TERM": "xterm"}, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        self.seen = b""

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text)

    def expect(self, text, timeout=10):
        deadline = time.monotonic() + timeout
        while text not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} did not appear: {self.seen[-2000:]!r}"
            if select.select([self.master], [], [], left)[0]:
                self.seen += os.read(self.master, 65536)
        before, _, self.seen = self.seen.partition(text)
        return before

    def wait(self, timeout=10):
        return self.child.wait(timeout)

    def close(self):
        for fd in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(fd)
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()


@pytest.fixture
def screen(recap, toolbox, target):
    screens = []

    def start(*argv, flags=(), **size):
        words = recap.run_words(toolbox, target, *argv, flags=["-it", *flags])
        screens.append(Screen([str(recap.program), *words], recap.env, **size))
        return screens[-1]

    yield start
    for each in screens:
        each.close()


@pytest.mark.quick
def test_the_function_has_a_terminal_of_the_right_size(screen):
    it = screen("sh", "-c", "tty; stty size; exit 3", rows=33, columns=111)
    it.expect(b"/dev/")
    it.expect(b"33 111")
    assert it.wait() == 3


def test_a_resize_arrives(screen):
    it = screen("sh", "-c", "trap 'stty size' WINCH; echo ready; while :; do sleep 0.1; done")
    it.expect(b"ready")
    it.resize(44, 99)
    os.kill(it.child.pid, signal.SIGWINCH)
    it.expect(b"44 99")


def test_ctrl_c_reaches_the_function_and_not_recap(screen):
    it = screen("sh", "-c", "trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.1; done")
    it.expect(b"ready")
    it.type(b"\x03")
    it.expect(b"caught")
    assert it.wait() == 5


def test_job_control_works(screen):
    it = screen("sh")
    it.expect(b"$ ")
    it.type(b"sleep 8300\n")
    time.sleep(0.3)
    it.type(b"\x1a")
    it.expect(b"Stopped")
    it.type(b"kill -9 %1; sleep 0.3; jobs; echo no more jobs\n")
    it.expect(b"\nno more jobs")
    it.type(b"exit 6\n")
    assert it.wait() == 6


def test_vi_and_top_draw_their_screens(screen):
    it = screen("vi", "/etc/passwd", rows=20, columns=70)
    it.expect(b"root:x:0:0")
    it.type(b":q!\r")
    assert it.wait() == 0
    it = screen("top", "-d", "1", rows=20, columns=70)
    it.expect(b"PID")
    it.type(b"q")
    assert it.wait() == 0


def test_the_users_terminal_is_put_back(screen):
    it = screen("sh", "-c", "stty raw -echo; exit 0")
    assert it.wait() == 0
    assert termios.tcgetattr(it.slave) == it.attributes


def test_the_terminal_is_put_back_after_a_deadline_too(screen):
    it = screen("sleep", "8301", flags=["--timeout", "1s"])
    assert it.wait() == 124
    assert termios.tcgetattr(it.slave) == it.attributes


def test_the_users_terminal_itself_is_not_passed_in(screen):
    """The numbers of two terminals may be equal, but not the file systems they are on."""
    script = ("import os; all = [os.fstat(fd).st_dev for fd in range(3)] + [os.stat('/dev/pts').st_dev];"
              "print('on', *all, open('/proc/self/stat').read().split()[6] != '0', 'end')")  # fmt: skip
    it = screen("python3", "-c", script)
    it.expect(b"on ")
    *streams, own, controlled = it.expect(b" end").split()
    assert controlled == b"True" and streams == [own] * 3
    assert int(own) != os.fstat(it.slave).st_dev, "it is the user's own terminal"


def test_detach_keys_leave_it_running(screen, recap):
    it = screen("sh", "-c", "echo ready; read line; echo got $line; exit 4", flags=["--name", "detached"])
    it.expect(b"ready")
    it.type(b"\x10\x11")
    it.wait()
    assert [entry["name"] for entry in recap.live()] == ["detached"]
    again = Screen([str(recap.program), "attach", "detached"], recap.env)
    try:
        again.type(b"again\n")
        again.expect(b"got again")
        assert again.wait() == 4
    finally:
        again.close()


@pytest.mark.parametrize("flag", ["--out", "--report"])
def test_who_waits_for_a_file_cannot_detach_from_it(screen, recap, toolbox, target, tmp_path, flag):
    file = tmp_path / "file"
    script = "stty raw -echo; echo ready; head -c 2 | od -An -tx1; echo artifact > /out/a 2>/dev/null; exit 3"
    it = screen("sh", "-c", script, flags=[flag, file])
    it.expect(b"ready")
    it.type(b"\x10\x11")
    it.expect(b"10 11")
    assert it.wait() == 3 and file.stat().st_size > 0
    keys = ["-it", flag, file, "--detach-keys", "ctrl-x"]
    it = Screen([str(recap.program), *recap.run_words(toolbox, target, "true", flags=keys)], recap.env)
    try:
        it.expect(b"loses the files")
        assert it.wait() == 125 and recap.runs_on_disk() == []
    finally:
        it.close()


def test_a_closed_terminal_ends_the_run(screen, recap):
    it = screen("sh", "-c", "echo ready; sleep 8302")
    it.expect(b"ready")
    os.close(it.master)
    os.close(it.slave)
    it.wait()
    assert recap.wait_until_idle() == []
