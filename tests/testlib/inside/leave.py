# SPDX-License-Identifier: Apache-2.0
"""Runs in a Capsule: leaves one thing on purpose, named by the first argument."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
ADD_KEY, SESSION_KEYRING = 248, -3


def made(number):
    if number < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return number


def in_a_daemon(hold):
    """`hold` is kept open by a process that outlives the function."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            kept = hold()
            time.sleep(90_000)
            del kept
        os._exit(0)
    time.sleep(0.2)


def abstract_socket():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("\0left")
    return listener


def ended_connection():
    listener = socket.create_server(("127.0.0.1", 17021))
    client = socket.create_connection(("127.0.0.1", 17021))
    accepted, _ = listener.accept()
    client.close()
    accepted.close()


def attached_memory():
    identifier = made(libc.shmget(0, 4096, 0o1666))
    libc.shmat.restype = ctypes.c_void_p
    libc.shmat(identifier, None, 0)


def zombies():
    for _ in range(10):
        if os.fork() == 0:
            os._exit(0)
    time.sleep(0.1)


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def stop_first_process():
    os.kill(1, signal.SIGSTOP)
    time.sleep(0.1)


THINGS = {
    "shared memory": lambda: made(libc.shmget(81, 4096, 0o1666)),
    "attached private shared memory": attached_memory,
    "semaphore": lambda: made(libc.semget(82, 1, 0o1666)),
    "message queue": lambda: made(libc.msgget(83, 0o1666)),
    "posix message queue": lambda: made(libc.mq_open(b"/left", os.O_CREAT | os.O_RDWR, 0o666, None)),
    "key": lambda: libc.syscall(ADD_KEY, b"user", b"left", b"x", 1, SESSION_KEYRING),
    "abstract socket": lambda: in_a_daemon(abstract_socket),
    "listening socket": lambda: in_a_daemon(lambda: socket.create_server(("127.0.0.1", 17020))),
    "connection that ended": ended_connection,
    "daemon": lambda: in_a_daemon(lambda: None),
    "zombies": zombies,
    "stopped process": stop_first_process,
    "network device": lambda: ip("link", "add", "left0", "type", "bridge"),
    "network address": lambda: ip("addr", "add", "192.0.2.7/32", "dev", "lo"),
    "route": lambda: ip("route", "add", "192.0.2.128/25", "dev", "lo"),
}

if __name__ == "__main__":
    THINGS[sys.argv[1]]()
