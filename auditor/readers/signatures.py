"""Formats that hold no evidence, recognised by magic bytes or decisive keys and refused with advice.

A signature is checked before the readers: it must not match what one of them can read.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from auditor.evidence.formats import Format
from auditor.readers.contract import InputSample, Reader

_RECORDS = "Bring the records themselves: traces, gateway or application log lines, or rows of the bill."
_TABLE = "Export the table as CSV or Parquet and pass that."
_LOGS = "Bring what it wrote instead: the traces, the log lines or the spend rows of the calls."


def _magic(*starts: bytes) -> Callable[[InputSample], float]:
    """Scores 1 where the bytes begin with one of these."""

    def sniff(sample: InputSample) -> float:
        return 1.0 if sample.head.startswith(starts) else 0.0

    return sniff


def _keys(*groups: str) -> Callable[[InputSample], float]:
    """Scores 1 where the only object has all keys of one group (separated by spaces)."""
    wanted = [frozenset(g.split()) for g in groups]

    def sniff(sample: InputSample) -> float:
        objects = [o for o in sample.objects if isinstance(o, dict)]
        return 1.0 if len(objects) == 1 and any(w <= set(objects[0]) for w in wanted) else 0.0

    return sniff


def _starts(pattern: str, *, tables: bool = True) -> Callable[[InputSample], float]:
    """Scores 1 where the text begins with a match of the pattern; not for `tables` unless they are meant."""
    compiled = re.compile(pattern.encode(), re.I | re.M)

    def sniff(sample: InputSample) -> float:
        if sample.container == "table" and not tables:
            return 0.0
        return 1.0 if sample.container != "binary" and compiled.match(sample.head.lstrip()[:4096]) else 0.0

    return sniff


def _format(name: str, title: str, advice: str, sniff: Callable[[InputSample], float]) -> Reader:
    return Reader(format=Format(name=name, layer="app", title=title, unsupported=advice), sniff=sniff)


SIGNATURES = (
    _format("pdf", "a PDF document", _RECORDS, _magic(b"%PDF-")),
    _format(
        "image", "a picture", "Copy the text that it shows.", _magic(b"\x89PNG", b"\xff\xd8\xff", b"GIF8")
    ),
    _format("sqlite", "an SQLite database", _TABLE, _magic(b"SQLite format 3\x00")),
    _format("arrow", "an Arrow or Feather file", _TABLE, _magic(b"ARROW1", b"FEA1")),
    _format("orc", "an ORC file", _TABLE, _magic(b"ORC")),
    _format("avro", "an Avro file", _TABLE, _magic(b"Obj\x01")),
    _format(
        "pcap",
        "a network capture",
        "Follow the HTTP stream and pass it as text; TLS hides what a capture holds.",
        _magic(b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x0a\x0d\x0d\x0a"),
    ),
    _format(
        "iam-policy",
        "an IAM policy",
        "A policy says who may call. Bring who did: CloudTrail events, invocation logs, or the bill.",
        _keys("Version Statement"),
    ),
    _format(
        "terraform-state",
        "a Terraform state or plan",
        _LOGS,
        _keys("terraform_version format_version", "terraform_version resources serial"),
    ),
    _format("openapi", "an API description", _RECORDS, _keys("openapi paths", "swagger paths")),
    _format(
        "grafana-dashboard",
        "a Grafana dashboard",
        "It says what is drawn. Bring the data: Explore, Inspector, Download JSON or CSV.",
        _keys("panels schemaVersion", "dashboard meta"),
    ),
    _format(
        "cloudformation", "a CloudFormation template", _LOGS, _keys("AWSTemplateFormatVersion Resources")
    ),
    _format(
        "prometheus-text",
        "Prometheus metrics",
        "They are sums by label and hold no calls. Bring the calls' traces, log lines or spend rows.",
        _starts(r"# (HELP|TYPE) [a-z_:][\w:]* "),
    ),
    _format(
        "sql",
        "SQL statements",
        "Run the query and pass its result as CSV or as the console prints it.",
        _starts(
            r"(select\s[\s\S]{1,400}?\sfrom\s|insert into\s|create (table|view)\s|with \w+ as \()",
            tables=False,
        ),
    ),
    _format(
        "source-code",
        "source code",
        _LOGS,
        _starts(r"(#!/|import \w|from [\w.]+ import |package \w+|#include )"),
    ),
)
