"""Reports made by hand, so that writers are tested without the engine.

Their figures are consistent but stand for no real capture.
"""

from __future__ import annotations

from typing import Any

from auditor.model import (
    Anchor,
    ByVerdict,
    Cap,
    FieldHops,
    FieldReport,
    Found,
    Gap,
    Gate,
    Hop,
    InputReport,
    Report,
    Ruleset,
    Score,
    Skip,
    Step,
    Suppressed,
    Tool,
    Totals,
    Where,
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
        "fingerprint": "5f2c9a10d3e84b77",
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


def report(**over: Any) -> Report:
    """1,204 calls of two inputs with every kind of gap: the picture of a usual day."""
    base: dict[str, Any] = {
        "tool": Tool(name="attribution-gap-auditor", version="0.1.0"),
        "ruleset": Ruleset(version="0.1.0", digest="c0ffee00c0ffee00", rules=["CNT003", "IDN009", "USE035"]),
        "profile": "chargeback-min",
        "date": None,
        "inputs": [
            input_report(),
            input_report(
                name=GATEWAY,
                format="litellm-spend-logs",
                layer="gateway",
                bytes=812_004,
                records=410,
                calls=396,
                context=2,
                skipped_total=12,
                skipped=[
                    Skip(line=17, reason="not JSON: unterminated string at column 92"),
                    Skip(line=230, reason="not an object"),
                ],
            ),
        ],
        "totals": Totals(
            calls=1600,
            tokens=8_412_337,
            cost_usd=412.1,
            cost_basis="observed",
            weighted_by="cost",
            unattributed_calls=0.519,
            unattributed_cost=0.69,
            unattributed_cost_usd=284.35,
        ),
        "fields": FIELDS,
        "gaps": GAPS,
        "hops": [
            FieldHops(
                field="tenant_id",
                hops=[
                    Hop(layer="app", input=APP, carried=373, of=1204),
                    Hop(layer="gateway", input=GATEWAY, carried=0, of=396),
                ],
            ),
            FieldHops(
                field="request_id",
                hops=[
                    Hop(layer="app", input=APP, carried=1204, of=1204),
                    Hop(layer="gateway", input=GATEWAY, carried=396, of=396),
                ],
            ),
        ],
        "plan": [
            Step(
                step=1,
                change="Copy the tenant from baggage to every span at its start",
                where="service checkout",
                fields=["tenant_id"],
                calls_fixed=830,
                cost_fixed=284.35,
                rules=["IDN009"],
            ),
            Step(
                step=2,
                change="Send one request id on every attempt",
                where="service checkout, worker",
                fields=["request_id"],
                calls_fixed=41,
                cost_fixed=3.2,
                rules=["CNT003"],
            ),
        ],
        "score": Score(
            value=49,
            band="not chargeable",
            formula="1",
            caps=[Cap(at=49, reason="69 % of the spend has no owner")],
            uncheckable=["region"],
        ),
        "gate": Gate(passed=False, reasons=["2 gaps of level error: IDN009, CNT003"]),
        "notes": [
            "Prices: 3 models are not in the price list of 2026-11-01, their cost could not be checked."
        ],
    }
    return Report(**(base | over))


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


def few(**over: Any) -> Report:
    """Six calls and 0.000225 dollars: counts, not percentages."""
    base: dict[str, Any] = {
        "inputs": [input_report(name="stdin", bytes=5120, records=9, calls=6, context=3)],
        "totals": Totals(
            calls=6,
            tokens=1420,
            cost_usd=0.000225,
            cost_basis="estimated",
            weighted_by="tokens",
            unattributed_calls=4 / 6,
            unattributed_cost=0.61,
            unattributed_cost_usd=0.000137,
        ),
        "fields": [
            field_report(
                "tenant_id",
                "mis_scoped",
                (2, 0, 4, 0),
                cost=by(0.000088, 0, 0.000137),
                weight=by(0.39, 0, 0.61),
                gaps=["IDN009"],
                found=[Found(key="resource.tenant.id", scope="process", calls=4, accepted=False)],
            ),
            field_report("request_id", "present", (6, 0, 0, 0), cost=by(0.000225)),
            field_report("model", "present", (6, 0, 0, 0), cost=by(0.000225)),
        ],
        "gaps": [
            gap(
                "IDN009",
                "tenant-only-on-root",
                "tenant_id",
                4,
                of=6,
                cost_usd=0.000137,
                share=0.61,
                anchors=[anchor(input="stdin", record=2, line=1)],
                more=3,
            )
        ],
        "hops": [],
        "plan": [],
        "notes": [],
        "gate": Gate(passed=False, reasons=["1 gap of level error: IDN009"]),
        "score": Score(value=61, band="needs work", formula="1", caps=[], uncheckable=[]),
    }
    return report(**(base | over))


def clean() -> Report:
    """Six calls and nothing wrong with them."""
    return few(
        fields=[field_report(name, "present", (6, 0, 0, 0)) for name in ("tenant_id", "request_id", "model")],
        gaps=[],
        gate=Gate(passed=True, reasons=[]),
        score=Score(value=100, band="ready", formula="1", caps=[], uncheckable=[]),
        totals=Totals(
            calls=6,
            tokens=1420,
            cost_usd=0.0,
            cost_basis="none",
            weighted_by="tokens",
            unattributed_calls=0.0,
            unattributed_cost=0.0,
            unattributed_cost_usd=0.0,
        ),
    )


def empty() -> Report:
    """A recognised input without a single call."""
    return few(
        inputs=[
            input_report(
                name="metrics.json",
                format="otlp-metrics-json",
                bytes=900,
                records=40,
                calls=0,
                context=40,
                notes=["Metrics are aggregates: they show tokens by model, never one call."],
            )
        ],
        totals=Totals(
            calls=0,
            tokens=0,
            cost_usd=0.0,
            cost_basis="none",
            weighted_by="calls",
            unattributed_calls=0.0,
            unattributed_cost=0.0,
            unattributed_cost_usd=0.0,
        ),
        fields=[field_report("tenant_id", "not_carried", (0, 0, 0, 0))],
        gaps=[],
        score=Score(
            value=0, band="not chargeable", formula="1", caps=[], uncheckable=["everything: no calls"]
        ),
        gate=Gate(passed=True, reasons=[]),
    )


EVIL = "\x1b]0;owned\x07\x1b[31m\u202eevil\u200b\x9b2J\r\n::add-mask::x"


def hostile() -> Report:
    """A report whose names were chosen by a stranger."""
    return few(
        inputs=[
            input_report(
                name=f"in{EVIL}.json",
                records=9,
                calls=6,
                context=3,
                skipped_total=1,
                notes=[EVIL],
                skipped=[Skip(line=3, reason=EVIL)],
            )
        ],
        fields=[
            field_report(
                "tenant_id",
                "mis_scoped",
                (2, 0, 4, 0),
                gaps=["IDN009"],
                found=[Found(key=f"attributes.{EVIL}", scope="process", calls=4, accepted=False)],
            )
        ],
        gaps=[
            gap(
                "IDN009",
                "tenant-only-on-root",
                "tenant_id",
                4,
                of=6,
                message=f"Found under {EVIL}",
                title=EVIL,
                anchors=[
                    anchor(
                        input=f"in{EVIL}.json", excerpt=f'"{EVIL}": "x"', caret=(1, 12), pointer=f"/{EVIL}"
                    )
                ],
                where=[Where(dimension="key", name=EVIL, calls=4, cost_usd=0.0)],
            )
        ],
        notes=[EVIL],
    )
