"""The report as types, as it is written to JSON.

A report never holds a value of the input: only keys, scopes, counts, money, pointers and masked excerpts.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Struct(msgspec.Struct, frozen=True):
    """Base of every wire type: immutable, every field always written."""


class Skip(Struct, frozen=True):
    """One piece of input that could not be read: where (1-based, null without lines) and why."""

    line: int | None
    reason: str


class Sums(Struct, frozen=True):
    """What the totals of one input add up to; they are not added to the calls of other inputs.

    `period` is what each of them adds up over, null where they differ or nobody knows.
    """

    period: str | None
    requests: int  # that they add up, where they say so
    tokens: int
    cost_usd: float
    cost_basis: Literal["observed", "estimated", "none"]
    unattributed_cost_usd: float


class CarriedField(Struct, frozen=True):
    """Whether numbers without calls carry a field: on each line, as a sum, not in this answer, or never."""

    field: str
    state: Literal["carried", "aggregate", "not_selected", "never"]


class Answer(Struct, frozen=True):
    """What an input without calls shows of the fields of a gateway's trace, and what to collect next."""

    fields: list[CarriedField]
    can: list[str]
    cannot: list[str]
    collect: list[str]


class InputReport(Struct, frozen=True):
    """What one input was recognised as and how it divides into calls, totals, context and skips.

    `totals` are sums over many calls: they are judged, and are neither calls nor context.
    """

    name: str
    format: str
    layer: str
    bytes: int
    records: int
    calls: int
    context: int
    skipped: list[Skip]
    skipped_total: int
    also: str | None = None  # the runner-up of recognition, when it came close
    notes: list[str] = []
    totals: int = 0
    sums: Sums | None = None  # of the totals
    answer: Answer | None = None  # of an input that holds no calls
    not_counted: int = 0  # records that look like model calls, and show no outcome of one


class Totals(Struct, frozen=True):
    """Sums over all calls. Money is in USD; the two `unattributed_*` shares run from 0 to 1."""

    calls: int
    tokens: int
    cost_usd: float
    cost_basis: Literal["observed", "estimated", "none"]
    weighted_by: Literal["cost", "tokens", "calls"]
    unattributed_calls: float
    unattributed_cost: float
    unattributed_cost_usd: float
    distinct_calls: int = 0  # each call once, whatever number of records show it, as the money is
    two_owners_cost_usd: float = 0.0  # of calls that two hops give to different owners


class Found(Struct, frozen=True):
    """One key under which a field was seen, on how many calls, and whether that scope is evidence."""

    key: str
    scope: str
    calls: int
    accepted: bool


class ByVerdict(Struct, frozen=True):
    """One figure a verdict; the four add up to the total."""

    present: float
    absent: float
    mis_scoped: float
    not_carried: float


class Shares(Struct, frozen=True):
    """The part on which a field is present, of what can carry it: by calls, tokens and money, 0 to 1."""

    calls: float
    tokens: float
    cost: float


class FieldCounts(Struct, frozen=True, kw_only=True):
    """A field's counts by verdict; `present + absent + mis_scoped + not_carried` are the calls counted."""

    verdict: str
    present: int
    absent: int
    mis_scoped: int
    not_carried: int
    cost: ByVerdict  # USD
    weight: ByVerdict  # share of the report's weight (cost, tokens or calls), 0 to 1
    causes: dict[str, int]
    share: Shares | None = None  # null where nothing can carry it


class AskedOf(FieldCounts, frozen=True):
    """A required field's counts over those calls of which the profile asks it."""


class _NamedCounts(FieldCounts, frozen=True):
    field: str  # positional fields come before keyword-only ones, so that JSON begins with the name
    required: bool


class InputVerdicts(Struct, frozen=True):
    """A field's four verdicts on the calls, lines or totals of one input, by itself."""

    input: str
    present: int
    absent: int
    mis_scoped: int
    not_carried: int


