"""What carries, wraps, orders or spells records says nothing of their calls: the verdicts stay the same.

And one value that is taken away or moved changes the verdict of its field on its call, and nothing else.
A push draws a few of the variants; `make fuzz` goes through all of them.
"""

from __future__ import annotations

import csv
import io
import json
import re
from functools import cache
from typing import Any, NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from auditor.audit import Input, audit
from auditor.catalogue.fields import catalogue
from auditor.catalogue.samples import samples
from auditor.framing.key_value import logfmt_pairs
from auditor.policy.model import Policy
from tests.support.draws import draws
from tests.support.transformations import (
    ENVELOPES,
    FILES,
    NESTINGS,
    SPELLINGS,
    Record,
    document,
    json_lines,
    renamed,
)

ALL = Policy(profile="all")
PATHS = {s.name: s.path for s in samples()}
LOGS = ("key-value", "logfmt", "plain-text", "lambda-log", "generic-json", "litellm-json-logs")
KINDS = ("good", "gappy")
LINES = [f"{name}-{kind}" for name in LOGS for kind in KINDS]
# a product's own lines are not looked for in the body of an OTLP log record
ENVELOPED = [
    (name, envelope)
    for name in LINES
    for envelope in sorted(ENVELOPES)
    if envelope != "otlp body" or not name.startswith(("lambda", "litellm"))
]
RECORDS = [f"{name}-{kind}" for name in ("generic-json", "litellm-standard-logging") for kind in KINDS]


class Verdicts(NamedTuple):
    """How many calls there are, and of each field how many have it, lack it or have it at a wrong scope."""

    calls: int
    fields: dict[str, tuple[int, int, int]]


def verdicts(*contents: bytes) -> Verdicts:
    """The verdicts on some inputs together. Which format cannot carry a field is a matter of the wrapping."""
    inputs = [Input(name=f"input {number}", data=data) for number, data in enumerate(contents)]
    found = audit(inputs, ALL, planned=False)
    return Verdicts(
        found.totals.calls,
        {f.field: (f.present, f.absent + f.not_carried, f.mis_scoped) for f in found.fields},
    )


@cache
def content(name: str) -> bytes:
    """The bytes of a sample."""
    return PATHS[name].read_bytes()


@cache
def unchanged(name: str) -> Verdicts:
    """The verdicts on a sample as it is shipped."""
    return verdicts(content(name))


def lines(name: str) -> list[str]:
    """The lines of a sample that are not blank."""
    return [line for line in content(name).decode().splitlines() if line.strip()]


def records(name: str) -> list[Record]:
    """The records of a sample of JSON lines."""
    return [json.loads(line) for line in lines(name)]


@draws(6)
@given(case=st.sampled_from(ENVELOPED))
@example(case=("plain-text-gappy", "docker"))
@example(case=("generic-json-gappy", "otlp body"))
def test_an_envelope_changes_no_verdict(case: tuple[str, str]) -> None:
    """A line says the same from Docker, journald, CloudWatch, Loki, an index or behind a prefix."""
    name, envelope = case
    assert unchanged(name) == verdicts(ENVELOPES[envelope](lines(name)))


# what names no owner and no number by itself (`provider`, `user`, `cost`) is read as a whole key only
WHOLE = frozenset(name for field in catalogue().fields.values() for name in field.exact_only)
LEVEL_KEYS = frozenset({"event", "msg", "ts", "level", "logger"})
OTLP_LOGS = [f"otlp-logs-json-{kind}" for kind in KINDS]
# of an OTLP export, what holds whole documents
FOR_DOCUMENTS = [
    "under an unknown key",
    "two levels down",
    "a list under an unknown key",
    "a list at depth 4",
    "two lists",
    "pages",
    "a map by id",
    "an array",
    "pretty records",
    "search hits",
]


def pairs_as_records(name: str) -> list[Record]:
    """The lines of a logfmt sample as records."""
    return [record for line in lines(name) if (record := logfmt_pairs(line)) is not None]


