# SPDX-License-Identifier: Apache-2.0
"""Fixtures of every tier that runs Capsules. Each session has its own runtime, state and store, and
ends with a look at what is left on the host."""

import contextlib
import ctypes
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from . import host, lab, leavings, runtimes
from .recap import Recap

SOAK = bool(os.environ.get("RECAP_SOAK"))


def rounds(gate, soak):
    """How often a test repeats: few times in the gate, often in ./test soak."""
    return soak if SOAK else gate


@pytest.fixture(scope="session")
def work():
    """A private directory, short enough for socket paths."""
    folder = Path(tempfile.mkdtemp(prefix="recap-lab-", dir="/run"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def nothing_stays(work):
    """At the end of the session nothing of it is left on the host."""
    before = leavings.of(work)
    yield
    left = leavings.since(before, work)
    assert not left, "the session left:\n" + "\n".join(left)


def adopting(runtime):
    """Makes this process the parent of the runtime's containers, so that it can reap them when they are
    removed: some first processes of a host reap only now and then, and a snapshot would see that."""
    libc, start = ctypes.CDLL(None), runtime.run
    set_child_subreaper = 36

    def run(*arguments, **options):
        libc.prctl(set_child_subreaper, 1)
        try:
            container = start(*arguments, **options)
        finally:
            libc.prctl(set_child_subreaper, 0)
        remove = container.remove

        def remove_and_reap():
            remove()
            with contextlib.suppress(ChildProcessError):
                os.waitpid(container.pid, 0)

        container.remove = remove_and_reap
        return container

    runtime.run = run
    return runtime


@pytest.fixture(scope="session")
def runc(nothing_stays):
    with runtimes.runc() as runtime:
        yield adopting(runtime)


@pytest.fixture(scope="session")
def lean(work):
    """A lean target's image: one static program, no shell."""
    return lab.image("lean", lab.lean_root(work / "lean-root"), work, Entrypoint=["/pause"])


@pytest.fixture(scope="session")
def recap_session(work, runc):
    recap = Recap(work, host.recap_variables(runc.roots))
    yield recap
    recap.clean()


@pytest.fixture
def recap(recap_session):
    """The program, with no live run before and after each test."""
    yield recap_session
    recap_session.clean()


@pytest.fixture(scope="session")
def toolbox_image(work):
    """A Capsule image with a shell and real tools."""
    root = lab.toolbox_root(work / "toolbox-root")
    return lab.image("toolbox-test", root, work, Cmd=["/bin/sh"], Env=["PATH=/usr/bin:/bin"])


@pytest.fixture(scope="session")
def toolbox(recap_session, toolbox_image):
    """The same in the store; its reference."""
    return recap_session.import_image(toolbox_image)


@pytest.fixture
def target(runc, lean):
    """A running lean container of this test alone."""
    container = runc.run(lean)
    yield container
    container.remove()


@pytest.fixture(scope="module")
def quiet_target(runc, lean):
    """A running lean container for tests that leave it as it is."""
    container = runc.run(lean)
    yield container
    container.remove()


@pytest.fixture
def capsule(recap, toolbox, target):
    """capsule("sh", "-c", "...", flags=[...]): one run of the toolbox on this test's target."""

    def run(*argv, flags=(), **options):
        return recap.run(toolbox, target, *argv, flags=flags, **options)

    return run
