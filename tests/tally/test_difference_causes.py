"""The difference between logs and bill, split into causes: they add up, and each is found where it is."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.report.schema import Reconciliation, Report
from auditor.tally.difference_causes import Amounts, BillCause, Group, Unnamed, split
from tests.support.chains import bill, evidence, invocation, lines, payload, together
from tests.support.hop_cases import NAMES, report
from tests.support.scenario import audited
from tools.scenario import World

KINDS = ("input", "output", "cache_read", "cache_write", "other")
DAY = "2026-09-14"
TAGS = "{}"
INPUT, OUTPUT = 0.00003, 0.00005625  # USD: what one call's 120 and 45 tokens cost by the list
ROLE = "arn:aws:sts::123456789012:assumed-role/{}/session"


@st.composite
def places(draw: st.DrawFn) -> tuple[dict[str, Amounts], dict[str, Group], Unnamed]:
    """What both sides may count in one place, in any relation."""
    tokens, nano = st.integers(0, 10**12), st.integers(-(10**6), 10**15)
    amounts, groups = {}, {}
    for kind in draw(st.sets(st.sampled_from(KINDS), min_size=1)):
        billed = draw(tokens)
        amounts[kind] = Amounts(
            draw(tokens), billed, draw(nano), draw(nano), draw(st.integers(0, billed)), draw(nano)
        )
        groups[kind] = Group(
            kind,
            draw(st.sampled_from(["", "geo", "batch"])),
            draw(st.sampled_from(["", "standard", "priority"])),
            draw(st.booleans()),
            draw(st.booleans()),
        )
    return amounts, groups, Unnamed(draw(st.dictionaries(st.sampled_from(KINDS), tokens)))


@given(places())
def test_causes_add_up_to_the_difference(place: tuple[dict[str, Amounts], dict[str, Group], Unnamed]) -> None:
    """To the nano-dollar and to the token, whatever the two sides say."""
    amounts, groups, unnamed = place
    for kind, causes in split(amounts, groups, unnamed).items():
        one = amounts[kind]

        assert sum(nano for _, nano, _ in causes.items()) == one.bill_nano - one.log_nano
        assert sum(tokens for _, _, tokens in causes.items()) == one.bill_tokens - one.log_tokens


def sums_hold(reconciliation: Reconciliation) -> None:
    """The parts of each row and of the whole are the difference, to the last digit."""
    for row in reconciliation.rows:
        assert sum(Decimal(c.cost_usd) for c in row.causes) == Decimal(row.bill_usd) - Decimal(row.log_usd)
        assert sum(c.tokens for c in row.causes) == row.bill_tokens - row.log_tokens
    difference = Decimal(reconciliation.billed_usd) - Decimal(reconciliation.log_usd)
    assert sum(Decimal(c.cost_usd) for c in reconciliation.causes) == difference
    assert Decimal(reconciliation.difference_usd) == difference


@pytest.mark.parametrize("name", NAMES)
def test_the_causes_of_a_world_add_up(name: str) -> None:
    """Every world with logs beside a bill."""
    reconciliation = report(name).reconciliation
    if reconciliation is not None:
        sums_hold(reconciliation)


@pytest.mark.parametrize("world", [World(defects=frozenset()), World()], ids=["clean", "shipped"])
def test_the_causes_of_the_scenario_add_up(world: World) -> None:
    """A clean world has no difference but that of the tier, which the list does not price."""
    reconciliation = audited(world).reconciliation

    assert reconciliation is not None
    sums_hold(reconciliation)
    assert {"tier"} >= {cause.cause for cause in reconciliation.causes}


def whole(result: Report) -> dict[str, tuple[str, int]]:
    """Dollars and tokens of the whole difference, by cause."""
    assert result.reconciliation is not None
    sums_hold(result.reconciliation)
    return {cause.cause: (cause.cost_usd, cause.tokens) for cause in result.reconciliation.causes}


def both(*billed: tuple[str, str, float, float, str], log: str = "") -> dict[str, tuple[str, int]]:
    """The causes of one logged call, or of other logs, against some lines."""
    return whole(together({"provider": log or invocation(1), "bill": bill(*billed)}))


def test_calls_that_no_log_has() -> None:
    """Twice the tokens at the same price."""
    billed = (DAY, "input", 0.24, 2 * INPUT, TAGS), (DAY, "output", 0.09, 2 * OUTPUT, TAGS)

    assert {"calls_not_logged": ("0.000086250", 165)} == both(*billed)


def test_calls_that_are_not_billed() -> None:
    """Two calls logged, one billed."""
    billed = (DAY, "input", 0.12, INPUT, TAGS), (DAY, "output", 0.045, OUTPUT, TAGS)

    assert {"calls_not_billed": ("-0.000086250", -165)} == both(
        *billed, log=lines(invocation(1), invocation(2))
    )


def test_price_tier_and_routing_are_told_by_the_ratio() -> None:
    """The same tokens: a fifth off, half the price, and a tenth more."""
    full = (DAY, "output", 0.045, OUTPUT, TAGS)

    assert {"price": ("-0.000006000", 0)} == both((DAY, "input", 0.12, 0.8 * INPUT, TAGS), full)
    assert {"tier": ("-0.000015000", 0)} == both((DAY, "input", 0.12, 0.5 * INPUT, TAGS), full)
    assert {"routing": ("0.000003000", 0)} == both((DAY, "input", 0.12, 1.1 * INPUT, TAGS), full)


def test_more_calls_at_another_price_are_two_causes() -> None:
    """Twice the tokens at four fifths of the price: half of the bill is calls, and the fifth is the price."""
    billed = (DAY, "input", 0.24, 1.6 * INPUT, TAGS), (DAY, "output", 0.045, OUTPUT, TAGS)

    assert {"calls_not_logged": ("0.000024000", 120), "price": ("-0.000006000", 0)} == both(*billed)


def test_other_days_and_spend_without_calls_are_in_the_whole() -> None:
    """A line of another day is spend on models that no log of its time is there for."""
    billed = (
        (DAY, "input", 0.12, INPUT, TAGS),
        (DAY, "output", 0.045, OUTPUT, TAGS),
        ("2026-09-20", "input", 5, 0.00125, TAGS),
        (DAY, "Credit", 0, -1, TAGS),
    )

    assert {"other_period": ("0.001250000", 5000)} == both(*billed)


def cached(billed: int, logged: int, into: int = 100) -> dict[str, dict[BillCause, int]]:
    """Tokens by kind and cause of a place with so many cached tokens; the price of all tokens is 1."""
    amounts = {
        "input": Amounts(into, 100, into, 100),
        "output": Amounts(50, 50, 50, 50),
        "cache_read": Amounts(logged, billed, logged, billed),
    }
    groups = {kind: Group(kind, "", "") for kind in amounts}
    return {
        kind: {cause: tokens for cause, _, tokens in causes.items()}
        for kind, causes in split(amounts, groups, Unnamed({})).items()
    }


def test_cached_tokens_are_forgotten_or_counted_twice() -> None:
    """All calls are logged, by their output: what is missing of the cached tokens is no missing call."""
    forgotten, twice = cached(billed=70, logged=0), cached(billed=70, logged=70, into=170)

    assert {BillCause.CACHE_TOKENS: 70} == forgotten["cache_read"]
    assert {BillCause.CACHE_TOKENS: -70} == twice["input"]
    assert {} == forgotten["input"] == twice["cache_read"]


def callers(*billed: tuple[int, str, float, float]) -> str:
    """Lines of input tokens: (hour, role, thousands of tokens, USD)."""
    head = (
        "line_item_usage_start_date,line_item_line_item_type,line_item_product_code,line_item_usage_type,"
        "line_item_operation,line_item_usage_amount,pricing_unit,line_item_unblended_cost,"
        "line_item_iam_principal,product_region_code,tags"
    )
    rows = [
        f"{DAY}T{hour:02d}:00:00Z,Usage,AmazonBedrock,USE1-Claude3Haiku-input-tokens,InvokeModelInference,"
        f"{amount},1K tokens,{cost},{ROLE.format(role)},us-east-1,{{}}"
        for hour, role, amount, cost in billed
    ]
    return "\n".join([head, *rows]) + "\n"


def call(n: int, role: str, hour: int, tenant: str) -> str:
    """A call of a role in an hour, of which only the input is logged."""
    at, who = f"{DAY}T{hour:02d}:10:00Z", {"arn": ROLE.format(role)}
    return invocation(n, tenant=tenant, timestamp=at, identity=who, output={})


def test_callers_do_not_make_up_for_each_other() -> None:
    """One role is billed for a call that no log has, another logged one that is not billed."""
    log = lines(call(1, "app", 10, "acme"), call(2, "jobs", 10, "globex"), call(3, "jobs", 10, "globex"))
    billed = callers((10, "app", 0.24, 2 * INPUT), (10, "jobs", 0.12, INPUT))

    assert {
        "calls_not_logged": ("0.000030000", 120),
        "calls_not_billed": ("-0.000030000", -120),
    } == whole(together({"provider": log, "bill": billed}))


def test_callers_that_are_spelled_otherwise_are_compared_together() -> None:
    """No name of the logs is on the bill: the names tell nothing."""
    log = lines(call(1, "app", 10, "acme"), call(2, "jobs", 10, "globex"))

    assert {} == whole(together({"provider": log, "bill": callers((10, "other", 0.24, 2 * INPUT))}))


def test_hours_that_the_logs_do_not_cover_are_another_period() -> None:
    """The log has calls of ten to eleven, the bill lines of one o'clock, too."""
    log = lines(call(1, "app", 10, "acme"), call(2, "app", 11, "acme"))
    billed = callers((10, "app", 0.12, INPUT), (11, "app", 0.12, INPUT), (13, "app", 0.5, 0.000125))

    assert {"other_period": ("0.000125000", 500)} == whole(together({"provider": log, "bill": billed}))


