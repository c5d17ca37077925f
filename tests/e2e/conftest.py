# SPDX-License-Identifier: Apache-2.0
"""The catalogue's real functions, in a store of this session."""

import os
import subprocess

import pytest

from testlib import host, images, runtimes
from testlib.recap import BUILD, ROOT, Recap


@pytest.fixture(scope="session")
def catalogue(work, nothing_stays):
    """A data directory with the gate's functions of catalog/ installed."""
    programs = [path for path in BUILD.rglob("recap-image") if path.is_file() and os.access(path, os.X_OK)]
    assert programs, "recap-image is not built: run ./test, which builds it"
    data = work / "data"
    done = subprocess.run(
        [ROOT / "catalog/build", "--install", "--data-dir", data, *images.gate_functions()], stdin=subprocess.DEVNULL,
        env={**os.environ, "RECAP_IMAGE": str(programs[0])}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return data


@pytest.fixture(scope="module", params=runtimes.ALL)
def runtime(request, nothing_stays):
    if not runtimes.available(request.param):
        pytest.skip(f"{request.param} is not installed")
    with runtimes.start(request.param) as started:
        yield started


@pytest.fixture(scope="module")
def recap_here(work, catalogue, runtime):
    """recap, told where this runtime keeps its state."""
    recap = Recap(work, host.recap_variables(runtime.roots))
    yield recap
    recap.clean()
