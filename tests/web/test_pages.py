"""The pages: complete without script, the same report for htmx, nothing of an input alive in them."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from auditor.catalogue.resources import folder
from auditor.catalogue.samples import samples
from auditor.readers.registry import all_formats
from auditor.report.arrange import arrange
from auditor.report.quotes import handbook
from auditor.web import app
from auditor.web.routes.audits import offered_samples
from auditor.web.security import CONTENT_SECURITY_POLICY
from auditor.web.settings import Settings
from tests.support import report_factory, report_parts
from tests.support.web_service import FRAGMENT, PAGE, RECORD, Client

PAGES = ["/", "/compare", "/rules", "/rules/IDN001", "/fields", "/formats", "/formats/otlp-json", "/privacy",
         "/problems"]  # fmt: skip
VOID = {"meta", "link", "input", "br", "hr", "img", "circle", "path", "rect", "kbd"}


class Outline(HTMLParser):
    """Collects what the tests ask of a page: tags, attributes, ids, and whether every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID or tag == "kbd":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def attributes(self, name: str) -> list[str]:
        return [attrs[name] or "" for _, attrs in self.tags if name in attrs]


def rendered(report, name: str = "result.html") -> str:
    """A report's page without a server."""
    made = app.environment(Settings())
    return made.get_template(name).render(
        view=arrange(report, handbook()), document="{}", sample=None, sample_text=None
    )


def test_the_start_page_offers_everything(client: Client) -> None:
    """Boxes, files, formats, profiles and samples are plain form controls that post to /audit."""
    text = client.get("/").text
    page = Outline(text)
    names = page.attributes("name")

    assert {"text", "files", "format", "text_2", "text_3", "text_4", "profile", "sample"} <= set(names)
    assert {"/audit"} == set(page.attributes("action"))
    assert {one.name for one in offered_samples()} <= set(page.attributes("value"))
    # the first box has a choice, the others a list of suggestions
    assert not [one.name for one in all_formats() if text.count(f"<option>{one.name}</option>") != 2]
    assert {"format_2", "format_3", "format_4"} <= set(names)
    assert 3 == text.count('list="formats"')


def test_a_plain_post_answers_a_whole_page(client: Client) -> None:
    """Without script the form's answer is a page with the verdict."""
    text = client.post("/audit", data={"text": RECORD}, headers=PAGE).text

    assert text.startswith("<!doctype html>")
    assert 'id="verdict"' in text


def test_htmx_gets_the_fragment_only(client: Client) -> None:
    """For htmx the answer is the report's section and the status line, not a page."""
    text = client.post("/audit", data={"text": RECORD}, headers=FRAGMENT).text

    assert "<!doctype" not in text
    assert 'id="verdict"' in text
    assert 'hx-swap-oob="innerHTML"' in text


def test_boxes_and_files_become_inputs(client: Client) -> None:
    """A paste, a second box and a file are three inputs of one report, with hops between them."""
    files = [("files", ("spend.json", RECORD.encode())), ("files", ("", b""))]
    data = {"text": RECORD, "text_2": RECORD, "text_3": "", "format_2": "generic-json", "profile": "all"}

    text = client.post("/audit", data=data, files=files, headers=PAGE).text

    for name in ("paste", "paste 2", "spend.json"):
        assert f"<dt>{name}</dt>" in text
    assert "From hop to hop" in text


def test_the_lines_of_a_box_keep_their_numbers_and_sizes(client: Client) -> None:
    """A browser sends CR LF; the report is that of the text in the box."""
    sent = client.post("/audit", data={"text": f"{RECORD}\r\n{RECORD}"}, headers=FRAGMENT).text
    expected = client.post("/api/v1/audits", content=f"{RECORD}\n{RECORD}").json()["inputs"][0]["bytes"]

    assert f'"bytes": {expected}' in sent.replace("&#34;", '"')


@pytest.mark.parametrize("sample", offered_samples(), ids=lambda s: s.name)
def test_every_sample_button_answers(client: Client, sample) -> None:
    """Each sample is audited by its button, and comes back into the box where it is text."""
    answer = client.post("/audit", data={"sample": sample.name}, headers=FRAGMENT)

    assert 200 == answer.status_code
    assert ("<textarea" in answer.text) == (sample.path.suffix != ".parquet")


