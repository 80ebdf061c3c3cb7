"""Several inputs, one set of figures: each call once, those that join nothing too, in any order."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import pytest

from auditor.audit import audit
from auditor.diff.compare import diff
from auditor.policy.model import Policy
from auditor.report.schema import Report
from tests.conftest import Cli
from tests.support.chains import bill, inputs, invocation, lines, payload, span, spans, together
from tests.support.web_service import PAGE, Client

DAY = "2026-09-14"
BOUNDS = {"fail_on": "none", "thresholds": {"max_unattributed": 0.02}}
UNOWNED = spans(*(span(n, tenant="") for n in range(1, 15)))
OWNED = lines(*(payload(n, aws=None, tokens=77, trace_id=None) for n in range(1, 5)))
STRANGERS = {"app": UNOWNED, "litellm": OWNED}  # no call in common
HAIKU = 0.25e-6, 1.25e-6  # USD a token of the model in `chains`, by the public list


def gated(traffic: dict[str, str]) -> Report:
    """All inputs together, the gate bound to 2 % of spend without an owner."""
    return audit(inputs(traffic), Policy.model_validate(BOUNDS))


def figures(report: Report) -> tuple[object, ...]:
    """Everything that must not depend on the order of the inputs; masked owners as their figures."""
    return (
        report.totals,
        report.score,
        report.gate,
        sorted((o.owner is None, o.calls, o.tokens, o.cost_usd) for o in report.owners),
        sorted((g.rule, g.field, g.calls, g.cost_usd) for g in report.gaps),
        {f.field: (f.present, f.absent, f.mis_scoped, f.not_carried) for f in report.fields},
        [(step.change, step.where, step.calls_fixed, step.cost_fixed) for step in report.plan],
        report.notes,
    )


def test_calls_that_join_nothing_stay_calls() -> None:
    """Fourteen calls without an owner do not vanish beside four that have one."""
    report = gated(STRANGERS)
    totals = report.totals
    cost = 14 * (120 * HAIKU[0] + 45 * HAIKU[1]) + 4 * 8.625e-05

    assert (18, 14 * 165 + 4 * 122) == (totals.distinct_calls, totals.tokens)
    assert pytest.approx(cost) == totals.cost_usd
    assert pytest.approx(14 / 18) == totals.unattributed_calls
    assert pytest.approx(cost - 4 * 8.625e-05) == totals.unattributed_cost_usd
    assert (14, 4) == tuple(owner.calls for owner in report.owners)


@pytest.mark.parametrize("together_with", [{}, {"litellm": OWNED}], ids=["alone", "beside owned calls"])
def test_no_input_turns_a_failed_gate_green(together_with: dict[str, str]) -> None:
    """What fails alone fails beside any other input, and no score calls it ready."""
    report = gated({"app": UNOWNED} | together_with)

    assert not report.gate.passed
    assert "of spend has no owner" in report.gate.reasons[0]
    assert report.score.value <= 49


def test_a_comparison_counts_each_call_once() -> None:
    """The calls of a side are those of which the share without an owner is told."""
    both = {"app": spans(span(1, request="req-0001")), "litellm": payload(1, request="req-0001")}

    assert 1 == diff(together(both), together(both)).before.calls


def test_that_two_inputs_share_no_id_is_noted() -> None:
    """The reader of the report learns that both are counted."""
    assert "app and litellm share no ID: the calls of both are counted." in gated(STRANGERS).notes


@pytest.mark.parametrize(
    "traffic",
    [
        STRANGERS,
        STRANGERS | {"provider": lines(*(invocation(n, tokens=300) for n in (1, 2)))},
        {
            "app": spans(*(span(n, request=f"req-000{n}") for n in (1, 2, 3))),
            "proxy": lines(*(json.dumps({"time_iso8601": f"2026-09-14T10:00:0{n}Z", "status": "200",
                "request_uri": "/model/m/converse", "http_x_request_id": f"req-000{n}"}) for n in (1, 2))),
            "litellm": lines(*(payload(n, request=f"req-000{n}", tenant="") for n in (2, 3, 4))),
            "litellm2": lines(*(payload(n, aws=None, trace_id=None, tokens=9) for n in (7, 8))),
            "bill": bill((DAY, "input", 0.36, 0.00009, "{}"), (DAY, "output", 0.135, 0.00016875, "{}")),
        },
    ],
    ids=["strangers", "three hops", "five hops"],
)  # fmt: skip
def test_the_order_of_inputs_changes_no_figure(traffic: dict[str, str]) -> None:
    """Every order of up to three inputs, every rotation of more."""
    names = list(traffic)
    orders = (
        list(permutations(names))
        if len(names) < 4
        else [(*names[n:], *names[:n]) for n in range(len(names))] + [tuple(reversed(names))]
    )
    reports = [figures(gated({name: traffic[name] for name in order})) for order in orders]

    assert [reports[0]] * len(orders) == reports


def test_one_call_in_three_logs_is_one_call() -> None:
    """Application, gateway and provider log the same three calls."""
    numbers = (1, 2, 3)
    report = together(
        {
            "app": spans(*(span(n, request=f"req-000{n}") for n in numbers)),
            "litellm": lines(*(payload(n, request=f"req-000{n}") for n in numbers)),
            "provider": lines(*(invocation(n) for n in numbers)),
        }
    )

    assert (3, 3 * 165) == (report.totals.distinct_calls, report.totals.tokens)
    assert pytest.approx(3 * 8.625e-05) == report.totals.cost_usd


def test_each_attempt_that_a_later_hop_shows_is_a_call() -> None:
    """One request of the application, two rows at the gateway, of which one reached the provider's log."""
    report = together(
        {
            "app": spans(span(1, request="req-0001", trace="f" * 32)),
            "litellm": lines(payload(1, request="req-0001"), payload(2, request="req-0001")),
            "provider": invocation(2),
        }
    )

    assert (2, 2 * 165) == (report.totals.distinct_calls, report.totals.tokens)


