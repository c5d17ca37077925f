# SPDX-License-Identifier: Apache-2.0
"""The one thing the kernel cannot undo, in differences of two snapshots: a child of a stub that was killed goes
to the target's first process, which alone can reap it, and here never does."""


def is_zombie_of_the_targets_root(change, first):
    """Something dead that became the child of the target's first process `first`."""
    return (change.cls == "target.processes" and change.before is None
            and change.after[1] == first and change.after[-1] == "Z")  # fmt: skip


def is_orphaned_stub(change):
    return (change.cls == "target.processes" and change.after is not None
            and change.after[0] == "recap-stub" and change.after[-1] == "Z")  # fmt: skip