def test_nothing_to_audit_is_a_readable_page(client: Client) -> None:
    """Text in which nothing tells of a call is a 422 page that says what it was read as."""
    answer = client.post("/audit", data={"text": '{"colour": "red"}'}, headers=PAGE)

    assert 422 == answer.status_code
    assert "What was recognised" in answer.text
    assert "generic-json" in answer.text


@pytest.mark.parametrize("format_", ["cloudwatch-metrics", "cost-explorer", "litellm-usage-export"])
def test_sums_are_a_page_that_says_what_they_carry(client: Client, format_: str) -> None:
    """Which fields, what they answer and what to collect; no score and no calls."""
    sample = next(one for one in samples() if one.format == format_)
    answer = client.post("/audit", data={"text": sample.path.read_text()}, headers=FRAGMENT)

    assert 200 == answer.status_code
    for words in ("It answers", "It cannot tell", "Collect next", "not reached"):
        assert words in answer.text
    assert "of 100" not in answer.text


def test_an_empty_form_says_what_to_do(client: Client) -> None:
    """Nothing pasted is a 422 with a hint."""
    answer = client.post("/audit", data={"text": ""}, headers=FRAGMENT)

    assert 422 == answer.status_code
    assert "try a sample" in answer.text


def linked(client: Client) -> set[str]:
    """The addresses that pages lead to from the start page; of each route one page is opened."""
    seen, opened, todo = {"/"}, set(), ["/"]
    while todo:
        address = todo.pop()
        template = re.sub(r"^(/\w+)/.+", r"\1/*", address)
        if template in opened:
            continue
        opened.add(template)
        targets = Outline(client.get(address, headers=PAGE).text).attributes("href")
        new = {target.partition("#")[0] for target in targets if re.match(r"/(?!static/)", target)} - seen
        seen |= new
        todo += sorted(new)
    return seen


def test_every_page_is_linked(client: Client) -> None:
    """Every address that answers HTML is one that another page links to, and one that PAGES lists."""
    found = linked(client)
    routes = {route.path for route in client.app.routes if "GET" in getattr(route, "methods", ())}
    families = {path.partition("{")[0] for path in routes if re.match(r"/(?!static|api|schema).*\{", path)}
    shown = {path for path in routes if "{" not in path and is_page(client, path)}

    assert {"/", "/compare", "/rules"} <= shown
    assert {"/rules/", "/formats/"} == families
    assert set() == shown - found
    assert set() == shown - set(PAGES)
    for listed in (found, PAGES):
        assert [] == [family for family in families if not any(a.startswith(family) for a in listed)]


def is_page(client: Client, address: str) -> bool:
    """Whether an address answers HTML."""
    return "html" in client.get(address, headers=PAGE).headers["content-type"]


@pytest.mark.parametrize("address", PAGES)
def test_every_page_is_well_formed(client: Client, address: str) -> None:
    """Tags are closed, ids are unique, there is one first heading, and nothing is inline."""
    answer = client.get(address)
    page = Outline(answer.text)
    ids = page.attributes("id")

    assert 200 == answer.status_code
    assert not page.open
    assert len(ids) == len(set(ids))
    assert 1 == sum(tag == "h1" for tag, _ in page.tags)
    assert not page.attributes("style")
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]


@pytest.mark.parametrize("name", ["report", "few", "clean", "hostile"])
def test_reports_of_every_kind_are_well_formed(name: str) -> None:
    """Long, short, clean and hostile reports give closed tags and unique ids."""
    page = Outline(rendered(getattr(report_factory, name)()))
    ids = page.attributes("id")

    assert not page.open
    assert len(ids) == len(set(ids))
    assert not page.attributes("style")


def test_few_calls_are_counted_not_divided() -> None:
    """Under 30 calls the page prints counts, no percentage."""
    text = rendered(report_factory.few())

    assert "2 of 6 calls" in text
    assert not re.search(r"\d ?%", text)


def test_a_suppressed_gap_shows_its_reason() -> None:
    """A suppressed gap stays on the page with reason and expiry."""
    assert "batch jobs are billed to the platform, until 2026-12-31" in rendered(report_factory.report())