NESTED = [
    (name, nesting)
    for name in RECORDS
    for nesting in sorted(NESTINGS)
    if name.startswith("generic") or nesting != "otlp map body"
] + [(name, nesting) for name in OTLP_LOGS for nesting in FOR_DOCUMENTS]


@draws(4)
@given(case=st.sampled_from(NESTED))
@example(case=("litellm-standard-logging-good", "gcp json"))
@example(case=("otlp-logs-json-gappy", "a list under an unknown key"))
def test_a_nesting_changes_no_verdict(case: tuple[str, str]) -> None:
    """A record says the same under an unknown key, in a list or a map at any depth, pretty or as text."""
    name, nesting = case
    assert unchanged(name) == verdicts(NESTINGS[nesting](records(name)))


@draws(2)
@given(name=st.sampled_from(["logfmt-good", "logfmt-gappy"]), nesting=st.sampled_from(sorted(NESTINGS)))
@example(name="logfmt-gappy", nesting="gcp json")
def test_short_keys_and_failures_are_read_at_any_depth(name: str, nesting: str) -> None:
    """`cost`, `user`, `latency` and an error level mean the same in a record that an envelope holds."""
    given_records = pairs_as_records(name)
    assert verdicts(json_lines(given_records)) == verdicts(NESTINGS[nesting](given_records))


@draws(1)
@given(kind=st.sampled_from(KINDS), spelling=st.sampled_from(sorted(SPELLINGS)))
@example(kind="gappy", spelling="pascal")
def test_the_spelling_of_keys_changes_no_verdict(kind: str, spelling: str) -> None:
    """Snake, camel, kebab, dotted, glued, capitals, a company's prefix; in JSON, pairs and tables."""
    keep = WHOLE if spelling.startswith("prefixed") else frozenset[str]()
    respelled = [renamed(record, spelling, keep) for record in records(f"generic-json-{kind}")]
    assert unchanged(f"generic-json-{kind}") == verdicts(json_lines(respelled))

    def key(match: re.Match[str]) -> str:
        return match[0] if match[0] in LEVEL_KEYS | keep else SPELLINGS[spelling](match[0])

    for name in (f"logfmt-{kind}", f"key-value-{kind}"):
        text = re.sub(r"(?<= )[a-z_]+(?==)", key, content(name).decode())
        assert unchanged(name) == verdicts(text.encode()), name
    header, *rows = csv.reader(io.StringIO(content("table-good").decode()))
    table = io.StringIO()
    csv.writer(table).writerows([[SPELLINGS[spelling](name) for name in header], *rows])
    assert unchanged("table-good") == verdicts(table.getvalue().encode())


@draws(4)
@given(name=st.sampled_from([*LINES, *RECORDS, *OTLP_LOGS, "table-good"]), way=st.sampled_from(sorted(FILES)))
def test_the_file_changes_no_verdict(name: str, way: str) -> None:
    """Line ends, a byte order mark, an encoding, compression and blank lines are no evidence."""
    assert unchanged(name) == verdicts(FILES[way](content(name)))


@draws(2)
@given(name=st.sampled_from([*LINES, *RECORDS, *OTLP_LOGS]))
def test_the_order_and_the_file_of_records_change_no_verdict(name: str) -> None:
    """Backwards, and in two files one behind the other."""
    given_lines = lines(name)
    half = len(given_lines) // 2
    assert unchanged(name) == verdicts("\n".join(reversed(given_lines)).encode())
    assert unchanged(name) == verdicts(
        *("\n".join(p).encode() for p in (given_lines[:half], given_lines[half:]))
    )


# -- changes of one cell -------------------------------------------------------------------------------------

OWNERS = {"tenant_id": "tenant_id", "team": "team_id", "workflow_id": "workflow_id", "user_id": "user_id"}
BLANKS: list[Any] = [None, "", "  ", "unknown", "${TENANT}", "<none>", []]
CALL = 2  # the record of the sample that is changed: its second call


