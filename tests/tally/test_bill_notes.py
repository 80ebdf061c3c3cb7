"""Notes on bills: since when owners' tags are there, and provisioned throughput that nobody used."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from auditor.audit import Input, audit
from auditor.report.schema import Report
from tests.support.bills import bill, line

TEAM = json.dumps({"iamPrincipal/team": "growth"})
TENANT = json.dumps({"resourceTags/tenant": "acme"})
BEDROCK = "arn:aws:bedrock:us-east-1:123456789012"
PROFILE = f"{BEDROCK}:application-inference-profile/abc123def456"
BOUGHT = f"{BEDROCK}:provisioned-model/a1b2c3d4e5f6"


def on(day: int, **cells: str) -> dict[str, str]:
    """A line of one day of September."""
    return line(usage_start_date=f"2026-09-{day:02d}T10:00:00Z", **cells)


def of(rows: Sequence[dict[str, str]], *logs: str) -> Report:
    """The report on a bill, and on invocation logs beside it."""
    given = [Input(name="bill", data=bill(*rows).encode())]
    given += [Input(name=f"log{n}", data=text.encode()) for n, text in enumerate(logs)]
    return audit(given)


def notes(report: Report, word: str) -> list[str]:
    """The notes with a word in them."""
    return [note for note in report.notes if word in note]


def test_a_note_names_the_first_day_of_a_tag_and_the_older_money_of_the_same_callers() -> None:
    """Equal lines on both sides of the first day are not put together; the rule counts the same money."""
    rows = [on(day, tags=TEAM if day >= 14 else "{}") for day in range(10, 20)]
    rows += [on(day, iam_principal="arn:aws:iam::123456789012:user/bob") for day in range(10, 20)]
    report = of(rows)

    (note,) = notes(report, "The bill names")
    assert note.startswith("The bill names the team in tags['iamPrincipal/team'] from 2026-09-14 on. ")
    assert note.endswith(" Of the same callers and resources USD 0.276 is older and names no team.")
    assert 1 == len(notes(report, "twelve months"))
    assert [(4, 0.276)] == [(g.calls, round(g.cost_usd, 6)) for g in report.gaps if g.rule == "BIL060"]


def test_a_tag_starts_over_several_bills() -> None:
    """The months of one account are one bill, whatever their order."""
    september, october = (
        [on(day) for day in (20, 29)],
        [line(usage_start_date="2026-10-02T10:00:00Z", tags=TEAM)],
    )
    report = audit(
        [Input(name=name, data=bill(*rows).encode()) for name, rows in (("2", october), ("1", september))]
    )

    assert ["from 2026-10-02 on. Of the same callers and resources USD 0.138 is older"] == [
        note[note.index("from") : note.index(" and names no")] for note in notes(report, "The bill names")
    ]


def test_a_resource_counts_where_no_caller_is_named() -> None:
    """A profile's tag starts late although nobody is named as its caller."""
    rows = [
        on(day, iam_principal="", resource_id=PROFILE, tags=TENANT if day > 14 else "{}") for day in (14, 15)
    ]
    report = of(rows)

    assert 1 == len(notes(report, "names the tenant in tags['resourceTags/tenant'] from 2026-09-15 on"))


@pytest.mark.parametrize(
    "rows",
    [
        [on(10, tags=TEAM), on(14, tags=TEAM)],
        [on(10), on(14)],
        [on(10, iam_principal="arn:aws:iam::123456789012:user/bob"), on(14, tags=TEAM)],
    ],
    ids=["from the first day", "no tag", "a caller that never has one"],
)
def test_there_is_no_note_where_no_tag_starts_late(rows: list[dict[str, str]]) -> None:
    """Lines of other callers do not make a tag late."""
    assert [] == notes(of(rows), "The bill names")


# -- provisioned throughput ----------------------------------------------------------------------------------


def capacity(day: int, resource: str = BOUGHT) -> dict[str, str]:
    """An hour of provisioned throughput on a day."""
    return on(
        day,
        usage_type="USE1-Claude4.6Sonnet-ProvisionedThroughput-NoCommit-ModelUnits",
        usage_amount="1",
        pricing_unit="Hours",
        unblended_cost="42",
        resource_id=resource,
    )


def calls(*pairs: tuple[int, str]) -> str:
    """An invocation log with a call of a model on each day."""
    records = [
        {
            "schemaType": "ModelInvocationLog",
            "schemaVersion": "1.0",
            "timestamp": f"2026-09-{day:02d}T10:00:00Z",
            "accountId": "123456789012",
            "identity": {"arn": "arn:aws:sts::123456789012:assumed-role/GatewayRole/llm-gw"},
            "region": "us-east-1",
            "requestId": f"11111111-2222-4333-8444-5555555555{day:02d}",
            "operation": "Converse",
            "modelId": model,
            "input": {"inputTokenCount": 120},
            "output": {"outputTokenCount": 45},
        }
        for day, model in pairs
    ]
    return "\n".join(map(json.dumps, records))


ON_DEMAND = "anthropic.claude-sonnet-4-6"


@pytest.mark.parametrize(
    ("rows", "log", "told"),
    [
        ([capacity(14), capacity(15)], calls((14, BOUGHT), (15, ON_DEMAND)), "USD 42.00 is billed for 1 day"),
        (
            [capacity(14), capacity(15)],
            calls((14, ON_DEMAND), (15, ON_DEMAND)),
            "USD 84.00 is billed for 2 days",
        ),
        ([capacity(14), capacity(15, "")], calls((14, BOUGHT), (15, BOUGHT)), ""),
        (
            [capacity(14, ""), capacity(15, "")],
            calls((14, BOUGHT), (15, ON_DEMAND)),
            "USD 42.00 is billed for 1 day",
        ),
        ([capacity(13), capacity(14)], calls((14, BOUGHT)), ""),
    ],
    ids=["one day idle", "never used", "used", "without a resource", "a day that no log covers"],
)
def test_throughput_is_idle_on_days_of_the_log_without_a_call_on_it(
    rows: list[dict[str, str]], log: str, told: str
) -> None:
    """The log shows calls of what was provisioned by its ARN; days before the log accuse nobody."""
    report = of([*rows, on(14)], log)
    found = notes(report, "Provisioned throughput of")

    assert [told] == [note[26 : note.index(" on which")] for note in found] if told else not found
    assert not notes(of([*rows, on(14)]), "Provisioned throughput of")
