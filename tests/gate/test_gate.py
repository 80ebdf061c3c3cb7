"""Living with findings: the baseline, suppressions with reason and expiry, and every reason of the gate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.audit import Input, audit
from auditor.errors import InputError
from auditor.gate.baseline import accept, cover, document, grew, prune, read
from auditor.gate.suppressions import suppress
from auditor.policy.model import Suppression
from tests.conftest import Cli, Ran
from tests.diff.test_compare import CALLS, lines, one, with_gaps
from tests.support import report_factory

BASELINE = ".auditor-baseline.json"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own, with no policy above it."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def policy(text: str) -> None:
    """The policy file of this folder."""
    Path("auditor.toml").write_text(text)


def told(ran: Ran) -> dict[str, Any]:
    """The JSON report of a run."""
    held: dict[str, Any] = json.loads(ran.text)
    return held


# -- baseline ------------------------------------------------------------------------------------------------


def test_a_baseline_written_now_and_applied_now_passes(cli: Cli, here: Path) -> None:
    """What was accepted is covered, counted and shown; without --new-only it still fails."""
    (here / "a.jsonl").write_bytes(lines(3))
    wrote = cli("baseline", "write", "a.jsonl", "--reason", "before the rollout", "--date", "2026-11-21")
    passed = cli("audit", "a.jsonl", "--new-only")
    report = told(cli("audit", "a.jsonl", "--new-only", "--format", "json"))

    assert (0, 0) == (wrote.code, passed.code)
    assert "in the baseline" in passed.text
    assert "accepted in the baseline on 2026-11-21: before the rollout" in json.dumps(report["gaps"])
    assert {"baseline"} == {gap["suppressed"]["by"] for gap in report["gaps"]}
    assert (len(report["gaps"]), 0, 0) == tuple(report["baseline"][k] for k in ("known", "new", "grown"))
    assert 1 == cli("audit", "a.jsonl").code


def test_doubling_a_gaps_share_fails_with_grew(cli: Cli, here: Path) -> None:
    """The reason says from what to what."""
    (here / "a.jsonl").write_bytes(lines(2))
    (here / "b.jsonl").write_bytes(lines(4))
    cli("baseline", "write", "a.jsonl")
    ran = cli("audit", "b.jsonl", "--new-only")

    assert 1 == ran.code
    assert "grew from 20 % to 40 %" in ran.text
    assert 0 == cli("audit", "b.jsonl", "--new-only", "--tolerance", "100%").code


def test_a_new_gap_fails_and_says_that_it_is_new(cli: Cli, here: Path) -> None:
    """A gap whose fingerprint no baseline has."""
    (here / "a.jsonl").write_bytes(lines(0))
    (here / "b.jsonl").write_bytes(lines(1))
    cli("baseline", "write", "a.jsonl")
    ran = cli("audit", "b.jsonl", "--new-only")

    assert 1 == ran.code
    assert "is new" in ran.text


def test_a_report_serves_as_a_baseline(cli: Cli, here: Path) -> None:
    """`-o report.json` of yesterday is what today is held against."""
    (here / "a.jsonl").write_bytes(lines(2))
    cli("audit", "a.jsonl", "-o", "yesterday.json")

    assert 0 == cli("audit", "a.jsonl", "--new-only", "--baseline", "yesterday.json").code
    assert 1 == cli("audit", "a.jsonl", "--baseline", "yesterday.json").code


@pytest.mark.parametrize("text", ["", "[]", '{"baseline": "2"}', '{"gaps": []}', '{"baseline": "1"'])
def test_a_broken_baseline_is_exit_two(cli: Cli, here: Path, text: str) -> None:
    """So is a missing one: a gate that silently lets all pass would be worse."""
    (here / "a.jsonl").write_bytes(lines(2))
    missing = cli("audit", "a.jsonl", "--new-only")
    (here / BASELINE).write_text(text)
    broken = cli("audit", "a.jsonl", "--new-only")

    assert (2, 2) == (missing.code, broken.code)
    assert "auditor baseline write" in missing.err
    assert BASELINE in broken.err


def test_the_file_is_sorted_and_holds_no_place_and_no_value(cli: Cli, here: Path) -> None:
    """One entry a line; shuffled records and new ids give the same bytes."""
    (here / "a.jsonl").write_bytes(lines(4))
    cli("baseline", "write", "a.jsonl")
    first = (here / BASELINE).read_bytes()
    shuffled = lines(4).replace(b'"r-', b'"other-').splitlines(keepends=True)[::-1]
    (here / "a.jsonl").write_bytes(b"".join(shuffled))
    (here / BASELINE).unlink()
    cli("baseline", "write", "a.jsonl")
    entries = json.loads(first)["gaps"]

    assert first == (here / BASELINE).read_bytes()
    assert entries == sorted(entries, key=lambda e: (e["rule"], e["field"]))
    assert {"fingerprint", "rule", "field", "share", "date", "reason"} == set(entries[0])
    assert b"acme" not in first


def test_writing_again_keeps_day_and_reason_of_what_did_not_grow(cli: Cli, here: Path) -> None:
    """A share only ever goes down unless the gap is accepted anew."""
    before = accept(with_gaps(one("a", 0.4), one("b", 0.1)), date="2026-01-01", reason="old")
    after = accept(
        with_gaps(one("a", 0.3), one("b", 0.5)), before, tolerance=0.1, date="2026-02-02", reason="new"
    )

    held = {e.fingerprint: (e.share, e.date, e.reason) for e in after.gaps}
    assert {"a": (0.3, "2026-01-01", "old"), "b": (0.5, "2026-02-02", "new")} == held


def test_prune_takes_out_what_is_gone_and_accepts_nothing(cli: Cli, here: Path) -> None:
    """Shares of what shrank are lowered, what grew stays as it was accepted."""
    held = accept(with_gaps(one("a", 0.4), one("b", 0.1), one("c", 0.2)))
    after = prune(held, with_gaps(one("a", 0.3), one("b", 0.5), one("d", 0.5)))

    assert {"a": 0.3, "b": 0.1} == after.shares


def test_prune_and_show_work_on_the_file(cli: Cli, here: Path) -> None:
    """The commands around the file say what they did."""
    (here / "a.jsonl").write_bytes(lines(4))
    (here / "b.jsonl").write_bytes(lines(0))
    cli("baseline", "write", "a.jsonl", "--reason", "known")
    shown, data = cli("baseline", "show"), cli("baseline", "show", "--json")
    pruned = cli("baseline", "prune", "b.jsonl")

    assert "known" in shown.text
    assert data.out.startswith(b'{\n  "baseline": "1"')
    assert (0, 0) == (pruned.code, len(json.loads((here / BASELINE).read_text())["gaps"]))
    assert "gone" in pruned.err
    assert 2 == cli("baseline", "write", "a.jsonl", "--date", "soon").code


@given(st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 1)), st.floats(0, 1))
def test_every_open_gap_is_known_new_or_grown(parts: dict[str, float], tolerance: float) -> None:
    """The three add up, and a report held against itself has nothing new."""
    report = with_gaps(*(one(f, round(p, 6)) for f, p in parts.items()))
    held = accept(with_gaps(one("a", 0.2), one("b", 0.01), one("z", 0.5)))
    gaps, against = cover(report.gaps, held, tolerance, gates=True)
    _, itself = cover(report.gaps, accept(report), tolerance, gates=True)

    assert against is not None
    assert itself is not None
    assert len(parts) == against.known + against.new + against.grown
    assert against.known == sum(gap.suppressed is not None for gap in gaps)
    assert (len(parts), 0, 0, 0) == (itself.known, itself.new, itself.grown, itself.gone)


def test_a_share_may_wobble_within_the_tolerance() -> None:
    """Ten per cent of itself by default; from nothing to something is growth."""
    assert not grew(0.40, 0.44, 0.1)
    assert grew(0.40, 0.45, 0.1)
    assert grew(0.0, 0.01, 0.1)
    assert not grew(0.0, 0.0, 0.1)


def test_a_baseline_survives_its_own_file(here: Path) -> None:
    """What is written is what is read; another file's errors name it."""
    held = accept(report_factory.report(), date="2026-11-21", reason='said "fine"\n::error::')
    (here / "b.json").write_bytes(document(held))

    assert held.gaps == read(here / "b.json").gaps
    with pytest.raises(InputError, match="there is no baseline"):
        read(here / "c.json")


