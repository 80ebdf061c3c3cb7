"""A paste of several artefacts: each part is read as what it is, at its own place, with nothing lost."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.audit import Input, audit
from auditor.catalogue.samples import Sample, samples
from auditor.errors import InputError
from auditor.framing.segments import segments
from tests.readers import counts, report
from tests.support.draws import draws

MODEL = "us.anthropic.claude-sonnet-4-6"
CALL = json.dumps({"event": "llm_call", "tenant_id": "acme", "model": MODEL, "input_tokens": 3})
BILL = (
    "| line_item_usage_type | line_item_product_code | line_item_iam_principal | line_item_unblended_cost |\n"
    "| --- | --- | --- | --- |\n"
    "| USE1-Claude4.6Sonnet-input-tokens | AmazonBedrock "
    "| arn:aws:sts::123456789012:assumed-role/Gateway/s | 0.12 |\n"
)
HTTP = "> POST /v1/messages HTTP/1.1\n> Host: llm-gw.example.com\n> x-tenant-id: acme\n>\n"
CSV = f"event,model,tenant_id,input_tokens\nllm_call,{MODEL},acme,3\nllm_call,{MODEL},,4\n"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (CALL + "\n", ["lines"]),
        (BILL, ["table"]),
        (f"The bill:\n\n{BILL}\nand more\n", ["lines", "table", "lines"]),
        (f"```json\n{CALL}\n```\n", ["fence"]),
        (f"{CALL}\n{HTTP}", ["lines", "http"]),
        (f"{CALL}\n\n{CSV}\n{CALL}\n", ["lines", "table", "lines"]),
        ("a | b\nc | d\n", ["lines"]),
        ("hello, world, of, prose\nwith, commas, in, it\n", ["lines"]),
    ],
)
def test_a_text_is_cut_at_its_borders(text: str, kinds: list[str]) -> None:
    """Tables, requests and fences are parts; everything between them is lines."""
    assert [s.kind for s in segments(text.encode())] == kinds


@pytest.mark.parametrize("text", [f"ä\n{BILL}\n{CALL}\n", f"```\n{CALL}\n```\n\n{BILL}"])
def test_a_part_knows_where_it_stands(text: str) -> None:
    """Its bytes are found again at its offset, and its line is counted."""
    data = text.encode()
    for part in segments(data):
        assert data[part.offset :].startswith(part.data[:20])
        assert data[: part.offset].count(b"\n") == part.line


def test_every_part_is_read_as_what_it_is() -> None:
    """A log line, a bill and a request in one paste are three calls at three layers."""
    found = report(f"From the log:\n{CALL}\n\nthe bill\n{BILL}\nthe request\n{HTTP}")

    assert (found.inputs[0].format, found.totals.calls) == ("mixed-text", 3)
    assert counts(found, "tenant_id") == (1, 0, 1, 1) or counts(found, "tenant_id")[0] == 1


def test_one_artefact_among_prose_keeps_its_name() -> None:
    """A heading above a table does not make it another format."""
    found = report(f"This is what the bill says:\n\n{BILL}")

    assert (found.inputs[0].format, found.totals.calls, found.inputs[0].context) == ("cur-2.0", 1, 1)


def test_a_gap_is_found_at_its_line_of_the_whole() -> None:
    """Lines count from the top of the paste, not of the part."""
    text = f"prose\n\n{BILL}\n{CALL.replace('acme', 'unknown')}\n"
    gap = next(g for g in report(text).gaps if g.rule == "IDN005")

    assert [a.line for a in gap.anchors] == [text.split("\n").index(CALL.replace("acme", "unknown")) + 1]


def test_a_broken_part_does_not_take_the_others_with_it() -> None:
    """What cannot be read is counted at its line; the rest is judged."""
    found = report(f'{CALL}\n{{"broken": \n{BILL}')

    assert found.totals.calls == 2
    assert [(s.line, s.reason[:7]) for s in found.inputs[0].skipped] == [(2, "cut off")]


def test_prose_alone_is_refused() -> None:
    """A letter about claude-sonnet-4-5 is no evidence, whatever it names."""
    with pytest.raises(InputError):
        audit([Input(name="mail", data=b"Dear team,\n\nwe had a meeting about costs.\nRegards\n")])


@draws(6)
@given(sample=st.sampled_from([s for s in samples() if s.text and s.format != "mixed-text"]))
def test_a_sample_in_a_fence_is_the_same_sample(sample: Sample) -> None:
    """What a chat wraps around an artefact changes nothing."""
    text = (sample.text or "").rstrip("\n")
    plain, fenced = report(text + "\n"), report(f"```\n{text}\n```\n")

    assert (plain.inputs[0].format, plain.totals.calls) == (fenced.inputs[0].format, fenced.totals.calls)
    assert {(f.field, f.present, f.absent, f.mis_scoped) for f in plain.fields} == {
        (f.field, f.present, f.absent, f.mis_scoped) for f in fenced.fields
    }
