"""Rows of Logs Insights: pairs to columns, dotted columns to records, the fields that a selection shows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from auditor.evidence.builder import Builder
from auditor.framing.json_values import SkipFn
from auditor.framing.tables import Row, rows_of

_FUNCTION = re.compile(
    r"(?i)^(?:count|sum|avg|min|max|pct|median|stddev|percentile|count_distinct|bin|earliest|latest|"
    r"sortsFirst|sortsLast)\s*\("
)
_TOTAL = re.compile(r"^(?:total|sum|avg|num|count)(?:[A-Z_]\w*)?$|^(?:calls|invocations|requests|hits)$")
_TABLE = re.compile(r"^\|.*\|[ \t]*\r?\n\|[\s:|-]+\|[ \t]*$", re.M)
_DOTTED = re.compile(r"\((?:@|identity\.arn|(?:input|output)\.\w+TokenCount|requestMetadata\.|modelId)")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}")
_IDS = ("requestid", "request_id", "eventid", "traceid", "trace_id", "correlation_id")
_INVOCATION = ("identity.arn", "input.inputtokencount", "output.outputtokencount", "schematype")
# the fields that a column of the invocation log shows
_SHOWS = {
    "identity.arn": ("iam_principal", "user_id"),
    "modelid": ("model",),
    "requestid": ("attempt_id", "request_id"),
    "region": ("region",),
    "inferenceregion": ("inference_region",),
    "accountid": ("account_id",),
    "errorcode": ("error_code",),
    "status": ("status",),
    "input.inputtokencount": ("tokens_input",),
    "output.outputtokencount": ("tokens_output",),
    "input.cachereadinputtokencount": ("tokens_cache_read",),
    "input.cachewriteinputtokencount": ("tokens_cache_write",),
    "output.outputbodyjson.metrics.latencyms": ("latency_ms",),
}


def is_document(record: dict[str, Any]) -> bool:
    """Whether it is the answer of `get-query-results`: rows of `field` and `value`."""
    rows = record.get("results")
    if not isinstance(rows, list) or not rows or not isinstance(rows[0], list):
        return False
    return all(isinstance(cell, dict) and "field" in cell for cell in rows[0])


def row_of(cells: Any) -> dict[str, Any]:
    """A row of `field` and `value` pairs as columns."""
    pairs = cells if isinstance(cells, list) else []
    return {str(c["field"]): c.get("value") for c in pairs if isinstance(c, dict) and "field" in c}


def is_invocation(keys: Iterable[str]) -> bool:
    """Whether columns are those of an invocation log."""
    lower = {key.lower() for key in keys}
    return (
        bool(lower & set(_INVOCATION))
        or {"modelid", "operation"} <= lower
        or any(key.startswith("requestmetadata.") for key in lower)
    )


def is_event(keys: Iterable[str]) -> bool:
    """Whether columns are those of a CloudTrail event."""
    lower = {key.lower() for key in keys}
    return {"eventsource", "eventname"} <= lower or any(key.startswith("useridentity.") for key in lower)


def aggregated(fields: dict[str, Any]) -> bool:
    """Whether a row adds up many records."""
    if any(_FUNCTION.match(key) for key in fields):
        return True
    single = any(key.startswith("@") or key.lower() in _IDS for key in fields)
    return not single and any(_TOTAL.match(key) for key in fields)


def unflatten(fields: dict[str, Any]) -> dict[str, Any]:
    """Dotted columns as the nested record that they were selected from; an empty cell is no key."""
    out: dict[str, Any] = {}
    for key, value in fields.items():
        if value in (None, ""):
            continue
        *outer, last = key.split(".")
        # keys of request metadata are the caller's own and may hold dots
        if outer and outer[0] == "requestMetadata":
            outer, last = outer[:1], key.partition(".")[2]
        here = out
        for part in outer:
            inner = here.setdefault(part, {})
            here = inner if isinstance(inner, dict) else {}
        here[last] = value
    return out


def columns_known(builder: Builder, fields: Iterable[str]) -> None:
    """Remember which fields the selected columns can show; the rest cannot be judged from this result."""
    known = set(builder.columns_known or ()) | {"provider"}
    for key in fields:
        shown = _SHOWS.get(key.lower())
        if shown is not None:
            known.update(shown)
            continue
        alias = builder.catalogue.lookup(key.removeprefix("@"))
        if alias is not None:
            known.add(alias.field)
    builder.columns_known = frozenset(known)


def is_total(keys: Iterable[str]) -> bool:
    """Whether a column adds up fields of an invocation log, as only a `stats` query names it."""
    return any(_FUNCTION.match(key) and _DOTTED.search(key) for key in keys)


def is_stamp(value: Any) -> bool:
    """Whether a value is a time as Logs Insights writes it."""
    return isinstance(value, str) and _STAMP.fullmatch(value) is not None


def is_markdown(head: bytes) -> bool:
    """Whether a text begins as the console's Markdown export, its rows included."""
    text = head[:65536].decode("utf-8", "replace")
    return "CloudWatch Logs Insights" in text[:200] and "query-string" in text and bool(_TABLE.search(text))


def markdown_rows(text: str, skip: SkipFn) -> list[Row]:
    """The rows of the console's Markdown export, after the query that it repeats."""
    table = _TABLE.search(text)
    if table is None:
        skip(1, "no rows behind the query")
        return []
    above = text.count("\n", 0, table.start())
    rows = rows_of(
        text[table.start() :], skip=lambda line, reason: skip(line if line is None else line + above, reason)
    )
    return [(line + above, cells) for line, cells in rows]
