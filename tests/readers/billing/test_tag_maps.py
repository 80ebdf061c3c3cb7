"""Maps in the cells of bills, in every way in which they are printed."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.readers.billing.tag_maps import bare, family_of, generated, pairs

TEAM = {"iamPrincipal/team": "ds"}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('{"iamPrincipal/team":"ds"}', TEAM),
        ('{"iamPrincipal/team": "ds", "resourceTags/app": null}', TEAM),
        ("{'iamPrincipal/team': 'ds'}", TEAM),
        ("{iamPrincipal/team=ds}", TEAM),
        ("{iamPrincipal/team=ds, resourceTags/app=a,b=c}", TEAM | {"resourceTags/app": "a,b=c"}),
        ("{'iamPrincipal/team'=ds}", TEAM),
        (
            "{feature=On-demand Inference, product_name='Claude Sonnet 4.6 (Amazon Bedrock Edition)'}",
            {"feature": "On-demand Inference", "product_name": "Claude Sonnet 4.6 (Amazon Bedrock Edition)"},
        ),
        ("Map(iamPrincipal/team -> ds)", TEAM),
        ("[('iamPrincipal/team', 'ds')]", TEAM),
        ('[{"key": "iamPrincipal/team", "value": "ds"}]', TEAM),
        ('"{\\"iamPrincipal/team\\":\\"ds\\"}"', TEAM),
        ('{"iamPrincipal/team": "ds", "resourceTags/a', TEAM),
        ([{"key": "iamPrincipal/team", "value": "ds"}], TEAM),
        ([("iamPrincipal/team", "ds")], TEAM),
        (TEAM, TEAM),
        ("{}", {}),
        ("", {}),
        ("NULL", {}),
        (None, {}),
        ("no map at all", {}),
        ("__import__('os').system('true')", {}),
    ],
)
def test_a_map_is_read_however_it_is_printed(cell: Any, expected: dict[str, str]) -> None:
    """JSON, Athena, DuckDB, Spark, Python and Parquet say the same; nothing is evaluated."""
    assert expected == dict(pairs(cell))


def test_a_blank_value_is_kept() -> None:
    """A key without a value is a tag that is blank, not one that is missing."""
    assert {"iamPrincipal/team": ""} == dict(pairs('{"iamPrincipal/team": ""}'))


@pytest.mark.parametrize(
    ("key", "scope"),
    [
        ("iamPrincipal/team", "principal_tag"),
        ("resourceTags/team", "resource_tag"),
        ("accountTag/team", "account"),
        ("costCategory/team", "billing_aggregate"),
        ("userAttribute/team", "principal_tag"),
        ("team", None),
    ],
)
def test_the_prefix_of_a_key_tells_where_it_stands(key: str, scope: str | None) -> None:
    """Tags of callers, resources and accounts are told apart by their family."""
    family = family_of(key)

    assert scope == (family.scope if family else None)


def test_who_set_a_tag_is_no_part_of_its_key() -> None:
    """`user:` and `user_` go, a key that begins so by itself stays, and the provider's tags are known."""
    assert ["team", "team", "user_id", "team"] == [
        bare(k) for k in ("user:team", "user_team", "user_id", "team")
    ]
    assert [True, True, False] == [generated(k) for k in ("aws:createdBy", "aws_created_by", "team")]
