"""What exports wrap around records: lists and maps of them at any depth, search hits, text that is JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from auditor.catalogue.fields import USAGE, catalogue
from auditor.framing.call_words import error_of
from auditor.framing.json_values import Piece
from auditor.framing.named_rows import named_rows
from auditor.framing.nested import is_body, leaves, opened_text
from auditor.framing.record_shapes import TEXTS, RecordShapes, names_field

LISTS = tuple(
    """Records records events logEvents data results result items rows logs value entries spend_logs
    response""".split()
)
ENVELOPE = "@envelope"  # the key under which a record keeps what the record around its list says
MAX_DEPTH = 6  # levels around a list of records
_SAMPLED = 5  # records of a list that are looked at
_COUNTS = frozenset({"tokens_input", "tokens_output", "tokens_total"})
_WITH_MODEL = frozenset(
    {"request_id", "attempt_id", "response_id", "cost_usd", "latency_ms", "status", "error_code"}
)
_IDS = frozenset({"request_id", "attempt_id", "response_id"})
_SUMS = _COUNTS | {"cost_usd"}
_OUTCOME = USAGE | {"latency_ms", "status", "error_code"}
_SHOWN_DEPTH = 3

Matches = Callable[[dict[str, Any]], Any]


def unwrapped(piece: Piece, matches: Matches, shapes: RecordShapes | None = None) -> Iterator[Piece]:
    """The records in a piece: wrapper lists are opened, text that is a JSON record is read as that record."""
    shapes = shapes or RecordShapes()
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
        if matches(value) or not shapes.plan(value).may_wrap(value):
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
    for inner in (_text_record, _streams, _answer_list, _batch, _record_below):
        records = inner(item, matches)
        if records:
            return records
    return None


def _answer_list(item: Piece, matches: Matches) -> list[Piece] | None:
    """The list in the answer of a query API: `{"status": …, "data": {"result": […]}}`."""
    for key in LISTS:
        inner, others = item.value.get(key), item.value.keys() - {"status"}
        if isinstance(inner, dict) and all(catalogue().lookup(other) is None for other in others):
            records = _inner(Piece(inner, item.offset, f"{item.pointer}/{key}"), matches)
            if records is not None:
                return records
    return None


def _text_record(item: Piece, matches: Matches) -> list[Piece] | None:
    """The record that is JSON text under a message's key, or under any key where a reader knows it."""
    value = item.value
    for key, text in value.items():
        if not isinstance(text, str):
            continue
        named = key in TEXTS
        opened = None if not named and is_body(key, None) else _opened_record(text)
        if opened is None or not (named or matches(opened)):
            continue
        outer = {k: v for k, v in value.items() if k not in opened and k != key}
        whole = outer | opened if named and len(value) > 4 else opened
        return [Piece(whole, item.offset, f"{item.pointer}/{key}")]
    for key, inner in value.items():
        if inner.__class__ is not dict or is_body(key, None):
            continue
        for name in TEXTS:
            opened = _opened_record(inner.get(name))
            if opened is not None:
                return [Piece(opened, item.offset, f"{item.pointer}/{key}/{name}")]
    return None


def _opened_record(text: Any) -> dict[str, Any] | None:
    """The record in a text that is JSON, or None."""
    if not isinstance(text, str) or len(text) < 8 or text.lstrip()[:1] != "{":
        return None
    opened = opened_text(text.strip())
    return opened if isinstance(opened, dict) and len(opened) > 1 else None


def _streams(item: Piece, _: Matches) -> list[Piece] | None:
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
    around = _facts_of(_without(item.value, taken))
    named = [(catalogue().lookup(path), path, leaf) for path, leaf in around]
    fields = {match.field for match, _, _ in named if match is not None}
    number = sum(len(records) for _, records in lists)
    summed = fields & _SUMS
    if (summed and fields & (_IDS | {"model"})) or (number == 1 and around):
        return None  # parts of one call: its attempts, its iterations
    if summed:  # the totals of a batch and how it ended are no call's
        around = [(path, leaf) for match, path, leaf in named if match is None or match.field not in _OUTCOME]
    out: list[Piece] = []
    for pointer, records in lists:
        pairs = records.items() if isinstance(records, dict) else enumerate(records)
        for name, record in pairs:
            at = f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"
            if isinstance(record, dict) and around and not matches(record):
                record = record | {ENVELOPE: around}
            out.append(Piece(record, item.offset, at))
    return out


