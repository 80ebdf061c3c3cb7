"""One odd record, line or input never loses the others: it is a counted skip with a reason and a place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from auditor.audit import Input, audit
from auditor.catalogue.samples import samples
from auditor.errors import AuditBroke, InputError
from auditor.evidence import batch as freeze
from auditor.judge import verdicts as judge
from auditor.locate import excerpts, marks, places
from auditor.policy.model import Policy
from auditor.readers.billing import rows as bill_rows
from auditor.readers.otlp import documents as _otlp_rows
from auditor.readers.otlp import json as otlp_json
from auditor.readers.shared import free_form
from auditor.report.schema import Report
from auditor.web.worker import Done, Order, OrderInput, Outcome, run_order
from auditor.writers import names, writer
from tests.conftest import Cli

CALL: dict[str, Any] = {
    "timestamp": "2026-01-01T00:00:00Z", "model": "gpt-4o", "input_tokens": 10, "output_tokens": 5,
    "cost_usd": 0.01, "tenant_id": "acme",
}  # fmt: skip
ARN = "arn:aws:sts::123456789012:assumed-role/app/session"
INVOCATION: dict[str, Any] = {
    "timestamp": "2026-01-01T00:00:00Z", "accountId": "123456789012", "identity": {"arn": ARN},
    "region": "us-east-1", "requestId": "0f7c6c1e-1111-2222-3333-444455556666", "operation": "Converse",
    "modelId": "anthropic.claude-3-haiku-20240307-v1:0", "requestMetadata": {"tenant_id": "acme"},
    "input": {"inputTokenCount": 10}, "output": {"outputTokenCount": 5},
    "schemaType": "ModelInvocationLog", "schemaVersion": "1.0",
}  # fmt: skip
LOGFMT = 'level=info msg="llm call" model=gpt-4o input_tokens=10 output_tokens=5 tenant_id={}'


def report(*texts: str | bytes, profile: str = "all") -> Report:
    """The report on some inputs, named a, b, …"""
    datas = [text.encode() if isinstance(text, str) else text for text in texts]
    inputs = [Input(name="abc"[n], data=data) for n, data in enumerate(datas)]
    return audit(inputs, Policy(profile=profile), planned=False)


def lines(*records: dict[str, Any]) -> str:
    """JSON lines."""
    return "\n".join(json.dumps(record) for record in records)


def span(tenant: str, **more: Any) -> dict[str, Any]:
    """A span of one call."""
    pairs = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "tenant.id": tenant}
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in pairs.items()]
    return {"traceId": "1" * 32, "spanId": "2" * 16, "name": tenant, "attributes": attributes} | more


def traces(*spans: Any, resource: Any = None) -> dict[str, Any]:
    """An OTLP document."""
    return {"resourceSpans": [{"resource": resource or {}, "scopeSpans": [{"spans": list(spans)}]}]}


def skips(found: Report) -> list[tuple[int | None, str]]:
    """Lines and reasons of the skips of the first input."""
    return [(skip.line, skip.reason) for skip in found.inputs[0].skipped]


def present(found: Report, name: str) -> int:
    """On how many calls a field is present."""
    return next(field.present for field in found.fields if field.field == name)


@pytest.mark.parametrize(
    "odd",
    [
        CALL | {"tenant_id": "\ud800"},
        CALL | {"ctx": {"\ud800": {"tenant_id": "acme"}}, "\udc00": "x"},
        CALL | {"tenant_id": {"\ud800": "x"}},
        CALL | {"metadata": {"spend_logs_metadata": {"tenant_id": {"\ud800": "x"}}}},
        INVOCATION | {"requestMetadata": {"tenant_id": "\udfff"}},
        INVOCATION | {"requestMetadata": {"\udfff": "acme"}},
        traces(span("\ud800", spanId="\udc00")),
        traces(
            span("acme"), resource={"attributes": [{"key": "\ud800", "value": {"stringValue": "\ud800"}}]}
        ),
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_half_a_surrogate_pair_loses_no_record(odd: dict[str, Any], indent: int | None) -> None:
    """It is legal in JSON and fits into no column: it is spelled out, and both records count."""
    other = INVOCATION if "modelId" in odd else traces(span("globex")) if "resourceSpans" in odd else CALL

    found = report(json.dumps(odd, indent=indent) + "\n" + json.dumps(other, indent=indent))

    assert (2, []) == (found.inputs[0].calls, skips(found))
    for name in names():
        writer(name).write(found).decode()


def test_different_halves_stay_different_values() -> None:
    """What is spelled out is told apart as before, and each is a usable value."""
    found = report(lines(CALL | {"tenant_id": "a\ud800"}, CALL | {"tenant_id": "a\ud801"}))

    assert 2 == present(found, "tenant_id")
    assert 2 == len(found.owners)


HUGE = [
    9223372036854775807,
    2**63,
    2**64,
    10**30,
    -5,
    -(2**70),
    1e300,
    "1e300",
    "9" * 30,
    float("nan"),
    float("inf"),
]


@pytest.mark.parametrize("count", HUGE, ids=lambda count: str(count)[:24])
@pytest.mark.parametrize("key", ["input_tokens", "output_tokens", "total_tokens", "cache_read_input_tokens"])
def test_an_odd_count_is_none_and_said_so(key: str, count: Any) -> None:
    """A count that is negative or that no call can reach is left out; the call and the other record count."""
    found = report(lines(CALL | {key: count, "cost_usd": None}, CALL))

    assert (2, []) == (found.inputs[0].calls, skips(found))
    assert 15 <= found.totals.tokens <= 30
    assert 0 < found.totals.cost_usd < 1


def test_an_odd_count_is_told() -> None:
    """The report says how many there are, of which field."""
    found = report(lines(CALL | {"input_tokens": 2**63 - 1}, CALL))

    assert [
        "tokens_input: 1 value is no number, negative or too large, and counted as missing"
    ] == found.inputs[0].notes
    assert 1 == present(found, "tokens_input")


def test_minus_zero_is_zero() -> None:
    """JSON may write it, whole or broken."""
    text = json.dumps(CALL | {"input_tokens": -0.0}) + "\n" + json.dumps(CALL).replace("10", "-0")

    assert 10 == report(text).totals.tokens


@pytest.mark.parametrize("cost", [1e300, -1e300, 1e12, "1e300", "99999999999", 2**80, float("inf")])
def test_an_odd_cost_is_malformed(cost: Any) -> None:
    """More nano-dollars than 64 bits hold are no cost; the other call's is counted."""
    found = report(lines(CALL | {"cost_usd": cost}, CALL))

    field = next(field for field in found.fields if field.field == "cost_usd")
    assert {"malformed": 1} == field.causes
    assert 0.01 <= found.totals.cost_usd < 0.02