# -- gate ----------------------------------------------------------------------------------------------------


def test_all_reasons_of_the_gate_are_printed(cli: Cli, here: Path) -> None:
    """Level, score, spend without an owner and the drop, together."""
    (here / "a.jsonl").write_bytes(lines(0))
    (here / "b.jsonl").write_bytes(lines(8))
    cli("baseline", "write", "a.jsonl")
    gate = told(
        cli(
            "audit", "b.jsonl", "--min-score", "90", "--max-unattributed", "2%", "--max-drop", "5",
            "--fail-on", "error", "--format", "json",
        )
    )["gate"]  # fmt: skip
    text = " | ".join(gate["reasons"])

    assert not gate["passed"]
    for word in ("at level error", "min_score", "max_unattributed", "score fell from 100 to 49"):
        assert word in text


def test_max_drop_forgives_a_small_fall(cli: Cli, here: Path) -> None:
    """As many points as it says, and no more."""
    (here / "a.jsonl").write_bytes(lines(0))
    (here / "b.jsonl").write_bytes(lines(8))
    cli("baseline", "write", "a.jsonl")
    codes = [cli("audit", "b.jsonl", "--fail-on", "none", "--max-drop", most).code for most in (51, 50)]

    assert [0, 1] == codes


def test_the_exit_codes_are_three(cli: Cli, here: Path) -> None:
    """0 passed, 1 failed, 2 could not; --exit-zero forgives 1 only, --allow-empty only emptiness."""
    (here / "clean.jsonl").write_bytes(lines(0))
    (here / "gappy.jsonl").write_bytes(lines(5))
    (here / "broken.json").write_bytes(b'{"resourceSpans": [{]}')
    (here / "empty.json").write_bytes(b"")
    (here / "bad.toml").write_text("profil = 1\n")
    cases: list[tuple[int, tuple[str, ...]]] = [
        (0, ("clean.jsonl",)),
        (1, ("gappy.jsonl",)),
        (2, ("broken.json",)),
        (2, ("clean.jsonl", "--policy", "bad.toml")),
        (2, ("empty.json",)),
        (0, ("empty.json", "--allow-empty")),
        (0, ("gappy.jsonl", "--exit-zero")),
        (2, ("broken.json", "--exit-zero")),
        (2, ("missing.json", "--exit-zero", "--allow-empty")),
    ]

    assert [code for code, _ in cases] == [cli("audit", *words).code for _, words in cases]


