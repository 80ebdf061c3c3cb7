"""Two reports compared: new, gone, grown, shrunk or moved, as data, on the terminal and as Markdown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.diff.compare import Diff, diff
from auditor.diff.text import headline, markdown_of, text_of
from auditor.errors import InputError
from auditor.report.load import read_report
from auditor.report.schema import Gap, Report, Score
from auditor.writers import Style, writer
from tests.conftest import GAPPY, Cli
from tests.support import report_factory
from tests.support.report_parts import by, field_report, gap

CALLS = [
    {"model": "anthropic.claude-sonnet-4-5", "input_tokens": 100, "output_tokens": 20, "request_id": f"r-{n}",
     "tenant_id": "acme", "team_id": "search", "time": "2026-11-21T10:00:00Z"}
    for n in range(10)
]  # fmt: skip


def lines(without: int, key: str = "tenant_id", scope: str = "") -> bytes:
    """Ten calls; the first `without` of them lack an owner, which stands in `scope` when one is given."""
    out = []
    for n, call in enumerate(CALLS):
        held: dict[str, Any] = dict(call)
        if n < without:
            held = {k: v for k, v in held.items() if k not in ("tenant_id", "team_id")}
            if scope:
                held[scope] = {key: "acme"}
        out.append(json.dumps(held))
    return ("\n".join(out) + "\n").encode()


def with_gaps(*gaps: Gap, score: int = 49) -> Report:
    """A report of these gaps."""
    held = Score(value=score, band="needs work", formula="1", caps=[], uncheckable=[])
    return report_factory.report(gaps=list(gaps), score=held)


def one(fingerprint: str, part: float, **over: Any) -> Gap:
    """A gap with a fingerprint and a share of the weight."""
    return gap("IDN009", "tenant-only-on-root", "tenant_id", 10, share=part, fingerprint=fingerprint, **over)


def kinds(held: Diff) -> list[str]:
    """The kind of each change, in order."""
    return [change.kind for change in held.gaps]


@pytest.mark.parametrize(
    ("before", "after", "kind", "worse"),
    [
        ([], [one("a", 0.4)], "new", True),
        ([one("a", 0.4)], [], "gone", False),
        ([one("a", 0.03)], [one("a", 0.40)], "grown", True),
        ([one("a", 0.40)], [one("a", 0.03)], "shrunk", False),
        ([one("a", 0.40)], [one("a", 0.43)], "same", False),
        ([one("a", 0.40)], [one("b", 0.40)], "moved", False),
        ([one("a", 0.03)], [one("b", 0.40)], "moved", True),
    ],
)
def test_a_gap_is_followed_by_its_fingerprint(
    before: list[Gap], after: list[Gap], kind: str, worse: bool
) -> None:
    """New, gone, grown, shrunk, the same, or found under another scope or key."""
    held = diff(with_gaps(*before), with_gaps(*after))

    assert [(kind, worse)] == [(change.kind, change.worse) for change in held.gaps]
    assert worse is not held.gate.passed


def test_the_gate_of_a_diff_says_why_it_failed() -> None:
    """The rule, the field, both shares, and the score."""
    held = diff(with_gaps(one("a", 0.03), score=80), with_gaps(one("a", 0.4), score=49), max_drop=5)

    assert [
        "IDN009 on tenant_id grew from 3 % to 40 %",
        "score fell from 80 to 49, by more than 5 (max_drop)",
    ] == held.gate.reasons
    assert diff(with_gaps(), with_gaps(one("a", 0.4)), fail_on="none").gate.passed
    assert diff(with_gaps(), with_gaps(one("a", 0.4, level="note")), fail_on="warning").gate.passed


def test_a_field_is_compared_by_verdict_and_money() -> None:
    """Shares and dollars of each verdict before and after; a field that one report lacks is null there."""
    worse = field_report("tenant_id", "absent", (0, 6, 0, 0), weight=by(0, 1), cost=by(0, 2.5))
    fine = field_report("tenant_id", "present", (6, 0, 0, 0), weight=by(1), cost=by(2.5))
    team = field_report("team_id", "present", (6, 0, 0, 0))
    held = diff(report_factory.few(fields=[fine, team]), report_factory.few(fields=[worse]))
    tenant, gone = held.fields

    assert ("present", "absent") == (tenant.verdict_before, tenant.verdict_after)
    assert (1.0, 0.0) == tenant.present
    assert tenant.cost_before is not None
    assert tenant.cost_after is not None
    assert (2.5, 2.5) == (tenant.cost_before.present, tenant.cost_after.absent)
    assert ("team_id", None) == (gone.field, gone.after)


def test_reports_that_compare_badly_say_so() -> None:
    """Other profile, other rules, other weight."""
    before = report_factory.report()
    ruleset = msgspec.structs.replace(before.ruleset, digest="0")
    totals = msgspec.structs.replace(before.totals, weighted_by="calls")
    after = report_factory.report(profile="all", ruleset=ruleset, totals=totals)

    assert 3 == len(diff(before, after).notes)
    assert [] == diff(before, before).notes


@given(st.data())
def test_every_gap_is_told_once_and_a_diff_turned_round_is_its_mirror(data: st.DataObject) -> None:
    """No gap is lost, none is told twice; what is new one way is gone the other way."""
    part = st.floats(0.01, 1).map(lambda x: round(x, 6))
    sides = [data.draw(st.dictionaries(st.sampled_from("abcdef"), part)) for _ in range(2)]
    before, after = (with_gaps(*(one(f, p) for f, p in side.items())) for side in sides)
    held, mirror = diff(before, after), diff(after, before)
    opposite = {"new": "gone", "gone": "new", "grown": "shrunk", "shrunk": "grown"}

    assert sorted(sides[0]) == sorted(c.before.fingerprint for c in held.gaps if c.before)
    assert sorted(sides[1]) == sorted(c.after.fingerprint for c in held.gaps if c.after)
    assert sorted(opposite.get(k, k) for k in kinds(held)) == sorted(kinds(mirror))


def test_a_report_compared_with_itself_has_no_change() -> None:
    """Every gap is the same and the gate passes, whatever is in it."""
    held = diff(report_factory.report(), report_factory.report())

    assert {"same"} == set(kinds(held))
    assert held.gate.passed
    assert headline(held).startswith("no change")


def test_hostile_text_stays_inert_in_a_diff() -> None:
    """Escapes, markup, mentions and commands of a report are text on the terminal and in Markdown."""
    hostile = report_factory.hostile()
    held = diff(report_factory.clean(), hostile)
    text = markdown_of(held).decode()

    assert b"\x1b" not in text_of(held, Style())
    assert b"\x1b" not in markdown_of(held)
    assert "<script" not in text
    assert "\n::" not in text
    assert all(line.startswith(("|", "###", "-", "**")) for line in text.splitlines() if line)


def test_what_is_no_report_is_refused_with_a_hint() -> None:
    """Other JSON, another schema, a broken report: told apart."""
    whole = writer("json").write(report_factory.few())
    broken = whole.replace(b'"calls": 6', b'"calls": "six"', 1)

    assert report_factory.few() == read_report(whole, "a.json")
    with pytest.raises(InputError, match="no report"):
        read_report(b'{"schema": "1"}', "a.json")
    with pytest.raises(InputError, match="reads schema 1"):
        read_report(whole.replace(b'"schema": "1"', b'"schema": "2"', 1), "a.json")
    with pytest.raises(InputError, match="broken: Expected `int`"):
        read_report(broken, "a.json")


def test_diff_takes_inputs_and_reports(cli: Cli, tmp_path: Path) -> None:
    """Either side is audited or read, and the exit code is that of the gate."""
    (tmp_path / "a.jsonl").write_bytes(lines(0))
    (tmp_path / "b.jsonl").write_bytes(lines(4))
    saved = tmp_path / "b.json"
    saved.write_bytes(cli("audit", tmp_path / "b.jsonl", "--format", "json").out)
    worse = cli("diff", tmp_path / "a.jsonl", saved, "--format", "json")
    better = cli("diff", saved, tmp_path / "a.jsonl")
    piped = cli("diff", tmp_path / "a.jsonl", "-", "--exit-zero", stdin=lines(4))

    assert (1, 0, 0) == (worse.code, better.code, piped.code)
    assert {"new"} == {change["kind"] for change in json.loads(worse.out)["gaps"]}
    assert "gone" in better.text
    assert "is new" in piped.err


def test_a_field_that_moved_is_told_as_moved(cli: Cli, tmp_path: Path) -> None:
    """The same rule and field under another key: where it stood and where it stands."""
    (tmp_path / "a.jsonl").write_bytes(lines(4, "tenant_id", "headers"))
    (tmp_path / "b.jsonl").write_bytes(lines(4, "x-tenant-id", "headers"))
    held = json.loads(cli("diff", tmp_path / "a.jsonl", tmp_path / "b.jsonl", "--format", "json").out)
    moved = [change for change in held["gaps"] if change["kind"] == "moved"]
    shown = cli("diff", tmp_path / "a.jsonl", tmp_path / "b.jsonl").text

    assert moved, held["gaps"]
    assert moved[0]["before"]["stands"] != moved[0]["after"]["stands"]
    assert "moved" in shown
    assert "→" in shown


def test_what_cannot_be_compared_is_exit_two(cli: Cli, tmp_path: Path) -> None:
    """A missing file, no calls, a report of another schema."""
    (tmp_path / "a.jsonl").write_bytes(GAPPY)
    (tmp_path / "b.json").write_text('{"schema": "9", "tool": {"name": "attribution-gap-auditor"}}')
    (tmp_path / "c.txt").write_text("nothing of note\n")

    for other in ("b.json", "c.txt", "none.json"):
        ran = cli("diff", tmp_path / "a.jsonl", tmp_path / other)
        assert 2 == ran.code, other
        assert ran.err.startswith("error: ")
