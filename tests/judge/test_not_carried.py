"""Why nobody could carry a field is said by its cause, on the terminal and on the page."""

from __future__ import annotations

import pytest

from auditor.report.arrange import arrange
from auditor.report.quotes import handbook
from auditor.web import app
from auditor.web.settings import Settings
from auditor.writers import writer
from tests.support.report_factory import few
from tests.support.report_parts import field_report

CARRIERS = ["cloudtrail", "cur-2.0"]
SAID = {
    "by_format": "lists formats that carry it",
    "by_sample": "this sample leaves it out",
    "failed_call": "the calls failed",
}


@pytest.mark.parametrize("cause", SAID)
def test_the_reason_is_the_cause(cause: str) -> None:
    """A field that the sample leaves out, or that failed calls lack, sends nobody to another format."""
    held = field_report("region", "not_carried", (0, 0, 0, 6), causes={cause: 6}, carried_by=CARRIERS)
    report = few(fields=[held])
    page = app.environment(Settings()).get_template("result.html")

    shown = writer("terminal").write(report).decode()
    page_text = page.render(view=arrange(report, handbook()), document="{}", sample=None, sample_text=None)

    for text in (shown, page_text):
        assert [SAID[cause]] == [one for one in SAID.values() if one in text]


def test_every_reason_is_said_where_calls_differ() -> None:
    """Two inputs: one leaves the field out, the format of the other never has it."""
    causes = {"by_sample": 2, "by_format": 4}
    held = field_report("region", "not_carried", (0, 0, 0, 6), causes=causes, carried_by=CARRIERS)
    shown = writer("terminal").write(few(fields=[held])).decode()

    assert "this sample leaves it out; `auditor explain region` lists formats that carry it" in shown


def test_a_format_is_not_sent_to_itself() -> None:
    """Where the format can carry the field, its calls are of a kind that never has it, as embeddings."""
    own = few().inputs[0].format
    held = field_report(
        "tokens_output", "not_carried", (0, 0, 0, 6), causes={"by_format": 6}, carried_by=["cur-2.0", own]
    )
    shown = writer("terminal").write(few(fields=[held])).decode()

    assert "calls of this kind have none" in shown
    assert "lists formats" not in shown
