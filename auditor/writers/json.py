"""The JSON report, `"schema": "1"`: the report's own structure, field for field."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from auditor.writers import Options, Writer

if TYPE_CHECKING:
    from auditor.report.schema import Report

# control, zero-width and bidi characters that JSON allows unescaped and terminals or editors act on
_UNSAFE = re.compile(
    r"(?<=#)#(?=\w*\[)|"  # a command in the logs of some CI systems
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]".encode().decode()
)


def write(report: Report, _: Options) -> bytes:
    """The report as indented JSON."""
    return document(report)


def document(value: Any) -> bytes:
    """Any value as indented JSON with a newline at its end, unsafe characters as escapes."""
    return escaped(msgspec.json.format(msgspec.json.encode(value), indent=2)) + b"\n"


def escaped(text: bytes) -> bytes:
    """JSON with every character escaped that a terminal, an editor or a CI log could act on."""
    return _UNSAFE.sub(_escape, text.decode()).encode()


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def schema() -> dict[str, Any]:
    """The JSON Schema of the report, made from its types."""
    from auditor.report.schema import Report

    (body,), parts = msgspec.json.schema_components([Report], ref_template="#/$defs/{name}")
    for part in parts.values():
        part["required"] = list(part["properties"])  # defaults are written too
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Attribution gap report, schema 1",
        **body,
        "$defs": parts,
    }


WRITER = Writer("json", ".json", "application/json", write)
