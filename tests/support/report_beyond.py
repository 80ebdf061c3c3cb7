"""Parts of reports beyond single gaps: borders, joins, money, questions, owners, a plan and its effect.

Their figures are consistent but stand for no real capture.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from auditor.report.schema import (
    Border,
    DifferenceCause,
    FieldHops,
    Hop,
    Join,
    LeftOut,
    Owner,
    Projection,
    Question,
    ReconciledRow,
    Reconciliation,
    Side,
    Step,
)
from tests.support.report_parts import APP, GATEWAY, anchor

BILL = "cur-2026-11.csv"


def beyond(
    app: str = APP, gateway: str = GATEWAY, bill: str = BILL, word: str = "tenant.id"
) -> dict[str, Any]:
    """What a report of three inputs has beyond its gaps; `word` stands wherever a name comes from outside."""
    return {
        "hops": _hops(app, gateway, bill, word),
        "joins": [
            Join(
                by={"request_id": 390, word: 4},
                before=Side(app, 1204, 394, 2, 808, 120.5),
                after=Side(gateway, 396, 394, 2, 0, 0.0),
            )
        ],
        "reconciliation": Reconciliation(
            logs=[gateway],
            bills=[bill],
            basis="observed",
            tolerance=0.02,
            log_usd="412.10",
            bill_usd="431.92",
            within=1,
            rows=[
                _row(word, "input", "300.00", "301.10", "-1.10", reason=""),
                _row(
                    word,
                    "cache_write",
                    "0.00",
                    "18.72",
                    "-18.72",
                    reason=f"the logs price no cache writes: {word}",
                ),
            ],
            left_out=[LeftOut(what=f"tax {word}", lines=3, cost_usd="82.06")],
            notes=["The bill ends on 2026-11-19, the logs on 2026-11-20."],
            billed_usd="513.98",
            difference_usd="101.88",
            causes=[
                DifferenceCause("calls_not_logged", "1.10", 366_667),
                DifferenceCause("cache_tokens", "18.72", 4_992_000),
                DifferenceCause(word, "82.06", 0),
            ],
        ),
        "questions": [
            _question("What does each tenant cost?", "no", 0.31, "estimate", gateway, word),
            _question("What does each model cost?", "yes", 1.0, "invoice", bill, word),
            _question("What does each team cost?", "partly", 0.62, "none", app, word),
        ],
        "owners": [
            Owner(
                owner=None, field=None, calls=830, tokens=5_804_512, cost_usd=284.35, share=0.69, inputs=[]
            ),
            Owner(
                owner=f"<string, 4 #1> {word}",
                field="tenant_id",
                calls=500,
                tokens=1_804_512,
                cost_usd=100.0,
                share=0.243,
                inputs=[app],
            ),
            Owner(
                owner="<string, 6 #2>",
                field="team_id",
                calls=270,
                tokens=803_313,
                cost_usd=27.75,
                share=0.067,
                inputs=[app, gateway],
            ),
        ],
        "plan": [
            Step(
                step=1,
                change=f"Copy the tenant from baggage to every span at its start {word}".strip(),
                where=f"service {word}",
                fields=["tenant_id"],
                calls_fixed=830,
                cost_fixed=284.35,
                rules=["IDN009"],
                fix="Register the processor first:\n\n```python\nprovider.add_span_processor(…)\n```",
                before=Projection(49, 0.519, 0.69, {"tenant_id": 0.31}),
                after=Projection(88, 0.02, 0.012, {"tenant_id": 1.0}),
            )
        ],
    }


def _hops(app: str, gateway: str, bill: str, word: str) -> list[FieldHops]:
    return [
        FieldHops(
            field="tenant_id",
            hops=[
                Hop("app", app, 1204, 1204, "carried", [word, "tenant_id"]),
                Hop("gateway", gateway, 2, 396, "partly", ["metadata.tenant_id"]),
                Hop("billing", bill, 0, 0, "never", []),
            ],
            borders=[
                Border(
                    app,
                    gateway,
                    394,
                    kept=2,
                    renamed=2,
                    changed=1,
                    dropped=391,
                    gained=0,
                    cost_usd=284.35,
                    examples=[anchor(input=app), anchor(input=gateway, line=12, column=1, pointer=None)],
                )
            ],
            dies_at=gateway,
        ),
        FieldHops(
            field="request_id",
            hops=[
                Hop("app", app, 1204, 1204, "carried", ["request_id"]),
                Hop("gateway", gateway, 396, 396, "carried", ["request_id"]),
                Hop("billing", bill, 0, 0, "never", []),
            ],
            borders=[Border(app, gateway, 394, 394, 0, 0, 0, 0, 0.0)],
        ),
    ]


def _row(model: str, usage: str, logs: str, bill: str, delta: str, *, reason: str) -> ReconciledRow:
    return ReconciledRow(
        day="2026-11-19",
        model=f"anthropic.claude-sonnet-4 {model}",
        usage=usage,
        log_tokens=8_000_000,
        bill_tokens=8_030_000,
        log_usd=logs,
        bill_usd=bill,
        delta_usd=delta,
        within=not reason,
        reason=reason,
        causes=[
            DifferenceCause("calls_not_logged", "0.50", 14_000),
            DifferenceCause("price", str(-Decimal(delta) - Decimal("0.50")), 16_000),
        ],
    )


def _question(text: str, answer: Any, part: float, grain: Any, name: str, word: str) -> Question:
    return Question(
        question=text,
        answer=answer,
        share=part,
        grain=grain,
        mechanism=f"the field of the log line {word}",
        limits="" if answer == "yes" else f"only where {word} stands on the call",
        inputs=[name],
    )
