"""Why logs and bill differ: each group's difference, billed minus logged, as causes that add up to it.

All money is in whole nano-dollars. What is billed beyond the logs is valued at the bill's price, what is
logged beyond the bill at the logs' price, and the tokens that both count by the difference of the prices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from auditor.relate.bill_groups import BATCH, KINDS, OTHER

NEAR = 0.03  # how near a ratio of prices must be to a known one
ROUTED, HALF = 1.1, 0.5  # known ratios of prices
EXACT = 1e-6  # the part of the money up to which a difference of prices is rounding
FRACTIONS = 10  # nano-dollars that are rounding of whatever money


class BillCause(StrEnum):
    """The causes, in the order of the report."""

    CALLS_NOT_LOGGED = "calls_not_logged"
    CALLS_NOT_BILLED = "calls_not_billed"
    CACHE_TOKENS = "cache_tokens"
    MODEL_NAME = "model_name"
    TIER = "tier"
    ROUTING = "routing"
    PRICE = "price"
    OTHER_METER = "other_meter"
    OTHER_PERIOD = "other_period"
    SPEND_WITHOUT_CALLS = "spend_without_calls"
    ROUNDING = "rounding"
    NOT_EXPLAINED = "not_explained"


@dataclass(frozen=True)
class Amounts:
    """What both sides count of one kind of token, of one caller; `late` is outside the time of the logs."""

    log_tokens: int
    bill_tokens: int
    log_nano: int
    bill_nano: int
    late_tokens: int = 0
    late_nano: int = 0


@dataclass(frozen=True)
class Group:
    """What is known of a group beside its amounts.

    `unbilled_day`: the bill has no line of its day. `unnamed`: the bill has not this name of the model.
    """

    kind: str
    lane: str
    tier: str
    unbilled_day: bool = False
    unnamed: bool = False


@dataclass
class Causes:
    """Nano-dollars and tokens by cause, billed minus logged."""

    nano: dict[BillCause, int] = field(default_factory=dict)
    tokens: dict[BillCause, int] = field(default_factory=dict)

    def add(self, cause: BillCause, nano: int, tokens: int = 0) -> None:
        """Count some money and tokens under a cause."""
        self.nano[cause] = self.nano.get(cause, 0) + nano
        self.tokens[cause] = self.tokens.get(cause, 0) + tokens

    def add_all(self, other: Causes) -> None:
        """Count all of another split."""
        for cause, nano in other.nano.items():
            self.add(cause, nano, other.tokens[cause])

    def items(self) -> list[tuple[BillCause, int, int]]:
        """Cause, nano-dollars and tokens of each cause that has any."""
        return [
            (cause, self.nano.get(cause, 0), self.tokens.get(cause, 0))
            for cause in BillCause
            if self.nano.get(cause) or self.tokens.get(cause)
        ]


class Unnamed:
    """Tokens of models that the logs name otherwise than the bill, by kind: what a bill may have of them."""

    def __init__(self, tokens: Mapping[str, int]) -> None:
        self._left, self._met = dict(tokens), dict.fromkeys(tokens, 0)

    def bill(self, kind: str, most: int) -> int:
        """How many of the tokens that only the bill has these may be."""
        taken = min(most, self._left.get(kind, 0))
        if taken:
            self._left[kind] -= taken
            self._met[kind] += taken
        return taken

    def log(self, kind: str, most: int) -> int:
        """How many tokens of the logs' names the bill may have under another one."""
        taken = min(most, self._met.get(kind, 0))
        if taken:
            self._met[kind] -= taken
        return taken


def split(amounts: Mapping[str, Amounts], groups: Mapping[str, Group], unnamed: Unnamed) -> dict[str, Causes]:
    """The causes by kind of token, of one caller in one place (a day, region, model and lane).

    Places whose model the bill does not name come last: `unnamed` are the tokens of all of them.
    """
    read = _Read.of(amounts)
    return {kind: _of_kind(kind, one, groups[kind], read, unnamed) for kind, one in amounts.items()}


@dataclass(frozen=True)
class _Read:
    """How much of the calls the logs have, by the tokens that no cache changes, and the cached tokens."""

    logged: int
    billed: int
    cached: int

    @classmethod
    def of(cls, amounts: Mapping[str, Amounts]) -> _Read:
        measure = next(
            (amounts[k] for k in ("output", "input") if k in amounts and amounts[k].bill_tokens > 0),
            Amounts(0, 0, 0, 0),
        )
        cached = [max(amounts[k].log_tokens, amounts[k].bill_tokens) for k in KINDS[2:] if k in amounts]
        return cls(measure.log_tokens, measure.bill_tokens - measure.late_tokens, sum(cached))

    def expected(self, tokens: int) -> int:
        """How many of some billed tokens the logs should have."""
        return tokens * self.logged // self.billed if self.billed > 0 else tokens


