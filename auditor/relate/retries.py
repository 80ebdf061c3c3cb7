"""Columns about the attempts of one logical call: a failed call and the calls that repeat it.

A call repeats a failed one of the same parent, trace or route where that error can be retried and the model
is the same; elsewhere only where an id or the number of the attempt ties the two.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from auditor.catalogue import model_names
from auditor.catalogue.attempts import can_be_retried
from auditor.evidence.ancestry import nearest
from auditor.evidence.arrays import index_of
from auditor.evidence.table import IS_CALL, Evidence, Series
from auditor.relate.related_column import RelatedColumn

MAX_GAP_NS = 120 * 1_000_000_000  # a retry follows its failed attempt within two minutes
SLACK_NS = 10_000_000  # what two clocks or a rounded time may be apart
SECOND_NS = 1_000_000_000
MAX_OPEN = 20  # failed calls with one thing in common that a later call may repeat: the latest count
MAX_MODELS = 200  # names that are compared by their grammar; further ones are compared as text
UNTOLD = frozenset({"siblings", "route", "fallback"})  # ties without an id or a number
TEXTS = """operation model status error_code error_text request_id request_id_also request_ids attempt_id
    attempt_key route_key session_id""".split()
# calls of different traces are of one request only if these are equal, null included
SAME_CALLER = "service tenant_id team_id user_id session_id workflow_id workflow_run_id route_key".split()


class Call(NamedTuple):
    """What is compared of two calls; texts are None where a record has none."""

    row: int
    input: int
    started_at: int | None
    ended_at: int | None
    error: bool
    fallbacks: int | None
    number: int | None  # of the attempt, from 1
    retries: int | None  # a count that may be a total
    siblings: str | None  # the parent, or the trace of a record without one
    trace: str | None
    caller: str
    operation: str | None
    model: str | None  # equal for all spellings
    status: str | None
    error_code: str | None
    error_text: str | None
    request_id: str | None
    request_id_also: str | None
    request_ids: str | None
    attempt_id: str | None
    attempt_key: str | None
    route_key: str | None
    session: str | None

    @property
    def ids(self) -> frozenset[str]:
        """All its request ids."""
        several = self.request_ids.split("\n") if self.request_ids else ()
        return frozenset(filter(None, (self.request_id, self.request_id_also, *several)))


class Tie(NamedTuple):
    """Something that only attempts of one call have in common: an id, or a parent and a model."""

    kind: str
    input: int
    value: str
    work: str | None = None  # what was asked: the model, or what stands in for it
    number: int | None = None


def attempts(evidence: Evidence) -> Series:
    """Number the attempts of each logical call; most calls have one."""
    frame, height = evidence.frame, evidence.frame.height
    number = _attempt_numbers(evidence)
    logical = np.arange(height, dtype=np.int64)
    position, total = np.ones(height, dtype=np.int64), np.ones(height, dtype=np.int64)
    ids = frame["request_id"].is_not_null().cast(pl.Int64).to_numpy().copy()
    for chain in _chains(evidence, number):
        rows = [call.row for call in chain]
        logical[rows], total[rows] = rows[0], len(rows)
        position[rows] = np.arange(1, len(rows) + 1)
        ids[rows] = _different_ids(chain)
    return {
        "logical_call": pl.Series(logical),
        "attempt": pl.Series(position),
        "attempts": pl.Series(total),
        "attempt_number": number,
        "call_request_ids": pl.Series(ids),
    }


def _attempt_numbers(evidence: Evidence) -> pl.Series:
    """The number of the attempt that a record gives itself, or that its parent gives its only call."""
    frame = evidence.frame
    number = frame["attempt_ordinal"]
    if evidence.parent is None or number.null_count() == len(number):
        return number
    up = nearest(evidence.parent, number.is_not_null().to_numpy())
    below = np.bincount(up[np.array(frame["kind"] == "call") & (up >= 0)], minlength=len(up))
    alone = np.where((up >= 0) & (below[np.maximum(up, 0)] == 1), up, -1)
    return pl.select(pl.coalesce(number, number.gather(index_of(alone)))).to_series()


def _chains(evidence: Evidence, number: pl.Series) -> list[list[Call]]:
    """The attempts of each call that has more than one, in their order."""
    chain_of: dict[int, list[Call]] = {}
    failures = _OpenFailures()
    for call in _candidates(evidence, number):
        earlier = failures.repeated_by(call)
        chain = chain_of.pop(earlier.row) if earlier else []
        chain.append(call)
        chain_of[call.row] = chain
        if call.error:
            failures.add(call)
    return [chain for chain in chain_of.values() if len(chain) > 1]


def _candidates(evidence: Evidence, number: pl.Series) -> Iterator[Call]:
    """In order of time, the calls that failed and those with something in common with one that did."""
    frame = evidence.frame
    if not (frame["error"] & (frame["kind"] == "call")).any():
        return
    traced, below = pl.col("trace_id").is_not_null(), pl.col("parent_id").is_not_null()
    siblings = pl.when(traced & below).then(pl.format("{} {}", "trace_id", "parent_id"))
    caller = [pl.col(name).cast(pl.String).fill_null("") for name in SAME_CALLER if name in frame]
    # in one chunk: Polars 2.1 panics where text is put together from columns whose first chunk is empty
    calls = frame.select(
        "kind", "input", "started_at", "ended_at", "error", "fallbacks",
        number.alias("number"), "retry_count",
        siblings.when(traced & ~below).then("trace_id").alias("siblings"), "trace_id",
        pl.concat_str(caller, separator="\n").alias("caller"),
        *(pl.col(name).cast(pl.String) for name in TEXTS),
    ).with_row_index("row").filter(IS_CALL).drop("kind").rechunk()  # fmt: skip
    failed = calls.filter("error")
    near = pl.col("error") | (pl.col("number") > 1).fill_null(False) | pl.col("request_ids").is_not_null()
    for name in ("siblings", "trace_id", "session_id", "attempt_key", "route_key"):
        near = near | pl.col(name).is_in(failed[name].drop_nulls().unique().to_list()).fill_null(False)
    ids = pl.concat([failed["request_id"], failed["request_id_also"].rename("request_id")])
    known = ids.drop_nulls().unique().to_list()
    near = near | pl.any_horizontal(pl.col("request_id", "request_id_also").is_in(known).fill_null(False))
    ordered = calls.filter(near).sort("input", "started_at", "ended_at", "row", nulls_last=True)
    models = _model_keys(ordered["model"])
    for values in ordered.with_columns(pl.col("model").replace(models)).iter_rows():
        yield Call(*values)


def _model_keys(models: pl.Series) -> Mapping[str, str]:
    """A key of each name, equal for all spellings of a model."""
    return model_names.keys(models.drop_nulls().unique(maintain_order=True)[:MAX_MODELS].to_list())


class _OpenFailures:
    """Failed calls that no later call has repeated yet, by what a repetition has in common with them."""

    def __init__(self) -> None:
        self.by_tie: defaultdict[Tie, deque[Call]] = defaultdict(lambda: deque(maxlen=MAX_OPEN))
        self.repeated: set[int] = set()

    def add(self, call: Call) -> None:
        """Add a call that failed; one that was refused is repeated only where its format says so."""
        again = can_be_retried(call.status, call.error_code, call.error_text)
        ties = list(_by_format(call))
        if again is not False:
            ties += (*_by_id(call), *_by_number(call, call.number, call.retries or 0))
        if again:
            ties += _by_place(call)
            if call.siblings is not None:
                ties.append(Tie("fallback", call.input, call.siblings))
        for tie in ties:
            self.by_tie[tie].append(call)

    def repeated_by(self, call: Call) -> Call | None:
        """The failed call that this one repeats, by the firmest tie; it is open no more."""
        if call.number == 1:
            return None
        for tie in _ties_to_earlier(call):
            failures = self.by_tie.get(tie)
            while failures and failures[0].row in self.repeated:
                failures.popleft()
            for failed in failures or ():
                if failed.row not in self.repeated and (
                    tie.kind == "format" or _repeats(failed, call, told=tie.kind not in UNTOLD)
                ):
                    self.repeated.add(failed.row)
                    return failed
        return None


def _ties_to_earlier(call: Call) -> Iterator[Tie]:
    """The ties to a failed call that this one may repeat, the firmest first."""
    yield from _by_format(call)
    yield from _by_id(call)
    before = call.number - 1 if call.number else None
    yield from _by_number(call, before, call.retries - 1 if call.retries else None, later=True)
    yield from _by_place(call)
    if call.fallbacks and call.siblings is not None:
        yield Tie("fallback", call.input, call.siblings)


def _by_format(call: Call) -> Iterator[Tie]:
    """The format shows the attempts of a call together."""
    if call.attempt_key is not None:
        yield Tie("format", call.input, call.attempt_key)


def _by_id(call: Call) -> Iterator[Tie]:
    """They share a request id, whichever model was asked: a fallback is an attempt, too."""
    for own in sorted(call.ids):
        yield Tie("id", call.input, own)


def _by_number(call: Call, number: int | None, retries: int | None, *, later: bool = False) -> Iterator[Tie]:
    """They are numbered, and of one trace, session, route or caller.

    A count of retries may be a total: it needs more in common than the caller. A failure may come before the
    model is known: there the route stands in for it.
    """
    route = call.route_key
    works = {call.model or route, route if later else None} - {None}
    places = [("trace", call.trace), ("session", call.session), ("route", route)]
    if call.trace is not None and call.operation is not None and not works:
        yield from _numbered("trace", call, call.trace, call.operation, number, retries)
    for work in sorted(filter(None, works)):
        for kind, value in places:
            if value is not None:
                yield from _numbered(kind, call, value, work, number, retries)
        yield from _numbered("caller", call, call.caller, work, number, None)


def _numbered(
    kind: str, call: Call, value: str, work: str, number: int | None, retries: int | None
) -> Iterator[Tie]:
    if number is not None:
        yield Tie(f"number by {kind}", call.input, value, work, number)
    if retries is not None:
        yield Tie(f"retries by {kind}", call.input, value, work, retries)


def _by_place(call: Call) -> Iterator[Tie]:
    """They have one parent or trace, or are a client's requests of one route, and the log names the model."""
    work = call.model or call.route_key or call.operation
    if call.siblings is not None and work is not None:
        yield Tie("siblings", call.input, call.siblings, work)
    if call.route_key is not None and call.model is not None:
        yield Tie("route", call.input, f"{call.trace or ''} {call.route_key}", call.model)


