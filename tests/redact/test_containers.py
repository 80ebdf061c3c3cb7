"""Redacted copies keep the form of what holds the values: lines, tables, Parquet, protobuf, msgpack."""

from __future__ import annotations

import base64
import csv
import io
import json

import msgpack
import polars as pl
import pytest

from auditor.catalogue.samples import samples
from tests.support.redacting import CALL, TENANTS, copy, told

LINE = (
    'INFO llm_call tenant_id=acme team_id="search" user_id=u-42 model=gpt-4o input_tokens=3 output_tokens=1'
)
TABLES = {
    "json": json.dumps([CALL, CALL], indent=2),
    "json lines": f"{json.dumps(CALL)}\n{json.dumps(CALL)}\n",
    "prefixed": f"2026-09-14T10:00:03.1Z stdout F {json.dumps(CALL)}\n" * 2,
    "logfmt": f"time=2026-09-14T10:00:03Z {LINE[5:]}\n" * 3,
    "text lines": f"2026-09-14T10:00:03.123Z {LINE}\n" * 3,
    "csv": "request_id,tenant_id,model,metadata,prompt_tokens\r\n"
    + '"r-1",acme,gpt-4o,"{""user_id"": ""u-42"", ""note"": ""a, b""}",3\r\n' * 2,
    "markdown": "| request_id | tenant_id | model | prompt_tokens |\n| --- | --- | --- | --- |\n"
    + "| r-1 | acme | gpt-4o | 3 |\n" * 2,
    "psql": " request_id | tenant_id | model  | prompt_tokens \n"
    "------------+-----------+--------+---------------\n"
    + " r-1        | acme      | gpt-4o |             3 \n" * 2
    + "(2 rows)\n",
    "broken": json.dumps(CALL, indent=2) + "\n" + json.dumps(CALL, indent=2)[:-20],
    "yaml": "- tenant_id: acme\n  model: gpt-4o\n  input_tokens: 3\n  request_id: r-1\n",
    "python": repr(CALL) + "\n" + repr(CALL),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_container_keeps_its_form(name: str) -> None:
    """Whatever the text is, the copy is read in the same way and names no tenant."""
    data = TABLES[name].encode()
    redacted = copy(data)

    assert told(data) == told(redacted)
    assert not TENANTS.search(redacted)
    assert data.count(b"\n") == redacted.count(b"\n")


def test_cells_of_a_drawn_table_keep_their_width() -> None:
    """The columns of psql stay where its rule says."""
    redacted = copy(TABLES["psql"]).decode().splitlines()

    assert {len(line) for line in TABLES["psql"].splitlines()} == {len(line) for line in redacted}


def test_csv_keeps_its_quoting() -> None:
    """Cells with commas, quotes and JSON come out as they went in, but for the values."""
    before = list(csv.reader(io.StringIO(TABLES["csv"], newline="")))
    after = list(csv.reader(io.StringIO(copy(TABLES["csv"]).decode(), newline="")))

    assert before[0] == after[0]
    assert [len(row) for row in before] == [len(row) for row in after]
    assert "gpt-4o" == after[1][2]
    assert {"user_id", "note"} == json.loads(after[1][3]).keys()


def test_parquet_stays_parquet() -> None:
    """Types, nulls and nested columns are kept."""
    rows = {
        "line_item_usage_account_id": ["123456789012", "123456789012"],
        "line_item_iam_principal": ["arn:aws:iam::123456789012:user/jane", None],
        "line_item_usage_type": ["USE1-Claude4.6Sonnet-input-tokens", "USE1-Claude4.6Sonnet-output-tokens"],
        "line_item_product_code": ["AmazonBedrock"] * 2,
        "line_item_operation": ["Usage"] * 2,
        "line_item_line_item_type": ["Usage"] * 2,
        "line_item_unblended_cost": [0.1, 0.2],
        "line_item_usage_amount": [100.0, 200.0],
        "line_item_usage_start_date": ["2026-09-01T00:00:00Z"] * 2,
        "tags": [[{"key": "iamPrincipal/tenant", "value": "acme"}], []],
    }
    held = io.BytesIO()
    pl.DataFrame(rows).write_parquet(held)
    redacted = copy(held.getvalue())
    frame = pl.read_parquet(io.BytesIO(redacted))

    assert told(held.getvalue()) == told(redacted)
    assert pl.DataFrame(rows).schema == frame.schema
    assert not TENANTS.search(str(frame.to_dicts()).encode())
    assert "123456789012" not in str(frame.to_dicts())
    assert rows["line_item_usage_type"] == frame["line_item_usage_type"].to_list()


def test_protobuf_stays_protobuf() -> None:
    """A request, and requests behind their lengths, come out in the same framing."""
    sample = next(s for s in samples() if s.name == "otlp-protobuf-gappy")
    bare = base64.b64decode(sample.path.read_bytes())
    for data in (bare, b"".join(len(bare).to_bytes(4, "big") + bare for _ in range(2))):
        redacted = copy(data)

        assert told(data) == told(redacted)
        assert not TENANTS.search(redacted)


def test_msgpack_stays_msgpack() -> None:
    """What an agent receives is copied span by span, its big numeric ids included."""
    meta = {"tenant_id": "acme", "_ml_obs.meta.span.kind": "llm", "model": "gpt-4o"}
    span = {"name": "bedrock", "service": "desk", "resource": "InvokeModel", "trace_id": 2**63 + 7,
            "span_id": 2**62 + 9, "parent_id": 0, "start": 1_789_380_003_000_000_000, "duration": 9_000_000,
            "error": 0, "meta": meta, "metrics": {"input_tokens": 3.0}, "type": "llm"}  # fmt: skip
    data = msgpack.packb([[span, span | {"span_id": 2**62 + 10}]])
    redacted = copy(data)
    (traces,) = [msgpack.unpackb(redacted)]

    assert told(data) == told(redacted)
    assert not TENANTS.search(redacted)
    assert traces[0][0]["trace_id"] == traces[0][1]["trace_id"] != 2**63 + 7