@pytest.mark.parametrize(
    "time",
    ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59Z", "1e300", 1e300, 10**19, 10**40, -5, "9" * 4400],
)
def test_a_time_out_of_range_is_none(time: Any) -> None:
    """Neither the record nor its neighbours are lost for it."""
    assert (2, []) == (report(lines(CALL | {"timestamp": time, "end_time": time}, CALL)).inputs[0].calls, [])


def test_tokens_times_a_price_beyond_64_bits_is_not_checkable() -> None:
    """Tokens at the limit of a count give no price, and no error."""
    found = report(lines(CALL | {"model": "o1-pro", "output_tokens": 10**15, "cost_usd": None}, CALL))

    assert 10**15 < found.totals.tokens


@pytest.mark.parametrize(
    "attribute",
    [
        {"value": "x"},
        {"key": 5, "value": {"stringValue": "x"}},
        {"key": "k", "value": 5},
        "x",
        None,
        {"key": None},
    ],
)
def test_an_odd_attribute_of_a_process_leaves_its_spans(attribute: Any) -> None:
    """In Tempo's answer and in OTLP: a counted skip, and the span with the attributes that can be read."""
    service = {"key": "service.name", "value": {"stringValue": "chat"}}
    whole = traces(span("acme"), resource={"attributes": [attribute, service]})

    for text in (
        json.dumps({"trace": whole}),
        json.dumps({"batches": whole["resourceSpans"]}),
        json.dumps(whole),
    ):
        found = report(text)
        assert 1 == found.inputs[0].calls
        assert ["a resource: not the OTLP shape"] == [reason.split(": at")[0] for _, reason in skips(found)]


