"""Parts of reports made by hand: inputs, fields, gaps and anchors that the factory puts together.

Their figures are consistent but stand for no real capture.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from auditor.report.handbook import FieldText, Handbook, Recipe, RuleText
from auditor.report.schema import Anchor, ByVerdict, FieldReport, Found, Gap, InputReport, Suppressed, Where

_RECIPE = Recipe(
    stack="otel",
    title="Copy baggage to every span",
    text="register BaggageSpanProcessor with a predicate for the keys "
    "you charge by, and set the baggage where the tenant is known.",
    snippet="provider.add_span_processor(BaggageSpanProcessor(lambda key: key == '{field}'))",
)
# the texts of one rule, one recipe and one field, so that no golden moves with the rule pack
HANDBOOK = Handbook(
    rules={
        "IDN009": RuleText(
            id="IDN009",
            name="tenant-only-on-root",
            fields=("tenant_id",),
            verdict="mis_scoped",
            cause="wrong_record",
            level="error",
            status="stable",
            title="The tenant stands on every span that carries usage",
            gap="The tenant stands on the root span, not on the span that carries usage",
            why="A sampled or broken trace loses the root, and with it the only owner of the spend.",
            false_positives="Traces that are never sampled and never cut.",
            fixes=(_RECIPE.on("tenant_id"),),
            references=("https://opentelemetry.io/docs/concepts/signals/baggage/",),
        )
    },
    recipes=(_RECIPE,),
    fields={"tenant_id": FieldText("Tenant", "The customer on whose behalf the call was made.")},
)

ZERO = ByVerdict(present=0.0, absent=0.0, mis_scoped=0.0, not_carried=0.0)
APP, GATEWAY = "traces/checkout.json", "spend.jsonl"


def by(
    present: float = 0.0, absent: float = 0.0, mis_scoped: float = 0.0, not_carried: float = 0.0
) -> ByVerdict:
    """One figure a verdict."""
    return ByVerdict(present=present, absent=absent, mis_scoped=mis_scoped, not_carried=not_carried)


def input_report(**over: Any) -> InputReport:
    """One recognised input."""
    base: dict[str, Any] = {
        "name": APP,
        "format": "otlp-json",
        "layer": "app",
        "bytes": 3_482_113,
        "records": 5000,
        "calls": 1204,
        "context": 3796,
        "skipped": [],
        "skipped_total": 0,
    }
    return InputReport(**(base | over))


def field_report(field: str, verdict: str, counts: tuple[int, int, int, int], **over: Any) -> FieldReport:
    """One field: its verdict and the calls present, absent, mis-scoped and not carried."""
    total = sum(counts) or 1
    base: dict[str, Any] = {
        "field": field,
        "required": True,
        "verdict": verdict,
        "present": counts[0],
        "absent": counts[1],
        "mis_scoped": counts[2],
        "not_carried": counts[3],
        "cost": ZERO,
        "weight": by(*(n / total for n in counts)),
        "causes": {},
        "found": [],
        "wanted": ["request", "span"],
        "gaps": [],
        "carried_by": [],
    }
    return FieldReport(**(base | over))


def gap(rule: str, name: str, field: str, calls: int, **over: Any) -> Gap:
    """One gap with an anchor on a line."""
    base: dict[str, Any] = {
        "rule": rule,
        "name": name,
        "field": field,
        "verdict": "mis_scoped",
        "cause": "wrong_record",
        "level": "error",
        "title": "The tenant stands on the root span, not on the span that carries usage",
        "message": "The tenant stands on the root span, not on the span that carries usage",
        "why": "A sampled or broken trace loses the root, and with it the only owner of the spend.",
        "calls": calls,
        "of": 1204,
        "share": calls / 1204,
        "cost_usd": 0.0,
        "where": [],
        "anchors": [anchor()],
        "more": calls - 1,
        "fixes": {},
        "fingerprint": sha256(f"{rule} {field}".encode()).hexdigest()[:16],
        "suppressed": None,
    }
    return Gap(**(base | over))


def anchor(**over: Any) -> Anchor:
    """One example record, on a line, with an excerpt and a caret."""
    excerpt = (
        '"name": "chat claude-sonnet-4", "kind": 3, "gen_ai.usage.input_tokens": 512, "aws.request_id": <…>'
    )
    at = excerpt.index('"gen_ai.usage.input_tokens"')
    base: dict[str, Any] = {
        "input": APP,
        "record": 77,
        "line": 2041,
        "column": 17,
        "pointer": "/resourceSpans/0/scopeSpans/2/spans/76",
        "excerpt": excerpt,
        "caret": (at, 32),
    }
    return Anchor(**(base | over))


FIELDS = [
    field_report(
        "tenant_id",
        "mis_scoped",
        (373, 397, 830, 0),
        cost=by(127.75, 0.0, 284.35),
        weight=by(0.31, 0, 0.69),
        causes={"wrong_record": 830, "missing": 397},
        gaps=["IDN009", "IDN001"],
        found=[
            Found(key="tenant_id", scope="parent_span", calls=830, accepted=False),
            Found(key="tenant.id", scope="span", calls=373, accepted=True),
        ],
    ),
    field_report(
        "model",
        "present",
        (1600, 0, 0, 0),
        cost=by(412.1),
        found=[Found(key="gen_ai.request.model", scope="span", calls=1600, accepted=True)],
    ),
    field_report("tokens_input", "present", (1600, 0, 0, 0), cost=by(412.1)),
    field_report("tokens_output", "present", (1600, 0, 0, 0), cost=by(412.1)),
    field_report(
        "request_id",
        "mis_scoped",
        (1559, 0, 41, 0),
        cost=by(408.9, 0.0, 3.2),
        weight=by(0.9922, 0, 0.0078),
        causes={"changes_on_retry": 41},
        gaps=["CNT003"],
        found=[Found(key="aws.request_id", scope="attempt", calls=41, accepted=False)],
    ),
    field_report(
        "cost_usd",
        "mis_scoped",
        (334, 0, 62, 1204),
        cost=by(412.1),
        gaps=["USE035"],
        carried_by=["litellm-spend-logs"],
        weight=by(1.0),
        causes={"inconsistent": 62, "by_format": 1204},
        found=[Found(key="spend", scope="gateway_record", calls=396, accepted=True)],
        wanted=["gateway_record"],
    ),
    field_report(
        "region",
        "not_carried",
        (0, 0, 0, 1600),
        cost=by(0, 0, 0, 412.1),
        causes={"by_format": 1600},
        carried_by=["bedrock-invocation-log", "cloudtrail", "cur-2.0"],
    ),
    field_report("user_id", "absent", (0, 1600, 0, 0), required=False, cost=by(0, 412.1)),
    field_report("environment", "present", (1600, 0, 0, 0), required=False, cost=by(412.1)),
    field_report("latency_ms", "present", (1600, 0, 0, 0), required=False, cost=by(412.1)),
    field_report(
        "iam_principal",
        "not_carried",
        (0, 0, 0, 1600),
        required=False,
        cost=by(0, 0, 0, 412.1),
        causes={"by_format": 1600},
        carried_by=["bedrock-invocation-log", "cur-2.0"],
    ),
]

GAPS = [
    gap(
        "IDN009",
        "tenant-only-on-root",
        "tenant_id",
        830,
        cost_usd=284.35,
        share=0.69,
        more=827,
        where=[
            Where(dimension="service", name="checkout", calls=600, cost_usd=200.0),
            Where(dimension="service", name="worker", calls=230, cost_usd=84.35),
            Where(dimension="key", name="tenant_id", calls=830, cost_usd=284.35),
            Where(
                dimension="model", name="anthropic.claude-sonnet-4-20250514-v1:0", calls=830, cost_usd=284.35
            ),
        ],
        anchors=[anchor(), anchor(record=78, line=2090), anchor(record=81, line=2111)],
        fixes={
            "otel": "Copy baggage to every span: register BaggageSpanProcessor with a predicate for the keys "
            "you charge by, and set the baggage where the tenant is known.",
            "langfuse": "Propagate attributes: open the trace inside propagate_attributes(metadata=…).",
        },
    ),
    gap(
        "CNT003",
        "request-id-changes-on-retry",
        "request_id",
        41,
        cause="changes_on_retry",
        share=0.0078,
        cost_usd=3.2,
        title="Each attempt of one call carries a request id of its own",
        message="Each attempt of one call carries a request id of its own",
        why="The attempts cannot be told from separate calls, so retries are billed twice or not at all.",
        where=[
            Where(dimension="service", name="checkout", calls=30, cost_usd=2.5),
            Where(dimension="service", name="worker", calls=11, cost_usd=0.7),
        ],
        fixes={"app": "Send one id: create x-request-id before the retry loop and pass it on every attempt."},
    ),
    gap(
        "USE035",
        "cost-zero-with-tokens",
        "cost_usd",
        62,
        of=396,
        cause="inconsistent",
        level="warning",
        share=0.0,
        title="The cost is zero although tokens were used",
        message="The cost is zero although tokens were used",
        anchors=[
            anchor(input=GATEWAY, record=12, line=None, column=None, pointer=None, excerpt=None, caret=None)
        ],
        where=[Where(dimension="model", name="claude-sonnet-4", calls=62, cost_usd=0.0)],
        fixes={"litellm": "Upgrade: streamed calls are priced from 1.74 on."},
    ),
    gap(
        "IDN040",
        "key-spelled-two-ways",
        "tenant_id",
        1203,
        verdict=None,
        cause=None,
        level="note",
        share=0.92,
        title="One field goes by several names",
        message="One field goes by several names: 2 spellings on 1,203 of 1,204 calls",
        where=[
            Where(dimension="key", name="tenant_id", calls=830, cost_usd=284.35),
            Where(dimension="key", name="tenant.id", calls=373, cost_usd=127.75),
        ],
        anchors=[],
    ),
    gap(
        "IDN001",
        "tenant-absent",
        "tenant_id",
        397,
        verdict="absent",
        cause="missing",
        level="error",
        of=396,
        title="No tenant anywhere on the record",
        message="No tenant anywhere on the record",
        suppressed=Suppressed(reason="batch jobs are billed to the platform", until="2026-12-31"),
    ),
]
