"""CUR 2.0: every table gives the same rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from auditor.audit import Input, audit
from auditor.catalogue.samples import samples
from auditor.policy.model import Policy
from tests.readers import counts, field, report

ALICE = "arn:aws:iam::123456789012:user/alice"
ROWS: list[dict[str, Any]] = [
    {"line_item_line_item_type": "Usage", "line_item_usage_type": "USE1-Claude4.6Sonnet-input-tokens",
     "line_item_unblended_cost": "0.069", "line_item_usage_amount": "23", "pricing_unit": "1K tokens",
     "line_item_iam_principal": ALICE, "tags": '{"iamPrincipal/team": "ds"}'},
    {"line_item_line_item_type": "Usage", "line_item_usage_type": "USE1-MP:USE1_OutputTokenCount-Units",
     "line_item_unblended_cost": "0.213", "line_item_usage_amount": "0.0142", "pricing_unit": "1M tokens",
     "line_item_iam_principal": "arn:aws:sts::123456789012:assumed-role/App/run", "tags": "{}"},
    {"line_item_line_item_type": "Tax", "line_item_usage_type": "", "line_item_unblended_cost": "0.02",
     "line_item_usage_amount": "0", "pricing_unit": "", "line_item_iam_principal": "", "tags": "{}"},
]  # fmt: skip


def csv(separator: str = ",", athena: bool = False) -> str:
    """The rows as CSV; Athena prints maps without quotes."""
    lines = [separator.join(ROWS[0])]
    for row in ROWS:
        cells = [str(v) for v in row.values()]
        if athena:
            cells[-1] = cells[-1].replace('"', "").replace(": ", "=")
        lines.append(separator.join('"' + c.replace('"', '""') + '"' for c in cells))
    return "\n".join(lines)


def markdown() -> str:
    """The rows as the table of a documentation page, underscores escaped."""
    lines = ["| " + " | ".join(k.replace("_", "\\_") for k in ROWS[0]) + " |", "|---|"]
    return "\n".join(lines + ["| " + " | ".join(str(v) for v in row.values()) + " |" for row in ROWS])


@pytest.mark.parametrize(
    "text",
    [
        csv(),
        csv("\t"),
        csv(athena=True),
        markdown(),
        json.dumps(ROWS),
        "\n".join(json.dumps(r) for r in ROWS),
    ],
    ids=["csv", "tsv", "athena", "markdown", "json", "json lines"],
)
def test_a_bill_is_read_from_every_table(text: str) -> None:
    """Two usage rows, the tax is context, tokens in their unit, one team."""
    found = report(text)
    assert ("cur-2.0", 2, 1) == (found.inputs[0].format, found.inputs[0].calls, found.inputs[0].context)
    assert (0.282, 37_200) == (round(found.totals.cost_usd, 6), found.totals.tokens)
    assert (1, 1, 0, 0) == counts(found, "team_id")
    assert (0, 0, 0, 2) == counts(found, "request_id")


def test_a_parquet_bill_with_maps_is_read(tmp_path: Path) -> None:
    """Parquet's list of pairs is a map; identical rows count as often as they stand there."""
    path = tmp_path / "bill.snappy.parquet"
    pairs = [{"key": "iamPrincipal/team", "value": "ds"}]
    pl.DataFrame(
        {
            "line_item_usage_type": ["USE1-NovaPro-input-tokens"] * 3,
            "line_item_unblended_cost": [0.5, 0.25, 0.25],
            "line_item_usage_amount": [1.0, 2.0, 3.0],
            "pricing_unit": ["1K tokens"] * 3,
            "line_item_iam_principal": ["arn:aws:iam::123456789012:user/alice"] * 3,
            "tags": [pairs, pairs, []],
        }
    ).write_parquet(path)
    found = audit([Input(name="bill", path=path)], Policy(profile="all"))
    assert (3, 1.0, 6_000) == (found.inputs[0].calls, found.totals.cost_usd, found.totals.tokens)
    assert (2, 1, 0, 0) == counts(found, "team_id")
    assert all(a.line is None for g in found.gaps for a in g.anchors)


def test_the_vendors_own_table_gives_the_vendors_own_sums() -> None:
    """Three rows, USD 0.481, one team tag on two of them, one project tag."""
    path = next(s.path for s in samples() if s.name == "cur-2.0-table")
    found = audit([Input(name="table", path=path)], Policy(profile="all"))
    assert (3, 0.481) == (found.inputs[0].calls, round(found.totals.cost_usd, 6))
    keys = {(k.key, k.calls) for k in field(found, "team_id").found}
    assert {("tags['iamPrincipal/team']", 2), ("tags['iamPrincipal/project']", 1)} == keys


def test_columns_that_were_not_selected_are_not_judged() -> None:
    """A fragment says nothing of what it leaves out; a whole export without principals was made so."""
    fragment = "line_item_usage_type,line_item_unblended_cost\nUSE1-NovaPro-input-tokens,1.0\n"
    assert {"by_sample": 1} == field(report(fragment), "iam_principal").causes
    suffixes = "usage_type unblended_cost usage_amount product_code operation usage_account_id"
    names = [f"line_item_{n}" for n in f"{suffixes} currency_code line_item_type usage_start_date".split()]
    whole = ",".join([*names, "bill_payer_account_id", "tags", "resource_tags"]) + "\n"
    whole += "USE1-NovaPro-input-tokens,1.0,1,AmazonBedrock,InvokeModelInference,123456789012,USD,Usage,"
    whole += "2026-09-14T10:00:00Z,123456789012,{},{}\n"
    assert {"not_enabled": 1} == field(report(whole), "iam_principal").causes


def test_a_torn_table_row_is_a_skip() -> None:
    """A row with another number of cells is counted with its line, and the others are read."""
    found = report(markdown() + "\n| torn | row |")
    assert (2, [6]) == (found.inputs[0].calls, [s.line for s in found.inputs[0].skipped])