# -- suppressions --------------------------------------------------------------------------------------------

SUPPRESS = """
[[suppress]]
rule = "{rule}"
reason = "the batch jobs move in spring"
until = {until}
"""


def owner_rule(cli: Cli) -> str:
    """The rule that fails on calls without an owner."""
    gaps = told(cli("audit", "a.jsonl", "--format", "json", "--no-config"))["gaps"]
    rules: set[str] = {gap["rule"] for gap in gaps if gap["level"] == "error"}
    assert rules
    return sorted(rules)[0]


def test_a_suppression_holds_until_its_day_and_then_fails(cli: Cli, here: Path) -> None:
    """With the rule, the reason and the date; the last day still counts."""
    (here / "a.jsonl").write_bytes(lines(5))
    rule = owner_rule(cli)
    policy(SUPPRESS.format(rule=rule, until="2027-03-31"))
    held = told(cli("audit", "a.jsonl", "--format", "json", "--date", "2027-03-31"))
    expired = told(cli("audit", "a.jsonl", "--format", "json", "--date", "2027-04-01"))
    reason = f"the suppression of {rule} expired on 2027-03-31: the batch jobs move in spring"

    assert {rule} == {gap["rule"] for gap in held["gaps"] if gap["suppressed"]}
    assert reason in expired["gate"]["reasons"]
    assert reason not in held["gate"]["reasons"]
    assert ("2027-03-31", "2027-04-01") == (held["date"], expired["date"])


