"""Baselines and suppressions written before rules were put together by pattern still apply.

`data/baselines-0.1.0.json` has, for each gappy sample under the profile `all` with previews, the score and
the fingerprint, rule, field and share of every gap.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.audit import Input, audit
from auditor.catalogue.samples import samples
from auditor.gate.baseline import Baseline, Entry
from auditor.policy.model import Policy

STORED: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "baselines-0.1.0.json").read_text("utf-8")
)
SAMPLES = {sample.name: sample for sample in samples()}
# "nowhere" was reported beside "on the session's tag" for the same calls
# requests whose ids and traces differ are no attempts of one call; a header is the name that it carries
# one retry is one gap
# `attempt 2` counts the retry
MENDED = {
    # a value on the span above is of the wrong record, not missing
    ("support-desk", "CNT021", "agent"),
    ("cloudtrail-gappy", "IDN001", "tenant_id"),
    ("api-gateway-access-log-gappy", "CNT002", "request_id"),
    ("portkey-gateway-log-gappy", "IDN028", "tenant_id"),
    ("litellm-standard-logging-gappy", "IDN028", "tenant_id"),
    ("plain-text-gappy", "CNT006", "retry_count"),
    ("tempo-gappy", "CNT004", "attempt_id"),
    ("zipkin-v2-gappy", "CNT004", "attempt_id"),
    # the outer span of an SDK is known to repeat the usage of its call, which is a note
    ("otel-console-gappy", "USE013", "tokens_input"),
    ("otel-console-gappy", "USE013", "tokens_output"),
}

# found by rules that are newer than the baselines
ADDED = {
    ("support-desk", "IDN062", "agent"),
    ("cur-2.0-gappy", "TAG051", "user_id"),
    ("focus-gappy", "TAG051", "user_id"),
    ("otlp-logs-protobuf-gappy", "USE060", "cost_usd"),
    ("otel-console-gappy", "USE033", "tokens_input"),
    ("otel-console-gappy", "USE033", "tokens_output"),
}


@pytest.mark.parametrize("name", STORED)
def test_a_stored_baseline_covers_every_gap(name: str) -> None:
    """No gap of an older rule is new, and none is gone but those that were wrong."""
    entries = [Entry(*gap) for gap in STORED[name]["gaps"]]
    baseline = Baseline(profile="all", score=STORED[name]["score"], gaps=entries)
    given = [Input(name=SAMPLES[name].file, path=SAMPLES[name].path)]

    report = audit(given, Policy(profile="all", pedantic=True, new_only=True), baseline=baseline)

    new = {(name, gap.rule, gap.field) for gap in report.gaps if gap.suppressed is None}
    assert {added for added in ADDED if added[0] == name} == new
    gone = {entry.fingerprint for entry in entries} - {gap.fingerprint for gap in report.gaps}
    assert {e for e in MENDED if e[0] == name} == {
        (name, e.rule, e.field) for e in entries if e.fingerprint in gone
    }
    assert report.gate.passed


def test_a_stored_suppression_names_a_rule_that_is_still_there() -> None:
    """A policy that lists every stored gap by rule and field leaves none open."""
    name = "otlp-json-gappy"
    listed = [
        {"rule": rule, "field": field, "reason": "accepted", "until": "2027-01-01"}
        for _, rule, field, _ in STORED[name]["gaps"]
    ]
    policy = Policy.model_validate({"profile": "all", "pedantic": True, "suppress": listed})
    given = [Input(name=SAMPLES[name].file, path=SAMPLES[name].path)]

    report = audit(given, policy, date="2026-11-01")

    assert report.gaps
    assert {"policy"} == {gap.suppressed.by if gap.suppressed else None for gap in report.gaps}