def _of_kind(kind: str, amounts: Amounts, group: Group, read: _Read, unnamed: Unnamed) -> Causes:
    out = Causes()
    logged, billed = amounts.log_tokens, amounts.bill_tokens
    log_nano, bill_nano = amounts.log_nano, amounts.bill_nano
    late = max(0, min(amounts.late_tokens, billed - logged))
    if late:
        nano = _part(amounts.late_nano, late, amounts.late_tokens)
        out.add(BillCause.OTHER_PERIOD, nano, late)
        billed, bill_nano = billed - late, bill_nano - nano
    twice = min(logged - read.expected(billed), read.cached) if kind == "input" else 0
    if twice > 0 and billed > 0:  # the input counts what was read from a cache again
        nano = _part(log_nano, twice, logged)
        out.add(BillCause.CACHE_TOKENS, -nano, -twice)
        logged, log_nano = logged - twice, log_nano - nano
    if billed > logged:
        nano = _part(bill_nano, billed - logged, billed)
        out.add_all(_not_logged(nano, logged, billed, group, read, unnamed))
        bill_nano -= nano
    elif logged > billed:
        nano = _part(log_nano, logged - billed, logged)
        out.add_all(_not_billed(nano, logged, billed, group, unnamed))
        log_nano -= nano
    if bill_nano != log_nano:
        out.add(of_price(log_nano, bill_nano, min(logged, billed), group), bill_nano - log_nano)
    return out


def _not_logged(nano: int, logged: int, billed: int, group: Group, read: _Read, unnamed: Unnamed) -> Causes:
    """The causes of tokens that are billed and not logged."""
    tokens = billed - logged
    if group.lane == BATCH:
        return _shared_out(nano, [(BillCause.TIER, tokens)])
    named, cached = unnamed.bill(group.kind, tokens), 0
    if group.kind in KINDS[2:] and read.logged:
        # what the logs have of the other kinds they should have of this one
        cached = min(tokens - named, max(0, read.expected(billed) - logged))
    return _shared_out(
        nano,
        [
            (BillCause.MODEL_NAME, named),
            (BillCause.CACHE_TOKENS, cached),
            (BillCause.CALLS_NOT_LOGGED, tokens - named - cached),
        ],
    )


def _not_billed(nano: int, logged: int, billed: int, group: Group, unnamed: Unnamed) -> Causes:
    """The causes of tokens that are logged and not billed."""
    tokens = logged - billed
    named = unnamed.log(group.kind, tokens) if group.unnamed else 0
    if group.unbilled_day:
        cause = BillCause.OTHER_PERIOD
    elif group.kind in KINDS[2:] and not billed and not group.unnamed:
        cause = BillCause.CACHE_TOKENS
    else:
        cause = BillCause.CALLS_NOT_BILLED
    return _shared_out(-nano, [(BillCause.MODEL_NAME, -named), (cause, named - tokens)])


def _shared_out(nano: int, parts: Sequence[tuple[BillCause, int]]) -> Causes:
    """Money split over causes by their tokens, to the last nano-dollar."""
    out = Causes()
    whole = sum(tokens for _, tokens in parts)
    so_far = given = 0
    for cause, tokens in parts:
        so_far += tokens
        upto = _part(nano, so_far, whole)
        if tokens:
            out.add(cause, upto - given, tokens)
        given = upto
    return out


def of_price(log_nano: int, bill_nano: int, tokens: int, group: Group) -> BillCause:
    """Why the same tokens cost something else."""
    if group.kind == OTHER:
        return BillCause.OTHER_METER
    if not tokens:
        return BillCause.NOT_EXPLAINED
    if abs(bill_nano - log_nano) <= max(FRACTIONS, EXACT * abs(bill_nano)):
        return BillCause.ROUNDING
    return price_cause(log_nano / bill_nano if bill_nano else 0.0, group.lane, group.tier)


def price_cause(ratio: float, lane: str, tier: str) -> BillCause:
    """Why a price differs, by the logs' price over the bill's."""
    if lane == BATCH or abs(ratio * HALF - 1) <= NEAR:
        return BillCause.TIER
    if any(abs(ratio * factor - 1) <= NEAR for factor in (ROUTED, 1 / ROUTED)):
        return BillCause.ROUTING
    if tier and tier != "standard":
        return BillCause.TIER
    return BillCause.PRICE


def _part(nano: int, part: int, whole: int) -> int:
    """A part of some money, rounded to a nano-dollar."""
    if whole < 0:
        part, whole = -part, -whole
    return (2 * nano * part + whole) // (2 * whole) if whole else 0