def test_hostile_names_stay_text() -> None:
    """Markup in keys, names and notes is escaped, control and direction characters are spelled out."""
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'\x1b[31m\u202e"
    report = report_factory.few(
        inputs=[report_parts.input_report(name=evil, calls=6, notes=[evil])],
        notes=[evil],
        gaps=[
            report_parts.gap(
                "IDN009", "x", "tenant_id", 4, message=evil, title=evil, why=evil, fixes={"otel": evil},
                anchors=[report_parts.anchor(input=evil, pointer=evil, excerpt=evil, caret=(3, 5))],
            )
        ],
    )  # fmt: skip

    text = rendered(report)

    assert "<script>alert" not in text
    assert "<img" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_formats_page_is_a_matrix(client: Client) -> None:
    """Every format has a column and a section that says how to get one."""
    text = client.get("/formats").text

    for one in all_formats():
        assert f'id="{one.name}"' in text
        assert one.title in text.replace("&#39;", "'")


def test_the_privacy_page_prints_the_policy_that_is_sent(client: Client) -> None:
    """The policy on the page is the header of the same answer, word for word."""
    answer = client.get("/privacy")
    shown = re.sub(r"\s+", " ", answer.text.replace("&#39;", "'"))

    assert CONTENT_SECURITY_POLICY == answer.headers["content-security-policy"]
    assert CONTENT_SECURITY_POLICY in shown


def test_templates_load_nothing_from_elsewhere() -> None:
    """No template, sheet or script of ours names another origin or marks text as safe."""
    own = [*folder("templates").glob("*.html"), *(app.own_static().iterdir())]
    for file in own:
        text = file.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"""(https?:)?//[\w.]+\.\w""", text.replace("://", "://")) or file.name.endswith(
            ".js"
        ), file
        assert "|safe" not in text.replace(" ", ""), file
        assert "Markup" not in text, file


def test_the_page_weighs_less_than_100_kilobytes(client: Client) -> None:
    """The start page with all it loads, uncompressed."""
    page = client.get("/").text
    loaded = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)

    assert 4 == len(loaded)
    assert 100_000 > len(page.encode()) + sum(len(client.get(one).content) for one in loaded)


def test_static_files_may_be_kept_because_their_address_changes(client: Client) -> None:
    """A static file's address holds its digest and may be cached for ever; nothing else is served there."""
    address = app.assets()["style.css"].address

    assert "immutable" in client.get(address).headers["cache-control"]
    assert 404 == client.get("/static/..%2fapp.py").status_code


def contrast(one: str, two: str) -> float:
    """The contrast ratio of two colours, as WCAG defines it."""

    def light(colour: str) -> float:
        full = colour if len(colour) == 7 else "#" + "".join(c * 2 for c in colour[1:])
        parts = [int(full[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((light(one), light(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_every_text_colour_has_contrast_in_both_schemes() -> None:
    """Text and verdict colours reach 4.5 to 1 on every ground, light and dark."""
    sheet = app.assets()["style.css"].data.decode()
    light, dark = re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)[:2]
    for block in (light, dark):
        colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", block))
        for ground in ("ground", "panel", "sunk"):
            for text in ("ink", "soft", "accent", "present", "absent", "mis", "none"):
                ratio = contrast(colours[text], colours[ground])
                assert ratio >= 4.5, f"{text} on {ground}: {ratio:.2f}"
        assert contrast(colours["ink"], colours["mark"]) >= 4.5
        assert contrast(colours["on-accent"], colours["accent"]) >= 4.5


@pytest.mark.parametrize("address", ["/", "/health", "/rules/IDN001", "/api/v1/fields", "/nowhere"])
def test_head_is_get_without_a_body(client: Client, address: str) -> None:
    """The same status and headers; an address that takes no GET takes no HEAD either."""
    head, got = client.head(address), client.get(address)

    assert b"" == head.content
    assert got.status_code == head.status_code
    assert got.headers["content-type"] == head.headers["content-type"]
    assert got.headers["content-length"] == head.headers["content-length"]
    assert 405 == client.head("/audit").status_code
