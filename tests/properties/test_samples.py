"""Properties that hold for any input: nothing raises, counts add up, nothing leaks, fingerprints stay."""

from __future__ import annotations

import json
import random
import re
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.audit import Input, audit
from auditor.catalogue.samples import samples
from auditor.errors import AuditError
from auditor.policy.model import Policy
from auditor.report.schema import Report
from auditor.writers import Options, names, writer
from tests.support.draws import draws

ALL = Policy(profile="all")
SAMPLES = samples()
NAMES = [sample.name for sample in SAMPLES]


@cache
def content(name: str) -> bytes:
    return next(s for s in SAMPLES if s.name == name).path.read_bytes()


@cache
def unchanged(name: str) -> Report:
    """The report on a sample as it is shipped."""
    report = run(content(name))
    assert report is not None
    return report


def run(data: bytes, policy: Policy = ALL) -> Report | None:
    """The report, or None when the input was refused with a clear error."""
    try:
        return audit([Input(name="input", data=data)], policy, planned=False)
    except AuditError as error:
        refused = error
    assert refused.message.strip()
    assert "Traceback" not in refused.message
    return None


@given(name=st.sampled_from(NAMES), cut=st.floats(0, 1))
def test_a_truncated_input_never_raises(name: str, cut: float) -> None:
    """Whatever is left of a file is read or refused with a clear message."""
    data = content(name)
    run(data[: int(len(data) * cut)])


@given(name=st.sampled_from(NAMES), seed=st.integers(0, 10_000), flips=st.integers(1, 12))
def test_flipped_bits_never_raise(name: str, seed: int, flips: int) -> None:
    """A damaged file is read or refused with a clear message."""
    data = bytearray(content(name))
    rng = random.Random(seed)
    for _ in range(flips):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    run(bytes(data))


LINED = [
    s.name
    for s in SAMPLES
    if s.path.suffix in (".jsonl", ".log") and s.format not in ("botocore-debug", "claude-code-transcript")
]  # each line is a piece of its own


@given(name=st.sampled_from(LINED), cut=st.floats(0, 1))
def test_a_cut_log_accounts_for_every_line(name: str, cut: float) -> None:
    """Whatever is left, each of its lines gave records or is a skip; none is lost and none counted twice."""
    whole, data = unchanged(name), content(name)
    left = data[: int(len(data) * cut)]
    report = run(left)
    if report is None:
        return
    # a bracket alone on its line holds an array together and says nothing
    lines = [line for line in left.splitlines() if line.strip(b" \t[]}")]
    records, skipped = report.inputs[0].records, report.inputs[0].skipped_total
    assert records + skipped >= len(lines)
    assert records <= whole.inputs[0].records + 1  # the cut line may still say something


@given(name=st.sampled_from(LINED), seed=st.integers(0, 10_000), broken=st.integers(0, 3))
def test_every_line_is_a_record_or_a_skip(name: str, seed: int, broken: int) -> None:
    """Broken lines among good ones lose nothing: what was not read was counted, with its line."""
    rng = random.Random(seed)
    lines = [line for line in content(name).decode().splitlines() if line.strip()]
    whole = unchanged(name)
    rng.shuffle(lines)
    for _ in range(broken):
        lines.insert(rng.randrange(len(lines) + 1), '{"broken": ')

    report = run("\n".join(lines).encode())

    assert report is not None
    assert broken == report.inputs[0].skipped_total
    assert whole.inputs[0].records == report.inputs[0].records
    assert all("broken" in lines[s.line - 1] for s in report.inputs[0].skipped if s.line)


@pytest.mark.parametrize("name", NAMES)
def test_the_four_verdicts_add_up_to_the_calls(name: str) -> None:
    """For each field present + absent + mis_scoped + not_carried = calls, and records = calls + context."""
    report = unchanged(name)
    for field in report.fields:
        total = field.present + field.absent + field.mis_scoped + field.not_carried
        assert report.totals.calls == total, field.field
        weights = field.weight
        whole = weights.present + weights.absent + weights.mis_scoped + weights.not_carried
        assert not total or abs(whole - 1) < 1e-3
    for one in report.inputs:
        assert one.records == one.calls + one.context + one.totals


