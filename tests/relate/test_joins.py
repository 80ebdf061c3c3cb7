"""Which records of several inputs are the same call, by which id, and which are left alone."""

from __future__ import annotations

import pytest

from auditor.report.schema import Join
from tests.support.chains import invocation, lines, payload, span, spans, together


def join(**held: str) -> Join:
    """The one join of two inputs."""
    (only,) = together(held).joins
    return only


def test_the_providers_request_id_joins_before_any_other() -> None:
    """A gateway's row that keeps the AWS request id is joined by it."""
    found = join(litellm=lines(payload(1), payload(2)), provider=lines(invocation(1), invocation(2)))

    assert {"attempt_id": 2} == found.by
    assert (2, 0, 0) == (found.after.joined, found.after.weak, found.after.unmatched)


def test_an_applications_id_beside_the_gateways_own_joins() -> None:
    """LiteLLM's call id is the row's request id; the caller's stands beside it and joins all the same."""
    found = join(
        app=spans(span(1, request="req-0001", trace="f" * 32)), litellm=payload(1, request="req-0001")
    )

    assert {"request_id": 1} == found.by


def test_a_trace_joins_what_no_id_joins() -> None:
    """Two records alone in one trace are one call."""
    found = join(app=spans(span(1)), litellm=payload(1))

    assert {"trace_id": 1} == found.by


def test_several_calls_of_one_trace_pair_by_their_order() -> None:
    """As many here as there: the first belongs to the first."""
    trace = "5b8efff798038103d269b633813fc6aa"
    app = spans(span(1, trace=trace, tenant="acme"), span(2, trace=trace, tenant="globex"))
    rows = lines(
        payload(1, trace_id=trace, tenant="acme", aws=None),
        payload(2, trace_id=trace, tenant="globex", aws=None),
    )

    report = together({"app": app, "litellm": rows})

    assert {"trace_id": 2} == report.joins[0].by
    assert not [gap for gap in report.gaps if gap.rule == "HOP005"]


def test_a_trace_of_unlike_counts_joins_nothing() -> None:
    """Two calls here and three there: which is which cannot be told, and is not guessed."""
    trace = "5b8efff798038103d269b633813fc6aa"
    app = spans(span(1, trace=trace), span(2, trace=trace))
    rows = lines(*(payload(n, trace_id=trace, aws=None) for n in (1, 2, 3)))

    assert {} == join(app=app, litellm=rows).by


def test_several_tries_belong_to_one_call() -> None:
    """One request of the application that the gateway tried twice is two rows of one call."""
    report = together(
        {
            "app": spans(span(1, request="req-0001", trace="f" * 32)),
            "litellm": lines(payload(1, request="req-0001"), payload(2, request="req-0001")),
        }
    )

    assert {"request_id": 2} == report.joins[0].by
    assert 1 == report.joins[0].before.joined


def test_equal_tokens_within_a_minute_are_a_weak_join_and_no_verdict() -> None:
    """What only looks alike is counted apart, and neither dropped nor missing."""
    rows = {"litellm": payload(1, aws=None, tokens=777), "provider": invocation(3, tenant="", tokens=777)}
    report = together(rows)

    assert {} == report.joins[0].by
    assert (1, 0) == (report.joins[0].after.weak, report.joins[0].after.unmatched)
    assert not [gap for gap in report.gaps if gap.rule in ("HOP004", "HOP007")]


@pytest.mark.parametrize(("calls", "joined"), [(2, 2), (1001, 0)])
def test_a_value_that_too_many_records_share_is_no_id(calls: int, joined: int) -> None:
    """A constant under a key of ids joins nothing."""
    many = lines(
        *(payload(n % 90, aws=None, request="same-on-all", trace_id=f"{n:032x}") for n in range(calls))
    )
    some = spans(*(span(n, request="same-on-all", trace=f"{n + 5000:032x}") for n in range(2)))

    assert joined == sum(join(app=some, litellm=many).by.values())


def test_one_input_has_no_hops() -> None:
    """Nothing is joined, and no border is told."""
    report = together({"litellm": payload(1)})

    assert ([], [], None) == (report.joins, report.hops, report.reconciliation)


def test_inputs_of_one_format_are_one_hop_unless_they_are_named() -> None:
    """Two files of one log are one hop; two proxies with names of their own are two."""
    chained = together({"litellm": payload(1), "litellm2": payload(1, tenant="")})

    assert ["litellm", "litellm2"] == [hop.input for hop in chained.hops[0].hops]
    assert "HOP001" in {gap.rule for gap in chained.gaps}
