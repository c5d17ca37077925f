# SPDX-License-Identifier: Apache-2.0
"""A process outside the run that takes a descriptor which the function hands out over a unix socket."""

import contextlib
import pathlib
import subprocess

TAKE = """
import array, os, socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
listener.listen(1)
print("up", flush=True)
peer, _ = listener.accept()
_, ancillary, _, _ = peer.recvmsg(1, 64)
taken = array.array("i", ancillary[0][2][:4])[0]
"""


@contextlib.contextmanager
def waiting(place, then):
    """At the socket `place`; with the descriptor in `taken` it goes on with the Python of `then`."""
    pathlib.Path(place).unlink(missing_ok=True)
    child = subprocess.Popen(["python3", "-c", TAKE + then, place], stdout=subprocess.PIPE)
    try:
        assert child.stdout.readline() == b"up\n"
        yield child
    finally:
        child.kill()
        child.communicate()