@pytest.mark.filterwarnings("error")
@draws(2)
@given(number=st.integers(0, len(SAMPLES) - 1))
def test_samples_are_audited_beside_others(number: int) -> None:
    """A bill and two more inputs of whatever kind: nothing raises or warns, twice the same report."""
    bills = [s for s in SAMPLES if s.name in ("cur-2.0-gappy", "cur-legacy-gappy", "focus-gappy")]
    chosen = [SAMPLES[number], SAMPLES[number * 7 % len(SAMPLES)], bills[number % len(bills)]]
    report, again = (audit([Input(name=s.name, path=s.path) for s in chosen], ALL) for _ in range(2))

    assert msgspec.json.encode(report) == msgspec.json.encode(again)
    assert [s.name for s in chosen] == [given.name for given in report.inputs]
    for name in names():
        assert writer(name).write(report) or not report.gaps


@draws(10)
@given(name=st.sampled_from(NAMES))
def test_the_same_bytes_give_the_same_report(name: str) -> None:
    """Two runs over the same bytes differ in no byte."""
    assert msgspec.json.encode(unchanged(name)) == msgspec.json.encode(run(content(name)))


def identity_values(data: bytes) -> set[str]:
    """Values of tenants, users, teams and ids that a sample holds."""
    text = data.decode()
    found = re.findall(
        r'(?:tenant|team|user|workflow|request|customer|session)[\w.\-]*\\?"\s*:\s*\\?"([^"\\]{3,})',
        text,
        re.I,
    )
    found += re.findall(
        r'"key":\s*"(?:tenant|team|user|workflow|enduser)[^"]*",\s*"value":\s*\{"stringValue":\s*"([^"]+)"',
        text,
    )
    found += re.findall(r"arn:aws:[\w:/@.\-]+", text)
    words = {"name", "unknown", "default", "none", "null", "chat", "model", "handler", "default_user_id"}
    return {v for v in found if v not in words and not v.startswith(("us.", "anthropic.", "claude"))}


@draws(10)
@given(name=st.sampled_from(NAMES))
def test_no_value_of_a_sample_is_in_its_report(name: str) -> None:
    """What identifies a tenant, a user or a principal never reaches a report, in any writer."""
    data, report = content(name), unchanged(name)
    made = [writer(name).write(report, Options(full=True)) for name in names()]
    text = b"".join([msgspec.json.encode(report), *made]).decode()
    text = re.sub("<style>.*</style>", "", text, flags=re.S)  # our own sheet names things too
    for value in identity_values(data):
        assert not re.search(rf"(?<![\w.-]){re.escape(value)}(?![\w.-])", text), value


def shuffled_otlp(data: bytes, seed: int) -> bytes:
    """The same spans in another order, with other ids and times."""
    rng = random.Random(seed)
    document = json.loads(data)
    new: dict[str, str] = {}

    def fresh(old: str) -> str:
        return new.setdefault(old, "".join(rng.choices("123456789abcdef", k=len(old)))) if old else old

    shift = rng.randrange(10**15)
    for block in document["resourceSpans"]:
        for group in block["scopeSpans"]:
            for span in group["spans"]:
                for key in ("traceId", "spanId", "parentSpanId"):
                    if key in span:
                        span[key] = fresh(span[key])
                for key in ("startTimeUnixNano", "endTimeUnixNano"):
                    span[key] = str(int(span[key]) + shift)
            rng.shuffle(group["spans"])
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "name", [s.name for s in SAMPLES if s.format == "otlp-json" and s.path.suffix == ".json"]
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fingerprints_survive_new_ids_times_and_order(name: str, seed: int) -> None:
    """A gap is the same gap in the next export."""
    before, after = unchanged(name), run(shuffled_otlp(content(name), seed))
    assert after is not None
    assert {g.fingerprint for g in before.gaps} == {g.fingerprint for g in after.gaps}
