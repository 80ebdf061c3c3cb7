"""What exports wrap around records: lists and maps of records at any depth, search hits, text that is JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from auditor.catalogue.fields import catalogue
from auditor.framing.json_values import Piece
from auditor.framing.named_rows import named_rows
from auditor.framing.nested import is_body, leaves, opened_text

LISTS = tuple(
    """Records records events logEvents data results result items rows logs value entries spend_logs
    response""".split()
)
# keys of a log's message: text that is a line of a log, or JSON
TEXTS = (
    *("message", "log", "@message", "_raw", "line", "Message", "body", "msg", "MESSAGE", "textPayload"),
    *("text_payload", "log_message", "logMessage", "rawMessage", "raw"),
)
ENVELOPE = "@envelope"  # the key under which a record keeps what the record around its list says
MAX_DEPTH = 6  # levels around a list of records
_SAMPLED = 5  # records of a list that are looked at
_COUNTS = frozenset({"tokens_input", "tokens_output", "tokens_total"})
_WITH_MODEL = frozenset({"request_id", "attempt_id", "response_id", "cost_usd", "latency_ms", "status", "error_code"})
_SHOWN_DEPTH = 3

Matches = Callable[[dict[str, Any]], Any]


def unwrapped(piece: Piece, matches: Matches) -> Iterator[Piece]:
    """The records in a piece: wrapper lists are opened, text that is a JSON record is read as that record."""
    stack = [piece]
    while stack:
        item = stack.pop()
        value = item.value
        if isinstance(value, list):
            stack.extend(
                Piece(v, item.offset, f"{item.pointer}/{i}") for i, v in reversed(list(enumerate(value)))
            )
            continue
        if not isinstance(value, dict):
            continue
        if matches(value):
            yield item
            continue
        inner = _inner(item, matches)
        if inner is None:
            yield item
        else:
            stack.extend(reversed(inner))


def _inner(item: Piece, matches: Matches) -> list[Piece] | None:
    value = item.value
    rows = named_rows(value, item.pointer or "")
    if rows is not None:
        return [Piece(row, item.offset, pointer) for row, pointer in rows]
    for key in LISTS:
        items = value.get(key)
        if (
            isinstance(items, list)
            and items
            and all(isinstance(h, (dict, list)) for h in items)
            and len(value) <= 12
            and not _is_call_list(items)
        ):
            return [Piece(h, item.offset, f"{item.pointer}/{key}/{i}") for i, h in enumerate(items)]
    hits = value.get("hits")
    if isinstance(hits, dict) and isinstance(hits.get("hits"), list):
        return [
            Piece(h.get("_source"), item.offset, f"{item.pointer}/hits/hits/{i}/_source")
            for i, h in enumerate(hits["hits"])
            if isinstance(h, dict) and isinstance(h.get("_source"), dict)
        ]
    if isinstance(value.get("_source"), dict):
        return [Piece(value["_source"], item.offset, f"{item.pointer}/_source")]
    return _text_record(item, matches) or _streams(item) or _answer_list(item, matches) or _batch(item, matches)


def _answer_list(item: Piece, matches: Matches) -> list[Piece] | None:
    """The list in the answer of a query API: `{"status": …, "data": {"result": […]}}`."""
    for key in LISTS:
        inner = item.value.get(key)
        if isinstance(inner, dict) and all(catalogue().lookup(k) is None for k in item.value if k != "status"):
            found = _inner(Piece(inner, item.offset, f"{item.pointer}/{key}"), matches)
            if found is not None:
                return found
    return None


def _text_record(item: Piece, matches: Matches) -> list[Piece] | None:
    """The record that is JSON text under a message's key, or under any key where a reader knows it."""
    value = item.value
    for key, text in value.items():
        if not isinstance(text, str) or text.lstrip()[:1] != "{" or len(text) < 8:
            continue
        named = key in TEXTS
        if not named and is_body(key, None):
            continue
        opened = opened_text(text.strip())
        if not isinstance(opened, dict) or len(opened) < 2 or not (named or matches(opened)):
            continue
        outer = {k: v for k, v in value.items() if k not in opened and k != key}
        whole = outer | opened if named and len(value) > 4 else opened
        return [Piece(whole, item.offset, f"{item.pointer}/{key}")]
    return None


def _streams(item: Piece) -> list[Piece] | None:
    """The lines of a stream of Loki's query API: `{"stream": {labels}, "values": [[time, line], …]}`."""
    labels, values = item.value.get("stream"), item.value.get("values")
    if not isinstance(labels, dict) or not isinstance(values, list):
        return None
    return [
        Piece(
            {"timestamp": int(v[0]), "line": v[1], "labels": labels},
            item.offset,
            f"{item.pointer}/values/{i}",
        )
        for i, v in enumerate(values)
        if isinstance(v, list) and len(v) >= 2 and str(v[0]).isdigit() and isinstance(v[1], str)
    ]


