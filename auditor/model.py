"""The words of the domain as types: verdicts, causes, scopes, layers, and the frozen report.

A report never holds a value of the input: only keys, scopes, counts, money, pointers and masked excerpts.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec


class Verdict(StrEnum):
    """What the evidence says of one field on one call."""

    PRESENT = "present"
    ABSENT = "absent"
    MIS_SCOPED = "mis_scoped"
    NOT_CARRIED = "not_carried"


class Level(StrEnum):
    """How loud a rule is; the gate reads it."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 is the loudest."""
        return ("error", "warning", "note").index(self.value)


class Cause(StrEnum):
    """Why a verdict is not `present`; the set is closed."""

    MISSING = "missing"
    EMPTY = "empty"
    PLACEHOLDER = "placeholder"
    DROPPED = "dropped"
    NOT_ENABLED = "not_enabled"
    WIDER_SCOPE = "wider_scope"
    WIRE_ONLY = "wire_only"
    WRONG_RECORD = "wrong_record"
    ATTEMPT_ONLY = "attempt_only"
    CHANGES_ON_RETRY = "changes_on_retry"
    SHARED_IDENTITY = "shared_identity"
    INCONSISTENT = "inconsistent"
    MALFORMED = "malformed"
    CONSTANT = "constant"
    WEAK_ALIAS = "weak_alias"
    MODEL_HIDDEN = "model_hidden"
    PERSONAL_DATA = "personal_data"
    OVER_LIMIT = "over_limit"
    BY_FORMAT = "by_format"
    BY_SAMPLE = "by_sample"
    FAILED_CALL = "failed_call"


ABSENT_CAUSES = frozenset({Cause.MISSING, Cause.EMPTY, Cause.PLACEHOLDER, Cause.DROPPED, Cause.NOT_ENABLED})
NOT_CARRIED_CAUSES = frozenset({Cause.BY_FORMAT, Cause.BY_SAMPLE, Cause.FAILED_CALL})
MIS_SCOPED_CAUSES = frozenset(Cause) - ABSENT_CAUSES - NOT_CARRIED_CAUSES

# Narrow to wide: a value stands at the scope where it can change.
SCOPES = tuple(
    """attempt request request_metadata gateway_record span client_header parent_span trace session process
    credential session_tag principal principal_tag resource_tag account billing_aggregate metric_aggregate
    message_body""".split()
)
LAYERS = ("client", "app", "gateway", "provider", "billing")


class Struct(msgspec.Struct, frozen=True):
    """Base of every wire type: immutable, every field always written."""


class Skip(Struct, frozen=True):
    """One piece of input that could not be read: where (1-based, null without lines) and why."""

    line: int | None
    reason: str


class InputReport(Struct, frozen=True):
    """What one input was recognised as and how it divides into calls, context and skips."""

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


class FieldReport(Struct, frozen=True):
    """One field's verdict counts; `present + absent + mis_scoped + not_carried` equals the calls."""

    field: str
    required: bool
    verdict: str
    present: int
    absent: int
    mis_scoped: int
    not_carried: int
    cost: ByVerdict  # USD
    weight: ByVerdict  # share of the report's weight (cost, tokens or calls), 0 to 1
    causes: dict[str, int]
    found: list[Found]
    wanted: list[str]
    gaps: list[str]
    carried_by: list[str]  # formats that can carry a field which this input's format cannot


class Where(Struct, frozen=True):
    """A place where a gap sits: a service, route, key or model, with how many calls and USD."""

    dimension: str
    name: str
    calls: int
    cost_usd: float


class Anchor(Struct, frozen=True):
    """An example record. Lines and columns are 1-based; null where the format has none (Parquet)."""

    input: str
    record: int
    line: int | None
    column: int | None
    pointer: str | None
    excerpt: str | None  # masked
    caret: tuple[int, int] | None  # start and length within the excerpt, in characters


class Suppressed(Struct, frozen=True):
    """Why a gap does not gate: the policy's reason and its expiry date, if any."""

    reason: str
    until: str | None


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


class Hop(Struct, frozen=True):
    """How many of an input's calls carry a field."""

    layer: str
    input: str
    carried: int
    of: int


class FieldHops(Struct, frozen=True):
    """One field followed over the inputs, in the order of the layers."""

    field: str
    hops: list[Hop]


class Step(Struct, frozen=True):
    """One change of the plan and what it would make attributable."""

    step: int
    change: str
    where: str
    fields: list[str]
    calls_fixed: int
    cost_fixed: float
    rules: list[str]


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
    plan: list[Step]
    score: Score
    gate: Gate
    notes: list[str]
