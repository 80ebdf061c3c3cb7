"""`--jobs` changes no byte of a report: every line of a file is read once, wherever its ranges meet."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import msgspec
import polars as pl
import pytest

from auditor.audit import audit
from auditor.catalogue.fields import catalogue
from auditor.evidence.schema import Table
from auditor.execution.local import _concat, _read_range
from auditor.inputs.source import Input, Source
from auditor.policy.model import Policy
from auditor.readers.ingest import builder_of
from auditor.readers.registry import all_readers, format_of
from tests.support.chains import invocation, span

SPLITTING = {r.format.name for r in all_readers() if r.source is not None and r.source.splits}


def document(number: int) -> str:
    """One line of OTLP/JSON; every process has a team of its own."""
    service = [
        {"key": "service.name", "value": {"stringValue": f"worker-{number % 2}"}},
        {"key": "team.id", "value": {"stringValue": f"team-{number % 2}"}},
    ]
    tenant = "acme" if number % 3 else ""
    scopes = [{"spans": [span(number, tenant=tenant)]}]
    return json.dumps({"resourceSpans": [{"resource": {"attributes": service}, "scopeSpans": scopes}]})


RECORDS: dict[str, Callable[[int], str]] = {
    "otlp-json": document,
    "bedrock-invocation-log": lambda n: invocation(n, tenant="acme" if n % 3 else ""),
}


# half a surrogate pair, a count beyond 64 bits, an attribute or a region of another type
ODD = (
    ("acme", "\\ud800"),
    ("45", "9223372036854775808"),
    ('"key": "request.id", ', ""),
    ('"us-east-1"', "[]"),
)


def lines_of(fmt: str, end: str = "\n") -> str:
    """A few records, broken and odd lines, an empty one, and a last line without an end."""
    rows = [RECORDS[fmt](n) for n in range(1, 5)]
    odd = [rows[3].replace(a, b) for a, b in ODD]
    return end.join([rows[0], rows[1], '{"broken', "", *odd, *rows[2:]])


def joined_at(path: Path, fmt: str, edges: list[int]) -> Table:
    """The table of a file whose ranges meet at these offsets, each read by itself."""
    given = Input("lines", path=path, format=fmt)
    ranges = [_read_range((given, fmt, catalogue(), a, b)) for a, b in pairwise(edges)]
    found = format_of(fmt)
    assert found is not None
    source = Source(given)
    return _concat(builder_of(source, given, found, catalogue()), source, ranges, edges)


def content(table: Table) -> tuple[object, ...]:
    """What a table holds, whatever the order of its columns and the numbers of its slots and processes."""
    frame = table.frame
    slots = {name: [None if n is None else table.slots[n] for n in frame[name]]
             for name in frame.columns if name.endswith("_slot")}  # fmt: skip
    processes = frame["process"].drop_nulls().n_unique() <= frame.height
    # `nth` is a record's place where it has no offset; what it points to is compared by whole reports
    plain = frame.select(
        sorted(c for c in frame.columns if c not in ("process", "nth") and c[-5:] != "_slot")
    )
    return (plain.to_dict(as_series=False), slots, processes, table.skips, table.skipped_total, table.notes)


def test_every_format_that_splits_is_tried() -> None:
    """A reader of ranges has records here."""
    assert SPLITTING == RECORDS.keys()


@pytest.mark.parametrize("fmt", sorted(RECORDS))
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_ranges_that_meet_anywhere_give_each_line_once(fmt: str, end: str, tmp_path: Path) -> None:
    """Borders all over the file, and each near a line start: the records, places and skips of one range."""
    path = tmp_path / "lines.jsonl"
    data = lines_of(fmt, end).encode()
    path.write_bytes(data)
    whole = content(joined_at(path, fmt, [0, len(data)]))

    near = {i + shift for i, byte in enumerate(data) if byte == ord("\n") for shift in (-1, 0, 1, 2, 3)}
    borders = sorted(at for at in near | {*range(1, len(data), 97)} if 0 < at < len(data))

    wrong = [at for at in borders if content(joined_at(path, fmt, [0, at, len(data)])) != whole]

    assert [] == wrong


@pytest.mark.parametrize("fmt", sorted(RECORDS))
def test_borders_on_and_around_every_line_start(fmt: str, tmp_path: Path) -> None:
    """All borders at once: on each line start, one byte before, one behind, and a range of one byte."""
    path = tmp_path / "lines.jsonl"
    data = lines_of(fmt).encode()
    path.write_bytes(data)
    starts = [at + 1 for at, byte in enumerate(data) if byte == ord("\n")]
    whole = content(joined_at(path, fmt, [0, len(data)]))

    for shift in (-1, 0, 1):
        edges = [0, *(at + shift for at in starts), len(data)]
        assert whole == content(joined_at(path, fmt, edges))
    around = sorted({0, len(data), *(at + shift for at in starts for shift in (-1, 0, 1))})
    assert whole == content(joined_at(path, fmt, around))


@pytest.mark.parametrize("fmt", sorted(RECORDS))
def test_blocks_that_end_on_a_line_start(fmt: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of any few bytes give the same lines at the same offsets."""
    path = tmp_path / "lines.jsonl"
    data = lines_of(fmt).encode()
    path.write_bytes(data)
    source = Source(Input("lines", path=path))

    def read(start: int, end: int | None) -> list[tuple[int, bytes]]:
        out = []
        for offset, block in source.lines(start, end):
            for line in block:
                out.append((offset, line))
                offset += len(line)
        return out

    whole = read(0, None)
    for size in (1, 2, 7, len(whole[0][1]) - 1, len(whole[0][1]), len(whole[0][1]) + 1):
        monkeypatch.setattr("auditor.inputs.source.CHUNK", size)
        assert whole == read(0, None) == read(0, len(data))
        assert data == b"".join(line for _, line in whole)


@pytest.mark.parametrize("fmt", sorted(RECORDS))
def test_jobs_change_no_byte_of_the_report(fmt: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of one length, so that ranges begin on line starts; with and without the format's name."""
    path = tmp_path / "lines.jsonl"
    rows = [RECORDS[fmt](n) for n in range(1, 57)]
    width = max(map(len, rows)) + 1
    path.write_text("".join(row[:-1] + " " * (width - len(row) - 1) + "}\n" for row in rows))
    monkeypatch.setattr("auditor.execution.local.SPLIT_FROM", 1)
    monkeypatch.setattr("auditor.execution.local.RANGE", 4 * width)

    for named in (fmt, None):
        reports = [
            audit([Input("lines", path=path, format=named)], Policy(profile="all"), jobs=jobs)
            for jobs in (1, 2)
        ]
        assert 56 == reports[0].totals.calls
        assert msgspec.json.encode(reports[0]) == msgspec.json.encode(reports[1])


def test_processes_of_two_ranges_stay_apart(tmp_path: Path) -> None:
    """The first process of each range is another one: their teams are evidence, as in one range."""
    path = tmp_path / "lines.jsonl"
    rows = [document(1), document(2)]
    path.write_text("\n".join(rows) + "\n")

    table = joined_at(path, "otlp-json", [0, len(rows[0]) + 1, path.stat().st_size])

    assert (
        2 == table.frame["process"].n_unique() == table.frame.filter(pl.col("process").is_not_null()).height
    )