# -- batches -------------------------------------------------------------------------------------------------


def _batch(item: Piece, matches: Matches) -> list[Piece] | None:
    """The records of every list or map within a value whose elements show calls; None where there are none.

    What the record around them says is wider than each of them.
    """
    if not any(v.__class__ in (dict, list) and v for v in item.value.values()):
        return None
    lists = list(_call_lists(item.value, item.pointer, 0, matches))
    if not lists:
        return None
    taken = {id(records) for _, records in lists}
    around = [
        (path, leaf)
        for path, _, leaf in leaves(_without(item.value, taken))
        if (match := catalogue().lookup(path)) is not None and leaf not in (None, "") and not match.weak
    ]
    fields = {match.field for path, _ in around if (match := catalogue().lookup(path)) is not None}
    number = sum(len(records) for _, records in lists)
    if fields & (_COUNTS | {"cost_usd"}) or (number == 1 and around):
        return None  # parts of one call: its attempts, its iterations
    out: list[Piece] = []
    for pointer, records in lists:
        pairs = records.items() if isinstance(records, dict) else enumerate(records)
        for name, record in pairs:
            at = f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"
            if isinstance(record, dict) and around and not matches(record):
                record = record | {ENVELOPE: around}
            out.append(Piece(record, item.offset, at))
    return out


def _call_lists(
    value: dict[str, Any], pointer: str, depth: int, matches: Matches
) -> Iterator[tuple[str, list[Any] | dict[str, Any]]]:
    if len(value) > 1 and _is_call_list(value.values()):  # a map from id to record
        yield pointer, value
        return
    for key, inner in value.items():
        at = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
        if isinstance(inner, dict) and inner and depth < MAX_DEPTH:
            yield from _call_lists(inner, at, depth + 1, matches)
        elif isinstance(inner, list) and inner and isinstance(inner[0], (dict, list)):
            if _is_call_list(inner) or (isinstance(inner[0], dict) and matches(inner[0])):
                yield at, inner
            elif depth < MAX_DEPTH and isinstance(inner[0], dict) and len(inner) <= _SAMPLED:
                for i, element in enumerate(inner):
                    if isinstance(element, dict):
                        yield from _call_lists(element, f"{at}/{i}", depth + 1, matches)


def _is_call_list(items: Iterable[Any]) -> bool:
    """Whether elements are records of calls: all are objects, and most of the first ones show one."""
    first = list(items)[:_SAMPLED]
    shown = sum(isinstance(item, dict) and _shows_call(item) for item in first)
    return bool(first) and all(isinstance(i, dict) for i in first) and 2 * shown > len(first)


def _shows_call(record: dict[str, Any]) -> bool:
    """Whether an object has token counts with a model or id of its own, or a model with an outcome or id."""
    fields: set[str] = set()
    stack: list[tuple[str, Any, int]] = [("", record, 0)]
    while stack:
        path, value, depth = stack.pop()
        for key, inner in value.items():
            at = f"{path}.{key}" if path else str(key)
            if isinstance(inner, dict):
                if depth < _SHOWN_DEPTH and not is_body(str(key), inner):
                    stack.append((at, inner, depth + 1))
            elif inner not in (None, "") and not isinstance(inner, list):
                match = catalogue().lookup(at)
                if match is not None and not match.weak:
                    fields.add(match.field)
    if fields & _COUNTS:
        return "model" in fields or bool(fields & _WITH_MODEL)
    return "model" in fields and bool(fields & _WITH_MODEL)


def _without(value: Any, taken: set[int]) -> Any:
    """A value without the lists and maps that hold its records."""
    if id(value) in taken:
        return {}
    if isinstance(value, dict):
        return {k: _without(v, taken) for k, v in value.items() if id(v) not in taken}
    return value if not isinstance(value, list) else [_without(v, taken) for v in value if id(v) not in taken]


def line_in(record: dict[str, Any]) -> tuple[str, str] | None:
    """The path and text of a log line in a record: its message, or that of a mapping in it; else None."""
    for key in TEXTS:
        text = record.get(key)
        if isinstance(text, str) and _is_line(text):
            return key, text
    for key, inner in record.items():
        if inner.__class__ is dict and not is_body(key, None):
            for name in TEXTS:
                text = inner.get(name)
                if isinstance(text, str) and _is_line(text):
                    return f"{key}.{name}", text
    return None


def _is_line(text: str) -> bool:
    """Whether a text can hold facts: it has a pair, a number or a name beside words, and is no JSON."""
    return 8 <= len(text) and text.lstrip()[:1] not in ("{", "[") and (
        "=" in text or ":" in text or any(c.isdigit() for c in text) or "enant" in text
    )