def test_no_suppress_shows_everything_open(cli: Cli, here: Path) -> None:
    """Nothing is marked, and no date is needed."""
    (here / "a.jsonl").write_bytes(lines(5))
    policy(SUPPRESS.format(rule=owner_rule(cli), until="2027-03-31"))
    report = told(cli("audit", "a.jsonl", "--format", "json", "--no-suppress"))

    assert {None} == {gap["suppressed"] and 1 for gap in report["gaps"]}
    assert report["date"] is None


def test_an_unused_suppression_is_a_note_and_strict_makes_it_fail(cli: Cli, here: Path) -> None:
    """The note names rule and reason; so does the gate."""
    (here / "a.jsonl").write_bytes(lines(0))
    policy(SUPPRESS.format(rule="IDN009", until="2099-01-01"))
    loose = told(cli("audit", "a.jsonl", "--format", "json"))
    strict = cli("audit", "a.jsonl", "--strict", "--format", "json")

    assert "The suppression of IDN009 matched nothing: the batch jobs move in spring." in loose["notes"]
    assert loose["gate"]["passed"]
    assert 1 == strict.code
    assert "IDN009 matched nothing" in told(strict)["gate"]["reasons"][0]


def test_an_error_is_not_suppressed_for_ever(cli: Cli, here: Path) -> None:
    """Without `until` the policy is wrong, at its line; a warning may have none."""
    (here / "a.jsonl").write_bytes(lines(5))
    text = '[[suppress]]\nrule = "{}"\nreason = "so be it"\n'
    policy(text.format("IDN009"))
    ran = cli("audit", "a.jsonl")
    policy('[levels]\nIDN009 = "warning"\n' + text.format("IDN009"))
    softened = cli("audit", "a.jsonl")

    assert 2 == ran.code
    assert "auditor.toml:1" in ran.err
    assert "until" in ran.err
    assert 1 == softened.code


def test_a_suppression_narrows_by_field_and_input() -> None:
    """Both are patterns of what it covers; one that matches neither is unused."""
    gaps = [one("a", 0.4)]
    rules = [
        Suppression(rule="IDN009", field="team_id", reason="x"),
        Suppression(rule="IDN009", input="batch-*", reason="y"),
        Suppression(rule="IDN009", field="tenant_id", input="app*", reason="z"),
    ]
    lived = suppress(gaps, rules, ["app.json"], None)

    assert ["z"] == [gap.suppressed.reason for gap in lived.gaps if gap.suppressed]
    assert 2 == len(lived.unused)
    assert lived.date is None


def test_preview_rules_run_only_when_asked(here: Path) -> None:
    """A rule of one's own that is a preview is silent without `pedantic`."""
    from auditor.policy.model import Policy

    rules = here / "rules"
    rules.mkdir()
    (rules / "own.yaml").write_text(
        "id: OWN001\nname: everything\nfield: model\nverdict: none\nlevel: note\nsince: '0.1'\n"
        "status: preview\ntitle: The call is fine\ngap: There is a call\nwhy: To see it run.\n"
        "applies_to: {kinds: [call]}\nwhen: model IS NOT NULL\nfixes: []\nfalse_positives: None.\n"
        "references: []\nexamples:\n"
        '  - {name: one, format: generic-json, input: \'{"model": "a"}\', expect: {told: 1}}\n'
        "  - {name: none, format: generic-json, input: '{\"x\": 1}', expect: {}}\n"
    )
    given_ = [Input(name="a.jsonl", data=lines(0))]
    runs = [audit(given_, Policy(pedantic=wants), rules_dir=rules) for wants in (False, True)]

    assert [False, True] == [any(gap.rule == "OWN001" for gap in run.gaps) for run in runs]
    assert 10 == len(CALLS)
