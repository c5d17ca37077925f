# SPDX-License-Identifier: Apache-2.0
"""Runs in a Capsule: writes everywhere it may, and leaves all of it behind."""

import ctypes
import os
import socket
import subprocess

libc = ctypes.CDLL(None)
ADD_KEY, PROCESS_KEYRING = 248, -3

for folder, _, _ in os.walk("/"):
    if not folder.startswith(("/proc", "/sys")):
        try:
            with open(folder + "/scribble", "w") as file:
                file.write("x" * 100)
            os.symlink("/", folder + "/scribble-link")
            os.setxattr(folder + "/scribble", "user.scribble", b"x")
        except OSError:
            pass

libc.shmget(77, 65536, 0o1666)
libc.semget(78, 2, 0o1666)
libc.msgget(79, 0o1666)
libc.mq_open(b"/scribble", os.O_CREAT | os.O_RDWR, 0o666, None)
libc.syscall(ADD_KEY, b"user", b"scribble", b"x", 1, PROCESS_KEYRING)

listeners = []
for family, address in ((socket.AF_UNIX, "\0scribble"), (socket.AF_UNIX, "/tmp/socket"),
                        (socket.AF_INET, ("127.0.0.1", 17010))):  # fmt: skip
    listeners.append(socket.socket(family))
    listeners[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listeners[-1].bind(address)
    listeners[-1].listen()
client = socket.create_connection(("127.0.0.1", 17010))
accepted, _ = listeners[-1].accept()
client.close()
accepted.close()

for word in ("oom_score_adj", "comm", "timerslack_ns"):
    try:
        with open("/proc/self/" + word, "w") as file:
            file.write("7")
    except OSError:
        pass

daemons = "trap '' TERM HUP; (setsid sleep 8200 &) ; sleep 8201 & exec sleep 8202"
subprocess.Popen(["sh", "-c", daemons], start_new_session=True,
                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
print("scribbled")
