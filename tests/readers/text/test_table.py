"""Tables of calls: every way in which a console, a notebook or a page prints one gives the same rows."""

from __future__ import annotations

import pytest

from tests.readers import counts, report

M = "claude-sonnet-4-5"
TABLES = {
    "csv": f"model,tenant_id,input_tokens\n{M},acme,120\n{M},,121\n",
    "tsv": f"model\ttenant_id\tinput_tokens\n{M}\tacme\t120\n{M}\t\t121\n",
    "semicolons": f"model;tenant_id;input_tokens\n{M};acme;120\n{M};;121\n",
    "markdown": (
        f"| model | tenant\\_id | input\\_tokens |\n|---|---|---|\n| `{M}` | acme | 120 |\n| {M} | | 121 |\n"
    ),
    "psql": (
        "       model       | tenant_id | input_tokens \n"
        "-------------------+-----------+--------------\n"
        f" {M} | acme      |          120\n"
        f" {M} |           |          121\n"
        "(2 rows)\n"
    ),
    "psql expanded": (
        f"-[ RECORD 1 ]+---------\nmodel        | {M}\ntenant_id    | acme\ninput_tokens | 120\n"
        f"-[ RECORD 2 ]+---------\nmodel        | {M}\ntenant_id    | \ninput_tokens | 121\n"
    ),
    "mysql": (
        "+-------------------+-----------+--------------+\n"
        "| model             | tenant_id | input_tokens |\n"
        "+-------------------+-----------+--------------+\n"
        f"| {M} | acme      |          120 |\n"
        f"| {M} | NULL      |          121 |\n"
        "+-------------------+-----------+--------------+\n"
    ),
    "duckdb": (
        "┌───────────────────┬───────────┬──────────────┐\n"
        "│       model       │ tenant_id │ input_tokens │\n"
        "│      varchar      │  varchar  │    int64     │\n"
        "├───────────────────┼───────────┼──────────────┤\n"
        f"│ {M} │ acme      │          120 │\n"
        f"│ {M} │ NULL      │          121 │\n"
        "└───────────────────┴───────────┴──────────────┘\n"
    ),
    "pandas": (
        "               model tenant_id  input_tokens\n"
        f"0  {M}      acme           120\n"
        f"1  {M}       NaN           121\n"
    ),
    "html": (
        "<html><body><table><tr><th>model</th><th>tenant_id</th><th>input_tokens</th></tr>"
        f"<tr><td>{M}</td><td>acme</td><td>120</td></tr><tr><td>{M}</td><td></td><td>121</td></tr>"
        "</table></body></html>"
    ),
}


@pytest.mark.parametrize("text", TABLES.values(), ids=TABLES)
def test_every_table_gives_the_same_rows(text: str) -> None:
    """Two calls, one of them without its tenant, whatever drew the lines."""
    found = report(text)

    assert (found.inputs[0].format, found.totals.calls, found.totals.tokens) == ("table", 2, 241)
    assert counts(found, "tenant_id") == (1, 1, 0, 0)


def test_a_column_that_is_not_there_cannot_be_judged() -> None:
    """Somebody chose the columns; what they left out may well exist."""
    assert counts(report(TABLES["csv"]), "workflow_id") == (0, 0, 0, 2)


def test_a_column_that_the_print_left_out_cannot_be_judged() -> None:
    """Pandas shortens wide frames, and says so with dots."""
    text = f"               model  ...  input_tokens\n0  {M}  ...           120\n1  {M}  ...           121\n"

    assert counts(report(text), "tenant_id") == (0, 0, 0, 2)


@pytest.mark.parametrize(
    "text", ["hello, world\nthis, is, prose\nwith, commas\n", "a   b   c\nnot  a  frame\n", "x | y\nz\n"]
)
def test_prose_with_commas_is_no_table(text: str) -> None:
    """Rows must be as wide as their header."""
    from auditor.framing.tables import header_of

    assert header_of(text.encode()) == []
