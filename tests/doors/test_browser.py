"""The page in a real browser: paste, audit, read, open a gap; wide, narrow, light, dark, without script."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.catalogue.samples import samples
from auditor.web.responses import MENU
from auditor.writers import writer
from tests.support import browser as chromium
from tests.support.web_service import Server, server

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        bool(chromium.MISSING), reason=f"{chromium.MISSING} not installed (Debian: chromium chromium-driver)"
    ),
]
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
GAPPY = next(one for one in samples() if one.kind == "gappy" and one.format == "otlp-json")
PICTURES = os.environ.get("PICTURES_OF_PAGES")


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with server() as one:
        yield one


@pytest.fixture(scope="module")
def page() -> Iterator[chromium.Browser]:
    with chromium.browser() as one:
        yield one


def sound(page: chromium.Browser, running: Server) -> None:
    """Nothing was complained of, nothing came from elsewhere, nothing sticks out."""
    assert page.complaints() == []
    assert [
        address for address in page.requested() if not address.startswith((running.origin, "data:", "blob:"))
    ] == []
    assert page.overflow() <= 0


def keep(page: chromium.Browser, name: str) -> None:
    """Save a picture where PICTURES_OF_PAGES says so, for people to look at."""
    if PICTURES:
        page.picture(Path(PICTURES) / f"{name}.png")


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_paste_audit_read_open(page: chromium.Browser, running: Server, width: int, scheme: str) -> None:
    """Paste, press the button, read the verdict, open a gap: no error, no foreign request, no overflow."""
    page.look(width, scheme)
    page.open(running.origin)
    keep(page, f"start-{width}-{scheme}")
    sound(page, running)

    page.paste("#text", GAPPY.path.read_text("utf-8"))
    page.find("#go").click()
    verdict = page.find("#result #verdict")

    assert verdict.text
    assert verdict == page.driver.switch_to.active_element
    assert "owner" in page.ask("document.getElementById('status').textContent")
    assert f"detected: {GAPPY.format}" == page.ask(
        "document.querySelector('[data-detected]').options[0].textContent"
    )
    gap = page.find("#result .gap")
    assert gap.get_attribute("open") is None
    gap.find_element("css selector", "summary").click()
    assert gap.get_attribute("open") is not None
    assert gap.find_element("css selector", "pre mark").is_displayed()
    assert gap.find_element("css selector", ".why").text
    keep(page, f"report-{width}-{scheme}")
    sound(page, running)


CALL = {"model": "m-1", "input_tokens": 4, "tenant_id": "unknown", "request_id": "r-1"}
MIXED = f"""
the lines of the worker:

{json.dumps({"ts": 1, "message": json.dumps(CALL)})}

and of the bill, Größe unknown:

line_item_usage_type,line_item_iam_principal,line_item_unblended_cost,tags
USE1-NovaPro-input-tokens,arn:aws:iam::123456789012:user/alice,2.0,{{}}
"""


def test_a_gap_is_shown_where_it_is_in_the_paste(page: chromium.Browser, running: Server) -> None:
    """Line and column are those of the text in the box, and the mark is at the key."""
    page.look(1280)
    page.open(running.origin)
    page.paste("#text", MIXED)
    page.find("#go").click()
    page.find("#result #verdict")
    shown = page.ask(
        """[...document.querySelectorAll('#result .gap .example')].map((one) =>
        [one.querySelector('figcaption').textContent, one.querySelector('mark')?.textContent || ''])"""
    )
    rows = MIXED.split("\n")
    bill, log = (next(n for n, row in enumerate(rows, 1) if word in row) for word in ("alice", "unknown"))
    places = {
        (f"line {bill}, column {rows[bill - 1].index('{}') + 1}", '"tags"'),
        (f"line {log}, column {rows[log - 1].index('tenant_id') - 1}", '"tenant_id"'),
    }

    for place, mark in places:
        assert any(place in caption and text.startswith(mark) for caption, text in shown), (place, shown)
    keep(page, "places")
    sound(page, running)


@pytest.mark.parametrize(
    "address", ["/rules", "/rules/IDN001", "/fields", "/formats", "/privacy", "/problems"]
)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_other_pages_fit(
    page: chromium.Browser, running: Server, address: str, width: int, scheme: str
) -> None:
    """Each page is quiet and as wide as its window."""
    page.look(width, scheme)
    page.open(running.origin + address)
    keep(page, f"page{address.replace('/', '-')}-{width}-{scheme}")
    sound(page, running)


def test_control_enter_audits(page: chromium.Browser, running: Server) -> None:
    """Ctrl+Enter in the box sends the form, and the address stays."""
    page.look(1280)
    page.open(running.origin)
    page.paste("#text", GAPPY.path.read_text("utf-8"))
    page.find("#text").send_keys("\ue009\ue007")

    assert page.find("#result #verdict").text
    assert f"{running.origin}/" == page.driver.current_url
    sound(page, running)


def test_a_sample_button_shows_what_it_audits(page: chromium.Browser, running: Server) -> None:
    """A sample's text comes into the box with its report."""
    page.open(running.origin)
    page.find(f"button[value='{GAPPY.name}']").click()

    assert page.find("#result #verdict").text
    assert GAPPY.path.read_text("utf-8").strip() == page.ask("document.getElementById('text').value.trim()")
    sound(page, running)


def test_files_and_a_second_box_become_hops(page: chromium.Browser, running: Server) -> None:
    """A chosen file and the second box are two inputs, compared hop by hop."""
    page.open(running.origin)
    page.find("#files").send_keys(str(GAPPY.path))
    page.find(".more summary").click()
    page.paste("#text_2", GAPPY.path.read_text("utf-8"))
    page.find("#go").click()

    assert "From hop to hop" in page.find("#result .hops").text
    assert GAPPY.file in page.find("#result .facts").text
    sound(page, running)


