"""Logs against the bill: what is compared, what is left out, and whose money it is."""

from __future__ import annotations

from auditor.report.schema import ReconciledRow, Reconciliation, Report
from tests.support.chains import bill, evidence, invocation, lines, payload, together

DAY = "2026-09-14"
TAGS = "{}"
INPUT, OUTPUT = 0.00003, 0.00005625  # USD: what one call's 120 and 45 tokens cost by the list


def compared(report: Report) -> Reconciliation:
    """The comparison, which must be there."""
    assert report.reconciliation is not None
    return report.reconciliation


def row(report: Report, usage: str, day: str = DAY) -> ReconciledRow:
    """The row of one kind of token on one day."""
    (only,) = [r for r in compared(report).rows if r.usage == usage and r.day == day]
    return only


def test_a_bill_that_the_logs_explain_is_within_tolerance() -> None:
    """Each kind of token is compared by itself, in nano-dollars."""
    report = together(
        {
            "provider": invocation(1),
            "bill": bill((DAY, "input", 0.12, INPUT, TAGS), (DAY, "output", 0.045, OUTPUT, TAGS)),
        }
    )

    assert ("0.000030000", "0.000030000", True) == (
        row(report, "input").log_usd,
        row(report, "input").bill_usd,
        row(report, "input").within,
    )
    assert 2 == compared(report).within == len(compared(report).rows)


def test_a_call_in_two_logs_is_compared_once() -> None:
    """The gateway's row and the provider's record are one call; the gateway's own figure stands apart."""
    held = {
        "litellm": payload(1),
        "provider": invocation(1),
        "bill": bill((DAY, "input", 0.12, INPUT, TAGS), (DAY, "output", 0.045, OUTPUT, TAGS)),
    }
    report = together(held)

    assert 120 == row(report, "input").log_tokens
    assert "0.000086250" == row(report, "all, by the gateway's own figure").log_usd


def test_missing_calls_and_other_prices_have_their_reasons() -> None:
    """Fewer tokens than billed are missing calls; equal tokens at half the price are a batch."""
    held = {
        "provider": invocation(1),
        "bill": bill((DAY, "input", 0.24, 2 * INPUT, TAGS), (DAY, "output", 0.045, OUTPUT / 2, TAGS)),
    }
    report = together(held)

    assert "calls missing from the logs" == row(report, "input").reason
    assert "billed at half the list price: batch" == row(report, "output").reason


def test_days_of_one_line_item_stay_apart() -> None:
    """Equal lines of two days are two groups when there is a log to compare them with."""
    held = {
        "provider": lines(invocation(1), invocation(2, timestamp="2026-09-15T10:00:02Z")),
        "bill": bill((DAY, "input", 0.12, INPUT, TAGS), ("2026-09-15", "input", 0.12, INPUT, TAGS)),
    }

    assert row(together(held), "input", "2026-09-15").within


def test_other_days_and_billedthat_are_no_usage_are_left_out_and_listed() -> None:
    """A credit, and a day of which no log is at hand, are told with their money."""
    held = {
        "provider": invocation(1),
        "bill": bill(
            (DAY, "input", 0.12, INPUT, TAGS),
            ("2026-09-20", "input", 5, 0.00125, TAGS),
            (DAY, "Credit", 0, -1, TAGS),
        ),
    }
    left = {one.what: one.cost_usd for one in compared(together(held)).left_out}

    assert {
        "days of the bill on which the logs have no call": "0.001250000",
        "Credit": "-1.000000000",
    } == left


def test_units_of_two_billedare_each_their_own() -> None:
    """A line by the million tokens does not make one by the thousand a million."""
    text = bill((DAY, "output", 0.000045, OUTPUT, TAGS), (DAY, "input", 0.12, INPUT, TAGS))
    first, second = text.index("1K tokens"), text.rindex("1K tokens")
    held = evidence(
        {"bill": text[:first] + "1M tokens" + text[first + 9 :]}, ["tokens_input", "tokens_output"]
    )

    assert first != second
    assert (120, 45) == (held.frame["tokens_input"].sum(), held.frame["tokens_output"].sum())


def test_money_is_counted_once_and_is_the_bills() -> None:
    """Two logs and a bill of one call are one call's money; the owner is found by the logs."""
    held = {
        "litellm": payload(1),
        "provider": invocation(1, tenant=""),
        "bill": bill((DAY, "input", 0.12, INPUT, TAGS), (DAY, "output", 0.045, OUTPUT, TAGS)),
    }
    report = together(held)

    assert (1, 8.625e-05, 0.0) == (
        report.totals.distinct_calls,
        report.totals.cost_usd,
        report.totals.unattributed_cost,
    )
    assert [("tenant_id", 1.0)] == [(one.field, one.share) for one in report.owners]


def test_what_no_log_explains_has_no_owner() -> None:
    """Billed twice what the logs hold: half of it is nobody's, and says so in a row of its own."""
    held = {
        "provider": invocation(1),
        "bill": bill((DAY, "input", 0.24, 2 * INPUT, TAGS), (DAY, "output", 0.09, 2 * OUTPUT, TAGS)),
    }
    report = together(held)

    assert {(True, 0.5), (False, 0.5)} == {(one.owner is None, one.share) for one in report.owners}
    assert 0.5 == report.totals.unattributed_cost


def test_a_bills_own_tags_own_what_the_logs_do_not_reach() -> None:
    """Where the logs end, the tags of the billed line speak."""
    tagged = '{""iamPrincipal/tenant"": ""globex""}'
    twice = ((DAY, "input", 0.24, 2 * INPUT, tagged), (DAY, "output", 0.09, 2 * OUTPUT, tagged))
    held = {"provider": invocation(1), "bill": bill(*twice)}

    assert 0.0 == together(held).totals.unattributed_cost
    assert 2 == len(together(held).owners)


def test_questions_are_answered_by_what_is_there() -> None:
    """A bill without tags cannot tell tenants; the provider's log can, as an estimate."""
    held = {"provider": invocation(1), "bill": bill((DAY, "input", 0.12, INPUT, TAGS))}
    answers = {one.question: (one.answer, one.grain, one.inputs) for one in together(held).questions}

    assert ("yes", "estimate", ["provider"]) == answers["What does each tenant (customer) cost?"]
    assert ("no", "none", []) == answers["What does each user cost?"]
    assert ("yes", "invoice", ["bill"]) == answers["What will the invoice say, by model?"]


def test_calls_without_a_model_are_told_as_not_compared() -> None:
    """No name is no price; the report says so in words."""
    billed = bill((DAY, "input", 0.12, INPUT, TAGS))
    report = together({"provider": invocation(1, modelId=None), "bill": billed})

    assert "no price for a model without a name: 2 counts" in " ".join(compared(report).notes)
