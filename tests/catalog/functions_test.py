# SPDX-License-Identifier: Apache-2.0
"""Every function of the catalogue does what people use it for, on a lean target, with its grant and not with less."""

import json

import pytest

from catalog import administration, auditing, debugging, lab, monitoring  # noqa: F401: they register the checks
from catalog.checks import CHECKS


@pytest.fixture
def attach(recap, catalogue, request):
    """attach(name, grant): the function on its check's target."""

    def attached(name, grant=None):
        target = request.getfixturevalue(CHECKS[name].target)
        return lab.Function(recap, name, target, grant), target

    return attached


def test_every_function_has_a_check():
    assert sorted(CHECKS) == lab.ALL


@pytest.mark.parametrize("name", lab.FUNCTIONS)
def test_it_does_its_job_with_what_it_asks_for(attach, name, tmp_path):
    function, target = attach(name)
    CHECKS[name].run(function, target)
    run = record_of_newest(function.recap, name)
    grant = lab.Grant.of(name)
    assert sorted(run["share"]) == sorted(grant.share) and run["view"] == grant.view
    assert sorted(run["grant"]["capabilities"]) == sorted(grant.capabilities)
    assert run["grant"]["run_as"] == grant.run_as and run["grant"]["profile"] == grant.profile
    assert run["residue"] == {"verified": True, "found": []}


def record_of_newest(recap, name):
    listed = json.loads(recap("ps", "-a", "-o", "json").stdout)
    return next(run for run in listed if run["image"]["ref"].endswith(f"recap/{name}:latest"))


WITHOUT = [(name, what, rest) for name in lab.FUNCTIONS for what, rest in lab.Grant.of(name).without_each()]


@pytest.mark.parametrize("name, what, rest", WITHOUT, ids=[f"{name} without {what}" for name, what, _ in WITHOUT])
def test_less_is_not_enough(attach, name, what, rest):
    function, target = attach(name, rest)
    with pytest.raises(AssertionError):
        CHECKS[name].run(function, target)


@pytest.mark.parametrize("name", lab.FUNCTIONS)
def test_an_explicit_grant_of_the_same_is_enough(attach, name):
    function, target = attach(name, lab.Grant.of(name))
    CHECKS[name].run(function, target)