def test_a_dropped_file_is_chosen(page: chromium.Browser, running: Server) -> None:
    """Dropping a file on the box puts it into the box's file button."""
    page.open(running.origin)
    page.driver.execute_script(
        "const data = new DataTransfer(); data.items.add(new File(['{}'], 'dropped.json'));"
        "document.getElementById('text').dispatchEvent("
        "new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}))"
    )

    assert "dropped.json" == page.ask("document.getElementById('files').files[0].name")


def test_the_report_is_kept_in_every_format(page: chromium.Browser, running: Server, tmp_path: Path) -> None:
    """Each button of the menu gives a file of its kind; Markdown is also copied."""
    page.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.command("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    page.open(running.origin)
    page.find(f"button[value='{GAPPY.name}']").click()
    page.find("#result #verdict")
    for name in MENU:
        page.find(f".tools button[value='{name}']").click()
        page.wait((tmp_path / f"attribution-report{writer(name).suffix}").exists)
    page.find("[data-markdown]").click()
    page.wait(lambda: "Copied" == page.find("[data-markdown]").text)

    read = {one.suffix: one.read_text("utf-8") for one in tmp_path.iterdir()}
    assert "1" == json.loads(read[".json"])["schema"]
    assert "2.1.0" == json.loads(read[".sarif"])["version"]
    assert read[".html"].startswith("<!doctype html>")
    assert read[".md"] == page.driver.execute_async_script(
        "navigator.clipboard.readText().then(arguments[0])"
    ).replace("\r\n", "\n")
    sound(page, running)


def test_a_report_is_taken_to_be_compared(page: chromium.Browser, running: Server) -> None:
    """The report of the page is the first side of a comparison."""
    page.open(running.origin)
    page.find(f"button[value='{GAPPY.name}']").click()
    page.find("#result #verdict")
    page.find(".tools button[formaction]").click()
    page.find("#after")

    assert "1" == json.loads(page.ask("document.getElementById('before').value"))["schema"]
    sound(page, running)


def test_printing_opens_every_gap(page: chromium.Browser, running: Server) -> None:
    """On paper all gaps are open and the controls are gone; afterwards the page is as before."""
    page.open(running.origin)
    page.find(f"button[value='{GAPPY.name}']").click()
    page.find("#result .gap")
    page.driver.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert 0 == page.ask("document.querySelectorAll('.gap:not([open])').length")
    page.driver.execute_script("dispatchEvent(new Event('afterprint'))")
    assert 0 == page.ask("document.querySelectorAll('.gap[open]').length")
    page.command("Emulation.setEmulatedMedia", media="print")
    assert not page.find("#audit").is_displayed()
    page.command("Emulation.setEmulatedMedia", media="")


def test_an_error_is_told_in_place(page: chromium.Browser, running: Server) -> None:
    """What cannot be audited gets its words where the result would stand, and the text stays in the box."""
    page.look(390)
    page.open(running.origin)
    page.paste("#text", "hello")
    page.find("#go").click()

    assert page.find("#result .problem").text
    assert "hello" == page.ask("document.getElementById('text').value")
    assert page.overflow() <= 0
    assert all("422" in one for one in page.complaints())


def test_the_rules_are_searched_while_typing(page: chromium.Browser, running: Server) -> None:
    """Typing narrows the list without leaving the page."""
    page.open(f"{running.origin}/rules")
    before = len(page.all(".rules li"))
    page.find("[name=q]").send_keys("placeholder")
    page.wait(lambda: 0 < len(page.all(".rules li")) < before)
    some = len(page.all(".rules li"))
    page.find("[name=field]").send_keys("user_id")
    page.wait(lambda: 0 < len(page.all(".rules li")) < some)

    assert f"{running.origin}/rules" == page.driver.current_url
    sound(page, running)


def test_a_fix_is_chosen_by_its_stack(running: Server) -> None:
    """Of a rule's fixes one is shown, and another behind its tab, by mouse and by key, without script."""
    with chromium.browser(script=False) as page:
        page.look(390)
        page.open(f"{running.origin}/rules/IDN009")
        first, second = page.all(".tab")[:2]
        assert (True, False) == (first.is_displayed(), second.is_displayed())
        page.all(".tabs label")[1].click()
        assert (False, True) == (first.is_displayed(), second.is_displayed())
        page.all(".tabs input")[1].send_keys("\ue012")
        assert first.is_displayed()
        sound(page, running)


def test_a_rule_runs_its_example(page: chromium.Browser, running: Server) -> None:
    """The button beside an example opens its report."""
    page.open(f"{running.origin}/rules/IDN001")
    page.find("form[action='/audit'] button").click()

    assert page.find("#verdict").text
    sound(page, running)


def test_without_script_the_form_posts(running: Server) -> None:
    """With script switched off the same form gives the same report as a page, and folds still open."""
    with chromium.browser(script=False) as page:
        page.look(390)
        page.open(running.origin)
        assert not page.find("#go kbd").is_displayed()
        page.find("#files").send_keys(str(GAPPY.path))
        page.find("#go").click()

        assert page.find("#verdict").text
        assert f"{running.origin}/audit" == page.driver.current_url
        page.find(".gap summary").click()
        assert page.find(".gap[open] .why").is_displayed()
        assert not page.all("[data-copy]") or not page.find("[data-copy]").is_displayed()
        sound(page, running)
