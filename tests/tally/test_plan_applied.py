"""Each step of a plan is applied to the bytes of the inputs, which are audited again: the promise must hold.

The calls and dollars of a step, its figures afterwards, the present counts of its fields, and the steps that
are left are what the report of the changed inputs says.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from auditor.report.schema import FieldReport, Report, Step
from tests.support import chains
from tests.support.plan_steps import MONEY, Capture, Followed, Inputs, Record, audited, followed, number

SAMPLES = Path(__file__).parents[2] / "samples"
CASES = [
    ("otlp-json-gappy.json", "otlp-json"),
    ("support-desk.json", "otlp-json"),
    ("litellm-standard-logging-gappy.jsonl", "litellm-standard-logging"),
    ("litellm-spend-logs-gappy.json", "litellm-spend-logs"),
    ("bedrock-invocation-log-gappy.jsonl", "bedrock-invocation-log"),
    ("cur-2.0-gappy.csv", "cur-2.0"),
]
PROFILES = ["chargeback-min", "gateway-ready"]
CALLS = range(1, 9)
PRICE = 8.625e-05  # USD: 120 and 45 tokens of chains.MODEL
OWNERS = {
    "tenant_id": ("acme", "globex"),
    "team_id": ("blue-team", "green-team"),
    "user_id": ("u-1001", "u-1002"),
    "workflow_id": ("reply-draft", "ticket-summary"),
}


def truth(field: str, record: Record) -> Any:
    """What a record should have said: two owners in turn, one id for all tries, the list's price."""
    if field in OWNERS:
        return OWNERS[field][_call(record) % 2]
    if field == "request_id":
        return f"req-{_call(record):04d}"
    if field == "cost_usd":  # dollars a million tokens of Claude Sonnet
        return (3 * record["prompt_tokens"] + 15 * record["completion_tokens"]) / 1e6
    return {"model": chains.MODEL, "tokens_input": 120, "tokens_output": 45}[field]


def _call(record: Record) -> int:
    """The number of a call; tries of one request are one call."""
    shared = record.get("traceId") or record.get("trace_id")
    if shared and not shared.startswith("5b8efff798038103d269b633813fc6"):
        return zlib.crc32(shared.encode()) % 10_000
    known = any(key in record for key in ("spanId", "litellm_call_id", "requestId"))
    return number(record) if known and _is_made(record) else zlib.crc32(json.dumps(record).encode()) % 10_000


def _is_made(record: Record) -> bool:
    own: str = record.get("spanId") or record.get("litellm_call_id") or record["requestId"]
    return own.startswith(("eee19b7ec3c1b1", "0934d2d1-0000-4564-93a4-", "11111111-2222-4333-8444-"))


def of_input(field: FieldReport, name: str) -> int:
    """On how many of an input's own records a field is present."""
    return sum(one.present for one in field.inputs if one.input == name) if field.inputs else field.present


def shares(report: Report) -> dict[str, float]:
    """Of each required field the part of the money on which it is present, of what could have it."""
    out = {}
    for field in report.fields:
        of = field.asked.cost if field.asked else field.cost
        whole = of.present + of.absent + of.mis_scoped
        if field.required and whole:
            out[field.field] = of.present / whole
    return out


def outline(steps: Iterable[Step], *, money: bool) -> list[tuple[Any, ...]]:
    """Steps without their numbers and figures."""
    return [
        (s.fix, s.where, s.fields, s.rules, s.calls_fixed, round(s.cost_fixed, 9) if money else None)
        for s in steps
    ]


