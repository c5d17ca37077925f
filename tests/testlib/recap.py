# SPDX-License-Identifier: Apache-2.0
"""The real `recap` program as tests drive it: with directories of its own, from outside."""

import json
import os
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("RECAP_BUILD_DIR") or ROOT / "build/ci")
OURS = 125  # refused or failed: the reason is on stderr


def program():
    """The recap that was built, or the one RECAP names."""
    named = os.environ.get("RECAP")
    candidates = [Path(named)] if named else [BUILD / "recap", BUILD / "bin/recap", BUILD / "src/main/recap"]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise FileNotFoundError("recap is not built: run ./test, which builds it")


class Recap:
    def __init__(self, work, roots=None):
        """`work`: a private directory; `roots`: variables that say where runtimes keep their state."""
        self.program = program()
        self.state, self.data = work / "state", work / "data"
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RECAP_")},
            "RECAP_STATE_DIR": str(self.state),
            "RECAP_DATA_DIR": str(self.data),
            # Nothing of this host's own runtimes: only what a test started.
            "RECAP_DOCKER_SOCKET": "", "RECAP_PODMAN_SOCKET": "", "RECAP_OCI_ROOTS": "",
            "RECAP_CONTAINERD_ROOTS": "", "RECAP_PODMAN_STORAGE": "",
            **(roots or {}),
        }  # fmt: skip

    def __call__(self, *words, input=None, timeout=60, env=None, **options):
        """Runs a verb to its end; stdout and stderr are bytes."""
        if input is None:
            options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(
            [str(self.program), *map(str, words)], input=input, timeout=timeout, capture_output=True,
            env={**self.env, **(env or {})}, **options,
        )  # fmt: skip

    def popen(self, *words, **options):
        """Starts a verb; its caller ends it."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen([str(self.program), *map(str, words)], env=self.env, **options)

    def run(self, image, target, *argv, flags=(), **options):
        """`recap run FLAGS IMAGE TARGET -- ARGV`."""
        return self(*self.run_words(image, target, *argv, flags=flags), **options)

    def run_words(self, image, target, *argv, flags=()):
        reference = getattr(target, "reference", target)
        return ["run", *flags, image, reference, *(["--", *argv] if argv else [])]

    def start(self, image, target, *argv, flags=(), **options):
        """A detached run; returns its id."""
        done = self.run(image, target, *argv, flags=("-d", *flags), **options)
        assert done.returncode == 0, done
        return done.stdout.decode().strip()

    def import_image(self, image):
        """Imports one of testlib.images and returns the reference it has then."""
        done = self("import", image.oci_archive)
        assert done.returncode == 0, done
        return image.reference



    def live(self):
        """The runs that `recap ps` shows."""
        done = self("ps", "-o", "json")
        assert done.returncode == 0, done
        return json.loads(done.stdout or b"[]")

    def runs_on_disk(self):
        runs = self.state / "runs"
        return sorted(path.name for path in runs.iterdir()) if runs.exists() else []

    def residue_of_recovered(self, run):
        """What was found of a run whose files nobody of us saw go. Whether they are gone is known by the
        number of their file system, which on a host that others use may be somebody else's by then."""
        found = json.loads(self("inspect", run).stdout)["residue"]["found"]
        others = os.environ.get("RECAP_TESTS_SHARED_HOST")
        return [one for one in found if not (others and one["detail"].startswith("whether the run's scratch space"))]

    def wait_until_idle(self, timeout=10):
        """Waits until no run is live; returns what still is."""
        deadline = time.monotonic() + timeout
        while self.runs_on_disk() and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.runs_on_disk()

    def clean(self):
        """Ends every live run, so that a failed test leaves nothing to the next."""
        if self.runs_on_disk():
            self("stop", "--all", "--grace", "0s", timeout=60)
