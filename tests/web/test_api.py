"""The JSON API: every way to send inputs gives the report of the command line."""

from __future__ import annotations

import json
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from auditor.audit import audit
from auditor.catalogue.samples import Sample, samples
from auditor.inputs.source import Input
from auditor.policy.model import Policy
from auditor.writers import writer
from tests.support.draws import draws
from tests.support.web_service import RECORD, Client

AUDITS = "/api/v1/audits"


@draws(10)
@given(sample=st.sampled_from(samples()))
def test_an_audit_answers_the_document_of_the_command_line(client: Client, sample: Sample) -> None:
    """The API and the JSON writer give the same bytes for the same input."""
    data = sample.path.read_bytes()
    report = audit([Input(name="body", data=data)])

    answer = client.post(AUDITS, content=data)

    if not report.totals.calls:
        assert (422, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
        return
    assert writer("json").write(report) == answer.content
    assert answer.headers["content-type"] == "application/json"


def test_an_answer_fits_the_published_schema(client: Client) -> None:
    """What an audit answers validates against /api/v1/schema."""
    schema = client.get("/api/v1/schema")

    assert "application/schema+json" == schema.headers["content-type"]
    assert Draft202012Validator(schema.json()).is_valid(client.post(AUDITS, content=RECORD).json())


def test_the_profile_of_the_query_judges(client: Client) -> None:
    """`?profile=` names the profile, and `?name=` the input."""
    report = client.post(f"{AUDITS}?profile=gateway-ready&name=mine", content=RECORD).json()

    assert "gateway-ready" == report["profile"]
    assert "mine" == report["inputs"][0]["name"]


def test_several_files_become_inputs_named_by_their_fields(client: Client) -> None:
    """`-F app=@a.json -F gateway=@b.json` are inputs of these names; `files` keeps file names."""
    files = [
        ("app", ("a.json", RECORD.encode())),
        ("gateway", ("b.json", RECORD.encode())),
        ("files", ("c.json", RECORD.encode())),
    ]

    report = client.post(AUDITS, files=files).json()

    assert ["app", "gateway", "c.json"] == [one["name"] for one in report["inputs"]]
    assert 3 == report["totals"]["calls"]


def test_an_envelope_carries_named_inputs_and_a_policy(client: Client) -> None:
    """The JSON envelope names its inputs and brings a policy with the keys of `auditor.toml`."""
    envelope = {
        "inputs": [
            {"name": "one", "text": RECORD},
            {"name": "two", "text": RECORD, "format": "generic-json"},
        ],
        "policy": {"profile": "all", "fail_on": "none"},
    }

    report = client.post(AUDITS, json=envelope).json()

    assert ["one", "two"] == [one["name"] for one in report["inputs"]]
    assert "all" == report["profile"]
    assert report["gate"]["passed"]


def test_uploads_touch_no_disk(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of two megabytes is taken although no temporary file can be made."""

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a temporary file was asked for")

    for name in ("TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refused)
    answer = client.post(AUDITS, files={"big": ("big.jsonl", f"{RECORD}\n".encode() * 20_000)})

    assert 20_000 == answer.json()["totals"]["calls"]


def test_inputs_of_one_name_are_told_apart(client: Client) -> None:
    """Two files of one name become two inputs with two names."""
    files = [("files", ("a.json", RECORD.encode())), ("files", ("a.json", RECORD.encode()))]

    report = client.post(AUDITS, files=files).json()

    assert ["a.json", "a.json (2)"] == [one["name"] for one in report["inputs"]]


def test_json_that_is_no_envelope_is_one_input(client: Client) -> None:
    """A body of JSON with another shape is audited as it is, whatever its content type says."""
    run = {"inputs": {"messages": []}, "model": "gpt-4o", "input_tokens": 3, "tenant_id": "acme"}

    report = client.post(AUDITS, json=run).json()

    assert 1 == report["totals"]["calls"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('{"inputs": [{"text": 5}]}', "$.inputs[0].text"),
        ('{"inputs": [{"text": "x", "nmae": "y"}]}', "nmae"),
        ('{"inputs": [{"text": "x"}], "polcy": {}}', "polcy"),
    ],
)
def test_a_wrong_envelope_is_refused_with_its_place(client: Client, body: str, says: str) -> None:
    """An envelope with a wrong or unknown key is a 400 that names the key."""
    answer = client.post(AUDITS, content=body)

    assert 400 == answer.status_code
    assert says in answer.json()["detail"]


def test_a_wrong_policy_is_refused_with_its_key(client: Client) -> None:
    """An unknown profile or policy key is a 400 with the names that exist."""
    answer = client.post(f"{AUDITS}?profile=nope", content=RECORD)

    assert (400, "The policy is wrong") == (answer.status_code, answer.json()["title"])
    assert Policy().profile in answer.json()["detail"]


def test_nothing_to_audit_says_what_was_recognised(client: Client) -> None:
    """Text in which nothing tells of a call is a 422 that names what it was read as, and its counts."""
    answer = client.post(AUDITS, content='{"colour": "red"}')

    assert (422, "Nothing to audit") == (answer.status_code, answer.json()["title"])
    assert "generic-json" == answer.json()["inputs"][0]["format"]


@pytest.mark.parametrize("format_", ["cloudwatch-metrics", "cost-explorer", "otlp-metrics-json"])
def test_a_recognised_input_without_calls_gets_its_report(client: Client, format_: str) -> None:
    """Metrics and sums are an answer, not an error."""
    sample = next(one for one in samples() if one.format == format_)
    answer = client.post(AUDITS, content=sample.path.read_bytes())

    assert (200, 0) == (answer.status_code, answer.json()["totals"]["calls"])


@pytest.mark.parametrize("body", [b"", b" \n", b"\x00\x01\x02\xff", b"[" * 500, b'{"model": '])
def test_unreadable_bodies_get_a_clear_answer(client: Client, body: bytes) -> None:
    """Empty, binary, nested and cut-off bodies are the sender's problem, told with a hint."""
    answer = client.post(AUDITS, content=body)

    assert 422 == answer.status_code
    assert answer.json()["hint"]


@pytest.mark.parametrize("name", ["rules", "fields", "formats", "samples"])
def test_the_lists_are_there(client: Client, name: str) -> None:
    """Rules, fields, formats and samples are lists of objects with a name."""
    items = client.get(f"/api/v1/{name}").json()

    assert items
    assert all(item["name"] for item in items)


def test_a_listed_sample_can_be_posted(client: Client) -> None:
    """The text of each sample of the list is an input of its format."""
    items = client.get("/api/v1/samples").json()
    for item in items[::3]:
        if item["text"] is not None:
            given = {"text": item["text"], "format": item["format"]}
            answer = client.post(AUDITS, json={"inputs": [given]})
            assert 200 == answer.status_code, item["name"]


def test_openapi_comes_from_this_origin(client: Client) -> None:
    """/schema is OpenAPI JSON of the three bodies, the report and the problem, and loads nothing."""
    answer = client.get("/schema")
    document = answer.json()

    assert "json" in answer.headers["content-type"]
    operation = document["paths"]["/api/v1/audits"]["post"]
    assert {"application/json", "multipart/form-data", "application/octet-stream"} == set(
        operation["requestBody"]["content"]
    )
    assert {"200", "400", "413", "422", "503", "504"} <= set(operation["responses"])
    assert {"Report", "Problem"} <= set(document["components"]["schemas"])
    assert "cdn" not in json.dumps(document)
