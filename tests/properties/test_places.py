"""Every call of every sample is found at its own line, and every gap at its key, however it was pasted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import pytest

from auditor.audit import Input, audit
from auditor.catalogue.fields import catalogue
from auditor.catalogue.samples import samples
from auditor.errors import AuditError
from auditor.inputs.source import Source
from auditor.locate.places import Locator, Place
from auditor.policy.model import Policy
from auditor.readers.ingest import ingest

TEXTS = {
    sample.name: sample.path.read_text("utf-8") for sample in samples() if sample.path.suffix not in (".b64",)
}
# values at these scopes are written on the record itself
OWN = frozenset(
    """request span gateway_record request_metadata attempt resource_tag principal_tag billing_aggregate
    principal""".split()
)
PROSE = "Größe – 日本語 notes\tof the day:\n\nsee below, it is all there is\n\n"
MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
MARKDOWN = f"""| tenant | model | input_tokens | output_tokens | request_id |
| --- | --- | --- | --- | --- |
| unknown | {MODEL} | 10 | 4 | rq-markdown-1 |
| acme | {MODEL} | 10 | 4 | rq-markdown-2 |
"""
PSQL = f""" tenant  | model                                  | input_tokens | output_tokens | request_id
---------+----------------------------------------+--------------+---------------+------------
 unknown | {MODEL} |           10 |             4 | rq-psql-01
 acme    | {MODEL} |           10 |             4 | rq-psql-02
(2 rows)
"""
CSV = f"""tenant,model,input_tokens,output_tokens,request_id
unknown,{MODEL},10,4,rq-csv-1
acme,{MODEL},10,4,rq-csv-2
"""
TABLES = f"{MARKDOWN}\nthen psql:\n\n{PSQL}\nand CSV:\n\n{CSV}\n"


def lines(text: str) -> Iterable[str]:
    return (line for line in text.split("\n") if line.strip())


def ended(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def docker(text: str) -> str:
    """Each line as Docker's json-file driver keeps it."""
    records = (
        {"log": f"{line}\n", "stream": "stdout", "time": "2026-09-14T10:00:03Z"} for line in lines(text)
    )
    return "".join(f"{json.dumps(record)}\n" for record in records)


def encoded_twice(text: str) -> str:
    """Each line as text in JSON in text in JSON, behind a prefix."""
    inner = (json.dumps({"level": "info", "message": line}) for line in lines(text))
    return "".join(f"2026-09-14T10:00:03Z stdout F {json.dumps({'ts': 1, 'message': m})}\n" for m in inner)


def cloudwatch(text: str) -> str:
    """The lines as `filter-log-events` prints them."""
    events = [{"timestamp": 1789380003000 + i, "message": line} for i, line in enumerate(lines(text))]
    return json.dumps({"events": events}, indent=2)


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "between prose": lambda text: f"{PROSE}{ended(text)}\n\nthat was it, thanks\n",
    "between prose, CRLF": lambda text: f"{PROSE}{ended(text)}\n\nthat was it\n".replace("\n", "\r\n"),
    "above tables": lambda text: f"{PROSE}{ended(text)}\n{TABLES}",
    "below tables": lambda text: f"the tables:\n\n{TABLES}words\n\n{text}",
    "in Docker's envelope": docker,
    "encoded twice": encoded_twice,
    "in CloudWatch's answer": cloudwatch,
}


GAPPY = [name for name in TEXTS if name.endswith("-gappy")]
AROUND_KEYS = ["as it is", "between prose, CRLF", "above tables", "encoded twice"]


def in_turn(names: list[str], forms: list[str]) -> list[tuple[str, str]]:
    """Two forms for each sample, another two for the next: every form is met with many samples."""
    half = len(forms) // 2
    return [(name, forms[(i + by) % len(forms)]) for i, name in enumerate(names) for by in (0, half)]


@pytest.mark.parametrize(("name", "form"), in_turn(list(TEXTS), list(FORMS)))
def test_every_call_is_found_at_its_own_line(name: str, form: str) -> None:
    """A value that is written once is in the lines of the call that has it, and of no other record."""
    if (name, form) == ("botocore-debug-good", "in Docker's envelope"):
        pytest.skip("its lines are read without the envelope, and what names a call is on the line before it")
    text = FORMS[form](TEXTS[name])
    for row, place, end, own in calls_of(text):
        assert place.line is not None, row["format"]
        there = "\n".join(text.split("\n")[place.line - 1 : end])
        assert not own or any(value in there for value in own), (place.line, row["format"], own)


def calls_of(text: str) -> list[tuple[dict[str, Any], Place, int, list[str]]]:
    """Each call with its place, the line before that of the next record, and values that name it."""
    given = Input(name="paste", data=text.encode())
    source = Source(given)
    try:
        table = ingest(source, given, catalogue())
    except AuditError:
        return []  # what no reader knows has no places
    locator = Locator(source, table.read_as, table.parts)
    rows = list(table.frame.iter_rows(named=True))
    places = [
        locator.place(row["record"], row["offset"], row["nth"] or 0, row["pointer"], row["format"])
        for row in rows
    ]
    starts = sorted({place.line for place in places if place.line})
    out = []
    for row, place in zip(rows, places, strict=True):
        if row["kind"] == "call":
            end = next((line - 1 for line in starts if line > (place.line or 0)), text.count("\n") + 1)
            out.append((row, place, end, [*_values(row, table.slots, text)]))
    return out


def _values(row: dict[str, Any], slots: list[Any], text: str) -> Iterable[str]:
    """Values of a record that are nowhere else; ids of its span and request, which its events repeat."""
    for field in catalogue().fields:
        value, slot = row.get(field), row.get(f"{field}_slot")
        if isinstance(value, str) and len(value) > 3 and slot is not None and slots[slot].scope in OWN:
            yield from [value] if text.count(value) == 1 else []
    yield from (value for key in ("span_id", "request_id") if (value := row.get(key)) and value in text)


@pytest.mark.parametrize(("name", "form"), in_turn(GAPPY, AROUND_KEYS))
def test_every_gap_is_at_its_key(name: str, form: str) -> None:
    """Where the key of a placeholder is in the line, the column is that of a key of the field."""
    text = FORMS[form](TEXTS[name])
    try:
        report = audit([Input(name="paste", data=text.encode())], Policy(profile="all"), planned=False)
    except AuditError:
        return
    rows = text.split("\n")
    for gap in report.gaps:
        for anchor in gap.anchors if gap.cause in ("placeholder", "empty") else ():
            assert anchor.line is not None
            assert anchor.column is not None
            line = rows[anchor.line - 1]
            assert 1 <= anchor.column <= len(line) + 1
            at = line[anchor.column - 1 :]
            if _names(line, gap.field):
                key = re.match(r"[\\\"']*([\w.@/-]+)", at)
                assert means(key[1] if key else "", gap.field), (gap.rule, anchor.line, at[:40])


def _names(line: str, field: str) -> list[str]:
    """The keys in a line that mean a field."""
    keys = re.findall(r"(?<![\w.-])([A-Za-z][\w.@/-]*)[\\\"']*\s*(?:[=:]|, *[\\\"']*value)", line)
    return [key for key in keys if means(key, field)]


@cache
def means(key: str, field: str) -> bool:
    match = catalogue().lookup(key)
    return match is not None and match.field == field
