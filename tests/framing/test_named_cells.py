"""Rows whose cells have names elsewhere: SQL dumps, a column a line, columns beside rows, an index."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.framing.named_rows import named_rows
from auditor.framing.tables import header_of, rows_of
from tests.readers import counts, report

CREATE = """CREATE TABLE public.calls (
    id text NOT NULL,
    model text,
    prompt_tokens integer,
    completion_tokens integer,
    tenant_id text,
    CONSTRAINT calls_pkey PRIMARY KEY (id)
);
"""
ROWS = [("r'1", "m-1", "3", "4", "acme"), ("r2", "m-1", "3", "4", "")]
INSERT = "INSERT INTO calls (id, model, prompt_tokens, completion_tokens, tenant_id) VALUES "
USERS = "INSERT INTO users (id, name) VALUES (1, 'a');\n"
DUMPS = [
    USERS + INSERT + "('r''1', 'm-1', 3, 4, 'acme'), ('r2', 'm-1', 3, 4, NULL);\n",
    USERS + INSERT + "('r''1', 'm-1', 3, 4, 'acme');\n" + INSERT + "('r2', E'm-1', 3, 4, NULL::text);\n",
    CREATE + "INSERT INTO public.calls VALUES ('r''1','m-1',3,4,'acme'),\n('r2','m-1',3,4,NULL);\n",
    CREATE
    + "COPY public.calls (id, model, prompt_tokens, completion_tokens, tenant_id) FROM stdin;\n"
    + "r'1\tm-1\t3\t4\tacme\nr2\tm-1\t3\t4\t\\N\n\\.\n",
    (
        "INSERT INTO `calls` (`id`, `model`, `prompt_tokens`, `completion_tokens`, `tenant_id`) VALUES "
        "('r\\'1','m-1',3,4,'acme'),('r2','m-1',3,4,NULL);\n"
    ),
]


@pytest.mark.parametrize("text", DUMPS)
def test_a_dump_has_the_rows_of_its_table_of_calls(text: str) -> None:
    """Other tables of the dump are left out; without a list of columns the declared ones count."""
    assert header_of(text.encode()) == ["id", "model", "prompt_tokens", "completion_tokens", "tenant_id"]
    assert [tuple(row.values()) for _, row in rows_of(text)] == ROWS

    found = report(text)
    assert (found.inputs[0].format, found.totals.calls) == ("table", 2)
    assert counts(found, "tenant_id") == (1, 1, 0, 0)


def test_statements_without_calls_are_no_table() -> None:
    """A dump of users has no call, and a cut off statement no row."""
    assert header_of(USERS.encode()) == []
    assert rows_of(INSERT + "('r1', 'm-1', 3") == []


CLICKHOUSE = """host :) select * from observations;

Row 1:
──────
model:         m-1
prompt_tokens: 3
tenant_id:     acme
note:          two
lines

Row 2:
──────
model:         m-1
prompt_tokens: 3
tenant_id:     ᴺᵁᴸᴸ

2 rows in set. Elapsed: 0.017 sec.
"""
MYSQL = """*************************** 1. row ***************************
        model: m-1
prompt_tokens: 3
    tenant_id: acme
*************************** 2. row ***************************
        model: m-1
prompt_tokens: 3
    tenant_id: NULL
2 rows in set (0.00 sec)
"""


@pytest.mark.parametrize("text", [CLICKHOUSE, MYSQL])
def test_rows_that_are_printed_a_column_a_line(text: str) -> None:
    """ClickHouse and MySQL, with what stands around the rows."""
    found = report(text)

    assert found.totals.calls == 2
    assert counts(found, "tenant_id") == (1, 1, 0, 0)
    assert counts(found, "tokens_input") == (2, 0, 0, 0)


def test_a_printed_cell_goes_on_in_the_next_line() -> None:
    """What follows the last column is no cell."""
    assert [row.get("note") for _, row in rows_of(CLICKHOUSE)] == ["two\nlines", None]


def test_an_index_without_a_name_is_a_column() -> None:
    """As notebooks print a frame: the header begins with a blank cell, its rule has no outer pipes."""
    text = "  | model | prompt_tokens\n-- | -- | --\n0 | m-1 | 3\n1 | m-2 | 4\n"

    assert [row["model"] for _, row in rows_of(text)] == ["m-1", "m-2"]
    outer = "| model | prompt_tokens |\n| -- | -- |\n| m-1 | 3 |\n"
    assert [row["model"] for _, row in rows_of(outer)] == ["m-1"]


NAMED: list[dict[str, Any]] = [
    {"columns": ["model", "prompt_tokens"], "rows": [["m-1", 3]]},
    {
        "tables": [
            {"name": "t", "columns": [{"name": "model"}, {"name": "prompt_tokens"}], "rows": [["m-1", 3]]}
        ]
    },
    {"schema": [{"name": "model"}, {"name": "prompt_tokens"}], "datarows": [["m-1", 3]]},
    {"fields": ["model", "prompt_tokens"], "columns": [["m-1"], [3]]},
    {
        "schema": {"fields": [{"name": "model"}, {"name": "prompt_tokens"}]},
        "rows": [{"f": [{"v": "m-1"}, {"v": 3}]}],
    },
]


@pytest.mark.parametrize("answer", NAMED)
def test_cells_are_named_by_the_columns_beside_them(answer: dict[str, Any]) -> None:
    """The answers of query APIs: names, rows, or columns of cells."""
    rows = named_rows(answer, "")
    assert rows is not None
    assert [row for row, _ in rows] == [{"model": "m-1", "prompt_tokens": 3}]

    found = report(json.dumps(answer))
    assert (found.totals.calls, counts(found, "tokens_input")) == (1, (1, 0, 0, 0))


def test_what_has_no_names_is_no_table() -> None:
    """Lists of records, columns without rows, and rows of another width."""
    assert named_rows({"rows": [{"model": "m-1"}]}, "") is None
    assert named_rows({"columns": ["a"]}, "") is None
    assert named_rows({"columns": ["a", "b"], "rows": [[1]]}, "") == []