def _record_below(item: Piece, matches: Matches) -> list[Piece] | None:
    """The one record that a reader knows below the keys of a value that says nothing of its call itself."""
    plain = (key for key, value in item.value.items() if value.__class__ not in (dict, list))
    if any(names_field(key) is not None for key in plain):
        return None  # it is the record
    known: list[tuple[str, dict[str, Any]]] = []
    stack = [(item.pointer, item.value, 0)]
    while stack:
        pointer, value, depth = stack.pop()
        for key, inner in value.items():
            if inner.__class__ is not dict or not inner or is_body(key, None):
                continue
            at = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
            if matches(inner):
                known.append((at, inner))
            elif depth < _SHOWN_DEPTH:
                stack.append((at, inner, depth + 1))
    if len(known) != 1:
        return None
    ((at, record),) = known
    return None if _facts_of(_without(item.value, {id(record)})) else [Piece(record, item.offset, at)]


def _facts_of(value: Any) -> list[tuple[str, Any]]:
    """The paths and values in an envelope that are those of a field."""
    return [
        (path, leaf)
        for path, _, leaf in leaves(value)
        if leaf not in (None, "") and names_field(path) is not None
    ]


def _call_lists(
    value: dict[str, Any], pointer: str, depth: int, matches: Matches
) -> Iterator[tuple[str, list[Any] | dict[str, Any]]]:
    if len(value) > 1 and (_is_call_list(value.values()) or _all_known(value.values(), matches)):
        # a map from id to record
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


def _all_known(items: Iterable[Any], matches: Matches) -> bool:
    """Whether elements are records that readers know, by the first ones."""
    return all(isinstance(item, dict) and matches(item) for item in list(items)[:_SAMPLED])


def _shows_call(record: dict[str, Any]) -> bool:
    """Whether an object has token counts with a model or id of its own, or a model with an outcome or id."""
    fields: set[str] = set()
    failed = False
    stack: list[tuple[str, Any, int]] = [("", record, 0)]
    while stack:
        path, value, depth = stack.pop()
        failed = failed or error_of(value)
        for key, inner in value.items():
            at = f"{path}.{key}" if path else str(key)
            if isinstance(inner, dict):
                if depth < _SHOWN_DEPTH and not is_body(str(key), inner):
                    stack.append((at, inner, depth + 1))
            elif inner not in (None, "") and not isinstance(inner, list):
                field = names_field(at)
                if field is not None:
                    fields.add(field)
    if fields & _COUNTS:
        return "model" in fields or bool(fields & _WITH_MODEL)
    return "model" in fields and (bool(fields & _WITH_MODEL) or failed)


def _without(value: Any, taken: set[int]) -> Any:
    """A value without the lists and maps that hold its records."""
    if id(value) in taken:
        return {}
    if isinstance(value, dict):
        return {k: _without(v, taken) for k, v in value.items() if id(v) not in taken}
    return value if not isinstance(value, list) else [_without(v, taken) for v in value if id(v) not in taken]


def own_record(record: dict[str, Any]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The keys that name no field above the record itself, none where the value is it, and the record."""
    keys: tuple[str, ...] = ()
    value = record
    for _ in range(_SHOWN_DEPTH):
        inner = [(key, v) for key, v in value.items() if v.__class__ is dict and not is_body(key, None)]
        if not inner or any(
            v.__class__ not in (dict, list) and names_field(key) is not None for key, v in value.items()
        ):
            break
        shown = [(key, v) for key, v in inner if _shows_call(v)]
        if len(shown) != 1:
            break
        keys, value = (*keys, shown[0][0]), shown[0][1]
    return keys, value