@pytest.mark.parametrize(
    "odd",
    [span("x", traceId=5), span("x", attributes=[{"value": "x"}]), span("x", attributes=5), "x", None,
     span("x", name=["x"])],
)  # fmt: skip
@pytest.mark.parametrize(
    "wrap", [json.dumps, lambda whole: json.dumps({"trace": whole}), lambda whole: json.dumps([whole])]
)
def test_an_odd_span_leaves_the_others_of_its_document(odd: Any, wrap: Callable[[Any], str]) -> None:
    """The span is a skip that says where it is; those before and behind it are at their own places."""
    found = report(wrap(traces(span("acme"), odd, span("globex"))))

    assert (2, 1) == (found.inputs[0].calls, found.inputs[0].skipped_total)
    assert "not the OTLP shape" in skips(found)[0][1]
    pointers = {anchor.pointer for gap in found.gaps for anchor in gap.anchors}
    assert pointers
    assert all(str(pointer).endswith(("/spans/0", "/spans/2")) for pointer in pointers)


def test_a_header_of_a_bill_before_cut_json_is_said() -> None:
    """Two exports pasted together of which neither has a row: an error that names the line."""
    with pytest.raises(InputError, match="line 2: not JSON"):
        report('lineitem_currencycode,_\n{"resource_spans":')


def test_yaml_aliases_are_records() -> None:
    """Each alias stands for the record that it repeats."""
    found = report("- &r {model: gpt-4o, input_tokens: 5, tenant_id: acme}\n- *r\n- *r\n- *r\n")
    merged = report("first: &r\n  model: gpt-4o\n  input_tokens: 5\nsecond: *r\n")

    assert (4, 20) == (found.inputs[0].calls, found.totals.tokens)
    assert merged.inputs[0].calls


