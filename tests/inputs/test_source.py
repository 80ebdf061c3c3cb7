"""What people really paste: byte order marks, prefixes, broken lines, depth. Nothing is lost silently."""

from __future__ import annotations

import gzip
import json

import pytest

from auditor.audit import Input, audit
from auditor.errors import AuditError, InputError, TooLarge, UnsupportedInput
from auditor.report.schema import InputReport

CALL = '{"model": "m", "input_tokens": 3, "output_tokens": 1, "tenant_id": "acme", "request_id": "r-1"}'
PRETTY = json.dumps(json.loads(CALL), indent=2)
NESTED = '{"a":' * 200 + "1" + "}" * 200


def read(data: bytes) -> InputReport:
    """How one input was read."""
    return audit([Input(name="paste", data=data)]).inputs[0]


@pytest.mark.parametrize(
    ("text", "calls", "skipped"),
    [
        ("\ufeff" + CALL, 1, 0),
        (f"{CALL}\r\n\r\n{CALL}\r\n", 2, 0),
        (f"{CALL}\n{CALL[:40]}", 1, 1),
        (f"{CALL}\n{{broken\n{CALL}\n", 2, 1),
        (f"[{CALL},\n {CALL}]", 2, 0),
        (f"{PRETTY}\nINFO a log line\n{PRETTY}", 2, 0),
        (f"2026-09-14T10:00:03.1Z stdout F {CALL}\n2026-09-14T10:00:04.1Z stderr F {CALL}\n", 2, 0),
        (f'{{"events": [{{"timestamp": 1, "message": {json.dumps(CALL)}}}]}}', 1, 0),
        (f'{{"Records": [{CALL}, {CALL}]}}', 2, 0),
        (f"\x1b[32mINFO\x1b[0m {CALL}\n\x1b[32mINFO\x1b[0m {CALL}\n", 2, 0),
        (f"{CALL}\n{NESTED}\n", 1, 1),
    ],
    ids=[
        "byte order mark", "crlf and blank lines", "truncated last line", "broken middle line", "array",
        "pretty printed with log lines between", "cri prefix", "cloudwatch events", "wrapped in Records",
        "coloured prefix", "one line nested 200 deep",
    ],
)  # fmt: skip
def test_records_are_found_in_what_people_paste(text: str, calls: int, skipped: int) -> None:
    """Each record is a call, each unreadable piece a counted skip."""
    found = read(text.encode())
    assert (calls, skipped) == (found.calls, found.skipped_total)


def test_utf_16_is_read() -> None:
    """A file that a spreadsheet saved as UTF-16 is text like any other."""
    assert read(CALL.encode("utf-16")).calls == 1


def test_gzip_is_unwrapped_by_its_bytes() -> None:
    """A gzipped file with a plain name is inflated; the report gives its size on disk."""
    packed = gzip.compress(CALL.encode())
    found = read(packed)
    assert (1, len(packed)) == (found.calls, found.bytes)


def test_a_gzip_bomb_is_refused() -> None:
    """More than a hundred times the packed size is too much, and the message names the limit."""
    with pytest.raises(TooLarge, match="100 times"):
        read(gzip.compress(f"{CALL}\n".encode() * 400_000))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (bytes(range(256)) * 20, "binary"),
        (NESTED.encode(), "nested deeper than 100 levels"),
        (b"[" * 200 + b"]" * 200, "nested deeper than 100 levels"),
        (b"hello\nworld\n", "no JSON record"),
        (b"a,b,c\n1,2,3\n", "table"),
        (b'{"broken": ', "not JSON"),
    ],
    ids=["nothing", "white space", "binary", "deep object", "deep array", "prose", "other table", "broken"],
)
def test_what_cannot_be_read_is_refused_with_a_reason(data: bytes, says: str) -> None:
    """The message says what it is; the hint says what to do."""
    with pytest.raises(InputError) as caught:
        read(data)
    assert says in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a picture"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (b"ARROW1\x00\x00", "an Arrow or Feather file"),
        (b"Obj\x01\x04\x14", "an Avro file"),
        (b"\xd4\xc3\xb2\xa1\x02\x00", "a network capture"),
        (b'{"Version": "2012-10-17", "Statement": []}', "an IAM policy"),
        (b'{"openapi": "3.1.0", "paths": {}}', "an API description"),
        (b'{"panels": [], "schemaVersion": 39}', "a Grafana dashboard"),
        (b'{"AWSTemplateFormatVersion": "2010-09-09", "Resources": {}}', "a CloudFormation template"),
        (b"# HELP llm_tokens_total x\n# TYPE llm_tokens_total counter\n", "Prometheus metrics"),
        (b"SELECT tenant, sum(cost)\nFROM calls\n", "SQL statements"),
        (b"import boto3\nclient = boto3.client('bedrock-runtime')\n", "source code"),
    ],
)
def test_what_holds_no_evidence_is_named_and_refused(data: bytes, says: str) -> None:
    """The answer says what it looks like and what to bring instead."""
    with pytest.raises(UnsupportedInput) as caught:
        read(data)
    assert says in caught.value.message
    assert caught.value.hint


def test_an_error_never_quotes_the_input() -> None:
    """Values in broken data stay out of the message."""
    with pytest.raises(AuditError) as caught:
        read(b'{"tenant": "acme-secret", broken')
    assert "acme" not in caught.value.message + caught.value.hint