def test_a_call_costs_what_its_callers_line_of_its_hour_says() -> None:
    """Two roles and two hours at four prices: each tenant's money is that of its own line."""
    log = lines(call(1, "app", 10, "acme"), call(2, "app", 11, "globex"), call(3, "jobs", 10, "initech"))
    billed = callers((10, "app", 0.12, 1e-5), (11, "app", 0.12, 2e-5), (10, "jobs", 0.12, 4e-5))
    owners = together({"provider": log, "bill": billed}).owners

    assert [4e-5, 2e-5, 1e-5] == [owner.cost_usd for owner in owners]


def test_a_line_that_meets_its_call_in_the_next_hour_is_explained() -> None:
    """A call that began before the hour and is billed in it: the hours of a day make up for each other."""
    log = lines(call(1, "app", 10, "acme"), call(2, "app", 10, "globex"))
    result = together({"provider": log, "bill": callers((10, "app", 0.12, INPUT), (11, "app", 0.12, INPUT))})

    assert {} == whole(result)
    assert 0.0 == result.totals.unattributed_cost


def test_a_gateway_that_forgets_the_cache_has_that_cause_alone() -> None:
    """Its own figure is below the bill by the cached tokens at their price, and by no other price."""
    usage = {"inputTokenCount": 120, "cacheReadInputTokenCount": 1000}
    row = payload(1, response_cost=INPUT + OUTPUT)
    billed = bill(
        (DAY, "input", 0.12, INPUT, TAGS),
        (DAY, "output", 0.045, OUTPUT, TAGS),
        (DAY, "cache-read-input", 1.0, 0.00003, TAGS),
    ).replace(",cache-read-input,", ",Usage,")
    result = together({"litellm": row, "provider": invocation(1, input=usage), "bill": billed}).reconciliation
    assert result is not None
    sums_hold(result)
    (own,) = [one for one in result.rows if one.usage.startswith("all")]

    assert [("cache_tokens", 1000)] == [(cause.cause, cause.tokens) for cause in own.causes]
    assert "the gateway does not count 1,000 cached tokens" == own.reason


def test_the_hours_of_a_bill_are_kept_beside_logs() -> None:
    """Equal lines of two hours are two records."""
    held = {"provider": call(1, "app", 10, "acme"), "bill": callers((10, "app", 1, 1), (11, "app", 1, 1))}

    assert 3 == evidence(held).frame.height