def check(followed_: Followed, rest: list[Step], *, money: bool) -> None:
    """One step: what it promises is what the report of the changed inputs says."""
    step, before, after = followed_.step, followed_.before, followed_.after
    assert step.after is not None
    name = step.where if len(followed_.inputs) > 1 else before.inputs[0].name
    was, now = ({f.field: f for f in report.fields} for report in (before, after))
    for field in step.fields:
        records = len(followed_.changed[field])

        assert records > 0, (step, field)
        assert of_input(now[field], name) - of_input(was[field], name) == records, (step, field)
    if len(followed_.inputs) == 1:
        assert step.calls_fixed == len(set().union(*followed_.changed.values())), step
    assert (step.after.score, step.after.unattributed_calls) == (
        after.score.value if money else step.after.score,
        round(after.totals.unattributed_calls, 6),
    ), (step, after.score)
    assert outline(after.plan, money=money) == outline(rest, money=money), step
    if money and after.totals.weighted_by == "cost":
        assert step.after.unattributed_cost == pytest.approx(after.totals.unattributed_cost, abs=1e-6)
        known = shares(after)
        for field in step.fields:
            assert (
                field not in known
                or field in ("tenant_id", "team_id")
                or (step.after.fields[field] == pytest.approx(known[field], abs=1e-6))
            ), (step, field)
    if money and len(step.fields) == 1 and len(followed_.inputs) == 1:
        (only,) = step.fields
        assert step.cost_fixed == pytest.approx(now[only].cost.present - was[only].cost.present, abs=1e-9)


def check_all(held: Inputs, profile: str = "chargeback-min", *, forwards: bool = True) -> list[Step]:
    """Every step of a plan; a step that changes what the calls cost is promised at today's money."""
    plan = audited(held, profile).plan
    money = True
    for n, one in enumerate(followed(held, truth, profile, forwards=forwards), 1):
        money = money and not MONEY & set(one.step.fields)
        check(one, plan[n:], money=money)
    return plan


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("name", "fmt"), CASES, ids=[name for name, _ in CASES])
def test_the_plan_of_a_sample_holds(name: str, fmt: str, profile: str) -> None:
    """Step after step, with everything that the sample lacks."""
    assert check_all({"capture": Capture(fmt, (SAMPLES / name).read_text("utf-8"))}, profile)


def captures(held: dict[str, str]) -> Inputs:
    """Inputs under the names of their hops."""
    return {name: Capture(chains.FORMATS[name], text) for name, text in held.items()}


def tenant(n: int) -> str:
    return OWNERS["tenant_id"][n % 2]


def app(*, nameless: Iterable[int] = (), without_id: Iterable[int] = (), aws: bool = False) -> str:
    """Spans of all calls, some without tenant or request id; `aws`: each names the provider's request."""
    return chains.spans(
        *(
            chains.span(
                n,
                tenant="" if n in nameless else tenant(n),
                request="" if n in without_id else f"req-{n:04d}",
                **({"aws.request_id": chains.AWS.format(n)} if aws else {}),
            )
            for n in CALLS
        )
    )


def gateway(*, nameless: Iterable[int] = (), calls: Iterable[int] = CALLS) -> str:
    """Rows of a LiteLLM proxy, some without a tenant."""
    return chains.lines(
        *(chains.payload(n, tenant="" if n in nameless else tenant(n), request=f"req-{n:04d}") for n in calls)
    )


def provider(*, nameless: Iterable[int] = ()) -> str:
    """The invocation log of all calls, some without a tenant."""
    return chains.lines(*(chains.invocation(n, tenant="" if n in nameless else tenant(n)) for n in CALLS))


def bill(*, tagged: Iterable[str] = ()) -> str:
    """What all calls cost, a pair of lines for each tenant."""
    rows = []
    for owner in OWNERS["tenant_id"]:
        tags = f'{{""iamPrincipal/tenant"": ""{owner}""}}' if owner in tagged else "{}"
        each = len(CALLS) / 2
        rows += [
            ("2026-09-14", "input", 0.12 * each, 0.00003 * each, tags),
            ("2026-09-14", "output", 0.045 * each, 0.00005625 * each, tags),
        ]
    return chains.bill(*rows)