def test_two_later_hops_that_show_one_call_are_one_call() -> None:
    """The gateway and the provider each know the application's id, and nothing of each other."""
    report = together(
        {
            "app": spans(span(1, request="req-0001", trace="f" * 32)),
            "litellm": payload(1, aws=None, request="req-0001", tenant=""),
            "provider": invocation(1, tenant="", requestMetadata={"request_id": "req-0001"}),
        }
    )

    assert (1, 165, 0.0) == (
        report.totals.distinct_calls,
        report.totals.tokens,
        report.totals.unattributed_calls,
    )


def test_a_record_without_usage_leaves_the_figures_to_the_hop_above() -> None:
    """The provider's record that counts no tokens is the call; its tokens and money are the gateway's."""
    silent = invocation(1, input={}, output={})
    report = together({"litellm": payload(1), "provider": silent})

    assert (1, 165) == (report.totals.distinct_calls, report.totals.tokens)
    assert pytest.approx(8.625e-05) == report.totals.cost_usd


def test_the_owner_is_that_of_the_earliest_hop() -> None:
    """The application names the tenant first; as the gateway names another one, the money has two owners."""
    report = audit(
        inputs(
            {
                "app": spans(span(1, request="req-0001", tenant="acme")),
                "litellm": payload(1, request="req-0001", tenant="globex"),
            }
        ),
        show_values=True,
    )

    assert [("acme or globex", True)] == [(owner.owner, owner.two_owners) for owner in report.owners]
    assert report.totals.cost_usd == report.totals.two_owners_cost_usd > 0
    assert 0 == report.totals.unattributed_calls


def test_lookalikes_are_not_added_up_and_the_worst_counts() -> None:
    """Same model, tokens and minute, no id in common: perhaps one traffic. The gate takes the worse log."""
    traffic = {"app": UNOWNED, "litellm": lines(*(payload(n, aws=None, trace_id=None) for n in range(1, 15)))}
    report = gated(traffic)
    back = gated(dict(reversed(traffic.items())))

    assert (14, 1.0) == (report.totals.distinct_calls, report.totals.unattributed_calls)
    assert not report.gate.passed
    assert figures(report) == figures(back)
    assert "14 of 14 calls that no ID joins" in report.notes[0]
    assert "leave out litellm" in report.notes[0]


def test_a_few_lookalikes_beside_many_calls_are_added_up() -> None:
    """Two rows that look like two of thirty calls: one of the logs alone would hide the other."""
    many = spans(*(span(n, trace=f"{n:032x}") for n in range(1, 31)))
    report = gated({"app": many, "litellm": lines(*(payload(n, aws=None, trace_id=None) for n in (1, 2)))})

    assert 32 == report.totals.distinct_calls


def test_calls_that_nothing_weighs_do_not_pass_unseen() -> None:
    """Unowned calls without tokens or cost have no share of the spend: the gate says so and fails."""
    bare = [span(n, tenant="", request=f"bare-{n}") for n in (1, 2, 3)]
    for one in bare:
        one["attributes"] = [a for a in one["attributes"] if "usage" not in a["key"]]
    report = gated({"app": spans(*bare, *(span(n) for n in range(4, 8)))})

    assert 0.0 == report.totals.unattributed_cost
    assert [("43 % of the calls have no owner, and neither cost nor tokens to weigh them by: more than 0.02 "
            "(max_unattributed)")] == report.gate.reasons  # fmt: skip


def test_a_bill_beside_a_log_without_tokens_is_the_money() -> None:
    """No call says what it used: the billed money has the owner of its own tags, or none."""
    owned = lines(*(invocation(n, input={}, output={}) for n in (1, 2)))
    report = gated({"provider": owned, "bill": bill((DAY, "input", 0.12, 0.00003, "{}"))})

    assert (2, 0.0) == (report.totals.distinct_calls, report.totals.unattributed_calls)
    assert (3e-05, 3e-05) == (report.totals.cost_usd, report.totals.unattributed_cost_usd)
    assert not report.gate.passed


@pytest.mark.parametrize("order", [("app", "litellm"), ("litellm", "app")])
def test_every_door_sees_the_same(order: tuple[str, str], tmp_path: Path, cli: Cli, client: Client) -> None:
    """The command, the API and the page: 14 of 18 calls have no owner, and the gate fails."""
    for name, text in STRANGERS.items():
        (tmp_path / name).write_text(text)
    words = [f"{name}={tmp_path / name}" for name in order]
    ran = cli("audit", *words, "--max-unattributed", "2%", "--fail-on", "none", "--no-config")
    body = {"inputs": [{"name": name, "text": STRANGERS[name]} for name in order], "policy": BOUNDS}
    answer = client.post("/api/v1/audits", json=body).json()
    boxes = {"text": STRANGERS[order[0]], "text_2": STRANGERS[order[1]]}
    page = client.post("/audit", data=boxes, headers=PAGE)

    assert 1 == ran.code
    assert b"14 of 18 calls have no owner" in ran.out
    assert (18, False) == (answer["totals"]["distinct_calls"], answer["gate"]["passed"])
    assert "14 of 18 calls" in page.text
