"""Small worlds of two to five inputs, each with what a report of it says: figures, borders, gaps, plan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from auditor.report.schema import Gap, ReconciledRow
from tests.support.hop_cases import NAMES, expected, report

NEAR = 2e-6  # USD


def listed(value: Any) -> list[Any]:
    """One or any of several."""
    return value if isinstance(value, list) else [value]


def near(one: float, other: float, by: float = NEAR) -> bool:
    """Whether two sums are equal to what a report prints."""
    return abs(one - other) <= by + 1e-6 * abs(other)


@pytest.mark.parametrize("name", NAMES)
def test_values_are_counted_where_they_are(name: str) -> None:
    """Cells of the matrix, their first keys, and the border at which a field dies."""
    want, hops = expected(name), report(name).hops
    cells = {f"{line.field}@{hop.input}": hop for line in hops for hop in line.hops}

    for cell, (carried, of) in want.get("hops", {}).items():
        assert (carried, of) == (cells[cell].carried, cells[cell].of), cell
    for cell, key in want.get("keys", {}).items():
        assert key in cells[cell].keys[0], cell
    dies = {line.field: line.dies_at for line in hops}
    for field, at in want.get("dies_at", {}).items():
        assert at == dies.get(field), field


@pytest.mark.parametrize("name", NAMES)
def test_a_border_says_what_becomes_of_a_field(name: str) -> None:
    """Kept, dropped, changed, renamed or gained, over the calls on both sides."""
    borders = {(h.field, b.before, b.after): b for h in report(name).hops for b in h.borders}
    for want in expected(name).get("borders", []):
        border = borders[want["field"], want["before"], want["after"]]
        told = {fate: getattr(border, fate) for fate in want if fate not in ("field", "before", "after")}

        assert {fate: want[fate] for fate in told} == told


def at_hop(gap: Gap, hop: str) -> int:
    """How many calls of a gap are at a hop."""
    return sum(place.calls for place in gap.where if (place.dimension, place.name) == ("hop", hop))


@pytest.mark.parametrize("name", NAMES)
def test_a_gap_counts_its_calls_at_its_border(name: str) -> None:
    """One gap a rule, field and border."""
    for want in expected(name).get("gaps", []):
        before, after = want["between"]
        rules, fields = tuple(listed(want.get("rule", ""))), listed(want["field"])
        levels = want.get("levels", ["error", "warning", "note"])
        found = [
            g
            for g in report(name).gaps
            if g.field in fields and g.rule.startswith(rules) and g.level in levels
        ]
        counts = [at_hop(gap, hop) for gap in found for hop in (after, before) if hop]
        if listed(want["calls"]) == [0]:
            assert not any(at_hop(gap, after) for gap in found), want
        else:
            assert set(counts) & set(listed(want["calls"])), (want, counts)


@pytest.mark.parametrize("name", NAMES)
def test_money_is_the_bills_and_is_somebodys(name: str) -> None:
    """Totals, owners, and what has no owner."""
    want, found = expected(name).get("money", {}), report(name)
    figures = {
        "cost_usd": found.totals.cost_usd,
        "unattributed_usd": found.totals.unattributed_cost_usd,
        "unattributed_calls": found.totals.unattributed_calls * found.totals.distinct_calls,
    }
    spent = {owner.owner: owner.cost_usd for owner in found.owners}

    for key, figure in figures.items():
        assert near(figure, want.get(key, figure)), key
    assert want.get("cost_basis", found.totals.cost_basis) == found.totals.cost_basis
    assert want.get("distinct_calls", found.totals.distinct_calls) == found.totals.distinct_calls
    for owner, usd in want.get("owners", {}).items():
        assert near(spent.get(owner, 0.0), usd), owner


def rows_of(name: str, want: dict[str, Any]) -> Iterator[ReconciledRow]:
    """The rows of a model and a kind of token, or of the gateway's own figure."""
    compared = report(name).reconciliation
    assert compared is not None
    for row in compared.rows:
        usage = "own figure" in row.usage if want["usage"] == "all" else row.usage.startswith(want["usage"])
        if want["model"].lower() in row.model.lower() and usage:
            yield row


def fits(row: ReconciledRow, want: dict[str, Any]) -> bool:
    """Whether a row has the figures and a reason that the case asks for."""
    reason = row.reason.lower()
    figures = all(want.get(key, getattr(row, key)) == getattr(row, key)
                  for key in ("within", "log_tokens", "bill_tokens"))  # fmt: skip
    said = row.within or "reason_has" not in want or any(a.lower() in reason for a in want["reason_has"])
    return figures and said and not any(a.lower() in reason for a in want.get("reason_never", []))


@pytest.mark.parametrize("name", NAMES)
def test_logs_and_bill_differ_for_a_reason(name: str) -> None:
    """Rows by model, lane and kind of token, and what is left out of the comparison."""
    want = expected(name).get("money", {})
    for row in want.get("rows", []):
        found = list(rows_of(name, row))

        assert len(found) in listed(row.get("count", 1)), row
        assert (any if row.get("some") else all)(fits(one, row) for one in found), (row, found)
    compared = report(name).reconciliation
    reasons = " ".join(row.reason for row in compared.rows).lower() if compared else ""
    told = msgspec.json.encode([compared, report(name).notes]).decode().lower()
    assert not [text for text in want.get("no_row_like", []) if text.lower() in reasons]
    assert not [text for text in want.get("told_has", []) if text.lower() not in told]


@pytest.mark.parametrize("name", NAMES)
def test_a_question_is_answered_for_a_share_of_the_money(name: str) -> None:
    """Share and grain."""
    for start, (share, grain) in expected(name).get("questions", {}).items():
        (question,) = [q for q in report(name).questions if q.question.startswith(start)]
        low, high = share if isinstance(share, list) else (share - 0.01, share + 0.01)

        assert low <= question.share <= high, start
        assert grain in (None, question.grain), start


@pytest.mark.parametrize("name", NAMES)
def test_a_step_changes_what_can_be_changed(name: str) -> None:
    """No step at a hop that it cannot change, and none for calls that do not pass its hop."""
    want, steps = expected(name).get("plan", {}), report(name).plan
    limits = [(text, where, 0) for text, where in want.get("never", [])]
    for text, where, most in [*limits, *map(tuple, want.get("at_most", []))]:
        found = [
            s for s in steps if text.lower() in f"{s.change} {s.fix}".lower() and where in (None, s.where)
        ]
        assert not [s for s in found if not most or s.calls_fixed > most], (text, where)
