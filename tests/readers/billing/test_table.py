"""Bills in every container and selection, and what a spreadsheet breaks of them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from auditor.audit import Input, audit
from auditor.catalogue.samples import samples
from auditor.errors import InputError
from auditor.policy.model import Policy
from auditor.report.schema import Report
from tests.readers import counts, field, report
from tests.support.bills import bill, calls, line

ROWS = [
    line(tags='{"iamPrincipal/team": "ds"}'),
    line(usage_type="USE1-Claude4.6Sonnet-output-tokens", usage_amount="4", unblended_cost="0.06"),
    line(line_item_type="Tax", usage_type="", iam_principal="", usage_amount="0", unblended_cost="0.01"),
]


def printed(left: str = "| ", middle: str = " | ", right: str = " |", escape: bool = False) -> str:
    """The rows as a table with a rule beneath the header."""
    names = [n.replace("_", "\\_") if escape else n for n in ROWS[0]]
    table = [names, *[list(r.values()) for r in ROWS]]
    lines = [left + middle.join(c) + right for c in table]
    lines.insert(1, left + middle.join("---" for _ in names) + right)
    return "\n".join(lines) + "\n"


def psql() -> str:
    """The rows as psql prints them."""
    width = {n: max(len(n), *(len(r[n]) for r in ROWS)) for n in ROWS[0]}
    lines = [
        " " + " | ".join(n.ljust(width[n]) for n in width),
        "+".join("-" * (w + 2) for w in width.values()),
    ]
    lines += [" " + " | ".join(r[n].ljust(width[n]) for n in width) for r in ROWS]
    return "\n".join([*lines, f"({len(ROWS)} rows)", ""])


def box() -> str:
    """The rows as DuckDB prints them, types beneath the names."""
    names = list(ROWS[0])
    width = {n: max(len(n), *(len(r[n]) for r in ROWS)) for n in names}
    edge = ["─" * (width[n] + 2) for n in names]
    body = [names, ["varchar"] * len(names), *[[r[n] for n in names] for r in ROWS]]
    shown = [
        "│" + "│".join(f" {c.ljust(width[n])} " for c, n in zip(row, names, strict=True)) + "│"
        for row in body
    ]
    rule = "├" + "┼".join(edge) + "┤"
    return "\n".join(
        ["┌" + "┬".join(edge) + "┐", *shown[:2], rule, *shown[2:], "└" + "┴".join(edge) + "┘", ""]
    )


def athena() -> str:
    """The answer of Athena's API."""
    cells = [list(ROWS[0]), *[list(r.values()) for r in ROWS]]
    return json.dumps(
        {"ResultSet": {"Rows": [{"Data": [{"VarCharValue": c} for c in row]} for row in cells]}}
    )


