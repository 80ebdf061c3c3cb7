"""The page and the API that compare two audits: reports or inputs on either side, text stays text."""

from __future__ import annotations

import json

import pytest

from auditor.report.schema import Report
from auditor.writers import writer
from tests.diff.test_compare import lines
from tests.support import report_factory
from tests.support.web_service import PAGE, Client
from tests.web.test_pages import Outline


def saved(report: Report) -> str:
    """A report as it is downloaded."""
    return writer("json").write(report).decode()


def test_reports_and_inputs_are_compared_in_one_document(client: Client) -> None:
    """A report as it is, a report as text, records as text: the same answer as `auditor diff`."""
    report = json.loads(saved(report_factory.few()))
    as_it_is = client.post("/api/v1/diffs", json={"before": report, "after": report})
    as_text = client.post("/api/v1/diffs", json={"before": json.dumps(report), "after": report})
    audited = client.post("/api/v1/diffs", json={"before": lines(0).decode(), "after": lines(4).decode()})

    assert (200, 200, 200) == (as_it_is.status_code, as_text.status_code, audited.status_code)
    assert as_it_is.json() == as_text.json()
    assert {"same"} == {change["kind"] for change in as_it_is.json()["gaps"]}
    assert {"new"} == {change["kind"] for change in audited.json()["gaps"]}
    assert not audited.json()["gate"]["passed"]


def test_files_are_compared_by_the_name_of_their_part(client: Client) -> None:
    """`-F before=@a.json -F after=@b.jsonl`; several files of one name are one side."""
    files = [
        ("before", ("a.json", saved(report_factory.few()).encode())),
        ("after", ("b.jsonl", lines(2))),
        ("after", ("c.jsonl", lines(1))),
    ]
    answer = client.post("/api/v1/diffs", files=files)

    assert 200 == answer.status_code
    assert ["b.jsonl", "c.jsonl"] == answer.json()["after"]["inputs"]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ("{}", 400, "`before` and `after`"),
        ("[", 400, "`before` and `after`"),
        ('{"before": "", "after": ""}', 422, ""),
        (
            '{"before": {"schema": "7", "tool": {"name": "attribution-gap-auditor"}}, "after": ""}',
            422,
            "schema",
        ),
    ],
)
def test_what_cannot_be_compared_says_why(client: Client, body: str, status: int, says: str) -> None:
    """Problem details, as for an audit."""
    answer = client.post("/api/v1/diffs", content=body, headers={"Content-Type": "application/json"})

    assert (status, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    assert says in answer.json()["detail"]


def test_the_page_compares_without_script(client: Client) -> None:
    """A plain form post renders the whole page, well formed, with what changed."""
    page = client.get("/compare", headers=PAGE)
    answer = client.post(
        "/compare",
        files={"before": ("", saved(report_factory.few())), "after": ("", lines(4).decode())},
        headers=PAGE,
    )
    outline = Outline(answer.text)

    assert 200 == page.status_code
    assert {"before", "after"} <= set(Outline(page.text).attributes("name"))
    assert 200 == answer.status_code
    assert not outline.open
    assert "gone" in answer.text
    assert "Gate" in answer.text
    assert len(outline.attributes("id")) == len(set(outline.attributes("id")))


def test_an_empty_side_is_a_readable_page(client: Client) -> None:
    """Status 422 and what to do."""
    answer = client.post("/compare", files={"before": ("", b""), "after": ("", b"")}, headers=PAGE)

    assert 422 == answer.status_code
    assert "paste or choose a report" in answer.text


def test_a_hostile_report_stays_text(client: Client) -> None:
    """A report comes from anywhere: its markup is escaped and its control characters are spelled out."""
    evil = "<script>alert(1)</script>\x1b[31m\u202e"
    text = saved(report_factory.hostile()).replace('"error"', json.dumps(evil))
    answer = client.post(
        "/compare", files={"before": ("", saved(report_factory.clean())), "after": ("", text)}, headers=PAGE
    )

    assert 200 == answer.status_code
    assert "<script>alert" not in answer.text
    assert "\x1b" not in answer.text
    assert "\u202e" not in answer.text
