# SPDX-License-Identifier: Apache-2.0
"""A FUSE file system in a target that never answers."""

import ctypes
import os
import select
import struct
import threading

_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS = 0x20000
INIT = 26  # linux/fuse.h
IN_HEADER, OUT_HEADER = struct.Struct("IIQQIIIHH"), struct.Struct("IiQ")
INIT_OUT = struct.Struct("IIIIHHII32x")
VERSION = (7, 31)
REQUEST_BYTES = 1 << 18


class NeverAnswers:
    """Mounted at `point` of a container until closed, which makes the kernel fail what waits for it.

    With `takes_requests` it reads them, and the kernel then lets not even SIGKILL end who waits; without,
    requests stay where SIGKILL can still withdraw them."""

    def __init__(self, container, point, takes_requests):
        self._device = os.open("/dev/fuse", os.O_RDWR | os.O_NONBLOCK)
        self._stopping = threading.Event()
        self._taker = None
        self.taken = 0
        _mount_inside(container.pid, self._device, point)
        if takes_requests:
            self._taker = threading.Thread(target=self._take)
            self._taker.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._device >= 0:
            self._stopping.set()
            if self._taker:
                self._taker.join()
            os.close(self._device)
            self._device = -1

    def _take(self):
        poller = select.poll()
        poller.register(self._device, select.POLLIN)
        while not self._stopping.is_set():
            if poller.poll(50):
                request = os.read(self._device, REQUEST_BYTES)
                _, opcode, unique, *_ = IN_HEADER.unpack_from(request)
                if opcode == INIT:
                    body = INIT_OUT.pack(*VERSION, 0, 0, 0, 0, 4096, 1)
                    os.write(self._device, OUT_HEADER.pack(OUT_HEADER.size + len(body), 0, unique) + body)
                else:
                    self.taken += 1


def _mount_inside(pid, device, point):
    child = os.fork()
    if child == 0:
        try:
            namespace = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
            options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
            failed = _libc.setns(namespace, CLONE_NEWNS) or _libc.mount(
                b"never", point.encode(), b"fuse", 0, options.encode()
            )
            os._exit(ctypes.get_errno() if failed else 0)
        finally:
            os._exit(255)
    _, status = os.waitpid(child, 0)
    assert status == 0, f"mounting inside failed: {os.strerror(os.waitstatus_to_exitcode(status))}"