CONTAINERS: dict[str, str | bytes] = {
    "csv": bill(*ROWS),
    "csv of windows": bill(*ROWS).replace("\n", "\r\n"),
    "csv with a byte order mark": b"\xef\xbb\xbf" + bill(*ROWS).encode(),
    "tabs": bill(*ROWS, delimiter="\t"),
    "csv of athena": bill(*[r | {"tags": r["tags"].replace('"', "").replace(": ", "=")} for r in ROWS]),
    "gzip": gzip.compress(bill(*ROWS).encode()),
    "json": json.dumps(ROWS),
    "json lines": "\n".join(json.dumps(r) for r in ROWS),
    "wrapped json": json.dumps({"Records": ROWS}),
    "athena's answer": athena(),
    "markdown": printed(),
    "markdown with escapes": printed(escape=True),
    "psql": psql(),
    "duckdb": box(),
    "upper case": bill(*[{k.upper(): v for k, v in r.items()} for r in ROWS]),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_bill_is_read_from_every_container(name: str) -> None:
    """Two calls, one tax row, the same money and tokens, and one team."""
    found = report(CONTAINERS[name])

    assert ("cur-2.0", 2, 1) == calls(found)
    assert (0.129, 27_000) == (round(found.totals.cost_usd, 6), found.totals.tokens)
    assert (1, 1, 0, 0) == counts(found, "team_id")
    assert 0 == found.inputs[0].skipped_total


def parquet(path: Path, **columns: Any) -> Report:
    """The report on a Parquet file."""
    pl.DataFrame(columns).write_parquet(path)
    return audit([Input(name="bill", path=path)], Policy(profile="all"))


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    """Doubles, timestamps, maps as lists of pairs, and account ids that a warehouse made numbers."""
    found = parquet(
        tmp_path / "bill.parquet",
        line_item_usage_type=["USE1-NovaPro-input-tokens", "BoxUsage"],
        line_item_product_code=["AmazonBedrock", "AmazonEC2"],
        line_item_unblended_cost=[0.5, 1.0],
        line_item_usage_amount=[2.0, 1.0],
        line_item_usage_account_id=[123456789012, 123456789012],
        pricing_unit=["1K tokens", "Hrs"],
        tags=[[{"key": "iamPrincipal/team", "value": "ds"}], []],
    )

    assert ("cur-2.0", 1, 1) == calls(found)
    assert (0.5, 2_000) == (found.totals.cost_usd, found.totals.tokens)
    assert (1, 0, 0, 0) == counts(found, "team_id") == counts(found, "account_id")


def test_identical_rows_of_parquet_count_as_often_as_they_are_there(tmp_path: Path) -> None:
    """Rows are grouped, maps as lists of pairs too; Parquet has no lines."""
    pairs = [{"key": "iamPrincipal/team", "value": "ds"}]
    found = parquet(
        tmp_path / "bill.snappy.parquet",
        line_item_usage_type=["USE1-NovaPro-input-tokens"] * 3,
        line_item_unblended_cost=[0.5, 0.25, 0.25],
        line_item_usage_amount=[1.0, 2.0, 3.0],
        pricing_unit=["1K tokens"] * 3,
        line_item_iam_principal=["arn:aws:iam::123456789012:user/alice"] * 3,
        tags=[pairs, pairs, []],
    )

    assert (3, 1.0, 6_000) == (found.inputs[0].calls, found.totals.cost_usd, found.totals.tokens)
    assert (2, 1, 0, 0) == counts(found, "team_id")
    assert all(a.line is None for g in found.gaps for a in g.anchors)


@pytest.mark.parametrize("damage", [b"PAR1", b"PAR1" + b"\x00" * 64, b"PAR1" + b"\xff" * 64 + b"PAR1"])
def test_broken_parquet_is_refused_clearly(damage: bytes) -> None:
    """Whatever the bytes are, the answer is a message."""
    with pytest.raises(InputError):
        report(damage)


def test_the_vendors_own_table_gives_the_vendors_own_sums() -> None:
    """Three rows, USD 0.481, one team tag on two of them, one project tag."""
    path = next(s.path for s in samples() if s.name == "cur-2.0-table")
    found = audit([Input(name="table", path=path)], Policy(profile="all"))

    assert (3, 0.481) == (found.inputs[0].calls, round(found.totals.cost_usd, 6))
    assert {("tags['iamPrincipal/team']", 2), ("tags['iamPrincipal/project']", 1)} == {
        (key.key, key.calls) for key in field(found, "team_id").found
    }


def test_a_torn_table_row_is_a_skip() -> None:
    """A row with another number of cells is counted with its line, and the others are read."""
    found = report(printed() + "| torn | row |")

    assert (2, [6]) == (found.inputs[0].calls, [s.line for s in found.inputs[0].skipped])


def test_a_row_without_its_header_is_read_and_said_to_be() -> None:
    """Columns are told by their cells, the money by its neighbours."""
    found = report(bill(ROWS[0]).splitlines()[1])

    assert ("cur-2.0", 1, 0) == calls(found)
    assert (0.069, 23_000) == (round(found.totals.cost_usd, 6), found.totals.tokens)
    assert (1, 0, 0, 0) == counts(found, "team_id") == counts(found, "iam_principal")
    assert any("without a header" in n for n in found.inputs[0].notes)
    assert {1} == {a.line for g in found.gaps for a in g.anchors}


def test_a_broken_quote_loses_no_row_before_it() -> None:
    """CSV that was cut in a cell is read cell by cell."""
    text = bill(*ROWS[:2])

    assert ("cur-2.0", 2, 0) == calls(report(text[: text.rindex("{")] + '"{""iamPrinc'))


def test_bytes_of_another_encoding_are_read() -> None:
    """A name in Latin-1 in some column breaks nothing."""
    data = bill(line(line_item_legal_entity="Soci\u00e9t\u00e9")).encode("latin-1")

    assert ("cur-2.0", 1, 0) == calls(report(data))


# -- selections and spreadsheets -----------------------------------------------------------------------------


def test_a_selection_says_nothing_of_what_it_leaves_out() -> None:
    """Fields whose columns are missing cannot be judged."""
    found = report("line_item_usage_type,line_item_unblended_cost\nUSE1-NovaPro-input-tokens,1.0\n")

    for name in ("iam_principal", "team_id", "tokens_input", "account_id"):
        assert {"by_sample": 1} == field(found, name).causes
    assert (1, 0, 0, 0) == counts(found, "model") == counts(found, "cost_usd") == counts(found, "region")


def test_a_whole_export_without_callers_was_made_without_them() -> None:
    """The usual block of columns is there, and the caller is not: the switch was off."""
    row = {k: v for k, v in line(tags="{}").items() if k != "line_item_iam_principal"}
    found = report(bill(row | {"bill_payer_account_id": "123456789012", "bill_bill_type": "Anniversary"}))

    assert {"not_enabled": 1} == field(found, "iam_principal").causes


def test_a_decimal_comma_is_read_where_semicolons_part_the_cells() -> None:
    """A spreadsheet of another country writes 0,069 and 1.204,5."""
    found = report(bill(line(unblended_cost="0,069", usage_amount="1.204,5"), delimiter=";"))

    assert (0.069, 1_204_500) == (round(found.totals.cost_usd, 6), found.totals.tokens)


def test_commas_are_thousands_where_they_part_the_cells() -> None:
    """`$1,204.50` in quotes is twelve hundred dollars."""
    assert 1204.5 == report(bill(line(unblended_cost="$1,204.50"))).totals.cost_usd


@pytest.mark.parametrize(
    ("account", "verdicts", "words"),
    [
        ("1.23457E+11", (0, 1, 0, 0), "1.23457E+11"),
        ("1,23457E+11", (0, 1, 0, 0), "1.23457E+11"),
        ("23456789012", (1, 0, 0, 0), "leading zeros"),
    ],
)
def test_accounts_that_a_spreadsheet_broke_are_told(
    account: str, verdicts: tuple[int, ...], words: str
) -> None:
    """An id without its digits is no id; one that lost its zeros is doubtful."""
    found = report(bill(line(usage_account_id=account)))

    assert verdicts == counts(found, "account_id")
    assert any(words in n for n in found.inputs[0].notes)


def test_the_first_line_of_a_spreadsheet_is_no_header() -> None:
    """`sep=,` tells the delimiter and nothing of the bill."""
    assert ("cur-2.0", 2) == calls(report("sep=,\n" + bill(*ROWS)))[:2]


def test_a_map_that_nobody_quoted_is_put_together_again() -> None:
    """Its commas part it into cells; a row that cannot be put together is skipped, with its line."""
    text = "line_item_usage_type,tags,line_item_unblended_cost\n"
    text += 'USE1-NovaPro-input-tokens,{"iamPrincipal/app": "chat", "iamPrincipal/team": "ds"},0.5\n'
    text += "USE1-NovaPro-input-tokens,{},0.5,0.6,0.7\nUSE1-NovaPro-output-tokens,{},0.25\n"
    found = report(text)

    assert ("cur-2.0", 2, 0) == calls(found)
    assert (1, 1, 0, 0) == counts(found, "team_id")
    assert [3] == [s.line for s in found.inputs[0].skipped]
    assert {2, 4} >= {a.line for g in found.gaps for a in g.anchors}


def test_a_grid_copied_from_a_console_is_read() -> None:
    """Athena numbers its rows in a column called `#`."""
    table = [["#", *ROWS[0]], *[[str(i), *r.values()] for i, r in enumerate(ROWS, 1)]]

    assert ("cur-2.0", 2, 1) == calls(report("\n".join("\t".join(c) for c in table)))


def test_rows_of_a_bill_among_other_records_are_read_beside_them() -> None:
    """Each record goes to its own reader; the bill's are grouped when all are there."""
    other = {
        "event": "llm.call",
        "model": "anthropic.claude-sonnet-4-6",
        "input_tokens": 3,
        "tenant_id": "acme",
    }
    found = report("\n".join(json.dumps(r) for r in [ROWS[0], other, ROWS[1], ROWS[2]]))

    assert (3, 1) == (found.inputs[0].calls, found.inputs[0].context)
    assert (1, 1) == (counts(found, "team_id")[0], counts(found, "tenant_id")[0])


@pytest.mark.parametrize("table", [bill(*ROWS), printed()], ids=["csv", "markdown"])
def test_a_bill_within_a_text_is_found(table: str) -> None:
    """What somebody wrote above and below it is no row of it."""
    found = report(f"Our bill of Monday:\n\n{table}\nWho owns this?\n")

    assert ("cur-2.0", 2) == calls(found)[:2]
    assert 0.129 == round(found.totals.cost_usd, 6)
