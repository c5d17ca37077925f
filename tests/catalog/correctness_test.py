# SPDX-License-Identifier: Apache-2.0
"""The paper's correctness: a tool says the same inside a fat container, by the runtime's exec, and as a Capsule on the
lean twin. Writes the section of docs/evaluation.md with RECAP_WRITE_DOCS=1; without, what is there has to be true."""

import contextlib
import hashlib
import os
import re
import subprocess
import time
from dataclasses import dataclass

import pytest

from catalog import lab
from catalog.comparisons import COMPARISONS, NORMALISATIONS, NOT_COMPARED
from catalog.conftest import answering
from catalog.debugging import worker_of
from testlib import images
from testlib.oci import DEFAULT_CAPABILITIES

PAGE = images.ROOT / "docs/evaluation.md"
HEADING = "## Correctness\n"
OWN = re.compile(r"\brecap-(stub|keeper)\b|\brecap run\b")


@dataclass
class Twin:
    container: object
    worker: str

    def words(self, argv):
        return [word.replace("{worker}", self.worker) for word in argv]


@pytest.fixture(scope="module")
def twins(runc, work, catalogue):
    """(fat, lean): the same nginx with the same files, with all tools and with none."""
    data = lab.data_folder(work / "twins-data")
    (data / "eicar").write_text(lab.EICAR)
    (data / "eicar.ndb").write_bytes((images.ROOT / "catalog/clamav/database/eicar.ndb").read_bytes())
    conf = (images.ROOT / "catalog/aide/aide.conf").read_text()
    (data / "aide.conf").write_text(conf.replace("root_prefix=/target\n", "").replace("\n/ ", "\n/data "))
    (data / "suid").write_text("x")
    (data / "suid").chmod(0o4755)
    pair = []
    # Debuggers in a container need this capability: who debugs in a fat one adds it to Docker's defaults.
    capabilities = [*DEFAULT_CAPABILITIES, "SYS_PTRACE"]
    for image in (lab.target_image("fat-nginx"), images.get("lean-nginx")):
        container = lab.nginx(runc, work / f"twins-{image.name}", image, data, capabilities=capabilities)
        pair.append(Twin(container, worker_of(container)))
    yield pair
    for twin in pair:
        twin.container.remove()


def in_fat(twin, comparison):
    command = [*twin.container._exec_argv, *twin.words(comparison.program)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def as_capsule(recap, twin, comparison):
    function = lab.Function(recap, comparison.function, twin.container)
    flags = [*(["-i"] if comparison.input else []), *comparison.flags]
    return function.popen(*twin.words(comparison.argv), flags=flags, stdin=subprocess.PIPE)


def shown(child, twin, comparison):
    """The normalised output of a started tool."""
    if comparison.busy:
        time.sleep(1.5)
        twin.container.http("/")
    with answering(twin.container) if comparison.function == "dig" else contextlib.nullcontext():
        out, err = child.communicate(comparison.input, timeout=60)
    data = err if comparison.stream == "stderr" else out
    text = data.decode("utf-8", "surrogateescape")
    program = os.path.basename(comparison.program[0])
    if comparison.only:
        text = "".join(line + "\n" for line in text.splitlines() if re.search(comparison.only, line))
    for name in comparison.after:
        if name == "own":
            own = re.compile(rf"\b{re.escape(program)}\b")
            text = "".join(x + "\n" for x in text.splitlines() if not OWN.search(x) and (x.lstrip()[:1].isalpha()
                           or not own.search(x)))  # fmt: skip
        else:
            text = NORMALISATIONS[name][1](text, twin)
    return text


def command_of(comparison):
    words = [word if re.fullmatch(r"[\w./:@=+,{}-]+", word) else f"'{word}'" for word in comparison.program]
    text = " ".join(words).replace("\\n", "\\\\n")
    return text if len(text) < 90 else text[:87] + "…"


ROWS = {}


def note_identical(comparison):
    lines = f"`{comparison.only}`".replace("|", "\\|") if comparison.only else "all"
    lines += " of stderr" if comparison.stream == "stderr" else ""
    flags = f"`{' '.join(comparison.flags)}`" if comparison.flags else "–"
    after = ", ".join(comparison.after) or "–"
    ROWS[comparison.function, command_of(comparison)] = f"{flags} | {lines} | {after}"


@pytest.mark.parametrize("comparison", COMPARISONS, ids=[f"{one.function}-{n}" for n, one in enumerate(COMPARISONS)])
def test_a_capsule_says_what_the_tool_inside_says(recap, twins, comparison):
    fat, lean = twins
    inside = shown(in_fat(fat, comparison), fat, comparison)
    outside = shown(as_capsule(recap, lean, comparison), lean, comparison)
    assert inside, "the tool in the fat container says nothing: nothing would be compared"
    assert outside == inside
    digest = hashlib.sha256(inside.encode("utf-8", "surrogateescape")).hexdigest()
    assert digest == hashlib.sha256(outside.encode("utf-8", "surrogateescape")).hexdigest()
    note_identical(comparison)


def section():
    """The page's section, of what was found identical."""
    lines = [
        HEADING,
        "As the paper verified it: each tool inside a fat nginx container (`runc exec`, Docker's capabilities and "
        "SYS_PTRACE)\nand as a Capsule on its lean twin, which has nginx and nothing else. What is compared (all of "
        "stdout, or the lines that match)\nis identical, byte by byte, after these normalisations and no other:\n",
    ]
    lines += [f"- **{name}**: {NORMALISATIONS[name][0]}" for name in NORMALISATIONS]
    lines += ["", "| function | inside the fat container | flags of the Capsule | lines compared "
              "| normalised | result |", "|---|---|---|---|---|---|"]  # fmt: skip
    lines += [f"| {name} | `{command.replace('|', chr(92) + '|')}` | {after} | identical |"
              for (name, command), after in ROWS.items()]  # fmt: skip
    lines += ["", "Not compared:", ""]
    lines += [f"- {names}: {why}" for names, why in NOT_COMPARED.items()]
    return "\n".join([*lines, "", "`./test catalog` makes this section, and fails where it is not true.", ""])


def test_the_page_says_what_was_found():
    if len(ROWS) < len(COMPARISONS):
        pytest.fail("not every comparison was identical")
    page = PAGE.read_text()
    before, found, rest = page.partition(HEADING)
    after = rest[rest.index("\n## ") + 1 :] if "\n## " in rest else ""
    if os.environ.get("RECAP_WRITE_DOCS"):
        PAGE.write_text((before if found else page + "\n") + section() + ("\n" + after if after else ""))
    assert section() in PAGE.read_text()