ONE_INPUT = {
    "spans without a tenant": {"app": app(nameless=(1, 2, 3))},
    "spans without a request id": {
        "app": chains.spans(*(chains.span(n, request=f"req-{n:04d}" * (n > 3)) for n in CALLS))
    },
    "spans with a placeholder": {
        "app": chains.spans(*(chains.span(n, tenant="unknown" if n < 3 else tenant(n), request=f"req-{n:04d}")
                              for n in CALLS))
    },
    "rows without a tenant": {"litellm": gateway(nameless=CALLS)},
    "rows with a placeholder": {
        "litellm": chains.lines(*(chains.payload(n, tenant="unknown" if n < 4 else tenant(n)) for n in CALLS))
    },
    "rows without tokens": {"litellm": chains.lines(
        *(chains.payload(n, tenant=tenant(n)) for n in CALLS if n > 2),
        *(chains.payload(n, tenant=tenant(n), prompt_tokens=None) for n in (1, 2)),
    )},
    "invocations without metadata": {"provider": provider(nameless=(1, 2))},
    "invocations without tokens": {"provider": chains.lines(
        *(chains.invocation(n, tenant=tenant(n)) for n in CALLS if n > 2),
        *(chains.invocation(n, tenant=tenant(n), output={}) for n in (1, 2)),
    )},
    "untagged lines": {"bill": bill()},
    "lines tagged in part": {"bill": bill(tagged=("acme",))},
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_INPUT)
def test_the_plan_of_one_input_holds(name: str) -> None:
    """Owner, request id, tokens: what one hop lacks."""
    assert check_all(captures(ONE_INPUT[name]))


SEVERAL = {
    "the application names no tenant on two calls": {
        "app": app(nameless=(1, 2)), "litellm": gateway(nameless=(1, 2))},
    "the gateway drops every tenant": {"app": app(), "litellm": gateway(nameless=CALLS)},
    "the application names none on two calls, the gateway drops the others": {
        "app": app(nameless=(1, 2)), "litellm": gateway(nameless=CALLS)},
    "neither names a tenant": {"app": app(nameless=CALLS), "litellm": gateway(nameless=CALLS)},
    "the gateway alone names some": {"app": app(nameless=CALLS), "litellm": gateway(nameless=(1, 2, 3))},
    "the application sends no request id on three calls": {
        "app": app(without_id=(1, 2, 3)), "litellm": gateway()},
    "an untagged bill and rows without a tenant": {"litellm": gateway(nameless=CALLS), "bill": bill()},
    "an untagged bill and two rows without a tenant": {"litellm": gateway(nameless=(1, 2)), "bill": bill()},
    "a bill tagged in part": {"litellm": gateway(), "bill": bill(tagged=("acme",))},
    "a bill tagged in part and rows without a tenant": {
        "litellm": gateway(nameless=CALLS), "bill": bill(tagged=("acme",))},
    "the invocation log has no metadata": {"app": app(aws=True), "provider": provider(nameless=CALLS)},
    "the application names no tenant, nor does the log": {
        "app": app(nameless=(1, 2), aws=True), "provider": provider(nameless=(1, 2))},
    "the gateway does not pass the tenant on": {"litellm": gateway(), "provider": provider(nameless=CALLS)},
    "three calls go round the gateway": {
        "litellm": gateway(calls=range(1, 6)), "provider": provider(nameless=(6, 7, 8))},
    "three hops": {
        "app": app(nameless=(1, 2)), "litellm": gateway(nameless=(1, 2, 3)),
        "provider": provider(nameless=CALLS)},
}  # fmt: skip


@pytest.mark.parametrize("name", SEVERAL)
def test_the_plan_of_several_hops_holds(name: str) -> None:
    """A step changes one hop, and later hops forward the value as they do for other calls."""
    held = captures(SEVERAL[name])
    plan = check_all(held)

    assert plan
    assert all(step.cost_fixed <= step.calls_fixed * PRICE + 1e-9 for step in plan)


def test_what_two_logs_show_of_the_same_calls_is_counted_by_the_worse_one() -> None:
    """Logs that share no id: once the application names its tenants, the calls of the other log count."""
    spans = chains.spans(*(chains.span(n, tenant=tenant(n) * (n > 2), request=f"req-{n:04d}") for n in CALLS))

    assert check_all(captures({"app": spans, "provider": provider(nameless=(1, 2))}), forwards=False)
