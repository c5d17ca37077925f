# SPDX-License-Identifier: Apache-2.0
"""deploy/examples: each is accepted as it is, and the README names each."""

import pytest
from cluster.lab import DEPLOY, documents

EXAMPLES = sorted((DEPLOY / "examples").glob("*.yaml"))


@pytest.fixture(scope="module")
def shop(cluster):
    """The example's namespace, for dry runs below it; without its pods, whose images are not here."""
    cluster.kubectl("create", "namespace", "shop")
    yield
    cluster.kubectl("delete", "namespace", "shop", "--wait=false")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_server_accepts_the_example(cluster, shop, path):
    cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", path)


def test_every_execution_policy_and_kind_has_an_example():
    items = [item for path in EXAMPLES for item in documents(path)]
    types = {item["spec"]["execution"]["type"] for item in items if item["kind"] == "Capsule"}
    assert types == {"OnDemand", "Periodic", "Event", "Continuous"}
    assert {"Capsule", "ClusterCapsule", "CapsuleRun", "CapsulePolicy"} <= {item["kind"] for item in items}


def test_the_readme_lists_every_example():
    text = (DEPLOY / "examples/README.md").read_text()
    missing = [path.name for path in EXAMPLES if f"({path.name})" not in text]
    assert not missing


def test_examples_use_functions_of_the_catalogue():
    functions = {path.parent.name for path in (DEPLOY.parent / "catalog").glob("*/function.yaml")}
    used = {item.get("spec", {}).get("function") for path in EXAMPLES for item in documents(path)} - {None}
    assert used and used <= functions