class FieldReport(_NamedCounts, frozen=True, kw_only=True):
    """One field's verdict counts; `present + absent + mis_scoped + not_carried` equals the distinct calls.

    A call has the verdict of its best record. `asked` stands where the profile asks a required field of some
    of the calls only, `inputs` where there are several inputs.
    """

    found: list[Found]
    wanted: list[str]
    gaps: list[str]
    carried_by: list[
        str
    ]  # formats of the report's layers that can carry a field which a call's format cannot
    asked: AskedOf | None = None
    inputs: list[InputVerdicts] = []


class Where(Struct, frozen=True):
    """A place where a gap sits: a service, route, key or model, with how many calls and USD."""

    dimension: str
    name: str
    calls: int
    cost_usd: float


class Anchor(Struct, frozen=True):
    """An example record, with the line and column of the key that the gap is about.

    Both count from 1, columns in characters of the text as it was given; they are those of the record where
    it has no such key, and null where the format has none (Parquet). The pointer is that of the record.
    """

    input: str
    record: int
    line: int | None
    column: int | None
    pointer: str | None
    excerpt: str | None  # masked
    caret: tuple[int, int] | None  # start and length within the excerpt, in characters


class Suppressed(Struct, frozen=True):
    """Why a gap does not gate: the reason and its expiry date, if any, and who said so."""

    reason: str
    until: str | None
    by: Literal["policy", "baseline"] = "policy"


class Gap(Struct, frozen=True):
    """What one rule found on one field, told once."""

    rule: str
    name: str
    field: str
    verdict: str | None
    cause: str | None
    level: str
    title: str
    message: str
    why: str
    calls: int
    of: int
    share: float  # of the report's weight
    cost_usd: float
    where: list[Where]
    anchors: list[Anchor]
    more: int
    fixes: dict[str, str]
    fingerprint: str
    suppressed: Suppressed | None
    records: int = 0  # the records on which the rule hit: spans, log lines, lines of a bill
    accepted: float | None = None  # its share when the baseline accepted it; null where no baseline knows it


class Hop(Struct, frozen=True):
    """How many of an input's calls carry a field; `of` leaves out those that never can."""

    layer: str
    input: str
    carried: int
    of: int
    state: Literal["carried", "partly", "lost", "never"] = "carried"
    keys: list[str] = []  # under which the field stands here, commonest first
    in_header: int = 0  # of `carried`, those that have it in a header only


class Border(Struct, frozen=True):
    """What becomes of a field between two inputs, over the calls that stand in both."""

    before: str
    after: str
    joined: int
    kept: int
    renamed: int  # kept, under another name
    changed: int
    dropped: int
    gained: int
    cost_usd: float  # of the calls on which it was changed or dropped
    examples: list[Anchor] = []  # one call: the record before, the record after


class FieldHops(Struct, frozen=True):
    """One field followed over the inputs, in the order of the layers, and what each border does to it."""

    field: str
    hops: list[Hop]
    borders: list[Border] = []
    dies_at: str | None = None  # the input at whose border most money loses the field


class Side(Struct, frozen=True):
    """One input's calls against the neighbour's: joined by an id, only weakly, or not at all."""

    input: str
    calls: int
    joined: int
    weak: int
    unmatched: int
    unmatched_cost_usd: float


class Join(Struct, frozen=True):
    """How two inputs were joined: how many pairs by which id; `weak` ones decide no verdict."""

    by: dict[str, int]
    before: Side
    after: Side


class DifferenceCause(Struct, frozen=True):
    """A part of a difference between the bill and the logs: billed minus logged, in dollars and in tokens.

    `cause` is one of calls_not_logged, calls_not_billed, cache_tokens, model_name, tier, routing, price,
    other_meter, other_period, spend_without_calls, rounding, not_explained.
    """

    cause: str
    cost_usd: str
    tokens: int


class ReconciledRow(Struct, frozen=True):
    """One model, kind of token and day: cost by the logs against the bill. Decimal strings, USD."""

    day: str | None
    model: str
    usage: str  # input, output, cache_read, cache_write, or what else the bill names
    log_tokens: int
    bill_tokens: int
    log_usd: str
    bill_usd: str
    delta_usd: str  # log - bill
    within: bool
    reason: str
    causes: list[DifferenceCause] = []  # which add up to bill - log, to the last digit


class LeftOut(Struct, frozen=True):
    """Lines of the bill that are no usage of a model: not compared."""

    what: str
    lines: int
    cost_usd: str


