"""An alias means one field: a name that two fields have is an error, unless the catalogue lists both."""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any

import pytest

from auditor.catalogue.fields import Catalogue, catalogue, catalogue_with, read_yaml
from auditor.catalogue.key_words import normalise
from auditor.catalogue.resources import folder
from auditor.errors import PolicyError
from tests.conftest import Cli, Put


def shipped() -> dict[str, Any]:
    """A copy of the shipped catalogue as it is written."""
    data: dict[str, Any] = copy.deepcopy(read_yaml(folder("rules") / "fields.yaml"))
    return data


def test_only_shared_names_have_two_fields() -> None:
    """`shared` lists every name that two fields have, with these fields, and no other."""
    owners = defaultdict(set)
    for field in catalogue().fields.values():
        for alias in (field.name, *field.aliases, *field.exact_only, *field.weak):
            owners[normalise(alias)].add(field.name)

    twice = {name: fields for name, fields in owners.items() if len(fields) > 1}
    assert {name: set(fields) for name, fields in shipped()["shared"].items()} == twice


@pytest.mark.parametrize("kind", ["aliases", "exact_only", "weak"])
@pytest.mark.parametrize("alias", ["team.id", "X-Team-Id", "squad"])
def test_an_alias_that_another_field_has_is_refused(kind: str, alias: str) -> None:
    """Both fields are named, however the alias is spelled and of whichever kind it is."""
    data = shipped()
    data["fields"]["cost_center"].setdefault(kind, []).append(alias)

    with pytest.raises(PolicyError) as caught:
        Catalogue(data)

    assert {"team_id", "cost_center"} <= set(caught.value.message.replace(",", "").split())
    assert "alias of both" in caught.value.message


def test_a_shared_name_that_is_not_listed_is_refused() -> None:
    """The two that are meant are declared, not exempt."""
    data = shipped()
    del data["shared"]["agent"]

    with pytest.raises(PolicyError, match="'agent' is an alias of both workflow_id and agent"):
        Catalogue(data)


def test_a_policy_cannot_take_an_alias_of_another_field() -> None:
    """The error names the alias and both fields."""
    with pytest.raises(PolicyError, match="'squad' is an alias of both tenant_id and team_id"):
        catalogue_with({"tenant_id": ["squad"]})


def test_a_policy_cannot_give_one_name_to_two_fields() -> None:
    """Neither would be wrong alone."""
    with pytest.raises(PolicyError, match="'mandant' is an alias of both tenant_id and team_id"):
        catalogue_with({"tenant_id": ["Mandant"], "team_id": ["mandant"]})


def test_a_policy_may_settle_what_a_weak_name_means() -> None:
    """A weak name of one field is a guess; a policy may make it an alias of another, and the guess ends."""
    assert "job" in catalogue().fields["workflow_id"].weak
    found = catalogue_with({"cost_center": ["job"]}).lookup("job")

    assert found is not None
    assert ("cost_center", False) == (found.field, found.weak)


def test_the_command_line_says_which_alias_clashes(cli: Cli, good: Any, put: Put) -> None:
    """Exit code 2 with both names."""
    put("auditor.toml", '[aliases]\ntenant_id = ["squad"]\n')
    ran = cli("audit", good)

    assert 2 == ran.code
    assert "aliases: 'squad' is an alias of both tenant_id and team_id" in ran.err