@pytest.mark.parametrize(
    "text",
    [
        "a: &a {model: gpt-4o, input_tokens: 5}\n"
        + "".join(
            f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "a: &a\n  b: *a\n  model: gpt-4o\n",
    ],
)
def test_yaml_aliases_that_swell_are_refused(text: str) -> None:
    """A small file cannot become a large one, nor hold itself."""
    with pytest.raises(InputError, match="YAML whose aliases stand for more than"):
        report(text)


def breaks(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, when: Callable[..., bool]) -> None:
    """Let a function raise where its arguments are such."""
    real = getattr(where, name)

    def broken(*args: Any, **more: Any) -> Any:
        if when(*args):
            raise KeyError("acme-secret")
        return real(*args, **more)

    monkeypatch.setattr(where, name, broken)


def first(seen: list[int]) -> bool:
    """Whether this is asked for the first time."""
    seen.append(1)
    return len(seen) == 1


def test_a_record_that_its_reader_cannot_take_is_a_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its line and the kind of the error, never its words; what was read of it before is forgotten."""
    breaks(monkeypatch, free_form, "_facts", lambda record, *_: record.get("tenant_id") == "globex")

    found = report(lines(CALL, CALL | {"tenant_id": "globex"}, CALL))

    assert (2, 2) == (found.inputs[0].calls, found.inputs[0].records)
    assert [(2, "a record of an unexpected shape (KeyError)")] == skips(found)
    assert (2, 30) == (present(found, "tenant_id"), found.totals.tokens)
    assert not [reason for reason in found.gate.reasons if "judged" in reason]


def test_a_line_that_its_reader_cannot_take_is_a_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same in a log of text."""
    breaks(monkeypatch, free_form, "put", lambda record, *_: "globex" in str(record))

    found = report("\n".join(LOGFMT.format(tenant) for tenant in ("acme", "globex", "acme")))

    assert (2, [(2, "a record of an unexpected shape (KeyError)")]) == (found.inputs[0].calls, skips(found))


def test_a_row_of_a_table_that_cannot_be_taken_is_a_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows behind it are found at their own lines."""
    breaks(monkeypatch, free_form, "_facts", lambda record, *_: record.get("tenant_id") == "globex")
    rows = ["model,tenant_id,input_tokens,output_tokens"]
    rows += [f"gpt-4o,{tenant},10,5" for tenant in ("globex", "")]

    found = report("\n".join(rows))

    assert (1, 1) == (found.inputs[0].calls, found.inputs[0].skipped_total)
    assert {3} == {anchor.line for gap in found.gaps for anchor in gap.anchors}


def test_a_row_of_a_bill_that_cannot_be_taken_is_a_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    """CSV, or Parquet, which has no lines."""
    bill = next(s for s in samples() if s.name == "cur-2.0-gappy").path.read_bytes()
    whole = report(bill)
    seen: list[int] = []
    breaks(monkeypatch, bill_rows.BillRows, "_tokens", lambda *_: first(seen))

    found = report(bill)

    assert (whole.inputs[0].calls - 1, 1) == (found.inputs[0].calls, found.inputs[0].skipped_total)


def test_a_span_that_cannot_be_put_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a document of many, in JSON."""
    breaks(monkeypatch, _otlp_rows, "nanoseconds", lambda value: value == 13)

    found = report(json.dumps(traces(span("acme"), span("x", startTimeUnixNano=13), span("globex"))))

    assert (2, 1) == (found.inputs[0].calls, found.inputs[0].skipped_total)
    assert 2 == present(found, "tenant_id")


def test_a_protobuf_span_that_cannot_be_put_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """In protobuf, which has no lines."""
    data = next(s for s in samples() if s.format == "otlp-protobuf").path.read_bytes()
    whole = report(data)
    seen: list[int] = []
    breaks(monkeypatch, _otlp_rows, "nanoseconds", lambda value: first(seen) or len(seen) == 20)

    found = report(data)

    assert found.inputs[0].skipped_total
    assert whole.inputs[0].records - found.inputs[0].skipped_total == found.inputs[0].records > 0


def test_a_record_of_an_invocation_log_that_cannot_be_put_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Records are put a block at a time; the odd one is found in it."""
    from auditor.readers.aws import invocation_rows

    breaks(monkeypatch, invocation_rows, "user_of", lambda arn: "odd" in arn)
    odd = INVOCATION | {"identity": {"arn": "arn:aws:iam::123456789012:user/odd"}}

    good = [INVOCATION | {"requestId": f"{n:08x}-0000-4000-8000-000000000000"} for n in range(6)]
    found = report(lines(*good[:3], odd, *good[3:]))

    assert (6, [4]) == (found.inputs[0].calls, [line for line, _ in skips(found)])
    assert (6, 90) == (present(found, "tenant_id"), found.totals.tokens)


def test_a_record_that_fits_into_no_column_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns are made of many records at once: those that break one are skips with their lines."""
    breaks(monkeypatch, freeze, "frame_of", lambda ids, *_: bool({7, 20} & set(ids["record"])))

    found = report(lines(*[CALL] * 50))

    assert (48, [8, 21]) == (found.inputs[0].calls, [line for line, _ in skips(found)])


def test_a_batch_of_which_nothing_fits_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every record breaks, not each of them is tried alone."""
    monkeypatch.setattr(freeze, "MOST_LOST", 4)
    seen: list[int] = []
    breaks(monkeypatch, freeze, "frame_of", lambda *_: first(seen) or True)

    with pytest.raises(InputError, match="all 500 pieces could not be read"):
        report(lines(*[CALL] * 500))
    assert len(seen) < 60


def broken_reader(monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """An OTLP file whose reader breaks on its third line, and a good log beside it."""
    breaks(monkeypatch, otlp_json, "_line", lambda line, *_: b"globex" in line)
    names = ("acme", "acme", "globex", "acme")
    return "\n".join(json.dumps(traces(span(name))) for name in names), lines(CALL, CALL)


REASON = "the reader otlp-json failed behind line 2 (KeyError)"


def test_a_reader_that_breaks_keeps_what_it_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its input says where, the others are audited, and the gate does not pass."""
    bad, good = broken_reader(monkeypatch)

    found = report(bad, good)

    assert [2, 2] == [one.calls for one in found.inputs]
    assert [(2, REASON)] == skips(found)
    assert f"a: {REASON}; what follows was not judged" == found.notes[0] == found.gate.reasons[0]
    assert not found.gate.passed
    assert b"acme-secret" not in msgspec.json.encode(found)


def test_a_reader_that_breaks_at_once_leaves_the_other_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone it is an error; beside others it is an input without records."""
    breaks(monkeypatch, otlp_json, "_line", lambda *_: True)
    bad = lines(traces(span("acme")), traces(span("acme")))

    with pytest.raises(InputError, match="a: the reader otlp-json failed at its beginning"):
        report(bad)
    found = report(bad, lines(CALL))

    assert [0, 1] == [one.calls for one in found.inputs]
    assert not found.gate.passed


def test_a_recognition_that_breaks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that breaks on a sample claims nothing; where all of it breaks, the input says so."""
    from auditor.readers import detect

    breaks(monkeypatch, detect, "_score", lambda candidate, _: candidate.format.name == "otlp-json")
    assert 1 == report(lines(CALL)).inputs[0].calls
    breaks(monkeypatch, detect, "sample_of", lambda source: source.name == "a")

    with pytest.raises(InputError, match="a: the recognition of its format failed"):
        report(lines(CALL))
    assert [0, 1] == [one.calls for one in report(lines(CALL), lines(CALL)).inputs]


def test_a_part_that_breaks_leaves_the_other_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A paste of several artefacts: what its readers can read is read, and the gate does not pass."""
    from auditor.readers.text import http_requests as http_headers

    http = "> POST /v1/messages HTTP/1.1\n> Host: llm-gw.example.com\n> x-tenant-id: acme\n>\n"
    breaks(monkeypatch, http_headers, "exchanges", lambda *_: True)

    found = report(f"{json.dumps(CALL)}\n{http}\n```json\n{json.dumps(CALL)}\n```\n")

    assert 2 == found.inputs[0].calls
    assert "the reader http-headers failed" in found.gate.reasons[0]


def test_the_command_line_says_which_reader_broke(
    monkeypatch: pytest.MonkeyPatch, cli: Cli, tmp_path: Path
) -> None:
    """Exit 1 with the reason in the verdict, 2 where nothing is left; the traceback at -vv only."""
    bad, good = broken_reader(monkeypatch)
    (tmp_path / "bad.jsonl").write_text(bad)
    (tmp_path / "good.jsonl").write_text(good)
    (tmp_path / "worse.jsonl").write_text(bad.replace("acme", "globex"))

    ran = cli("audit", tmp_path / "bad.jsonl", tmp_path / "good.jsonl", "--no-config")
    loud = cli("audit", tmp_path / "bad.jsonl", "--no-config", "-vv")
    lost = cli("audit", tmp_path / "worse.jsonl", "--no-config", "--allow-empty")

    assert (1, 1, 2) == (ran.code, loud.code, lost.code)
    assert f"bad.jsonl: {REASON}; what follows was not judged" in ran.err
    assert "Traceback" not in ran.err + lost.err
    assert "Traceback" in loud.err
    assert "worse.jsonl: the reader otlp-json failed at its beginning (KeyError)" in lost.err


def test_the_service_says_which_reader_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker hands over the report on what was read."""
    bad, good = broken_reader(monkeypatch)
    posted = [OrderInput(name=name, data=text.encode()) for name, text in (("a", bad), ("b", good))]

    outcome = msgspec.msgpack.decode(run_order(msgspec.msgpack.encode(Order(inputs=posted))), type=Outcome)

    assert isinstance(outcome, Done)
    assert REASON in outcome.report.gate.reasons[0]


def test_a_step_that_breaks_is_named(monkeypatch: pytest.MonkeyPatch, cli: Cli, good: Path) -> None:
    """Behind the readers there is nothing to keep: exit 2 with the step and the inputs."""
    breaks(monkeypatch, judge, "relate", lambda *_: True)

    with pytest.raises(AuditBroke) as raised:
        report(lines(CALL))
    ran = cli("audit", good, "--no-config")

    assert ("judge", ["a"], "KeyError") == (raised.value.step, raised.value.inputs, raised.value.kind)
    assert 2 == ran.code
    assert "error: the audit broke in the step judge (KeyError)" in ran.err
    assert f"while auditing {good}" in ran.err
    assert "acme-secret" not in ran.err


def test_an_example_that_cannot_be_found_has_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report is whole but for the line and the excerpt."""
    breaks(monkeypatch, places, "value_at", lambda *_: True)
    found = report(lines(CALL))
    monkeypatch.undo()
    breaks(monkeypatch, excerpts, "leaves_of", lambda *_: True)
    breaks(monkeypatch, marks, "leaves_of", lambda *_: True)
    plain = report(lines(CALL))

    assert found.gaps
    assert {None} == {anchor.line for gap in found.gaps for anchor in gap.anchors}
    assert {(1, None)} == {(anchor.line, anchor.excerpt) for gap in plain.gaps for anchor in gap.anchors}