class Reconciliation(Struct, frozen=True):
    """Cost by the logs against the bill, by model, kind of token and day."""

    logs: list[str]  # inputs
    bills: list[str]
    basis: Literal["observed", "estimated"]
    tolerance: float  # share of the bill, 0 to 1
    log_usd: str
    bill_usd: str
    within: int
    rows: list[ReconciledRow]
    left_out: list[LeftOut]
    notes: list[str]
    billed_usd: str = "0.000000000"  # all spend on models: what is compared, other days, and without calls
    difference_usd: str = "0.000000000"  # billed_usd - log_usd
    causes: list[DifferenceCause] = []  # which add up to difference_usd


class Question(Struct, frozen=True):
    """A question of chargeback, whether these inputs answer it, for what share of the money, and by what."""

    question: str
    answer: Literal["yes", "partly", "no"]
    share: float  # of the report's money, 0 to 1
    grain: Literal["invoice", "estimate", "none"]
    mechanism: str
    limits: str
    inputs: list[str]


class Owner(Struct, frozen=True):
    """What one owner costs by the best evidence at hand; `owner` is masked, null for what nobody owns."""

    owner: str | None
    field: str | None
    calls: int
    tokens: int
    cost_usd: float
    share: float
    inputs: list[str]  # where the owner was found
    two_owners: bool = False  # two hops name different ones: `owner` names both


class Principal(Struct, frozen=True):
    """One IAM principal, a role with all of its sessions: its spend, and who stands behind it.

    `tagged_usd` is on lines and calls with tags of the principal, `shared_by` says what tells that several
    applications use it, `owners` counts the tenants (or teams) of its calls.
    """

    name: str
    shape: str
    calls: int
    cost_usd: float
    share: float
    tagged_usd: float
    sessions: int
    owners: int
    shared_by: str


class Projection(Struct, frozen=True):
    """Where a report stands before or after a step of the plan."""

    score: int
    unattributed_calls: float
    unattributed_cost: float
    fields: dict[str, float]  # share of the weight on which each required field is present


class Step(Struct, frozen=True):
    """One change of the plan and what it would make attributable."""

    step: int
    change: str
    where: str
    fields: list[str]
    calls_fixed: int
    cost_fixed: float
    rules: list[str]
    fix: str = ""
    before: Projection | None = None
    after: Projection | None = None


class Cap(Struct, frozen=True):
    """A limit on the score and the fact that causes it."""

    at: int
    reason: str


class Score(Struct, frozen=True):
    """0 to 100, its band, and what it could not check."""

    value: int
    band: str
    formula: str
    caps: list[Cap]
    uncheckable: list[str]


class Gate(Struct, frozen=True):
    """Whether the run passes, and every reason why not."""

    passed: bool
    reasons: list[str]


class Against(Struct, frozen=True):
    """The open gaps against the baseline: which it covers, which are new, grew, or are gone."""

    file: str
    tolerance: float  # by what part of itself a share may grow, 0 to 1
    gates: bool  # whether what it covers is left out of the gate
    known: int
    new: int
    grown: int
    gone: int
    score: int | None  # when it was written


class Tool(Struct, frozen=True):
    """Which program wrote the report."""

    name: str
    version: str


class Ruleset(Struct, frozen=True):
    """Which rules ran: the digest covers rules, fields, profiles, fixes and the price list's version."""

    version: str
    digest: str
    rules: list[str]


class Report(Struct, frozen=True, kw_only=True):
    """The whole answer, `"schema": "1"`. Nothing in it is a value of the input."""

    schema: Literal["1"] = "1"
    tool: Tool
    ruleset: Ruleset
    profile: str
    date: str | None
    inputs: list[InputReport]
    totals: Totals
    fields: list[FieldReport]
    gaps: list[Gap]
    hops: list[FieldHops]
    joins: list[Join] = []
    reconciliation: Reconciliation | None = None
    questions: list[Question] = []
    owners: list[Owner] = []
    principals: list[Principal] = []
    plan: list[Step]
    baseline: Against | None = None
    score: Score
    gate: Gate
    notes: list[str]
