"""psql's tables: cells that go on in the next line, pipes within cells, the prompt before a query."""

from __future__ import annotations

import pytest

from auditor.framing.tables import rows_of
from tests.readers import counts, report

PLAIN = """ request_id | note
------------+--------
 chatcmpl-1 | a | b
(1 row)
"""
BROKEN = """ request_id | note
------------+--------
 chatcmpl-1 | {     +
            |  "a":1+
            | }
 chatcmpl-2 | c
"""
WRAPPED = """ request_i.| note
.d         |
-----------+------
 chatcmpl-.| x
.1         |
 chatcmpl-.| c
.2         |
"""
UNICODE = """┌────────────┬───────┐
│ request_id │ note  │
├────────────┼───────┤
│ chatcmpl-1 │ a | b │
└────────────┴───────┘
"""
EXPANDED = """-[ RECORD 1 ]----
request_id | chatc.
           |.mpl-1
note       | {   +
           | }
-[ RECORD 2 ]----
request_id | chatcmpl-2
note       | c
"""


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (PLAIN, [("chatcmpl-1", "a | b")]),
        (BROKEN, [("chatcmpl-1", '{\n"a":1\n}'), ("chatcmpl-2", "c")]),
        (WRAPPED, [("chatcmpl-1", "x"), ("chatcmpl-2", "c")]),
        (UNICODE, [("chatcmpl-1", "a | b")]),
        (EXPANDED, [("chatcmpl-1", "{\n}"), ("chatcmpl-2", "c")]),
    ],
)
def test_a_cell_goes_on_where_its_margin_says_so(text: str, rows: list[tuple[str, str]]) -> None:
    """A line end, a break made for the screen, a pipe within a cell."""
    assert [tuple(row.values()) for _, row in rows_of(text)] == rows


SPEND = """ request_id | model | spend | team_id | prompt_tokens | completion_tokens | call_type | tenant
------------+-------+-------+---------+---------------+-------------------+-----------+--------
 chatcmpl-1 | m-1   | 0.001 | growth  |             3 |                 4 | chat      | acme
 chatcmpl-2 | m-1   | 0.001 | growth  |             3 |                 4 | chat      |
(2 rows)
"""


@pytest.mark.parametrize(
    "before", ["", "litellm=> select * from t;\n", "litellm=# select *\nlitellm-# from t;\n"]
)
def test_the_prompt_before_a_query_is_no_part_of_its_result(before: str) -> None:
    """The paste is named after the table."""
    found = report(before + SPEND)

    assert (found.inputs[0].format, found.totals.calls) == ("litellm-spend-logs", 2)


def test_a_column_that_the_query_named_itself_counts() -> None:
    """A tenant taken out of metadata stands in the gateway's record; what was not selected is unknown."""
    found = report(SPEND)

    assert (counts(found, "tenant_id"), counts(found, "workflow_id")) == ((1, 1, 0, 0), (0, 0, 0, 2))
