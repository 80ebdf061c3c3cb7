"""Reports read back: our own JSON document, recognised by its tool, its schema version checked."""

from __future__ import annotations

import msgspec

from auditor.errors import InputError
from auditor.report.schema import Report, Struct

NAME = "attribution-gap-auditor"
SCHEMA = "1"
MAX_REPORT = 64 * 1024 * 1024  # bytes; a report has dozens of gaps, not millions


class _Tool(Struct, frozen=True):
    name: str = ""


class _Header(Struct, frozen=True):
    """What distinguishes a report from other JSON."""

    tool: _Tool
    schema: str


def is_report(data: bytes) -> bool:
    """Whether these bytes are a report of ours, of whatever version."""
    if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") or len(data) > MAX_REPORT:
        return False
    try:
        return msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=_Header).tool.name == NAME
    except (msgspec.DecodeError, RecursionError):
        return False


def read_report(data: bytes, name: str) -> Report:
    """The report in these bytes; InputError when they hold none, or one that this version cannot read."""
    if not is_report(data):
        raise InputError(f"{name}: no report of this tool", "`auditor audit --format json` writes one")
    data = data.removeprefix(b"\xef\xbb\xbf")
    version = msgspec.json.decode(data, type=_Header).schema
    if version != SCHEMA:
        raise InputError(
            f"{name}: a report of schema {version[:20]!r}; this version reads schema {SCHEMA}",
            "audit the input again, or use the version that wrote the report",
        )
    try:
        return msgspec.json.decode(data, type=Report)
    except (msgspec.DecodeError, RecursionError) as error:
        reason = str(error) if isinstance(error, msgspec.ValidationError) else "it is cut off or malformed"
        raise InputError(f"{name}: the report is broken: {reason}", "write it again") from None
