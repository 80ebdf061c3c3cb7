"""The pages of the rules: found by word, family and field, and each with examples that keep their promise."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser

import msgspec
import pytest

from auditor.catalogue.rules import Rule, load_rules
from auditor.cli.checks import hits, policy_of
from auditor.cli.topics import text_of
from auditor.policy.model import parse_policy
from auditor.printing.ink import Style
from auditor.report.schema import Report
from auditor.web.requests import FormPart, form_order
from auditor.web.worker import Done, Order, OrderInput, Outcome, run_order
from tests.support.web_service import PAGE, Client

RULES = {rule.id: rule for rule in load_rules()}
EVERY = pytest.mark.parametrize("rule", RULES.values(), ids=lambda r: r.id)
OWN_POLICY = [rule for rule in RULES.values() if any(example.policy for example in rule.examples)]


class Forms(HTMLParser):
    """The fields of every form that posts to /audit, as a browser without script would send them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[list[FormPart]] = []
        self._area: list[str] | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        if tag == "form" and held.get("action") == "/audit":
            self.forms.append([])
        elif tag == "input" and self.forms and held.get("type") == "hidden":
            self._sent(held["name"], held["value"] or "")
        elif tag == "textarea":
            self._area = []
            self._sent(held["name"], "")

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area is not None:
            # a browser leaves out the line break behind the tag, and sends the others as CR LF
            text = "".join(self._area).removeprefix("\n").replace("\n", "\r\n")
            name = self.forms[-1].pop().name
            self._sent(name, text)
            self._area = None

    def _sent(self, name: str | None, value: str) -> None:
        self.forms[-1].append(FormPart(name or "", None, value.encode()))


def orders(client: Client, rule: Rule) -> list[Order]:
    """What the buttons of a rule's page send."""
    return [form_order(form) for form in Forms(client.get(f"/rules/{rule.id}").text).forms]


@EVERY
def test_a_button_sends_its_example_whole(client: Client, rule: Rule) -> None:
    """Text, format and policy of each example, to the byte; so it is audited as the pack's tests do."""
    sent = orders(client, rule)

    assert len(rule.examples) == len(sent)
    for example, order in zip(rule.examples, sent, strict=True):
        given = [(example.input, example.format), *((b.input, b.format) for b in example.beside)]
        assert given == [(one.data.decode(), one.format) for one in order.inputs]
        assert policy_of(example) == parse_policy(order.policy)


@pytest.mark.parametrize("rule", OWN_POLICY, ids=lambda r: r.id)
def test_an_example_with_a_policy_gives_its_verdict(client: Client, rule: Rule) -> None:
    """What the button sends comes out as the example promises, vocabularies and patterns included."""
    for example, order in zip(rule.examples, orders(client, rule), strict=True):
        assert {str(k): n for k, n in example.expect.items()} == hits(made(order), rule)


def made(order: Order) -> Report:
    """The report of an order, as a worker makes it."""
    outcome = msgspec.msgpack.decode(run_order(msgspec.msgpack.encode(order)), type=Outcome)
    assert isinstance(outcome, Done)
    return outcome.report


@EVERY
def test_a_page_says_what_explain_says(client: Client, rule: Rule) -> None:
    """Why, predicate, fixes, references with their dates, validity and examples: all are there."""
    text = flat(re.sub(r"<[^>]*>", " ", client.get(f"/rules/{rule.id.lower()}").text))

    for said in ("Why", "When it hits", "Examples", *(["Fix"] if rule.fixes else [])):
        assert said in text
    for said in (rule.when, rule.holds, rule.status, *(one.url for one in rule.references)):
        assert flat(said) in text
    for one in rule.references:
        assert not one.read or f"read {one.read}" in text
    for example in rule.examples:
        assert flat(example.name) in text


def flat(text: str) -> str:
    """Text with its entities read and its blanks as one."""
    return " ".join(html.unescape(text).split())


def test_explain_tells_the_same_rule() -> None:
    """The terminal has what the page has."""
    rule = RULES["IDN009"]
    text = " ".join(text_of(rule, rule.id, Style(width=400)).decode().split())

    for said in (rule.when, *(one.url for one in rule.references), *(e.name for e in rule.examples)):
        assert flat(said) in text


def shown(client: Client, **asked: str) -> list[str]:
    """The rules that a search lists."""
    return re.findall(r'href="/rules/(\w+)"', client.get("/rules", params=asked).text)


def test_the_list_is_every_rule_by_family(client: Client) -> None:
    """Without a question all are there, each once."""
    assert sorted(RULES) == sorted(shown(client))


def test_words_family_and_field_narrow_the_list(client: Client) -> None:
    """Each narrows what the others leave; the choices stay chosen."""
    rule = RULES["IDN009"]
    tenants = [r.id for r in RULES.values() if "tenant_id" in r.field]

    assert rule.id in shown(client, q=rule.name.replace("-", " "))
    assert sorted(tenants) == sorted(shown(client, field="tenant_id"))
    assert {"TAG"} == {one[:3] for one in shown(client, family="tag")}
    assert shown(client, family="USE", field="tenant_id") == [i for i in tenants if i.startswith("USE")]
    assert "0 rules" in client.get("/rules", params={"q": "no rule says this"}).text
    assert "<option selected>tenant_id" in client.get("/rules", params={"field": "tenant_id"}).text


def test_what_is_searched_for_stays_text(client: Client) -> None:
    """A question is never markup."""
    text = client.get("/rules", params={"q": '"><script>alert(1)</script>', "family": "<b>"}).text

    assert "<script>alert" not in text
    assert "<b>" not in text


@pytest.mark.parametrize("policy", ["[]", "{", "[" * 5000, '{"colour": "red"}', '{"profile": 3}'])
def test_a_policy_that_is_none_is_refused(client: Client, policy: str) -> None:
    """The form is open to anybody: what is no policy is a problem of the sender, told as such."""
    form = {"text": '{"model": "m", "input_tokens": 1}', "policy": policy}
    answer = client.post("/audit", data=form, headers=PAGE)

    assert 400 <= answer.status_code < 500


def test_the_chosen_profile_goes_before_that_of_the_policy() -> None:
    """The profile box of the page is the last word."""
    parts = [("text", "x"), ("policy", json.dumps({"profile": "all"})), ("profile", "agentic")]
    order = form_order([FormPart(name, None, text.encode()) for name, text in parts])

    assert {"profile": "agentic"} == order.policy
    assert [OrderInput(name="paste", data=b"x")] == order.inputs
