"""Reports made by hand, so that writers are tested without the engine.

Their figures are consistent but stand for no real capture.
"""

from __future__ import annotations

from typing import Any

from auditor.printing.text import visible
from auditor.report.schema import (
    Cap,
    FieldHops,
    Found,
    Gate,
    Hop,
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
from tests.support.report_beyond import BILL, beyond
from tests.support.report_parts import APP, FIELDS, GAPS, GATEWAY, anchor, by, field_report, gap, input_report


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


def whole() -> Report:
    """Three inputs joined: every section that a report can have."""
    bill = input_report(
        name=BILL, format="cur-2.0", layer="billing", bytes=20_480, records=120, calls=118, context=2
    )
    return report(inputs=[*report().inputs, bill], **beyond())


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


def hostile(evil: str = EVIL) -> Report:
    """A report whose names were chosen by a stranger."""
    name = f"{evil}.json"
    return few(
        inputs=[
            input_report(
                name=name,
                records=9,
                calls=6,
                context=3,
                skipped_total=1,
                notes=[evil],
                skipped=[Skip(line=3, reason=evil)],
            )
        ],
        fields=[
            field_report(
                "tenant_id",
                "mis_scoped",
                (2, 0, 4, 0),
                gaps=["IDN009"],
                found=[Found(key=evil, scope="process", calls=4, accepted=False)],
            )
        ],
        gaps=[
            gap(
                "IDN009",
                "tenant-only-on-root",
                "tenant_id",
                4,
                of=6,
                message=evil,
                title=evil,
                why=f"It stands under {evil}",
                fixes={"otel": f"Move {visible(evil)}"},
                anchors=[
                    anchor(input=name, excerpt=f'"{evil}": "x"', caret=(1, 12), pointer=f"/{evil}"),
                    anchor(input=name, line=None, column=None, pointer=evil, excerpt=evil, caret=None),
                ],
                where=[Where(dimension="key", name=evil, calls=4, cost_usd=0.0)],
            ),
            gap("IDN001", "tenant-absent", "tenant_id", 1, suppressed=Suppressed(reason=evil, until=None)),
        ],
        notes=[evil],
        **beyond(name, evil, evil, evil),
    )