def moved(verdict: Verdicts, field: str, number: int, to: int) -> Verdicts:
    """Verdicts in which some calls of a field that were present are absent (1) or mis-scoped (2)."""
    cell = list(verdict.fields[field])
    cell[0] -= number
    cell[to] += number
    return verdict._replace(fields=verdict.fields | {field: (cell[0], cell[1], cell[2])})


@draws(4)
@given(key=st.sampled_from(sorted(OWNERS)), blank=st.sampled_from(BLANKS), line=st.booleans())
def test_a_blank_owner_is_absent_on_its_call_alone(key: str, blank: Any, line: bool) -> None:
    """In a record and in the text of an envelope: nothing else changes."""
    given_records = records("generic-json-good")
    given_records[CALL][key] = blank
    wrap = ENVELOPES["docker"] if line else lambda texts: "\n".join(texts).encode()
    found = verdicts(wrap([json.dumps(record) for record in given_records]))
    assert moved(unchanged("generic-json-good"), OWNERS[key], 1, 1) == found


MOVES: dict[str, Any] = {
    "a header": lambda key, value: {"request": {"headers": {f"x-{key.replace('_', '-')}": value}}},
    "baggage": lambda key, value: {"baggage": f"{key}={value}"},
    "the resource": lambda key, value: {"resource": {"attributes": {key: value}}},
    "a label of the process": lambda key, value: {"labels": {key: value}},
}


@draws(4)
@given(key=st.sampled_from(sorted(OWNERS)), place=st.sampled_from(sorted(MOVES)))
def test_an_owner_at_a_wider_place_is_mis_scoped_on_its_call_alone(key: str, place: str) -> None:
    """Moved to a header, to baggage or to the process, in a record as in one below an unknown key."""
    given_records = records("generic-json-good")
    given_records[CALL] |= MOVES[place](key, given_records[CALL].pop(key))
    wanted = moved(unchanged("generic-json-good"), OWNERS[key], 1, 2)
    assert wanted == verdicts(json_lines(given_records))
    assert wanted == verdicts(NESTINGS["a list at depth 2"](given_records))


@draws(2)
@given(key=st.sampled_from(sorted(OWNERS)))
def test_an_owner_of_a_batch_is_mis_scoped_on_its_calls(key: str) -> None:
    """A value beside the list of records is wider than each of them."""
    calls = records("generic-json-good")[1:]
    values = [call.pop(key) for call in calls]
    found = verdicts(document({key: values[0], "zzz": calls}))
    assert moved(unchanged("generic-json-good"), OWNERS[key], len(calls), 2) == found


SPAN_OWNERS = {
    "tenant.id": "tenant_id",
    "team.id": "team_id",
    "workflow.id": "workflow_id",
    "enduser.id": "user_id",
}


@draws(4)
@given(key=st.sampled_from(sorted(SPAN_OWNERS)), place=st.sampled_from(["blank", "parent", "header"]))
def test_an_owner_of_a_span_changes_its_call_alone(key: str, place: str) -> None:
    """Emptied it is absent; on the parent or in a captured header it is mis-scoped."""
    export = json.loads(content("otlp-json-good"))
    spans = [s for r in export["resourceSpans"] for scope in r["scopeSpans"] for s in scope["spans"]]
    call = next(s for s in reversed(spans) if any(a["key"] == key for a in s["attributes"]))
    owner = next(a for a in call["attributes"] if a["key"] == key)
    if place == "blank":
        owner["value"] = {"stringValue": ""}
    elif place == "header":
        owner["key"] = f"http.request.header.x-{SPAN_OWNERS[key].replace('_', '-')}"
    else:
        call["attributes"].remove(owner)
        next(s for s in spans if s["spanId"] == call["parentSpanId"])["attributes"].append(owner)
    wanted = moved(unchanged("otlp-json-good"), SPAN_OWNERS[key], 1, 1 if place == "blank" else 2)
    assert wanted == verdicts(document(export))
