"""A report written anew by the service: as a file of the page, by the API, and held against a baseline."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from auditor.gate import baseline
from auditor.report.load import read_report
from auditor.report.quotes import handbook
from auditor.web.responses import MENU
from auditor.writers import Options, names, writer
from tests.diff.test_compare import lines
from tests.support import report_factory
from tests.support.web_service import Client

JSON = writer("json").write(report_factory.few())
REPORT = read_report(JSON, "report")


@pytest.mark.parametrize("name", names())
def test_a_report_is_written_as_the_command_line_writes_it(client: Client, name: str) -> None:
    """Every writer answers under its own media type, from a report that was made elsewhere."""
    out = writer(name)
    answer = client.post(f"/api/v1/reports?output={name}", content=JSON)

    assert 200 == answer.status_code
    assert out.write(REPORT, Options(handbook=handbook())) == answer.content
    assert out.media_type.split(";")[0] == answer.headers["content-type"].split(";")[0]


@pytest.mark.parametrize("name", MENU)
def test_the_page_hands_out_a_file(client: Client, name: str) -> None:
    """A form that holds a report is answered with a file of the chosen kind, which no cache keeps."""
    answer = client.post("/reports", files={"report": (None, JSON), "as": (None, name.encode())})

    assert 200 == answer.status_code
    assert (
        f'attachment; filename="attribution-report{writer(name).suffix}"'
        == (answer.headers["content-disposition"])
    )
    assert "no-store" == answer.headers["cache-control"]


@pytest.mark.parametrize(
    ("address", "body", "status", "says"),
    [
        ("/api/v1/reports", b'{"no": "report"}', 422, "no report of this tool"),
        ("/api/v1/reports", JSON.replace(b'"schema": "1"', b'"schema": "9"', 1), 422, "schema '9'"),
        ("/api/v1/reports", JSON[: len(JSON) // 2], 422, "no report of this tool"),
        ("/api/v1/reports?output=pdf", JSON, 400, "no format 'pdf'"),
        ("/api/v1/audits?output=pdf", lines(1), 400, "no format 'pdf'"),
    ],
)
def test_what_cannot_be_written_is_told(
    client: Client, address: str, body: bytes, status: int, says: str
) -> None:
    """Another document, another version, a cut, an unknown format."""
    answer = client.post(address, content=body)

    assert status == answer.status_code
    assert says in answer.json()["detail"]


def test_a_report_that_was_changed_by_hand_is_refused(client: Client) -> None:
    """What no audit wrote is an error of the input, on the page as in the API, and no failure of ours."""
    changed = json.loads(writer("json").write(report_factory.whole()))
    changed["reconciliation"]["rows"][0]["log_usd"] = "much"
    sent = json.dumps(changed)
    answers = [
        client.post("/api/v1/reports?output=html", content=sent),
        client.post("/audit", data={"text": sent}),
    ]

    assert [422, 422] == [one.status_code for one in answers]
    assert all("contradicts itself" in one.text for one in answers)


def test_a_form_without_a_report_is_refused(client: Client) -> None:
    """A form of something else is no report."""
    answer = client.post("/reports", files={"as": (None, b"sarif")})

    assert 400 == answer.status_code
    assert "holds no report" in answer.text


def test_an_audit_answers_in_the_format_that_is_asked_for(client: Client) -> None:
    """`?output=sarif` spares the second request."""
    answer = client.post("/api/v1/audits?output=sarif", content=lines(4))

    assert 200 == answer.status_code
    assert "2.1.0" == answer.json()["version"]
    assert answer.headers["content-type"].startswith("application/sarif+json")


def test_a_saved_report_is_shown_again(client: Client) -> None:
    """A report that is pasted or dropped is not audited: its own verdict stands on the page."""
    answer = client.post("/audit", data={"text": JSON.decode()})

    assert 200 == answer.status_code
    assert f"<b>{REPORT.score.value}</b>" in answer.text
    assert REPORT.gaps[0].rule in answer.text


def envelope(records: bytes, policy: dict[str, Any], before: Any) -> dict[str, Any]:
    """An audit as one document."""
    return {"inputs": [{"text": records.decode()}], "policy": policy, "baseline": before}


def test_an_audit_is_held_against_an_earlier_one(client: Client) -> None:
    """What was there before passes; what is new fails the gate, and a fall of the score too."""
    clean = client.post("/api/v1/audits", content=lines(0)).json()
    gappy = client.post("/api/v1/audits", content=lines(4)).json()
    new_only = {"new_only": True}
    answers = [
        client.post("/api/v1/audits", json=envelope(lines(4), policy, before)).json()
        for policy, before in (
            (new_only, gappy),
            (new_only, clean),
            ({"thresholds": {"max_drop": 1}}, clean),
        )
    ]

    assert [True, False, False] == [one["gate"]["passed"] for one in answers]
    assert "fell" in " ".join(answers[2]["gate"]["reasons"])


def test_a_baseline_is_a_part_of_a_form(client: Client) -> None:
    """`-F baseline=@.auditor-baseline.json -F policy='{"new_only": true}'`."""
    report = client.post("/api/v1/audits", content=lines(4)).json()
    held = baseline.document(baseline.parse(json.dumps(report).encode(), "report"))
    answer = client.post(
        "/api/v1/audits",
        files={
            "app": ("a.jsonl", lines(4)),
            "baseline": (".auditor-baseline.json", held),
            "policy": (None, b'{"new_only": true}'),
        },
    )

    assert 200 == answer.status_code
    assert ["app"] == [one["name"] for one in answer.json()["inputs"]]
    assert answer.json()["gate"]["passed"]
    assert answer.json()["baseline"]["known"]


@pytest.mark.parametrize(
    ("policy", "before", "status", "says"),
    [
        ({"new_only": True}, None, 400, "none was sent"),
        ({"thresholds": {"max_drop": 3}}, None, 400, "none was sent"),
        ({}, {"baseline": "7"}, 422, "no baseline that this version reads"),
    ],
)
def test_a_policy_that_needs_a_baseline_gets_a_good_one(
    client: Client, policy: dict[str, Any], before: Any, status: int, says: str
) -> None:
    """Nothing is held against a baseline that is not there."""
    held = envelope(lines(1), policy, before)
    answer = client.post(
        "/api/v1/audits", json=held if before else {k: held[k] for k in ("inputs", "policy")}
    )

    assert status == answer.status_code
    assert says in answer.json()["detail"]


def test_the_readme_names_what_there_is(client: Client) -> None:
    """Every address of the API in the README exists and takes the parameters that stand there."""
    paths = client.get("/schema/openapi.json").json()["paths"]
    named = re.findall(r"(/api/v1/[a-z]+)(?:\?([^' `]+))?", Path("README.md").read_text("utf-8"))

    assert len(named) >= 3
    for address, query in named:
        known = {one["name"] for one in paths[address]["post"].get("parameters", ())}
        assert {name for name, _ in parse_qsl(query)} <= known
