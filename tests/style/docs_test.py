# SPDX-License-Identifier: Apache-2.0
"""Links in the documentation lead somewhere, and one thing has one name."""

import re

from style import tree

LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)|!\[[^\]\n]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
PAGES = [path for path in tree.files() if path.suffix == ".md"]


def anchors(path):
    """GitHub's anchors of a page's headings."""
    found = set()
    for heading in re.findall(r"^#+\s+(.*)$", FENCE.sub("", tree.text(path)), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower())
        found.add(plain.strip().replace(" ", "-"))
    return found


def broken(page):
    for groups in LINK.findall(FENCE.sub("", tree.text(page))):
        link = groups[0] or groups[1]
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        if not file.exists():
            yield f"{tree.name(page)}: {link} does not exist"
        elif anchor and file.suffix == ".md" and anchor not in anchors(file):
            yield f"{tree.name(page)}: {link} has no such heading"


def test_links_resolve():
    wrong = [line for page in PAGES for line in broken(page)]
    assert not wrong, "\n".join(wrong)


def synonyms():
    """[(pattern of a word that is not used, the word that is)]"""
    rows = []
    for line in tree.text(tree.ROOT / "tests/style/synonyms.txt").splitlines():
        if line.strip() and not line.startswith("#"):
            wrong, right = (part.strip() for part in line.rsplit("|", 1))
            rows.append((re.compile(rf"\b{wrong}\b", re.IGNORECASE), right))
    return rows


def test_one_thing_has_one_name():
    glossary = tree.ROOT / "docs/glossary.md"
    places = [path for path in PAGES + tree.cpp("src") if path != glossary]
    found = []
    for pattern, right in synonyms():
        for path in places:
            found += [f"{hit}   (say: {right})" for hit in tree.matches(path, pattern, tree.text(path))]
    assert not found, "\n".join(found)


def test_the_glossary_has_every_word():
    glossary = tree.text(tree.ROOT / "docs/glossary.md").lower()
    missing = [right for _, right in synonyms() if right.lower() not in glossary]
    assert not missing, "docs/glossary.md lacks: " + ", ".join(missing)


def test_the_readme_installs_what_the_demo_builds_with():
    listed = re.search(r"# build\n(.*?)\n *#", tree.text(tree.ROOT / "demo"), re.DOTALL)[1].split()
    readme = tree.text(tree.ROOT / "README.md")
    line = re.search(r"apt-get install --no-install-recommends (g\+\+.*?[^\\])\n", readme, re.DOTALL)
    assert sorted(line[1].replace("\\\n", " ").split()) == sorted(listed)
