"""Which format an input has: every format scores a sample of it, and the highest score wins.

The report names a close runner-up. A format that is recognised only by its signature is refused with advice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from auditor.errors import InputError, UnsupportedInput, UsageError
from auditor.evidence.formats import Format
from auditor.framing.json_values import SkipFn, container_of, pieces
from auditor.framing.log_lines import split_prefix
from auditor.framing.tables import header_of, is_table, rows_of
from auditor.framing.wrappers import unwrapped
from auditor.inputs.source import Input, Source
from auditor.readers.billing.table import parquet_columns
from auditor.readers.contract import InputSample, Readers
from auditor.readers.registry import all_readers, format_of, line_readers, recognised_only, record_readers

ENOUGH = 0.5
GENERIC = 0.3  # what a generic text format may claim at most
FIRST = 25
MOST_LINES = 200
LOOKED_AT = 64 * 1024  # bytes
_CONTROL = bytes(range(9))


def recognise(source: Source, given: Input) -> tuple[Format, str | None]:
    """The format of an input and, where one came close, the name of the runner-up.

    Raises UsageError for an unknown `Input.format`, InputError where no format claims the sample, and
    UnsupportedInput for a format that has a signature but no reader.
    """
    if given.format:
        forced = format_of(given.format)
        if forced is None:
            raise UsageError(f"there is no format {given.format!r}", "`auditor formats` lists the names")
        return forced, None
    if source.is_short and not source.head.strip():
        raise InputError(f"{given.name}: the input is empty", "pass a file with records in it")
    sample = sample_of(source)
    for known in recognised_only():
        if known.sniff is not None and _safely(known.sniff, sample, 0.0) >= ENOUGH:
            raise UnsupportedInput(
                f"{given.name}: this is {known.format.title}: no calls can be audited in it",
                known.format.unsupported,
            )
    scored = sorted(
        ((_claim(r, sample), r.format.name, r.format) for r in all_readers()), key=lambda s: (-s[0], s[1])
    )
    best, second = scored[0], scored[1] if len(scored) > 1 else (0.0, "", None)
    if best[0] <= 0:
        raise InputError(
            f"{given.name}: {_nothing_readable(sample)}",
            "`auditor formats` lists what can be read; --as names one",
        )
    near = second[0] >= max(ENOUGH, best[0] - 0.1)
    return best[2], second[1] if near else None


def _safely(function: Callable[[Any], Any], value: Any, default: Any) -> Any:
    """The answer of a reader to one record or line; `default` where the reader fails on it."""
    try:
        return function(value)
    except Exception:  # noqa: BLE001 - another reader may read it
        return default


def _claim(candidate: Readers, sample: InputSample) -> float:
    """How strongly a format claims a sample; 0 where its readers fail on it."""
    claim: float = _safely(lambda given: _score(candidate, given), sample, 0.0)
    return claim


def _score(candidate: Readers, sample: InputSample) -> float:
    """How strongly a format claims a sample: by the sample, its best record, or the share of its lines."""
    if candidate.sniff is not None:
        return candidate.sniff(sample)
    best = 0.0
    if candidate.record is not None:
        scores = [_safely(candidate.record.match, o, 0.0) for o in sample.objects if isinstance(o, dict)]
        claimed = [s for s in scores if s > 0]
        if claimed and (sample.container != "table" or max(claimed) >= ENOUGH):
            best = claimed[0] if candidate.record.fallback else max(claimed)
    if candidate.line is not None and sample.lines:
        share = sample.by_format.get(candidate.format.name, 0) / (len(sample.lines) + len(sample.objects))
        best = max(best, share * (GENERIC if candidate.format.generic else 1.0))
    return best


def _nothing_readable(sample: InputSample) -> str:
    """Why no format claims a sample, as the error message says it."""
    if sample.container == "binary":
        return "binary data of no known format"
    if sample.container == "table":
        return f"a table without columns that tell of model calls ({len(sample.columns)} columns)"
    if sample.broken is not None:
        line, reason = sample.broken
        return f"nothing readable (line {line}: {reason})" if line else f"nothing readable ({reason})"
    return "no JSON record and no known table in this text"


def sample_of(source: Source) -> InputSample:
    """The sample of a source: its head, its container, and its first records, unwrapped."""
    head = source.head
    if head[:4] == b"PAR1":
        return InputSample(head, "parquet", columns=parquet_columns(source))
    if _is_binary(head):
        return InputSample(head, "binary")
    columns = header_of(head)
    container = container_of(head, source.is_short)
    if is_table(head):
        return InputSample(head, "table", objects=_first_rows(head), columns=columns)
    reasons: list[tuple[int | None, str]] = []
    objects, lines = _first_pieces(source, container, lambda line, reason: reasons.append((line, reason)))
    return InputSample(
        head,
        container,
        objects=objects,
        lines=lines,
        by_format=_first_readers(lines),
        broken=reasons[0] if reasons else None,
    )


def _first_rows(head: bytes) -> list[Any]:
    """The first rows of a table."""
    return [row for _, row in rows_of(head.decode("utf-8", "replace"))[:FIRST]]


def _first_pieces(source: Source, container: str, skip: SkipFn) -> tuple[list[Any], list[str]]:
    """The first records, unwrapped, and the first lines of text between them."""
    if container == "json" and source.size > 64 * 1024 * 1024:
        return [], []
    objects: list[Any] = []
    lines: list[str] = []
    decisive = [r.match for r in record_readers() if not r.fallback]
    for piece in pieces(source, skip):
        if (objects or len(lines) >= FIRST) and piece.offset > LOOKED_AT:
            break
        if isinstance(piece.value, str):
            if len(lines) < MOST_LINES:
                lines.append(split_prefix(piece.value).text)
            continue
        for inner in unwrapped(piece, lambda v: any(_safely(m, v, 0.0) >= ENOUGH for m in decisive)):
            objects.append(inner.value)
            if len(objects) >= FIRST:
                return objects, lines
    return objects, lines


def _first_readers(lines: list[str]) -> dict[str, int]:
    """How many lines each reader of lines would be the first to read."""
    counts: dict[str, int] = {}
    for line in lines:
        name = next((r.name for r in line_readers() if _safely(r.line, line, None) is not None), None)
        if name is not None:
            counts[name] = counts.get(name, 0) + 1
    return counts


def _is_binary(head: bytes) -> bool:
    first = head[:4096]
    return b"\x00" in first or len(first) - len(first.translate(None, _CONTROL)) > 8