def _repeats(failed: Call, call: Call, *, told: bool) -> bool:
    """Whether nothing speaks against a call as the next attempt of a failed one.

    `told`: an id or a number says that it is.
    """
    if None not in (failed.operation, call.operation) and failed.operation != call.operation:
        return False
    if failed.number and call.number and call.number <= failed.number:
        return False
    return _in_time(failed, call, told=told) and not _is_same_attempt(failed, call)


def _is_same_attempt(failed: Call, call: Call) -> bool:
    """Whether the two are one attempt, recorded twice."""
    same_id = failed.attempt_id is not None and failed.attempt_id == call.attempt_id
    return same_id and failed.started_at == call.started_at


def _in_time(failed: Call, call: Call, *, told: bool) -> bool:
    """Whether a call began soon after a failed one had ended.

    Whole seconds do not tell what overlaps. Where an id or a number tells that it is a retry, its time may be
    that of the whole request, from the first attempt on.
    """
    if failed.started_at is None or call.started_at is None:
        return True
    gap = call.started_at - (failed.ended_at or failed.started_at)
    rounded = failed.started_at % SECOND_NS == 0 and call.started_at % SECOND_NS == 0
    return gap <= MAX_GAP_NS and (gap >= -SLACK_NS or ((told or rounded) and gap >= -MAX_GAP_NS))


def _different_ids(chain: Iterable[Call]) -> int:
    """How many ids the attempts of a call have: one where any id of theirs is on all of them."""
    ids = [call.ids for call in chain]
    if frozenset.intersection(*ids):
        return 1
    return len({call.request_id for call in chain} - {None})


COLUMNS = (
    RelatedColumn(
        "logical_call|attempt|attempts|attempt_number|call_request_ids",
        attempts,
        needs=("retry_count", "attempt_ordinal", "fallbacks", *TEXTS),
        dtype=pl.Int64,
    ),
)
